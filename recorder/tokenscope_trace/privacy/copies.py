"""Copies: where a text repeats another, bytes in, ranges of bytes out. Knows no trace.

A repetition is LENGTH bytes or more that stand in both, of which VARIED are different.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tokenscope_trace.languages.literals import Range

LENGTH = 8
VARIED = 4
_WORD = re.compile(rb"[\w+/=.@~-]+")


def words_with_digits(text: bytes) -> list[bytes]:
    """The words of LENGTH signs and more that hold a digit and a letter, as keys and numbers of contracts do and names seldom."""
    return [
        word
        for word in _WORD.findall(text)
        if len(word) >= LENGTH and re.search(rb"\d", word) and re.search(rb"[A-Za-z]", word)
    ]


class Copies:
    """Finds what repeats one of some texts: those that count `anywhere`, and those that do only `in_literals`."""

    def __init__(self, *, anywhere: Iterable[bytes], in_literals: Iterable[bytes]) -> None:
        self._anywhere = _pieces(anywhere)
        self._in_literals = _pieces(in_literals)

    def found_in(self, text: bytes, literals: Sequence[Range]) -> list[Range]:
        """The repetitions in a text, of which these ranges are literals."""
        found = list(_repeated(text, 0, len(text), self._anywhere)) if self._anywhere else []
        for start, end in literals:
            found += _repeated(text, start, end, self._in_literals)
        return found


def _pieces(texts: Iterable[bytes]) -> frozenset[bytes]:
    pieces = {text[i : i + LENGTH] for text in texts for i in range(len(text) - LENGTH + 1)}
    return frozenset(piece for piece in pieces if len(set(piece)) >= VARIED)


def _repeated(text: bytes, start: int, end: int, pieces: frozenset[bytes]) -> Iterator[Range]:
    for place in range(start, end - LENGTH + 1):
        if text[place : place + LENGTH] in pieces:
            yield place, place + LENGTH
