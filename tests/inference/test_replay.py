"""The replay within a recording: every architecture, its noise, its ways, and what becomes of it when it cannot be had."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.inference.test_attention import HANDED_OUT, WHOLE, WITHOUT, check, handed_out
from tests.support import tiny_tokenizers
from tests.support.tiny_models import ARCHITECTURES, tiny_model

from tokenscope_trace import Trace
from tokenscope_trace.errors import ModelError
from tokenscope_trace.inference import attention, replay
from tokenscope_trace.inference.tree_attention import TreeAttention
from tokenscope_trace.models.loading import describe
from tokenscope_trace.models.prompts import encode_text
from tokenscope_trace.progress import Watcher
from tokenscope_trace.recording.recorder import record
from tokenscope_trace.settings import GenerationSettings, ReplaySettings, TreeSettings, parse_layers

TEXT = "def mean(values):\n    total = sum(values)\n"
SETTINGS = GenerationSettings(max_new_tokens=9, temperature=0, top_alternatives=5)
ALL = ReplaySettings(attention_top=6, lens=True, lens_layers="all")


def recorded(kind="llama", replay_settings=ALL, settings=SETTINGS, **options):
    changes = options.pop("changes", {})
    loaded = describe(tiny_model(kind, **changes), tiny_tokenizers.byte_level(), name="tiny")
    return loaded, record(loaded, encode_text(loaded.tokenizer, TEXT), settings, replay=replay_settings, **options)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_architecture_is_read_again_within_rounding(kind):
    loaded, trace = recorded(kind)
    assert trace.run["notes"] == []
    assert trace.run["replay"]["way"] == ("whole" if kind in WHOLE | HANDED_OUT else "continued")
    assert trace.run["replay"]["noise"] < 1e-4
    noise = trace.nodes.noise
    assert np.isnan(noise[trace.prompt]).all()
    assert noise[trace.output].max() == np.float32(trace.run["replay"]["noise"])
    tokens = trace.nodes.token_id[trace.main].tolist()
    assert {layer.layer for layer in trace.attention} == {0, 1} - WITHOUT.get(kind, set())
    assert {entry["layer"] for entry in trace.run["attention"]["absent"]} == WITHOUT.get(kind, set())
    for layer, weights in zip(trace.attention, handed_out(loaded.model, tokens) if trace.attention else [], strict=True):
        check(layer, weights)
    assert trace.run["lens"] == {"layers": [0, 1], "first": len(trace.prompt), "count": 9, "reason": None}
    assert np.array_equal(trace.lens[1].rank, trace.nodes.rank[trace.output])
    assert np.abs(trace.lens[1].logprob - trace.nodes.logprob[trace.output]).max() < 1e-4
    assert Trace.from_bytes(trace.to_bytes()).to_bytes() == trace.to_bytes()


def test_what_is_recorded_beside_it_is_not_changed_by_it():
    with_replay, without = (
        recorded(tree=TreeSettings(nodes=60))[1],
        recorded(replay_settings=None, tree=TreeSettings(nodes=60))[1],
    )
    assert np.array_equal(with_replay.nodes.token_id, without.nodes.token_id)
    assert np.array_equal(with_replay.nodes.logprob[with_replay.main], without.nodes.logprob[without.main], equal_nan=True)
    assert np.allclose(with_replay.nodes.logprob, without.nodes.logprob, atol=1e-5, equal_nan=True)
    assert without.run["replay"] is None
    assert without.run["attention"] is None
    assert without.run["lens"] is None


def test_the_tree_goes_on_from_the_cache_of_the_replay(monkeypatch):
    given = []
    build = TreeAttention.__init__

    def watched(self, model, prefix, cache=None):
        given.append(None if cache is None else cache.get_seq_length())
        build(self, model, prefix, cache)

    monkeypatch.setattr(TreeAttention, "__init__", watched)
    _, trace = recorded(tree=TreeSettings(nodes=60))
    assert given[-1] == len(trace.main)
    assert trace.run["tree"]["engine"] == "tree-attention"


def test_low_precision_is_read_again_as_well():
    for dtype in (torch.bfloat16, torch.float16):
        _, trace = recorded(changes={"dtype": dtype})
        assert 0 <= trace.run["replay"]["noise"] < 1
        assert np.isfinite(trace.nodes.noise[trace.output]).all()
        assert len(trace.attention) == 2
        assert len(trace.lens) == 2


def test_one_prompt_token_and_one_output_token():
    loaded = describe(tiny_model(), tiny_tokenizers.byte_level(), name="tiny")
    prompt = encode_text(loaded.tokenizer, "x")
    trace = record(loaded, prompt, GenerationSettings(max_new_tokens=1, temperature=0), replay=ALL)
    assert [layer.weights.shape for layer in trace.attention] == [(2, 4, 6)] * 2
    assert trace.attention[0].weights[0, 0, 0] == 1
    assert len(trace.lens[0].rank) == 1


def test_the_layers_that_were_asked_for_and_no_others():
    wanted = ReplaySettings(attention_top=3, attention_layers=(2,), lens=True, lens_layers=(0, 3))
    _, trace = recorded(replay_settings=wanted, changes={"num_hidden_layers": 4})
    assert [layer.layer for layer in trace.attention] == [2]
    assert trace.run["attention"]["absent"] == []
    assert [layer.layer for layer in trace.lens] == [0, 3]


@pytest.mark.parametrize(
    "wanted", [ReplaySettings(attention_layers=(0, 2)), ReplaySettings(0, None, lens=True, lens_layers=(5,))]
)
def test_a_layer_that_the_model_has_not_is_refused_before_anything_runs(wanted):
    with pytest.raises(ModelError, match=r"names layer \d, and this model has 2 layers, 0 to 1\."):
        recorded(replay_settings=wanted)


def test_an_interruption_that_insists_keeps_the_output_as_well(monkeypatch):
    def interrupted(*_values, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(replay, "_read_on", interrupted)
    _, trace = recorded()
    assert len(trace.output) == 9
    assert {entry["reason"] for entry in trace.run["attention"]["absent"]} == {"the recording was interrupted"}


def test_an_interruption_of_the_replay_keeps_the_output_and_grows_no_tree():
    asked = []
    watcher = Watcher(on_read=lambda done, _all: asked.append(done), should_stop=lambda: bool(asked))
    _, trace = recorded(watcher=watcher, tree=TreeSettings(nodes=60))
    assert len(trace.output) == 9
    assert trace.run["replay"] is None
    assert trace.run["tree"]["finish"] == "interrupted"
    assert len(trace.branches) == 0
    assert trace.attention == []
    assert trace.run["attention"]["queries"] == 0
    assert any("not read again" in note for note in trace.run["notes"])


@pytest.mark.parametrize("layer_call", [1, 3])  # while the prompt is read, and in the replay
def test_a_lack_of_memory_in_a_layer_costs_that_layer(monkeypatch, layer_call):
    reduce, calls = attention.heaviest, []

    def full(*values):
        calls.append(1)
        if len(calls) == layer_call:
            raise torch.OutOfMemoryError
        return reduce(*values)

    monkeypatch.setattr(attention, "heaviest", full)
    _, trace = recorded()
    assert len(trace.output) == 9
    assert [layer.layer for layer in trace.attention] == [1]
    assert trace.run["attention"]["absent"] == [{"layer": 0, "reason": "the memory did not suffice"}]


def test_a_pass_without_memory_costs_the_inside_and_the_tree_and_nothing_else(monkeypatch):
    def full(*_values, **_more):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(replay, "_read_on", full)
    monkeypatch.setattr(replay, "read_whole", full)
    _, trace = recorded(tree=TreeSettings(nodes=40))
    assert len(trace.output) == 9
    assert len(trace.branches) == 0
    assert trace.run["replay"] is None
    assert [entry["stage"] for entry in trace.run["missing"]] == ["lens", "attention", "replay", "tree"]
    assert trace.attention == trace.lens == []
    assert any("memory did not suffice" in note for note in trace.run["notes"])
    assert {entry["reason"] for entry in trace.run["attention"]["absent"]} == {"the memory did not suffice"}
    assert trace.run["lens"]["reason"] == "the memory did not suffice."


def test_needed_memory_is_said_before_the_first_token():
    said = []
    watcher = Watcher(on_need=lambda needed: said.append(needed), on_token=lambda count: said.append(-count))
    recorded(watcher=watcher)
    assert said[0] > 1 << 20
    assert said[1] == -1


def test_layers_as_they_are_written():
    assert parse_layers("0,4,8") == (0, 4, 8)
    assert parse_layers("3,0-2,2") == (0, 1, 2, 3)
    for wrong in ("", "a", "1,", "-1", "3-1", "1-2-3", "1 2"):
        with pytest.raises(ValueError, match=r"layers|backwards"):
            parse_layers(wrong)
