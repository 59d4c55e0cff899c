"""Ids to bytes, on every kind of tokenizer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import tiny_tokenizers

from tokenscope_trace.models.token_bytes import Speller, byte_alphabet

TEXTS = [
    "def mean(values):\n    return sum(values) / len(values)\n",
    "\tx = 1\r\n\t\ty = 'grüße, 世界 🙂'  \n\n",
    "  leading spaces and    runs",
    "👨‍👩‍👧 zero\u200bwidth e\u0301 \x00\x07",
    "</s> spelled out, ▁ and <0x41>",
]


def spelled(tokenizer, ids):
    return Speller(tokenizer).spell(ids)


@pytest.mark.parametrize("kind", tiny_tokenizers.KINDS)
@pytest.mark.parametrize("text", TEXTS)
def test_joined_bytes_equal_what_the_tokenizer_decodes(kind, text):
    tokenizer = tiny_tokenizers.KINDS[kind]()
    ids = tokenizer(text, add_special_tokens=False).input_ids
    speller = Speller(tokenizer)
    plain = b"".join(word for word, id_ in zip(speller.spell(ids), ids, strict=True) if not speller.is_special(id_))
    assert plain.decode() == tokenizer.decode(ids, skip_special_tokens=True)


@pytest.mark.parametrize("kind", ["byte-level", "sentencepiece-bpe"])
@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_text_comes_back_exactly(kind, text):
    tokenizer = _cached(kind)
    ids = tokenizer(text, add_special_tokens=False).input_ids
    assert b"".join(Speller(tokenizer).spell(ids)) == text.encode()


_made = {}


def _cached(kind):
    return _made.setdefault(kind, tiny_tokenizers.KINDS[kind]())


@pytest.mark.parametrize("kind", ["byte-level", "sentencepiece-bpe"])
def test_a_character_cut_in_half_keeps_its_bytes(kind):
    tokenizer = _cached(kind)
    ids = tokenizer("x = '龘'", add_special_tokens=False).input_ids
    whole = b"".join(spelled(tokenizer, ids))
    assert whole == "x = '龘'".encode()
    cut = next(n for n in range(len(ids)) if b"".join(spelled(tokenizer, ids[:n])).endswith(b"\xe9\xbe"))
    assert b"".join(spelled(tokenizer, ids[:cut])) == b"x = '\xe9\xbe"


def test_every_byte_has_its_own_token_in_a_byte_level_vocabulary():
    tokenizer = _cached("byte-level")
    speller = Speller(tokenizer)
    for character, byte in byte_alphabet().items():
        assert speller.inside(tokenizer.convert_tokens_to_ids(character)) == bytes([byte])


def test_the_byte_alphabet_is_the_library_s():
    from tokenizers.pre_tokenizers import ByteLevel

    assert set(byte_alphabet()) == set(ByteLevel.alphabet())
    assert sorted(byte_alphabet().values()) == list(range(256))


@pytest.mark.parametrize("kind", ["sentencepiece-bpe", "unigram"])
def test_only_the_first_token_loses_its_space(kind):
    tokenizer = _cached(kind)
    ids = tokenizer("return values", add_special_tokens=False).input_ids
    speller = Speller(tokenizer)
    words = speller.spell(ids)
    assert speller.inside(ids[0]).startswith(b" ")
    assert not words[0].startswith(b" ")
    assert words[1:] == [speller.inside(id_) for id_ in ids[1:]]


def test_a_beginning_token_does_not_add_a_space():
    tokenizer = tiny_tokenizers.with_beginning(tiny_tokenizers.sentencepiece_bpe())
    ids = tokenizer("def mean").input_ids
    words = spelled(tokenizer, ids)
    assert words[0] == b"<s>"
    assert b"".join(words[1:]) == b"def mean"


def test_words_are_joined_as_their_decoder_joins_them():
    tokenizer = _cached("wordpiece")
    ids = tokenizer("return sum(values)", add_special_tokens=False).input_ids
    assert b"".join(spelled(tokenizer, ids)).decode() == tokenizer.decode(ids)
    speller = Speller(tokenizer)
    speller.spell(ids)
    assert speller.inside(tokenizer.convert_tokens_to_ids("return")) == b" return"


def test_special_tokens_spell_their_own_names():
    tokenizer = _cached("byte-level")
    speller = Speller(tokenizer)
    end = tokenizer.eos_token_id
    assert speller.is_special(end)
    assert speller.inside(end) == b"</s>"
    ids = tokenizer("x", add_special_tokens=False).input_ids
    assert speller.spell([*ids, end]) == [b"x", b"</s>"]


def test_added_tokens_that_are_not_special_are_text():
    tokenizer = tiny_tokenizers.with_plain_added(tiny_tokenizers.byte_level(), "<tool call>", "｜mark｜")
    speller = Speller(tokenizer)
    ids = tokenizer("a<tool call>b｜mark｜", add_special_tokens=False).input_ids
    assert b"".join(speller.spell(ids)).decode() == "a<tool call>b｜mark｜"
    assert not any(speller.is_special(id_) for id_ in ids)


def test_an_id_beyond_the_vocabulary_is_empty_and_special():
    speller = Speller(_cached("byte-level"))
    assert speller.inside(10_000) == b""
    assert speller.is_special(10_000)
    assert speller.spell([10_000]) == [b""]


@pytest.mark.parametrize("kind", tiny_tokenizers.KINDS)
def test_no_ids_are_no_bytes(kind):
    assert spelled(_cached(kind), []) == []
