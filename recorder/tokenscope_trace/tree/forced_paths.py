"""Forced paths: branches that the user asks for, as ids. In: ForcedPaths and a tokenizer; knows no search."""

from __future__ import annotations

from collections.abc import Sequence

from tokenscope_trace.errors import PromptError
from tokenscope_trace.models.loading import LoadedModel
from tokenscope_trace.models.token_bytes import Speller
from tokenscope_trace.settings import AskedPlace, ForcedPath


def encode_forced(loaded: LoadedModel, prompt_length: int, paths: Sequence[ForcedPath]) -> list[list[AskedPlace]]:
    """The paths with ids for texts, and positions that count from the prompt's first token.

    Raises PromptError where the model has no such id, or its tokenizer does not spell the text byte for byte.
    """
    speller = Speller(loaded.tokenizer)
    return [
        [AskedPlace(prompt_length + place.position - 1, _ids(loaded, speller, place.what)) for place in path.places]
        for path in paths
    ]


def _ids(loaded: LoadedModel, speller: Speller, what: int | str | tuple[int, ...]) -> tuple[int, ...]:
    size = int(loaded.facts["vocab_size"])
    if not isinstance(what, str):
        wanted = (what,) if isinstance(what, int) else what
        if max(wanted) >= size:
            raise PromptError(f"the model has no token {max(wanted)}; its ids go from 0 to {size - 1}.")
        return wanted
    ids = tuple(loaded.tokenizer(what, add_special_tokens=False).input_ids)
    spelled = b"".join(map(speller.inside, ids))
    if spelled == b" " + what.encode():  # a tokenizer that puts a space before every text
        anchored = tuple(loaded.tokenizer("\n" + what, add_special_tokens=False).input_ids)
        line_break = tuple(loaded.tokenizer("\n", add_special_tokens=False).input_ids)
        if anchored[: len(line_break)] == line_break:
            ids = anchored[len(line_break) :]
            spelled = b"".join(map(speller.inside, ids))
    if not ids or spelled != what.encode():
        raise PromptError(f"the tokenizer does not spell {what!r} as it stands; force its tokens by id instead.")
    return ids
