"""Copies: where a text repeats another, bytes in, ranges of bytes out. Knows no trace.

What is found is the word around it: a part of a name is left of nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tokenscope_trace.languages.byte_ranges import Range, joined_ranges, ranges_between
from tokenscope_trace.privacy.anonymize import LEFT_OUT
from tokenscope_trace.privacy.likeness import FIGURES, SHORTEST_KEY, WORD, Grams, folded, key

LENGTH = 8  # bytes in a row, in no case, that repeat any text
VARIED = 4  # of which so many are different
REACH = 64  # bytes that are looked at around what is asked for
_QUOTED = re.compile(rb"\"[^\"\n]+\"?|'[^'\n]+'?|`[^`\n]+`?")
_WORD_AROUND = re.compile(rb"[\w+/=.@~\x80-\xff-]")
_MARKS = re.compile(r"""^[\s#/*;<!-]*[a-z]{0,2}["'`]+|["'`]+$|^[\s#/*;<!-]+|[\s*/>-]+$""")


def words_with_digits(text: bytes) -> list[bytes]:
    """The words of LENGTH signs and more that hold a digit and a letter, as keys and numbers of contracts do and names seldom."""
    return [
        word
        for word in WORD.findall(text)
        if len(word) >= LENGTH and re.search(rb"\d", word) and re.search(rb"[A-Za-z]", word)
    ]


def content(literal: bytes) -> str:
    """What a string, a comment or a number says, in no case and without the signs around it."""
    return _MARKS.sub("", _MARKS.sub("", folded(literal).strip())).strip()


def quoted(text: bytes, start: int, end: int) -> list[Range]:
    """What stands between two quotation marks of a line in [start, end) of a text of no known language."""
    return [match.span() for match in _QUOTED.finditer(text, start, end)]


class Copies:
    """Finds what repeats hidden text: `runs` as they read, `literals` of them, and what the `visible` code says anyway."""

    def __init__(self, runs: Sequence[bytes], literals: Sequence[bytes], visible: Iterable[bytes]) -> None:
        self._anywhere = _pieces(word for run in runs for word in words_with_digits(run))
        self._in_literals = _pieces(runs)
        self._parts = Grams(literals, named=True).without(Grams(visible, named=True))
        self._wholes = {whole for literal in literals if len(whole := content(literal)) >= SHORTEST_KEY}
        self.any = bool(self._anywhere or self._in_literals or self._wholes)

    def found_in(self, text: bytes, literals: Sequence[Range] | None, begin: int = 0, end: int | None = None) -> list[Range]:
        """The words of a text, at bytes [begin, end) or beside them, that repeat something; these ranges of it are literals,
        None where that is not known: then what stands between two quotation marks of a line is one.
        """
        end = len(text) if end is None else end
        if not self.any or begin >= end:
            return []
        first, last = _around(text, max(0, begin - REACH), min(len(text), end + REACH))
        found = [_around(text, *hit) for hit in _repeated(text, first, last, self._anywhere)]
        if literals is None:
            literals = quoted(text, first, last)
        inside = [
            (max(one, first), min(two, last), one >= first and two <= last)
            for one, two in literals
            if one < last and two > first
        ]
        code = ranges_between([(one, two) for one, two, _ in inside], first, last)
        for one, two, whole in inside:
            found += [_around(text, *hit) for hit in _repeated(text, one, two, self._in_literals)]
            found += [word.span() for word in WORD.finditer(text, one, two) if self._repeats(word[0])]
            if whole and content(text[one:two]) in self._wholes:
                found.append((one, two))
        for one, two in code:
            found += [number.span() for number in FIGURES.finditer(text, one, two) if self._repeats(number[0])]
        return found

    def left_out(self, sentence: str) -> str:
        """A sentence or a name with `…` in place of words that count anywhere."""
        if not self._anywhere:
            return sentence
        text = sentence.encode("utf-8", "surrogatepass")
        hits = joined_ranges(_around(text, *hit) for hit in _repeated(text, 0, len(text), self._anywhere))
        for start, end in reversed(hits):
            text = text[:start] + LEFT_OUT.encode() + text[end:]
        return text.decode("utf-8", "surrogatepass") if hits else sentence

    def _repeats(self, word: bytes) -> bool:
        name = key(word)
        return self._parts.share(name) or content(word) in self._wholes or name in self._wholes


def _pieces(texts: Iterable[bytes]) -> frozenset[bytes]:
    pieces = {low[i : i + LENGTH] for text in texts for low in [text.lower()] for i in range(len(low) - LENGTH + 1)}
    return frozenset(piece for piece in pieces if len(set(piece)) >= VARIED)


def _repeated(text: bytes, start: int, end: int, pieces: frozenset[bytes]) -> Iterator[Range]:
    """What is put together from pieces, no two ranges of which touch: text that repeats at every byte is one of them."""
    low = text[start:end].lower() if pieces else b""
    first = last = -1
    for place in range(len(low) - LENGTH + 1):
        if low[place : place + LENGTH] not in pieces:
            continue
        if place > last:
            if last >= 0:
                yield start + first, start + last
            first = place
        last = place + LENGTH
    if last >= 0:
        yield start + first, start + last


def _around(text: bytes, start: int, end: int) -> Range:
    """A range with the rest of the words that it begins and ends in; of words longer than REACH, so much."""
    least, most = max(0, start - REACH), min(len(text), end + REACH)
    while start > least and _WORD_AROUND.match(text, start - 1) and _WORD_AROUND.match(text, start):
        start -= 1
    while end < most and _WORD_AROUND.match(text, end) and _WORD_AROUND.match(text, end - 1):
        end += 1
    return start, end
