"""Kept attention against the weights that transformers' own eager implementation hands out, on real architectures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.support.tiny_models import ARCHITECTURES, tiny_model
from transformers import AttentionInterface

from tokenscope_trace.inference import attention
from tokenscope_trace.inference.attention import AttentionTap, heaviest
from tokenscope_trace.inference.internals import Inside, Probes
from tokenscope_trace.inference.replay import can_continue, read_whole
from tokenscope_trace.models.forward import Reader
from tokenscope_trace.settings import ReplaySettings
from tokenscope_trace.traces.layers import decode_weights, encode_weights

TOP, LENGTH = 5, 40
EXTRA = {
    "falcon-alibi": ("falcon", {"alibi": True}),
    "llama-eager": ("llama", {"attn_implementation": "eager"}),
    "one-key-head": ("llama", {"num_key_value_heads": 1}),
}
WITHOUT = {"mamba": {0, 1}, "lfm2": {0}}


def ids(length=LENGTH, seed=1):
    return torch.randint(2, 300, (length,), generator=torch.Generator().manual_seed(seed)).tolist()


def build(kind):
    base, changes = EXTRA.get(kind, (kind, {}))
    return tiny_model(base, **changes)


def watched(model, tokens, top=TOP, layers=None):
    tap = AttentionTap(model, top, layers)
    with torch.no_grad():
        list(read_whole(model, tokens, Probes(tap)))
    return tap, tap.found(len(tokens))


@torch.no_grad()
def handed_out(model, tokens):
    """The full weights, (T, H, T) float64 per layer, of the model's own eager attention."""
    config = model.config.get_text_config()
    before, config._attn_implementation = config._attn_implementation, "eager"
    try:
        found = model(input_ids=torch.tensor([tokens]), output_attentions=True, use_cache=False).attentions
    finally:
        config._attn_implementation = before
    return [layer[0].transpose(0, 1).double().numpy() for layer in found]


def check(layer, weights):
    """A kept layer against the full weights: the heaviest sources, their weights within the rounding, the rest as one number."""
    top = layer.weights.shape[-1]
    width = min(top, weights.shape[-1])
    ordered = -np.sort(-weights, axis=-1)[..., :width]
    rounding = np.sqrt(ordered) / 255 + 4e-6 + 2e-6
    assert np.all(np.abs(layer.weights[..., :width] - ordered) <= rounding)
    at_sources = np.take_along_axis(weights, layer.sources[..., :width].astype(np.int64), axis=-1)
    kept = layer.codes[..., :width] > 0
    assert np.all(np.abs(at_sources - ordered)[kept] <= 1e-6), "another source, of another weight"
    assert np.all(layer.codes[..., width:] == 0)
    assert np.all(np.abs(layer.unkept - (1 - ordered.sum(-1))) <= 1.2e-5)


@pytest.mark.parametrize("kind", [*ARCHITECTURES, *EXTRA])
def test_what_is_kept_is_the_heaviest_of_the_model_s_own_weights(kind):
    model, tokens = build(kind), ids()
    _, found = watched(model, tokens)
    absent = WITHOUT.get(kind, set())
    assert {layer.layer for layer in found} == {0, 1} - absent
    full = handed_out(model, tokens) if found else []
    for layer, weights in zip(found, full, strict=True):
        check(layer, weights)


@pytest.mark.parametrize("kind", ["llama", "one-key-head", "mistral", "gemma2"])
def test_blocks_of_queries_give_what_the_whole_gives(kind, monkeypatch):
    model, tokens = build(kind), ids()
    whole = watched(model, tokens)[1]
    monkeypatch.setattr(attention, "BLOCK_BYTES", 4 * 4 * LENGTH * 7)
    monkeypatch.setattr(attention, "EAGER_BYTES", 4 * 4 * LENGTH * 7)
    for one, other in zip(whole, watched(model, tokens)[1], strict=True):
        assert np.array_equal(one.sources, other.sources)
        assert np.array_equal(one.codes, other.codes)


WHOLE = {"mistral", "gemma2", "gemma3_text", "starcoder2", "phi3", "mamba", "lfm2"}  # windows and states cannot be cut back
HANDED_OUT = {"gpt_neo", "bloom", "falcon"}


@pytest.mark.parametrize("kind", sorted(ARCHITECTURES.keys() - WHOLE - HANDED_OUT))
def test_a_pass_behind_a_cache_gives_what_one_pass_gives(kind):
    model, tokens = build(kind), ids()
    assert can_continue(model)
    whole = watched(model, tokens)[1]
    tap, read, cache = AttentionTap(model, TOP), Reader(model), None
    with torch.no_grad():
        for first, end in ((0, 17), (17, 18), (18, LENGTH)):
            with tap.watching(first):
                _, cache = read(tokens[first:end], range(first, end), cache=cache)
    for one, other in zip(whole, tap.found(LENGTH), strict=True):
        assert np.abs(one.weights - other.weights).max() <= 1.1 / 255
        assert np.abs(one.unkept - other.unkept).max() <= 2e-5


def test_a_cache_with_windows_or_states_is_not_gone_on_from():
    assert not any(can_continue(tiny_model(kind)) for kind in WHOLE)


def test_watching_changes_no_logit():
    for kind in ("llama", "gemma2", "bloom"):
        model = tiny_model(kind)
        tokens = torch.tensor([ids()])
        with torch.no_grad():
            plain = model(tokens).logits
            with AttentionTap(model, TOP).watching(0) as options:
                seen = model(tokens, **options).logits
            after = model(tokens).logits
        assert torch.equal(plain, after), kind
        assert (plain - seen).abs().max() <= 1e-5, kind


def test_sliding_windows_are_kept():
    model = tiny_model("mistral", sliding_window=8)
    for layer in watched(model, ids())[1]:
        query = np.arange(LENGTH)[:, None, None]
        assert np.all((query - layer.sources < 8) | (layer.codes == 0))
        assert np.all(layer.unkept[:TOP] <= 1e-5)


def test_a_learned_sink_is_part_of_what_is_not_kept():
    model = tiny_model("gpt_oss", head_dim=16, num_local_experts=4, num_experts_per_tok=2, sliding_window=8, pad_token_id=0)
    tokens = ids()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "sinks" in name:
                parameter.fill_(3.0)
    found = watched(model, tokens)[1]
    assert len(found) == 2
    for layer, weights in zip(found, handed_out(model, tokens), strict=True):
        assert weights.sum(-1).max() < 0.9
        check(layer, weights)
        assert layer.unkept.min() > 0.1


def test_a_layer_whose_weights_do_not_give_its_output_is_left_out_with_that_reason():
    def crooked(module, query, key, value, attention_mask, **options):
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(module, query, key + module.layer_idx, value.flip(-2), attention_mask, **options)

    AttentionInterface.register("crooked", crooked)
    try:
        model = tiny_model("llama")
        model.set_attn_implementation("crooked")
        tap, found = watched(model, ids())
    finally:
        del AttentionInterface._global_mapping["crooked"]
    assert found == []
    assert set(tap.reasons().values()) == {"its weights do not give its output"}


def test_only_the_layers_that_were_asked_for_are_computed():
    tap, found = watched(tiny_model("llama", num_hidden_layers=4), ids(), layers=frozenset({1, 3}))
    assert [layer.layer for layer in found] == [1, 3]
    assert tap.reasons() == {}


def test_layers_without_attention_are_absent_with_their_kind():
    for kind, words in {
        "lfm2": "it computes no softmax attention (conv)",
        "mamba": "it computes no softmax attention (linear attention)",
    }.items():
        model = tiny_model(kind)
        inside = Inside(model, ReplaySettings(attention_top=4))
        with torch.no_grad():
            list(read_whole(model, ids(), inside.probes))
        found = inside.probes.tap.found(LENGTH)
        absent = inside.facts(found, [], LENGTH)["attention"]["absent"]
        assert {entry["layer"] for entry in absent} == WITHOUT[kind]
        assert {entry["reason"] for entry in absent} == {words}


def test_low_precision_adds_up_to_one_as_well():
    for dtype in (torch.bfloat16, torch.float16):
        found = watched(tiny_model("llama", dtype=dtype), ids())[1]
        assert len(found) == 2
        for layer in found:
            assert np.abs(layer.weights.sum(-1) + layer.unkept - 1).max() <= 0.02


def test_the_heaviest_are_those_of_topk_and_of_equal_ones_the_first():
    weights = torch.randn(3, 5, 70, generator=torch.Generator().manual_seed(0)).softmax(-1)
    weights[1] = 0.0
    weights[2, :, 40:] = 0.25
    sources, kept, _ = heaviest(weights, 6)
    assert torch.equal(kept, torch.topk(weights, 6, dim=-1).values.transpose(0, 1))
    assert torch.equal(sources[:, 0].long(), torch.topk(weights[0], 6, dim=-1).indices)
    assert sources[:, 1].tolist() == [[0, 1, 2, 3, 4, 5]] * 5
    assert sources[:, 2].tolist() == [[40, 41, 42, 43, 44, 45]] * 5


def test_the_heaviest_of_a_row_by_hand():
    weights = torch.tensor([[[0.5, 0.0, 0.25, 0.25], [0.0, 0.0, 1.0, 0.0]]])
    sources, kept, unkept = heaviest(weights, 2, origin=10)
    assert sources[:, 0, 0].tolist() == [10, 12]
    assert kept[:, 0].tolist() == [[0.5, 0.25], [1.0, 0.0]]
    assert unkept[:, 0].tolist() == [0.25, 0.0]
    assert heaviest(weights, 6)[1].shape == (2, 1, 6)


def test_the_rounding_is_what_the_format_says():
    weights = np.concatenate([np.linspace(0, 1, 100_001), np.geomspace(1e-9, 1, 10_000)]).astype(np.float32)
    found = decode_weights(encode_weights(weights))
    assert np.all(np.abs(found - weights) <= np.sqrt(weights) / 255 + 4e-6)
    assert np.all(np.diff(encode_weights(np.sort(weights)).astype(int)) >= 0)
