"""What reads in both directions, or needs more than text, is refused with a sentence; a configuration is read whatever its shape."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from tests.support import tiny_tokenizers
from tests.support.tiny_models import tiny_model

from tokenscope_trace.errors import ModelError
from tokenscope_trace.models.causality import check_causal
from tokenscope_trace.models.configuration import layer_count, number
from tokenscope_trace.models.loading import load
from tokenscope_trace.settings import ModelSettings


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_decoders_pass_and_encoders_do_not(dtype):
    check_causal(tiny_model("llama", dtype=dtype))
    check_causal(tiny_model("bert", dtype=dtype, is_decoder=True))
    with pytest.raises(ModelError, match="reads texts in both directions"):
        check_causal(tiny_model("bert", dtype=dtype, initializer_range=0.3))  # as far apart as trained weights are


def test_a_folder_with_an_encoder_is_refused_when_it_is_loaded(tmp_path):
    tiny_model("bert").save_pretrained(tmp_path)
    tiny_tokenizers.byte_level().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"BertLMHeadModel as it is configured .* is_decoder"):
        load(ModelSettings(name=str(tmp_path), device="cpu"))


def test_a_model_that_needs_more_than_text_is_a_sentence():
    model = tiny_model("llama")
    model.forward = lambda **_: (_ for _ in ()).throw(ValueError("pixel_values must be given.\nAnd more."))
    with pytest.raises(
        ModelError, match=r"^LlamaForCausalLM cannot go on from text alone: ValueError: pixel_values must be given\.$"
    ):
        check_causal(model)


class PerLayer:
    """A configuration whose layers differ, and which refuses to give one value for all."""

    per_layer_config = (SimpleNamespace(head_dim=16), SimpleNamespace(head_dim=64))

    @property
    def head_dim(self):
        raise RuntimeError("ask the layers")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (SimpleNamespace(head_dim=8), 8),
        (SimpleNamespace(head_dim=[8, 32, 16]), 32),
        (SimpleNamespace(head_dim="auto"), None),
        (SimpleNamespace(head_dim=None), None),
        (SimpleNamespace(), None),
        (PerLayer(), 64),
    ],
)
def test_a_number_of_a_configuration(config, expected):
    assert number(config, "head_dim") == expected


def test_the_layers_of_a_decoder_are_counted_and_not_those_of_the_encoder_beside_it():
    bart = tiny_model("bart", vocab_size=384, d_model=64, encoder_layers=3, decoder_layers=2, decoder_attention_heads=4,
                      encoder_attention_heads=4, decoder_ffn_dim=96, encoder_ffn_dim=96)  # fmt: skip
    assert layer_count(bart) == 2
    assert layer_count(tiny_model("llama")) == 2
