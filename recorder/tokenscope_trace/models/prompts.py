"""Prompts: a file, stdin, a chat message, or a file with a hole, as token ids.

In: text and a tokenizer. Out: ids, and which of them are what. Knows no model; imports no torch.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from tokenscope_trace.errors import ModelError, PromptError
from tokenscope_trace.models.token_bytes import Speller
from tokenscope_trace.settings import DEFAULT_FIM_MARKER, PromptText
from tokenscope_trace.streams import standard_input


@dataclass(frozen=True)
class Segment:
    """A run of prompt tokens [first, end) with one role: text, prefix, suffix or control."""

    role: str
    first: int
    end: int


@dataclass(frozen=True)
class Prompt:
    """What the model reads. `exact` says whether the ids spell the text byte for byte.

    `extra_eos` are ids that end the output of this kind of prompt beside the model's own.
    """

    ids: list[int]
    kind: str
    source: str
    segments: tuple[Segment, ...]
    exact: bool
    extra_eos: tuple[int, ...] = ()


@dataclass(frozen=True)
class _FimTokens:
    """One family's spelling of fill-in-the-middle; `order` is the sequence in which prefix and suffix are given."""

    prefix: str
    suffix: str
    middle: str | None
    order: str = "prefix-suffix"


LONGEST_TEXT = 1 << 24  # of a text: a trace has at most so many tokens
_FIM_FAMILIES = (
    _FimTokens("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),  # Qwen coder, CodeGemma, the built-in model
    _FimTokens("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),  # StarCoder, Granite code
    _FimTokens("<fim-prefix>", "<fim-suffix>", "<fim-middle>"),  # SantaCoder
    _FimTokens("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),  # DeepSeek coder
    _FimTokens("▁<PRE>", "▁<SUF>", "▁<MID>"),  # Code Llama
    _FimTokens("<PRE>", "<SUF>", "<MID>"),
    _FimTokens("[PREFIX]", "[SUFFIX]", None, "suffix-prefix"),  # Codestral
)
_FILE_ENDS = (
    "<|endoftext|>",
    "<|fim_pad|>",
    "<|file_sep|>",
    "<|file_separator|>",
    "<|repo_name|>",
    "<fim_pad>",
    "<file_sep>",
    "<repo_name>",
    "<reponame>",
    "<filename>",
    "<EOT>",
    "▁<EOT>",
)


def read_text(path: str, what: str = "prompt") -> tuple[str, str]:
    """(text, name) of a UTF-8 file, or of stdin for `-`; line ends stay as they are. `what` it is stands in errors.

    Raises PromptError where it cannot be read, is not UTF-8, is empty, or has more than LONGEST_TEXT.
    """
    if path != "-" and Path(path).is_dir():
        raise PromptError(f"{path} is a folder; name a file.")
    name = "stdin" if path == "-" else path
    try:
        if path == "-":
            data = standard_input().read(LONGEST_TEXT + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(LONGEST_TEXT + 1)
    except OSError as error:
        raise PromptError(f"cannot read the {what} {name}: {error.strerror or error}.") from error
    if len(data) > LONGEST_TEXT:
        raise PromptError(f"the {what} {name} has more than {LONGEST_TEXT:,} bytes; name a shorter one.")
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
    """The ids of a prompt, by its kind. Raises PromptError and ModelError as the three functions below do."""
    if prompt.kind == "chat":
        return encode_chat(tokenizer, prompt.text, prompt.source, system=prompt.system)
    if prompt.kind == "fim":
        return encode_fim(tokenizer, prompt.text, prompt.source, marker=prompt.marker)
    return encode_text(tokenizer, prompt.text, prompt.source)


def encode_text(tokenizer: Any, text: str, source: str = "-") -> Prompt:
    """The plain prompt, with the special tokens that the tokenizer itself puts around a text."""
    ids = list(tokenizer(text).input_ids)
    if not ids:
        raise PromptError(f"the tokenizer makes no token of the prompt {source}; write something it can read.")
    # A tokenizer that closes a text with its end token would ask the model to go on after the end.
    if len(ids) > 1 and ids[-1] == tokenizer.eos_token_id and not text.endswith(tokenizer.eos_token):
        ids.pop()
    exact = _plain_bytes(Speller(tokenizer), ids) == text.encode()
    return Prompt(ids, "text", source, (Segment("text", 0, len(ids)),), exact)


def encode_chat(tokenizer: Any, text: str, source: str = "-", *, system: str | None = None) -> Prompt:
    """The text as a user's message in the tokenizer's own chat template, ready for the assistant's answer.

    Raises ModelError where the tokenizer has no template, or its template refuses the messages.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise ModelError(
            "this model's tokenizer has no chat template; leave out --chat, or choose an instruction-tuned model."
        )
    messages = [{"role": "user", "content": text}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    try:
        rendered = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except Exception as error:
        raise ModelError(
            f"the chat template refuses these messages: {str(error).strip() or type(error).__name__}."
        ) from error
    ids = list(tokenizer(rendered, add_special_tokens=False).input_ids)
    speller = Speller(tokenizer)
    places = _message_places(tokenizer, messages, rendered)
    segments = _segments(speller.spell(ids), rendered, places) or (Segment("text", 0, len(ids)),)
    return Prompt(ids, "chat", source, segments, text.encode() in _plain_bytes(speller, ids))


def _message_places(tokenizer: Any, messages: Sequence[dict[str, str]], rendered: str) -> list[tuple[int, int]]:
    """The bytes [start, end) of each message in what a template made of them; empty where they do not stand there as they were given."""
    marks = [f"\ue000{number}\ue001" for number in range(len(messages))]
    marked = [{**message, "content": mark} for message, mark in zip(messages, marks, strict=True)]
    try:
        rest = tokenizer.apply_chat_template(marked, tokenize=False, add_generation_prompt=True)
    except Exception:  # a template is a program of somebody else's
        return []
    around: list[str] = []
    for mark in marks:
        before, found, rest = rest.partition(mark)
        if not found:
            return []
        around.append(before)
    for contents in ([one["content"] for one in messages], [one["content"].strip() for one in messages]):
        if "".join(part + content for part, content in zip(around, contents, strict=True)) + rest == rendered:
            at, places = 0, []
            for part, content in zip(around, contents, strict=True):
                start = at + len(part.encode())
                at = start + len(content.encode())
                places.append((start, at))
            return places
    return []


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


def encode_fim(tokenizer: Any, text: str, source: str = "-", *, marker: str = DEFAULT_FIM_MARKER) -> Prompt:
    """The text around `marker` as a fill-in-the-middle prompt, by the tokenizer's own tokens.

    Raises PromptError where the marker does not stand in the text exactly once, ModelError where the tokenizer has no
    fill-in-the-middle tokens that are known.
    """
    before, after = split_at_marker(text, source, marker)
    vocabulary = tokenizer.get_vocab()
    family = next((f for f in _FIM_FAMILIES if {f.prefix, f.suffix, *filter(None, [f.middle])} <= vocabulary.keys()), None)
    if family is None:
        raise ModelError(
            "this model's tokenizer has no fill-in-the-middle tokens; leave out --fim, or choose another model."
        )
    parts = {
        "prefix": (vocabulary[family.prefix], _encode_part(tokenizer, before)),
        "suffix": (vocabulary[family.suffix], _encode_part(tokenizer, after)),
    }
    ids = _leading_special(tokenizer)
    segments: list[Segment] = [Segment("control", 0, len(ids))] if ids else []
    for role in family.order.split("-"):
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
    ends = {vocabulary[end] for end in _FILE_ENDS if end in vocabulary}
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


def check_length(prompt: Prompt, context: int | None) -> None:
    """Raises PromptError where the prompt leaves no room for one new token."""
    if context is not None and len(prompt.ids) >= context:
        raise PromptError(
            f"the prompt has {len(prompt.ids):,} tokens and the model reads at most {context:,}, the output included; "
            f"shorten it by at least {len(prompt.ids) - context + 1:,}."
        )


def _encode_part(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False).input_ids) if text else []


def _leading_special(tokenizer: Any) -> list[int]:
    """What the tokenizer puts before a text (usually a beginning-of-text token)."""
    bos = tokenizer.bos_token_id
    return [bos] if bos is not None and list(tokenizer("").input_ids)[:1] == [bos] else []


def _plain_bytes(speller: Speller, ids: list[int]) -> bytes:
    return b"".join(word for word, token_id in zip(speller.spell(ids), ids, strict=True) if not speller.is_special(token_id))
