"""Fill-in-the-middle tokens: each family in its own order, and a user's own."""

from __future__ import annotations

import pytest
from tests.support import tiny_tokenizers

from tokenscope_trace.errors import ModelError
from tokenscope_trace.models.fim_tokens import FAMILIES, FimTokens, family_of
from tokenscope_trace.models.prompts import encode_fim, encode_prompt
from tokenscope_trace.settings import PromptText

BY_HAND = {  # as the models' own papers and guides write a prompt
    "Qwen coder": "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>",
    "StarCoder": "<fim_prefix>a<fim_suffix>b<fim_middle>",
    "DeepSeek coder": "<｜fim▁begin｜>a<｜fim▁hole｜>b<｜fim▁end｜>",
    "Codestral": "[SUFFIX]b[PREFIX]a",
    "Seed-Coder": "<[fim-suffix]>b<[fim-prefix]>a<[fim-middle]>",
    "CodeGeeX": "<|code_suffix|>b<|code_prefix|>a<|code_middle|>",
    "Falcon": ">>PREFIX<<a>>SUFFIX<<b>>MIDDLE<<",
}


@pytest.mark.parametrize("model", BY_HAND)
def test_a_family_s_prompt_is_as_its_guide_writes_it(model):
    family = next(one for one in FAMILIES if one.prefix in BY_HAND[model])
    tokenizer = tiny_tokenizers.byte_level(extra=family.names)
    assert tokenizer.decode(encode_fim(tokenizer, "a<FILL>b").ids) == BY_HAND[model]


def test_no_family_is_taken_for_another():
    for family in FAMILIES:
        assert family_of(set(family.names)) == family
        assert family_of(set(family.names[:-1])) is None


def test_a_user_names_tokens_and_order():
    tokenizer = tiny_tokenizers.byte_level(extra=("<p>", "<q>", "<m>", "<fim_prefix>", "<fim_suffix>", "<fim_middle>"))
    own = PromptText("a<FILL>b", kind="fim", fim_tokens=("<p>", "<q>", "<m>"))
    assert tokenizer.decode(encode_prompt(tokenizer, own).ids) == "<p>a<q>b<m>"
    turned = PromptText("a<FILL>b", kind="fim", fim_tokens=("<p>", "<q>", "<m>"), fim_order="suffix-prefix")
    assert tokenizer.decode(encode_prompt(tokenizer, turned).ids) == "<q>b<p>a<m>"
    known = PromptText("a<FILL>b", kind="fim", fim_order="suffix-prefix")  # as Mellum reads StarCoder's tokens
    prompt = encode_prompt(tokenizer, known)
    assert tokenizer.decode(prompt.ids) == "<fim_suffix>b<fim_prefix>a<fim_middle>"
    assert [segment.role for segment in prompt.segments] == ["control", "suffix", "control", "prefix", "control"]


def test_a_token_that_the_model_has_not_is_named():
    with pytest.raises(ModelError, match=r"has no token <q>"):
        encode_fim(tiny_tokenizers.byte_level(extra=("<p>",)), "a<FILL>b", tokens=FimTokens("<p>", "<q>", "<m>"))
    with pytest.raises(ModelError, match=r"no fill-in-the-middle tokens that are known; name its own with --fim-tokens"):
        encode_fim(tiny_tokenizers.byte_level(), "a<FILL>b")
