"""Loops: where a text begins to repeat itself, as a model's does that has lost its way. Bytes in, a place out; knows no syntax.

A loop is a cycle that lasts to the text's end. One that repeats as it stands is a loop when it is seen three times. Numbers may count in it
(`# print(f(1))`, `l[1] + l[2]`), and so may single letters in quotes; but ordinary code counts, too, for a while: that takes more rounds,
comments aside. Indentation is part of a line: closers that step back are no loop.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LEXEME = re.compile(rb"\s*\n[ \t]*|\w+|[ \t\r\f\v]+|[^\w\s]|[\x80-\xff]+")
_CUT_WORD = re.compile(rb"(?<=\W)\w+\Z")  # of which nobody knows how it ends
_DIGITS = re.compile(rb"\d+")
_QUOTES = (b"'", b'"')
_COMMENT = re.compile(rb"[ \t]*(#|//|--|/?\*|%|;|<!--|$)")
_ROUNDS = 3
_COUNTING, _SPELLING = 4, 6  # rounds of code in which only numbers, only letters in quotes change
_OF_LINES, _WITHIN_LINE = 6, 20  # lexemes that are no white space, in all rounds together
_SHORT, _RUN = (
    3,
    100,
)  # lexemes of a cycle that says little, `0, `; bytes of it in all: more than a ruled line or a list of zeros has


@dataclass(frozen=True)
class _Lexemes:
    """A text in pieces: as they are compared, and the byte where each begins."""

    text: bytes
    same: list[bytes]
    start: list[int]
    ended: int  # 1 where white space follows, which ends the last round

    def loop(self, rounds: int) -> int | None:
        """Where the second round of the shortest loop begins, of so many rounds, of a comment's _ROUNDS."""
        count = len(self.same)
        for size, equal in enumerate(_repeated(self.same[::-1]), start=1):
            if size * _ROUNDS > count + self.ended:
                return None
            seen = size + equal + self.ended
            if seen < size * _ROUNDS:
                continue
            first = count - size - equal
            if seen < size * rounds and not self._is_comment(first):
                continue
            if self._says_enough(first, size):
                return self.start[first + size]
        return None

    def _says_enough(self, first: int, size: int) -> bool:
        """Whether the loop from a lexeme on, of a cycle of `size`, is too long to be ordinary code."""
        cycle = [word for word in self.same[first : first + size] if word.strip()]
        total = sum(1 for word in self.same[first:] if word.strip())
        if len(cycle) <= _SHORT and not any(word[:1] in b"\r\n" for word in self.same[first : first + size]):
            return bool(cycle) and len(self.text) - self.start[first] >= _RUN
        if not any(word[0:1].isalnum() or word[0] >= 0x80 for word in cycle):
            return len(self.text) - self.start[first] >= _RUN
        lines = any(b"\n" in word for word in self.same[first : first + size])
        return total >= (_OF_LINES if lines else _WITHIN_LINE)

    def _is_comment(self, first: int) -> bool:
        begin = self.text.rfind(b"\n", 0, self.start[first]) + 1
        return all(_COMMENT.match(line) for line in self.text[begin:].split(b"\n"))


def repeats_from(text: bytes) -> int | None:
    """The byte where the second round of a loop begins that lasts to the text's end; None where there is none. Linear time."""
    run = _run(text.rstrip())
    ended = int(text[-1:].isspace())
    text = text.rstrip() if ended else _CUT_WORD.sub(b"", text)
    plain = [(found[0], found.start()) for found in _LEXEME.finditer(text)]
    words = [b"\n" + word.rsplit(b"\n", 1)[1] if b"\n" in word else word for word, _ in plain]
    counted = [_DIGITS.sub(b"0", word) for word in words]
    start = [place for _, place in plain]
    ways = ((words, _ROUNDS), (counted, _COUNTING), (_without_letters(counted), _SPELLING))
    found = [_Lexemes(text, same, start, ended).loop(rounds) for same, rounds in ways]
    return min((place for place in [*found, run] if place is not None), default=None)


def _without_letters(words: list[bytes]) -> list[bytes]:
    """The words, single ones in quotes as if they were one letter."""
    found = words[:]
    for place in range(1, len(words) - 1):
        if words[place - 1] in _QUOTES and words[place + 1] == words[place - 1] and len(words[place]) == 1:
            found[place] = b"a"
    return found


def _run(text: bytes) -> int | None:
    """The second of equal bytes in a row at the text's end, where these are very many."""
    length = len(text) - len(text.rstrip(text[-1:])) if text else 0
    return len(text) - length + 1 if length >= _RUN else None


def _repeated(words: list[bytes]) -> list[int]:
    """By size of a cycle, from 1: how many words, from the first on, are equal to those that stand `size` further. The Z function."""
    count = len(words)
    found = [0] * count
    left = right = 0
    for place in range(1, count):
        length = min(right - place, found[place - left]) if place < right else 0
        while place + length < count and words[length] == words[place + length]:
            length += 1
        found[place] = length
        if place + length > right:
            left, right = place, place + length
    return found[1:]
