"""Control tokens in texts: a text that only reads like one is text. A tokenizer and a text in, ids out.

A tokenizer takes `<|endoftext|>` for the token of that name wherever it stands, in a string of somebody's code, too. Here such a name is
spelled by its letters, either by the tokenizer's own switch, or, where that does not reach it (an added token that is not flagged as special, a
chat that has control tokens of its own), by a mark inside of the name whose tokens are taken out again. What comes out is compared byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tokenscope_trace.models.fim_tokens import KNOWN_NAMES
from tokenscope_trace.models.token_bytes import Speller

# Signs that no vocabulary has in a longer word: of private use, a noncharacter, a control sign.
_MARKS = ("\ue6a1", "\uf8f1", "\ufdd3", "\x1d")
_MARKER = re.compile(r"\S*[^\w\s]\S*")  # a token of a template that is a word or white space may stand in any text


def control_names(tokenizer: Any, rendered: str = "") -> dict[str, int]:
    """The ids of control tokens by their names: those that are flagged as special, and added ones that mark a hole, a file's end or a turn
    of the chat template, in its own words or in what it has `rendered`.
    """
    template = str(getattr(tokenizer, "chat_template", None) or "") + rendered
    names = {
        token.content: token_id
        for token_id, token in tokenizer.added_tokens_decoder.items()
        if token.special or token.content in KNOWN_NAMES or (_MARKER.fullmatch(token.content) and token.content in template)
    }
    for token_id in tokenizer.all_special_ids:
        name = tokenizer.convert_ids_to_tokens(token_id)
        if isinstance(name, str):
            names.setdefault(name, token_id)
    return {name: token_id for name, token_id in names.items() if name}


def literal_ids(tokenizer: Any, text: str, *, names: Mapping[str, int] | None = None) -> list[int]:
    """The ids of a text in which nothing is a control token (`names`: those of the tokenizer), without any around it.

    Where the tokenizer does not spell the text byte for byte at all, they are those of a reading without control tokens, if there is one.
    """
    names = control_names(tokenizer) if names is None else names
    usual = list(tokenizer(text, add_special_tokens=False).input_ids) if text else []
    if not holds_control(tokenizer, usual, text, names):
        return usual
    speller = Speller(tokenizer)
    split = list(tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids)
    readings = [
        ids for ids in (split, *_unmarked(tokenizer, speller, text, names)) if not holds_control(tokenizer, ids, text, names)
    ]
    exact = (ids for ids in readings if b"".join(speller.spell(ids)) == text.encode())
    return next(exact, (readings or [usual])[0])


def holds_control(tokenizer: Any, ids: Sequence[int], text: str, names: Mapping[str, int]) -> bool:
    """Whether a control token is among the ids of a text; one that only stands for signs that the tokenizer does not know is none."""
    found = set(names.values()).intersection(ids)
    unknown = tokenizer.unk_token_id
    return bool(found - {unknown}) or (unknown in found and tokenizer.unk_token in text)


def marked(text: str, names: Mapping[str, int], mark: str) -> str:
    """The text with a mark inside of each name that it holds."""
    wanted = sorted((name for name in names if len(name) > 1 and name in text), key=len, reverse=True)
    if not wanted:
        return text
    pattern = re.compile("|".join(map(re.escape, wanted)))
    while (broken := pattern.sub(lambda found: found[0][0] + mark + found[0][1:], text)) != text:  # names may overlap
        text = broken
    return text


def marks_for(text: str) -> Iterator[str]:
    """Signs that can be told from the text's own."""
    return (mark for mark in _MARKS if mark not in text)


def without_mark(speller: Speller, ids: Sequence[int], mark: str) -> list[int] | None:
    """The ids without those that spell the mark; None where its bytes are not in tokens of their own."""
    wanted, words = mark.encode(), speller.spell(ids)
    kept: list[int] = []
    place = 0
    while place < len(ids):
        end, spelled = place, b""
        while end < len(ids) and wanted.startswith(spelled + words[end]) and words[end]:
            spelled += words[end]
            end += 1
        if spelled == wanted:
            place = end
        elif wanted in words[place]:
            return None
        else:
            kept.append(ids[place])
            place += 1
    return None if wanted in b"".join(speller.spell(kept)) else kept


def _unmarked(tokenizer: Any, speller: Speller, text: str, names: Mapping[str, int]) -> Iterator[list[int]]:
    for mark in marks_for(text):
        ids = list(tokenizer(marked(text, names, mark), add_special_tokens=False).input_ids)
        found = without_mark(speller, ids, mark)
        if found is not None:
            yield found
