"""Prompts: a file, stdin, a chat message, a file with a hole, or code that exists, as token ids.

In: text and a tokenizer. Out: ids, and which of them are what. Knows no model; imports no torch.
"""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from tokenscope_trace.errors import ModelError, PromptError
from tokenscope_trace.models.chat_template import chat_names, message_places, rendered_chat, turn_ends
from tokenscope_trace.models.control_tokens import control_names, holds_control, literal_ids, marked, marks_for, without_mark
from tokenscope_trace.models.fim_tokens import FILE_ENDS, FimTokens, family_of
from tokenscope_trace.models.token_bytes import Speller
from tokenscope_trace.settings import DEFAULT_FIM_MARKER, PromptText
from tokenscope_trace.streams import standard_input
from tokenscope_trace.text import shortened, visible_line
from tokenscope_trace.traces.container import MAGIC


@dataclass(frozen=True)
class Segment:
    """A run of prompt tokens [first, end) with one role: text, prefix, suffix or control."""

    role: str
    first: int
    end: int


@dataclass(frozen=True)
class Prompt:
    """What the model reads. `exact` says whether the ids spell the text byte for byte.

    `extra_eos` are ids that end the output of this kind of prompt beside the model's own; `typed` are the places of control tokens that the
    text itself names, and which are text for its reader.
    """

    ids: list[int]
    kind: str
    source: str
    segments: tuple[Segment, ...]
    exact: bool
    extra_eos: tuple[int, ...] = ()
    typed: tuple[int, ...] = ()


LONGEST_TEXT = 1 << 24  # of a text: a trace has at most so many tokens


def read_text(path: str, what: str = "prompt") -> tuple[str, str]:
    """(text, name) of a UTF-8 file, or of stdin for `-`; line ends stay as they are. `what` it is stands in errors.

    Raises PromptError where it cannot be read, is not UTF-8, is a trace, is empty, or has more than LONGEST_TEXT.
    """
    if path != "-" and os.path.isdir(path):
        raise PromptError(f"{path} is a folder; name a file.")
    name = "stdin" if path == "-" else path
    try:
        if path == "-":
            data = standard_input().read(LONGEST_TEXT + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(LONGEST_TEXT + 1)
    except (OSError, ValueError) as error:  # a NUL in a name
        said = isinstance(error, OSError) and error.strerror
        raise PromptError(f"cannot read the {what} {name}: {said or error}.") from error
    if len(data) > LONGEST_TEXT:
        raise PromptError(f"the {what} {name} has more than {LONGEST_TEXT:,} bytes; name a shorter one.")
    if data.startswith(MAGIC[:4]):
        raise PromptError(
            f"{name} is a trace, and no text: tokenscope-html makes a report of it, and tokenscope-record --replay records it again."
        )
    if (kind := _binary_kind(data)) is not None:
        raise PromptError(f"the {what} {name} is no text but {kind}; name a text file.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise PromptError(
            f"the {what} {name} is not UTF-8 (byte 0x{data[error.start]:02x} on line {line}); convert it, for example with iconv."
        ) from error
    if not text:
        wanted = (
            "write at least one character for the model to go on from" if what == "prompt" else "there is nothing to measure"
        )
        raise PromptError(f"the {what} {name} is empty; {wanted}.")
    return text, "-" if path == "-" else Path(path).name


def encode_prompt(tokenizer: Any, prompt: PromptText) -> Prompt:
    """The ids of a prompt, by its kind. Raises PromptError and ModelError as the functions below do."""
    if prompt.kind == "chat":
        return encode_chat(tokenizer, prompt.text, prompt.source, system=prompt.system)
    if prompt.kind == "fim":
        tokens = None if prompt.fim_tokens is None else FimTokens(*prompt.fim_tokens, prompt.fim_order or "prefix-suffix")
        return encode_fim(tokenizer, prompt.text, prompt.source, marker=prompt.marker, tokens=tokens, order=prompt.fim_order)
    return (encode_code if prompt.kind == "code" else encode_text)(tokenizer, prompt.text, prompt.source)


def encode_text(tokenizer: Any, text: str, source: str = "-") -> Prompt:
    """The plain prompt, with the special tokens that the tokenizer itself puts around a text. Control tokens that it names are such."""
    ids, first = _around(tokenizer, text, list(tokenizer(text, add_special_tokens=False).input_ids), source)
    speller = Speller(tokenizer)
    typed = _typed(tokenizer, text, ids, first)
    exact = _plain_bytes(speller, ids, typed) == text.encode()
    return Prompt(ids, "text", source, (Segment("text", 0, len(ids)),), exact, typed=typed)


def encode_code(tokenizer: Any, text: str, source: str = "-") -> Prompt:
    """Code that exists, with the special tokens that the tokenizer puts around a text; in it nothing is a control token."""
    ids, _ = _around(tokenizer, text, literal_ids(tokenizer, text), source)
    return Prompt(
        ids, "text", source, (Segment("text", 0, len(ids)),), _plain_bytes(Speller(tokenizer), ids) == text.encode()
    )


def encode_chat(tokenizer: Any, text: str, source: str = "-", *, system: str | None = None) -> Prompt:
    """The text as a user's message in the tokenizer's own chat template, ready for the assistant's answer; in it nothing is a control token.

    Raises ModelError where the tokenizer has no template, or its template refuses the messages.
    """
    names, speller = chat_names(tokenizer), Speller(tokenizer)
    messages = [{"role": "user", "content": text}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})

    def encoded(mark: str) -> list[int]:
        hidden = [{**one, "content": marked(one["content"], names, mark)} for one in messages] if mark else messages
        return list(tokenizer(rendered_chat(tokenizer, hidden), add_special_tokens=False).input_ids)

    rendered, ids = rendered_chat(tokenizer, messages), encoded("")
    said = text + (system or "")
    if holds_control(tokenizer, tokenizer(said, add_special_tokens=False).input_ids, said, names):
        for mark in marks_for(said):
            found = without_mark(speller, encoded(mark), mark)
            if found is not None and b"".join(speller.spell(found)) == rendered.encode():
                ids = found
                break
    places = message_places(tokenizer, messages, rendered)
    segments = _segments(speller.spell(ids), rendered, places) or (Segment("text", 0, len(ids)),)
    exact = text.encode() in _plain_bytes(speller, ids)
    return Prompt(ids, "chat", source, segments, exact, turn_ends(tokenizer))


def _segments(words: Sequence[bytes], rendered: str, places: Sequence[tuple[int, int]]) -> tuple[Segment, ...]:
    """The tokens of the messages at these bytes, `text`, and those of the template, `control`; nothing where the tokens do not spell what
    was rendered.
    """
    if not places or b"".join(words) != rendered.encode():
        return ()
    ends = list(accumulate(map(len, words)))
    found: list[Segment] = []
    token = 0
    for start, end in places:
        first = max(bisect_right(ends, start), token)
        last = max(bisect_left(ends, end) + 1, first) if end > start else first
        found += [Segment("control", token, first), Segment("text", first, last)]
        token = last
    found.append(Segment("control", token, len(words)))
    return tuple(one for one in found if one.end > one.first)


def encode_fim(
    tokenizer: Any,
    text: str,
    source: str = "-",
    *,
    marker: str = DEFAULT_FIM_MARKER,
    tokens: FimTokens | None = None,
    order: str | None = None,
) -> Prompt:
    """The text around `marker` as a fill-in-the-middle prompt, by these tokens or the tokenizer's own, in this order or theirs; nothing in
    the text is a control token.

    Raises PromptError where the marker does not stand in the text exactly once, ModelError where the tokenizer has no
    fill-in-the-middle tokens that are known, or not those that are given.
    """
    before, after = split_at_marker(text, source, marker)
    vocabulary = tokenizer.get_vocab()
    family = tokens or family_of(vocabulary)
    if family is None:
        raise ModelError(
            "this model's tokenizer has no fill-in-the-middle tokens that are known; name its own with --fim-tokens PREFIX SUFFIX MIDDLE, "
            "leave out --fim, or choose another model."
        )
    unknown = [name for name in family.names if name not in vocabulary]
    if unknown:
        raise ModelError(
            f"this model's tokenizer has no token {shortened(visible_line(unknown[0]), 60)}; see its tokenizer.json."
        )
    names = control_names(tokenizer) | {name: vocabulary[name] for name in family.names}
    parts = {
        "prefix": (vocabulary[family.prefix], literal_ids(tokenizer, before, names=names)),
        "suffix": (vocabulary[family.suffix], literal_ids(tokenizer, after, names=names)),
    }
    ids = _leading_special(tokenizer)
    segments: list[Segment] = [Segment("control", 0, len(ids))] if ids else []
    for role in (order or family.order).split("-"):
        token, part = parts[role]
        segments.append(Segment("control", len(ids), len(ids) + 1))
        segments.append(Segment(role, len(ids) + 1, len(ids) + 1 + len(part)))
        ids = [*ids, token, *part]
    if family.middle is not None:
        segments.append(Segment("control", len(ids), len(ids) + 1))
        ids = [*ids, vocabulary[family.middle]]
    speller = Speller(tokenizer)
    exact = all(
        _plain_bytes(speller, part) == wanted.encode()
        for (_, part), wanted in zip(parts.values(), (before, after), strict=True)
    )
    return Prompt(ids, "fim", source, tuple(segments), exact, file_ends(tokenizer))


def file_ends(tokenizer: Any) -> tuple[int, ...]:
    """The ids that end a file, or what fills a hole in one, ascending."""
    vocabulary = tokenizer.get_vocab()
    ends = {vocabulary[end] for end in FILE_ENDS if end in vocabulary}
    if tokenizer.eos_token_id is not None:
        ends.add(tokenizer.eos_token_id)
    return tuple(sorted(ends))


def split_at_marker(text: str, source: str, marker: str) -> tuple[str, str]:
    """(before, after) the hole. Raises PromptError where the marker does not stand in the text exactly once."""
    count = text.count(marker)
    if count != 1:
        found = "does not stand in" if count == 0 else f"stands {count} times in"
        raise PromptError(f"the marker {marker} {found} the prompt {source}; put it once, where the hole is.")
    before, after = text.split(marker)
    return before, after


def check_prompt(prompt: Prompt, context: int | None, size: int) -> None:
    """Raises PromptError where the prompt leaves no room for one new token, ModelError where a token is none of the model's `size`."""
    check_ids(prompt.ids, size)
    if context is not None and len(prompt.ids) >= context:
        raise PromptError(
            f"the prompt has {len(prompt.ids):,} tokens and the model reads at most {context:,}, the output included; "
            f"shorten it by at least {len(prompt.ids) - context + 1:,}."
        )


def check_ids(ids: Sequence[int], size: int) -> None:
    """Raises ModelError where an id is beyond the model's `size` tokens: its tokenizer is that of another model then."""
    if ids and max(ids) >= size:
        raise ModelError(
            f"the tokenizer makes token {max(ids)} of the text, and the model's tokens go from 0 to {size - 1}: it is another model's tokenizer, "
            "or one that was extended."
        )


def _around(tokenizer: Any, text: str, ids: list[int], source: str) -> tuple[list[int], int]:
    """(the ids of a text within what the tokenizer puts around one, where they begin)."""
    whole, bare = list(tokenizer(text).input_ids), list(tokenizer(text, add_special_tokens=False).input_ids)
    if not whole:
        raise PromptError(f"the tokenizer makes no token of the prompt {source}; write something it can read.")
    places = (place for place in range(len(whole) - len(bare) + 1) if whole[place : place + len(bare)] == bare)
    first = next(places, None)
    if first is None:  # it reads a text otherwise within its own tokens
        first, whole = 0, whole if ids == bare else ids
    else:
        whole[first : first + len(bare)] = ids
    # A tokenizer that closes a text with its end token would ask the model to go on after the end.
    if len(whole) > max(1, first + len(ids)) and whole[-1] == tokenizer.eos_token_id:
        whole.pop()
    return whole, first


def _typed(tokenizer: Any, text: str, ids: list[int], first: int) -> tuple[int, ...]:
    """The places of control tokens that the text names; what stands for a sign that the tokenizer does not know is none."""
    written = set(ids[first:])
    named = {token_id: name for name, token_id in control_names(tokenizer).items() if token_id in written and name in text}
    unknown = tokenizer.unk_token_id
    if unknown in named and ids[first:].count(unknown) != text.count(named[unknown]):
        del named[unknown]
    return tuple(place for place, token_id in enumerate(ids) if place >= first and token_id in named)


def _leading_special(tokenizer: Any) -> list[int]:
    """What the tokenizer puts before a text (usually a beginning-of-text token)."""
    bos = tokenizer.bos_token_id
    return [bos] if bos is not None and list(tokenizer("").input_ids)[:1] == [bos] else []


def _plain_bytes(speller: Speller, ids: list[int], typed: Sequence[int] = ()) -> bytes:
    words = enumerate(zip(speller.spell(ids), ids, strict=True))
    return b"".join(word for place, (word, token_id) in words if place in typed or not speller.is_special(token_id))


_BINARY = {
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "an archive",
    b"\x1f\x8b": "a compressed file",
    b"(\xb5/\xfd": "a compressed file",
    b"\x7fELF": "a program",
    b"GGUF": "a model",
}


def _binary_kind(data: bytes) -> str | None:
    """What a file is that holds no text, None where it may be text in some encoding."""
    known = next((kind for magic, kind in _BINARY.items() if data.startswith(magic)), None)
    if known in ("a PDF", "a model") and b"\0" not in data[:4096]:
        return None  # a text may begin with these letters
    if known is None and b"\0" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "a binary file"
    return known
