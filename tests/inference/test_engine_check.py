"""The check of an engine: sound ones pass in every number format, however much it rounds; wrong masks and positions pass in none."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from tests.support.tiny_models import tiny_model
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

from tokenscope_trace.inference import engine_check
from tokenscope_trace.inference.engine_check import agrees, within
from tokenscope_trace.inference.snapshots import Snapshots
from tokenscope_trace.inference.tree_attention import TreeAttention

FORMATS = (torch.float32, torch.bfloat16, torch.float16)
KINDS = ("gemma3_text", "qwen3")  # the first has windows that are shorter than the probe


class Shifted(TreeAttention):
    def advance(self, tips):
        return super().advance([replace(tip, position=tip.position + 1) for tip in tips])


class OnceShifted(TreeAttention):
    """One fork of several, in one wave of several."""

    def advance(self, tips):
        first = len(self._place) == 3
        return super().advance([replace(tip, position=tip.position + (first and n == 1)) for n, tip in enumerate(tips)])


class SeesSiblings(TreeAttention):
    def _mark(self, row, chain, length):
        super()._mark(row, chain, length)
        row[self._prefix :] = True


class SeesWhatItReplaces(TreeAttention):
    def _mark(self, row, chain, length):
        super()._mark(row, chain, length)
        row[min(int(row[: self._prefix].sum()), self._prefix - 1)] = True


class SeesNoRoot(TreeAttention):
    def _mark(self, row, chain, length):
        super()._mark(row, chain, length)
        row[0] = False


class LosesWindows(TreeAttention):
    @contextmanager
    def _masked(self, *given):
        with super()._masked(*given):
            name = self._model.config._attn_implementation
            own = ALL_MASK_ATTENTION_FUNCTIONS[name]
            ALL_MASK_ATTENTION_FUNCTIONS[name] = lambda **more: own(
                **more | {"mask_function": lambda _batch, _head, q, k: k <= q}
            )
            yield


def tree_of(kind):
    return lambda model: lambda ids, _first: kind(model, ids)


def coarse(dtype):
    """A model whose products are rounded to three bits: cached decoding parts from plain forwards as far as real models' does."""
    model = tiny_model("gemma3_text", num_hidden_layers=6, dtype=dtype)
    for part in model.model.layers.modules():
        if isinstance(part, torch.nn.Linear):
            part.register_forward_hook(lambda _module, _inputs, output: output.to(torch.float8_e4m3fn).to(output.dtype))
    return model


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_sound_engines_pass_in_every_format(kind, dtype):
    model = tiny_model(kind, dtype=dtype)
    assert agrees(model, tree_of(TreeAttention)(model))
    assert agrees(model, lambda ids, first: Snapshots(model, ids, first))


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("defect", [Shifted, OnceShifted, SeesSiblings, SeesWhatItReplaces, SeesNoRoot, LosesWindows])
@pytest.mark.parametrize("kind", KINDS)
def test_defects_pass_in_no_format(kind, defect, dtype):
    if defect is LosesWindows and kind == "qwen3":
        kind = "gemma2"
    model = tiny_model(kind, dtype=dtype)
    assert not agrees(model, tree_of(defect)(model))


def test_a_model_that_rounds_coarsely_is_judged_by_its_own_noise(monkeypatch):
    model = coarse(torch.bfloat16)
    errors = []

    def watched(error, least, largest, noise):
        errors.append(error)
        return within(error, least, largest, noise)

    monkeypatch.setattr(engine_check, "within", watched)
    assert agrees(model, tree_of(TreeAttention)(model))
    assert errors[0] > 0.1
    for defect in (SeesSiblings, SeesWhatItReplaces, Shifted, LosesWindows):
        assert not agrees(model, tree_of(defect)(model))


def test_what_decoding_itself_gets_wrong_is_no_measure():
    assert within(0.5, 0.1, 0.6, lambda: 0.2)
    assert not within(0.7, 0.1, 0.6, lambda: 100.0)
    assert within(0.1, 0.1, 0.6, lambda: 1 / 0)
    assert not within(float("nan"), 0.1, 0.6, lambda: 1.0)
