"""Checkpoints: what a file lacks is refused by name, what is not used is a note, and nothing else is refused."""

from __future__ import annotations

import pytest
import torch
from tests.support import tiny_tokenizers
from tests.support.changed_models import changed_model
from tests.support.tiny_models import ARCHITECTURES, tiny_model

from tokenscope_trace.errors import ModelError
from tokenscope_trace.models.loading import load
from tokenscope_trace.settings import ModelSettings


def loaded(folder, **more):
    return load(ModelSettings(name=str(folder), device="cpu", **more))


def renamed(prefix):
    return lambda tensors: {prefix + name: tensor for name, tensor in tensors.items()}


def without(part):
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if part not in name}


def filled(part, value):
    return lambda tensors: {name: torch.full_like(t, value) if part in name else t for name, t in tensors.items()}


RANDOM = {
    "no head of its own": ({"config": {"tie_word_embeddings": False}}, r"lacks 1 tensor of .*: lm_head\.weight\."),
    "a layer removed": (
        {"weights": without("layers.3.")},
        r"lacks 9 tensors of .*: model\.layers\.3\.input_layernorm\.weight, ",
    ),
    "a tensor removed": (
        {"weights": without("layers.5.mlp.up_proj")},
        r"lacks 1 tensor of .*: model\.layers\.5\.mlp\.up_proj\.weight\.",
    ),
    "two layers that the file has not": ({"config": {"num_hidden_layers": 8}}, r"lacks 18 tensors"),
    "biases that the file has not": ({"config": {"attention_bias": True}}, r"lacks 24 tensors of .*k_proj\.bias"),
    "names with a prefix": ({"weights": renamed("module.")}, r"lacks 57 tensors"),
    "another vocabulary": (
        {"config": {"vocab_size": 8000}},
        r"embed_tokens\.weight has the shape 8192x192, and 8000x192 is wanted\.",
    ),
    "other widths": ({"config": {"intermediate_size": 640}}, r"192x512, and 192x640 is wanted, and 17 more do not fit\."),
}


@pytest.mark.parametrize("what", RANDOM)
def test_tensors_that_would_be_random_are_refused_by_name(what, tmp_path):
    changes, sentence = RANDOM[what]
    with pytest.raises(ModelError, match=sentence) as refused:
        loaded(changed_model(tmp_path / "m", **changes))
    assert "report" not in str(refused.value)
    assert str(refused.value).endswith(".")


def test_tensors_that_are_not_used_are_a_note(tmp_path):
    fewer = loaded(changed_model(tmp_path / "fewer", config={"num_hidden_layers": 4}))
    assert fewer.notes == (
        "18 tensors of the model's files are not used: model.layers.4.input_layernorm.weight, model.layers.4.mlp.down_proj.weight and others.",
    )
    more = loaded(changed_model(tmp_path / "more", weights=lambda tensors: {**tensors, "mtp.0.weight": torch.zeros(3)}))
    assert more.notes == ("1 tensor of the model's files is not used: mtp.0.weight.",)


def test_what_old_files_hold_and_what_is_computed_is_nothing_to_speak_of(tmp_path):
    old = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.zeros(24)}
    assert loaded(changed_model(tmp_path / "old", weights=lambda tensors: tensors | old)).notes == ()
    assert (
        loaded(changed_model(tmp_path / "bare", weights=lambda t: {n.removeprefix("model."): v for n, v in t.items()})).notes
        == ()
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ARCHITECTURES)
@pytest.mark.parametrize("tied", [False, True])
def test_whole_files_of_every_architecture_are_taken(kind, tied, tmp_path):
    tiny_model(kind, tie_word_embeddings=tied).save_pretrained(tmp_path)
    tiny_tokenizers.byte_level().save_pretrained(tmp_path)
    assert loaded(tmp_path).notes == ()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    "part", ["layers.2.mlp.up_proj", "layers.0.input_layernorm", "layers.0.self_attn.q_proj", "embed_tokens"]
)
def test_weights_that_are_no_numbers_are_called_that(part, value, tmp_path):
    with pytest.raises(ModelError, match=rf"numbers that are not finite, in model\.{part}"):
        loaded(changed_model(tmp_path / "m", weights=filled(part, value)))


def test_a_format_that_overflows_is_called_that(tmp_path):
    folder = changed_model(
        tmp_path / "m", weights=lambda t: {n: v.float() * 900 if "layernorm" in n else v for n, v in t.items()}
    )
    assert loaded(folder).notes == ()
    with pytest.raises(
        ModelError, match=r"logits of LlamaForCausalLM are not finite; its dtype overflows, try --dtype float32"
    ):
        loaded(folder, dtype="float16")
