"""Rules of generation: what a model's generation config asks for is followed, or said; whatever fails before the first token is a sentence."""

from __future__ import annotations

import copy

import pytest
from tests.support.tiny_models import tiny_model

from tokenscope_trace.errors import ModelError
from tokenscope_trace.inference.generation import generate
from tokenscope_trace.inference.generation_rules import rules_of
from tokenscope_trace.models.loading import load
from tokenscope_trace.models.prompts import Prompt, Segment, encode_text
from tokenscope_trace.recording.documents import Document
from tokenscope_trace.recording.recorder import record
from tokenscope_trace.recording.scorer import score
from tokenscope_trace.settings import GenerationSettings, ModelSettings, ReplaySettings, TreeSettings

IDS = list(range(5, 25))


def with_config(**entries):
    model = tiny_model()
    model.generation_config = copy.deepcopy(model.generation_config)
    for name, value in entries.items():
        setattr(model.generation_config, name, value)
    return model


def written(model, **more):
    return generate(model, None, IDS, GenerationSettings(max_new_tokens=6, **more))


SEARCHES = {
    "beam search": {"num_beams": 4},
    "beam search and group beam search": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5},
    "group beam search": {"diversity_penalty": 0.5},
    "contrastive search": {"penalty_alpha": 0.6, "top_k": 4},
    "DoLa": {"dola_layers": "high"},
    "constrained beam search": {"force_words_ids": [[1]]},
    "assisted decoding": {"prompt_lookup_num_tokens": 3, "assistant_early_exit": 1, "is_assistant": True, "use_mtp": True},
    "classifier-free guidance": {"guidance_scale": 1.5},
    "token healing": {"token_healing": True},
    "a limit of time": {"max_time": 1e-9},
}


@pytest.mark.parametrize("what", SEARCHES)
def test_what_is_no_greedy_decoding_becomes_that_and_is_said(what):
    plain, got = written(tiny_model()), written(with_config(**SEARCHES[what]))
    assert got.output_ids == plain.output_ids
    assert got.finish == "length"
    assert plain.notes == ()
    assert got.notes == (
        f"The model's generation config asks for {what}, which a recording does not follow: the output was decoded greedily, one token "
        "after the other.",
    )
    assert "the output was sampled" in written(with_config(**SEARCHES[what]), temperature=0.8).notes[0]


def test_values_at_which_these_do_nothing_are_not_spoken_of():
    idle = {"num_beams": 1, "num_beam_groups": 1, "diversity_penalty": 0.0, "penalty_alpha": 0.0, "guidance_scale": 1.0}
    quiet = {"num_return_sequences": 1, "token_healing": False, "cache_implementation": "dynamic", "use_mtp": False}
    assert written(with_config(**idle, **quiet)).notes == ()


def test_what_changes_no_token_is_not_spoken_of():
    returned = dict.fromkeys(("output_attentions", "output_hidden_states", "output_scores", "return_dict_in_generate"), True)
    got = written(with_config(prefill_chunk_size=2, **returned))
    assert got.notes == ()
    assert got.output_ids == written(tiny_model()).output_ids
    assert got.prompt is not None


@pytest.mark.parametrize("kind", ["static", "offloaded_static", "quantized", "offloaded", "sliding_window", "paged"])
def test_no_kind_of_cache_costs_attention_lens_noise_or_the_tree(kind):
    loaded = load(ModelSettings(device="cpu"))
    prompt = encode_text(loaded.tokenizer, "def add(a, b):\n    return")
    loaded.model.generation_config.cache_implementation = kind
    trace = record(loaded, prompt, GenerationSettings(4), replay=ReplaySettings(2, None, True), tree=TreeSettings(nodes=4))
    assert trace.run["missing"] == []
    assert trace.run["replay"]["way"] == "continued"
    assert trace.run["replay"]["noise"] is not None
    assert len(trace.attention) == len(trace.lens) == 6
    assert len(trace.branches) > 0
    assert trace.run["notes"] == [
        f"The model's generation config asks for a cache of the kind {kind}; the usual one was taken, which can be read again."
    ]


def test_a_temperature_of_zero_is_greedy_even_where_it_is_to_be_sampled():
    plain = written(tiny_model())
    for more in ({}, {"top_p": 0.9}):
        got = written(with_config(do_sample=True, temperature=0.0), **more)
        assert got.output_ids == plain.output_ids
        assert got.sampling["do_sample"] is False
        assert got.notes == ("The model's generation config samples at a temperature of 0, which is greedy.",)
    warm = written(with_config(do_sample=True, temperature=0.0), temperature=0.8)
    assert warm.sampling["temperature"] == 0.8
    assert warm.notes == ()


def test_a_top_k_of_minus_one_is_none():
    got = written(with_config(do_sample=True, top_k=-1))
    assert got.sampling["do_sample"] is True
    assert got.sampling["top_k"] is None


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"temperature": 2}, {"temperature": 2.0}),
        ({"temperature": 1.0, "top_k": 5.0}, {"temperature": 1.0, "top_k": 5}),
        ({"top_p": 1, "min_p": 0}, {"top_p": 1.0, "min_p": 0.0}),
        ({"repetition_penalty": 2}, {"repetition_penalty": 2.0}),
    ],
)
def test_numbers_are_read_as_other_programs_write_them(given, meant):
    got, wanted = written(with_config(do_sample=True, **given)), written(with_config(do_sample=True, **meant))
    assert got.output_ids == wanted.output_ids
    assert got.sampling == wanted.sampling
    assert got.processors == wanted.processors


REFUSED = {
    "a temperature that is no number": {"do_sample": True, "temperature": float("nan")},
    "a temperature in words": {"do_sample": True, "temperature": "hot"},
    "a temperature below zero": {"do_sample": True, "temperature": -1.0},
    "a temperature that is lost in float32": {"do_sample": True, "temperature": 1e-40},
    "a temperature that no trace holds": {"do_sample": True, "temperature": 1e30},
    "a penalty without end": {"repetition_penalty": float("inf")},
    "an end in a list of lists": {"eos_token_id": [[1]]},
    "an end of a fraction": {"eos_token_id": 1.5},
    "a penalty of zero": {"repetition_penalty": 0.0},
    "an end in words": {"eos_token_id": "a"},
    "an end in words among others": {"eos_token_id": [3, "a"]},
    "stop strings that are a number": {"stop_strings": 5},
    "a pad in words": {"pad_token_id": "a"},
    "several texts at once": {"num_return_sequences": 3},
    "a mark that is none": {"watermarking_config": {"a": 1}},
}


@pytest.mark.parametrize("what", REFUSED)
def test_whatever_is_raised_before_the_first_token_is_a_sentence(what):
    with pytest.raises(
        ModelError, match=r"^the model writes no first token, by its generation config and these settings: .+\.$"
    ) as refused:
        written(with_config(**REFUSED[what]))
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 4


def test_a_full_memory_is_left_to_who_knows_what_to_say():
    model = tiny_model()
    model.forward = lambda **_: (_ for _ in ()).throw(MemoryError())
    with pytest.raises(MemoryError):
        written(model)


def test_a_token_beyond_the_embeddings_is_a_sentence():
    loaded = load(ModelSettings(device="cpu"))
    size = loaded.facts["vocab_size"]
    sentence = rf"makes token {size} of the text, and the model's tokens go from 0 to {size - 1}"
    prompt = Prompt([5, size], "text", "-", (Segment("text", 0, 2),), exact=True)
    with pytest.raises(ModelError, match=sentence):
        record(loaded, prompt, GenerationSettings(2))
    with pytest.raises(ModelError, match=sentence):
        score(loaded, [Document("a.py", "x", None)], prompts=[prompt])
    loaded.tokenizer.add_tokens(["<|new|>"])
    with pytest.raises(ModelError, match=sentence):
        record(loaded, encode_text(loaded.tokenizer, "x = <|new|>"), GenerationSettings(2))
    assert record(loaded, encode_text(loaded.tokenizer, "x = "), GenerationSettings(2)).output.size == 2


def test_extra_ends_stand_beside_the_model_s_own():
    rules = rules_of(with_config(eos_token_id=[7, 9]).generation_config, GenerationSettings(), (8,))
    assert rules.options["eos_token_id"] == [7, 8, 9]
