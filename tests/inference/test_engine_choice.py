"""The choice of an engine within a recording: what falls back, and that it says so with its price."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from rich.console import Console
from tests.inference.test_engine_check import SeesSiblings, Shifted
from tests.support import tiny_tokenizers
from tests.support.tiny_models import tiny_model

from tokenscope_trace.cli.console import print_summary
from tokenscope_trace.estimates import estimate_generation
from tokenscope_trace.inference import engine_choice
from tokenscope_trace.models.loading import describe
from tokenscope_trace.models.prompts import encode_text
from tokenscope_trace.recording.recorder import record
from tokenscope_trace.settings import GenerationSettings, TreeSettings

TEXT = "def mean(values):\n    total = sum(values)\n"
SETTINGS = GenerationSettings(max_new_tokens=6, temperature=0, top_alternatives=6)
TREE = TreeSettings(nodes=60, width=2, depth=2, length=5, min_prob=0.0)


def loaded_with(monkeypatch, engine, dtype):
    monkeypatch.setattr(engine_choice, "TreeAttention", engine)
    return describe(tiny_model("gemma3_text", dtype=dtype), tiny_tokenizers.byte_level(), name="tiny")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("defect", [SeesSiblings, Shifted])
def test_a_defect_costs_the_engine_and_everybody_is_told(monkeypatch, defect, dtype):
    loaded = loaded_with(monkeypatch, defect, dtype)
    trace = record(loaded, encode_text(loaded.tokenizer, TEXT), SETTINGS, tree=TREE)
    assert trace.run["tree"]["engine"] == "snapshots"
    (note,) = trace.run["notes"]
    assert note.startswith(
        "Branches were computed one after the other (snapshots), a forward pass for every token, where up to 8 "
    )
    assert note.endswith("tree attention was tried, and it does not give this model's numbers.")
    stream = io.StringIO()
    print_summary(Console(file=stream, width=200, highlight=False), trace, Path("t.tsc"), 1)
    assert "; one after the other (snapshots), " in stream.getvalue()
    assert " s a token" in stream.getvalue()


def test_an_engine_that_fails_is_named_with_its_error(monkeypatch):
    class Failing(SeesSiblings):
        def advance(self, tips):
            raise IndexError

    loaded = loaded_with(monkeypatch, Failing, torch.float32)
    trace = record(loaded, encode_text(loaded.tokenizer, TEXT), SETTINGS, tree=TREE)
    assert trace.run["notes"][0].endswith("tree attention was tried, and it fails (IndexError).")


def test_an_estimate_counts_branches_that_are_computed_one_after_the_other(monkeypatch):
    loaded = describe(tiny_model("gemma3_text"), tiny_tokenizers.byte_level(), name="tiny")
    prompt = encode_text(loaded.tokenizer, TEXT)
    tree = TreeSettings(nodes=2000, width=4, depth=2, length=10, extra=0, min_prob=0.0)
    together = estimate_generation(loaded, prompt, SETTINGS, tree=tree)
    assert not together.notes
    monkeypatch.setattr(engine_choice, "TreeAttention", SeesSiblings)
    ticks = iter(range(100_000))
    alone = estimate_generation(loaded, prompt, SETTINGS, tree=tree, clock=lambda: float(next(ticks)))
    assert any("one after the other (snapshots)" in note for note in alone.notes)
    (branches,) = [stage.seconds for stage in alone.stages if stage.name == "branches"]
    assert branches >= 1800  # a step takes a tick or more, and there is one for every token but the first of each branch


def test_a_main_path_that_differs_refuses_an_engine_in_every_format(monkeypatch):
    class LateShift(engine_choice.TreeAttention):
        """Right on short paths, wrong on the recording's."""

        def advance(self, tips):
            late = self._prefix > 16
            return super().advance([type(tip)(tip.node, tip.parent, tip.token, tip.position + 9 * late) for tip in tips])

    for dtype in (torch.float32, torch.bfloat16):
        loaded = loaded_with(monkeypatch, LateShift, dtype)
        trace = record(loaded, encode_text(loaded.tokenizer, TEXT), SETTINGS, tree=TREE)
        assert len(trace.main) > 16
        assert trace.run["tree"]["engine"] == "snapshots"
