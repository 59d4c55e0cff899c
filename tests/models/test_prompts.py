"""Prompts: read, encoded, and refused with a sentence."""

from __future__ import annotations

import io
import sys

import pytest
from tests.support import tiny_tokenizers

from tokenscope_trace.errors import ModelError, PromptError
from tokenscope_trace.models.prompts import (
    Segment,
    check_prompt,
    encode_chat,
    encode_code,
    encode_fim,
    encode_text,
    read_text,
)
from tokenscope_trace.models.token_bytes import Speller

FIM = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
TEMPLATE = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"


def test_line_ends_tabs_and_emoji_are_read_as_they_are(tmp_path):
    path = tmp_path / "p.py"
    path.write_bytes("a\r\n\tb 🙂\r".encode())
    assert read_text(str(path)) == ("a\r\n\tb 🙂\r", "p.py")


def test_stdin_is_read_whole(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x = 1\r\n")))
    assert read_text("-") == ("x = 1\r\n", "-")


def test_unreadable_prompts_are_refused(tmp_path):
    with pytest.raises(PromptError, match=r"cannot read the prompt .*gone\.py: No such file"):
        read_text(str(tmp_path / "gone.py"))
    (tmp_path / "empty.py").write_bytes(b"")
    with pytest.raises(PromptError, match="is empty"):
        read_text(str(tmp_path / "empty.py"))
    (tmp_path / "latin.py").write_bytes(b"one\ntwo\ncaf\xe9\n")
    with pytest.raises(PromptError, match=r"not UTF-8 .byte 0xe9 on line 3"):
        read_text(str(tmp_path / "latin.py"))


def test_a_text_is_encoded_with_the_tokenizers_own_beginning():
    plain = tiny_tokenizers.byte_level()
    prompt = encode_text(plain, "def mean", "p.py")
    assert prompt.ids == plain("def mean").input_ids
    assert prompt.segments == (Segment("text", 0, len(prompt.ids)),)
    assert prompt.exact
    begun = encode_text(tiny_tokenizers.with_beginning(tiny_tokenizers.byte_level()), "def mean")
    assert begun.ids == [begun.ids[0], *prompt.ids]
    assert begun.exact


def test_an_end_token_after_the_prompt_is_left_out():
    from tokenizers.processors import TemplateProcessing

    tokenizer = tiny_tokenizers.byte_level()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", tokenizer.eos_token_id)]
    )
    assert encode_text(tokenizer, "def").ids == tokenizer("def", add_special_tokens=False).input_ids


def test_a_tokenizer_that_changes_the_text_is_noticed():
    assert not encode_text(tiny_tokenizers.wordpiece(), "def  mean\n").exact


def test_a_text_without_tokens_is_refused():
    with pytest.raises(PromptError, match="no token"):
        encode_text(tiny_tokenizers.words_without_decoder(), "  ", "p.py")


def test_a_hole_is_encoded_by_the_tokenizers_own_tokens():
    tokenizer = tiny_tokenizers.byte_level(extra=FIM)
    prompt = encode_fim(tokenizer, "def mean(values):\n    <FILL>\n    return x\n", "p.py")
    assert (
        tokenizer.decode(prompt.ids) == "<|fim_prefix|>def mean(values):\n    <|fim_suffix|>\n    return x\n<|fim_middle|>"
    )
    assert [segment.role for segment in prompt.segments] == ["control", "prefix", "control", "suffix", "control"]
    assert prompt.segments[-1].end == len(prompt.ids)
    assert prompt.exact
    assert prompt.kind == "fim"
    assert tokenizer.eos_token_id in prompt.extra_eos


def test_a_hole_at_either_end_has_an_empty_side():
    tokenizer = tiny_tokenizers.byte_level(extra=FIM)
    for text, empty in (("<FILL>x", "prefix"), ("x<FILL>", "suffix")):
        segments = {segment.role: segment for segment in encode_fim(tokenizer, text).segments}
        assert segments[empty].first == segments[empty].end


def test_a_family_that_wants_the_suffix_first_gets_it():
    tokenizer = tiny_tokenizers.byte_level(extra=("[PREFIX]", "[SUFFIX]"))
    assert tokenizer.decode(encode_fim(tokenizer, "def <FILL>: x").ids) == "[SUFFIX]: x[PREFIX]def "


def test_a_beginning_token_stands_before_the_hole_s_tokens():
    tokenizer = tiny_tokenizers.with_beginning(tiny_tokenizers.byte_level(extra=FIM))
    prompt = encode_fim(tokenizer, "a<FILL>b")
    assert tokenizer.decode(prompt.ids) == "<s><|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>"
    assert prompt.segments[0] == Segment("control", 0, 1)


@pytest.mark.parametrize(("text", "found"), [("abc", "does not stand in"), ("<FILL><FILL>", "stands 2 times in")])
def test_the_marker_must_stand_once(text, found):
    with pytest.raises(PromptError, match=found):
        encode_fim(tiny_tokenizers.byte_level(extra=FIM), text)


def test_a_tokenizer_without_hole_tokens_is_refused():
    with pytest.raises(ModelError, match="no fill-in-the-middle tokens"):
        encode_fim(tiny_tokenizers.byte_level(), "a<FILL>b")


def test_a_chat_is_rendered_by_the_tokenizers_own_template():
    tokenizer = tiny_tokenizers.byte_level(extra=("<|user|>", "<|system|>", "<|assistant|>"))
    tokenizer.chat_template = TEMPLATE
    prompt = encode_chat(tokenizer, "def mean", system="be brief")
    assert tokenizer.decode(prompt.ids) == "<|system|>be brief\n<|user|>def mean\n<|assistant|>"
    assert prompt.kind == "chat"
    assert prompt.exact


def test_a_missing_or_refusing_template_is_an_error():
    tokenizer = tiny_tokenizers.byte_level()
    with pytest.raises(ModelError, match="no chat template"):
        encode_chat(tokenizer, "hi")
    tokenizer.chat_template = "{{ raise_exception('no system please') }}"
    with pytest.raises(ModelError, match="no system please"):
        encode_chat(tokenizer, "hi", system="x")


def test_a_prompt_must_leave_room_for_a_token():
    prompt = encode_text(tiny_tokenizers.byte_level(), "a" * 50)
    check_prompt(prompt, None, 999)
    check_prompt(prompt, len(prompt.ids) + 1, 999)
    with pytest.raises(PromptError, match="shorten it by at least 1"):
        check_prompt(prompt, len(prompt.ids), 999)


@pytest.mark.parametrize("content", ["def mean", "```python\ndef f(:", "  é😀 \n", "user", "a\nassistant\nb"])
@pytest.mark.parametrize("system", [None, "be brief", "user"])
def test_the_messages_of_a_chat_are_told_from_what_the_template_puts_around_them(content, system):
    tokenizer = tiny_tokenizers.byte_level(extra=("<|user|>", "<|system|>", "<|assistant|>"))
    tokenizer.chat_template = TEMPLATE
    prompt = encode_chat(tokenizer, content, system=system)
    words = Speller(tokenizer).spell(prompt.ids)
    parts = [(one.role, b"".join(words[one.first : one.end]).decode()) for one in prompt.segments]
    assert [one.first for one in prompt.segments] == [0, *(one.end for one in prompt.segments[:-1])]
    assert prompt.segments[-1].end == len(prompt.ids)
    wanted = [content] if system is None else [system, content]
    messages = [text for role, text in parts if role == "text"]
    assert len(messages) == len(wanted)
    for text, given in zip(messages, wanted, strict=True):
        assert given.strip() in text
        assert len(text) <= len(given) + 8


def test_a_template_that_changes_a_message_leaves_the_prompt_in_one_piece():
    tokenizer = tiny_tokenizers.byte_level(extra=("<|user|>", "<|assistant|>"))
    tokenizer.chat_template = "{% for m in messages %}<|{{ m.role }}|>{{ m.content | upper }}{% endfor %}<|assistant|>"
    prompt = encode_chat(tokenizer, "hi")
    assert prompt.segments == (Segment("text", 0, len(prompt.ids)),)
    tokenizer.chat_template = "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}{% endfor %}<|assistant|>"
    prompt = encode_chat(tokenizer, " hi ")
    assert [one.role for one in prompt.segments] == ["control", "text", "control"]


def test_a_tokenizer_that_was_saved_with_a_limit_and_padding_reads_the_whole_text():
    tokenizer = tiny_tokenizers.byte_level()
    tokenizer.backend_tokenizer.enable_truncation(4)
    tokenizer.backend_tokenizer.enable_padding(length=64, pad_id=0, pad_token="<s>")
    text = "def add(a, b, c, d):\n    return a + b\n"
    assert encode_text(tokenizer, text).exact
    assert encode_code(tokenizer, text).exact
    assert tokenizer.decode(encode_text(tokenizer, text).ids) == text


def test_what_is_no_text_is_called_by_its_kind(tmp_path):
    kinds = {
        b"\x89TSC\r\n\x1a\n" + bytes(9): "is a trace, and no text: tokenscope-html makes a report of it",
        b"\x89PNG\r\n": "no text but a picture",
        b"%PDF-1.7\n\0": "no text but a PDF",
        b"PK\x03\x04": "no text but an archive",
        b"GGUF\3\0\0\0": "no text but a model",
        b"\x7fELF": "no text but a program",
        b"x = 1\0\0": "no text but a binary file",
        "x = 1\n".encode("utf-16"): "is not UTF-8",
    }
    for content, sentence in kinds.items():
        path = tmp_path / "p.py"
        path.write_bytes(content)
        with pytest.raises(PromptError, match=sentence):
            read_text(str(path))
    for text in ("%PDF- is how they begin\n", "GGUF is a format\n"):
        path.write_text(text)
        assert read_text(str(path))[0] == text
