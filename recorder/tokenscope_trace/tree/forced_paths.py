"""Forced paths: branches that the user asks for, as ids. In: ForcedPaths and a vocabulary; knows no search."""

from __future__ import annotations

from collections.abc import Sequence

from tokenscope_trace.errors import PromptError
from tokenscope_trace.models.backend import Vocabulary
from tokenscope_trace.settings import FORCED_TOKENS, AskedPlace, ForcedPath

MOST_TOKENS = 100_000  # of all forced paths: what a trace's lists hold together is bounded


def encode_forced(vocabulary: Vocabulary, prompt_length: int, paths: Sequence[ForcedPath]) -> list[list[AskedPlace]]:
    """The paths with ids for texts, and positions that count from the prompt's first token.

    Raises PromptError where the model has no such id, or its tokenizer does not spell the text byte for byte.
    """
    asked = [
        [AskedPlace(prompt_length + place.position - 1, _ids(vocabulary, place.what)) for place in path.places]
        for path in paths
    ]
    if (count := sum(len(place.tokens) for path in asked for place in path)) > MOST_TOKENS:
        raise PromptError(f"the forced texts have {count:,} tokens in all; force at most {MOST_TOKENS:,}.")
    return asked


def _ids(vocabulary: Vocabulary, what: int | str | tuple[int, ...]) -> tuple[int, ...]:
    if not isinstance(what, str):
        wanted = (what,) if isinstance(what, int) else what
        if max(wanted) >= vocabulary.size:
            raise PromptError(f"the model has no token {max(wanted)}; its ids go from 0 to {vocabulary.size - 1}.")
        return wanted
    ids = tuple(vocabulary.ids_of(what))
    spelled = b"".join(map(vocabulary.inside, ids))
    if spelled == b" " + what.encode():  # a tokenizer that puts a space before every text
        anchored = tuple(vocabulary.ids_of("\n" + what))
        line_break = tuple(vocabulary.ids_of("\n"))
        if anchored[: len(line_break)] == line_break:
            ids = anchored[len(line_break) :]
            spelled = b"".join(map(vocabulary.inside, ids))
    if len(ids) > FORCED_TOKENS:
        raise PromptError(f"a forced text has {len(ids):,} tokens; force one of at most {FORCED_TOKENS:,}.")
    if not ids or spelled != what.encode():
        raise PromptError(f"the tokenizer does not spell {what!r} as it stands; force its tokens by id instead.")
    return ids
