"""The chat template of a tokenizer: messages as it writes them, and the tokens with which it ends a turn. Knows no prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from tokenscope_trace.errors import ModelError
from tokenscope_trace.models.control_tokens import control_names
from tokenscope_trace.text import shortened

Messages = Sequence[dict[str, str]]
_PART = re.compile(r"['\"]type['\"]: ['\"]text")  # a list of parts, written out by a template that wanted a text
_ANSWER = "Qansw3r"  # a word that no template writes itself


def rendered_chat(tokenizer: Any, messages: Messages, *, answer: bool = True) -> str:
    """What the template makes of the messages, ready for the assistant's `answer`. Where it refuses texts, or drops them, they are given as
    parts of type text, as templates of models that take pictures want them.

    Raises ModelError where the tokenizer has no template, or its template takes neither.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise ModelError(
            "this model's tokenizer has no chat template; leave out --chat, or choose an instruction-tuned model."
        )
    in_parts = [{**one, "content": [{"type": "text", "text": one["content"]}]} for one in messages]
    refusal: Exception | None = None
    for given in (list(messages), in_parts):
        try:
            rendered = tokenizer.apply_chat_template(given, tokenize=False, add_generation_prompt=answer)
        except Exception as error:
            refusal = refusal or error
            continue
        if (
            isinstance(rendered, str)
            and not _PART.search(rendered)
            and all(_is_in(one["content"], rendered) for one in messages)
        ):
            return rendered
    why = "it leaves one of them out" if refusal is None else _first_words(refusal)
    raise ModelError(f"the chat template refuses these messages: {why}.") from refusal


def message_places(tokenizer: Any, messages: Messages, rendered: str) -> list[tuple[int, int]]:
    """The bytes [start, end) of each message in what a template made of them; empty where they do not stand there as they were given."""
    marks = [f"\ue000{number}\ue001" for number in range(len(messages))]
    marked = [{**message, "content": mark} for message, mark in zip(messages, marks, strict=True)]
    try:
        rest = rendered_chat(tokenizer, marked)
    except ModelError:
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


def chat_names(tokenizer: Any) -> dict[str, int]:
    """The ids of the control tokens of a chat by their names, those that the template puts together among them."""
    system, *chat = ({"role": role, "content": "Hello"} for role in ("system", "user", "assistant", "user"))
    rendered = ""
    for messages in ([system, *chat], chat, chat[:1]):
        with suppress(ModelError):
            rendered += rendered_chat(tokenizer, messages)
    return control_names(tokenizer, rendered)


def turn_ends(tokenizer: Any) -> tuple[int, ...]:
    """The ids that end an answer, ascending: the tokenizer's own ends, and the first control token that the template writes behind one."""
    ends = {getattr(tokenizer, name, None) for name in ("eos_token_id", "eot_token_id")}
    question, answer = {"role": "user", "content": "Hello"}, {"role": "assistant", "content": _ANSWER}
    names = chat_names(tokenizer)
    for messages in ([question, answer], [question, answer, question]):
        try:
            written = re.split(_ANSWER, rendered_chat(tokenizer, messages, answer=False), flags=re.IGNORECASE)
        except ModelError:
            continue
        behind = written[-1].lstrip() if len(written) > 1 else ""
        found = max((name for name in names if behind.startswith(name)), key=len, default=None)
        if found is not None:
            ends.add(names[found])
            break
    return tuple(sorted(end for end in ends if isinstance(end, int)))


def _is_in(content: str, rendered: str) -> bool:
    """Whether a message is there, by most of its words: templates trim, and some write signs otherwise."""
    words, rendered = set(re.findall(r"\w{2,}", content.casefold())), rendered.casefold()
    return sum(word in rendered for word in words) * 2 >= len(words)


def _first_words(error: Exception) -> str:
    return shortened(" ".join(str(error).split()), 200).rstrip(".:") or type(error).__name__
