"""The text of a prompt around what the model is to write, and the unit that it began. Ids in, bytes out; runs no model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from tokenscope_trace.analysis.units import PromptUnit
from tokenscope_trace.languages.language import Language
from tokenscope_trace.models.backend import Vocabulary
from tokenscope_trace.models.prompts import Prompt
from tokenscope_trace.settings import Until
from tokenscope_trace.tree.surroundings import Surroundings


def surroundings_of(vocabulary: Vocabulary, prompt: Prompt, language: Language | None, until: Until | None) -> Surroundings:
    """What the output and its branches stand in; `until` None is the function that a text breaks off in, of anything else the text."""
    words = [
        b"" if vocabulary.is_special(token) and place not in prompt.typed else word
        for place, (token, word) in enumerate(zip(prompt.ids, vocabulary.spell(prompt.ids), strict=True))
    ]
    before, behind = b"".join(words), b""
    if prompt.kind == "fim":
        parts = {one.role: b"".join(words[one.first : one.end]) for one in prompt.segments if one.role != "control"}
        before, behind = parts.get("prefix", b""), parts.get("suffix", b"")
    breaks = _breaks(vocabulary, prompt, words) if prompt.kind == "chat" else ()
    unit = PromptUnit(until or "text", prompt.source, language, prompt.kind == "chat", len(before), breaks)
    if until is None and prompt.kind == "text":
        unit = unit.resolved(before)

    def spell(token: int) -> bytes:
        return b"" if vocabulary.is_special(token) else vocabulary.inside(token)

    return Surroundings(unit, spell, before, behind)


def _breaks(vocabulary: Vocabulary, prompt: Prompt, words: Sequence[bytes]) -> tuple[int, ...]:
    """The bytes of a chat at which a message begins, or what its template puts between two: as `Trace.breaks` has them."""
    places = list(accumulate(map(len, words), initial=0))
    begins = {one.first for one in prompt.segments} | {len(words)}
    begins |= {place for place, token in enumerate(prompt.ids) if vocabulary.is_special(token)}
    return tuple(sorted({places[place] for place in begins if places[place]}))
