"""Fill-in-the-middle: where documents are cut into pieces, and where the hole of a piece is."""

from __future__ import annotations

import math
import random
import re

_LINE_START = re.compile(r"(?<=\n)")
LONGEST_SPAN = 300  # characters


def segments(text: str, longest: int, rng: random.Random) -> list[str]:
    """Cut the text at line starts into pieces of random length, about `longest` characters at most.

    A hole and its surroundings must fit into one training window, so long documents
    are cut first and every piece gets a hole of its own.
    """
    pieces: list[str] = []
    current: list[str] = []
    size, target = 0, rng.randint(longest // 8, longest)
    for line in _LINE_START.split(text):
        if current and size + len(line) > target:
            pieces.append("".join(current))
            current, size, target = [], 0, rng.randint(longest // 8, longest)
        current.append(line)
        size += len(line)
    pieces.append("".join(current))
    return [piece for piece in pieces if piece.strip()]


def _lines(text: str, most: int, rng: random.Random) -> tuple[int, int]:
    """One to `most` whole lines, line ends included."""
    starts = [0, *(match.start() for match in _LINE_START.finditer(text))]
    if starts[-1] == len(text) and len(starts) > 1:
        starts.pop()
    index = rng.randrange(len(starts))
    last = index + rng.randint(1, most)
    return starts[index], starts[last] if last < len(starts) else len(text)


def _inside(text: str, first: int, second: int) -> tuple[int, int]:
    """The span without the white space at its ends, where anything is left."""
    body = text[first:second].strip()
    if not body:
        return first, second
    begin = text.index(body, first)
    return begin, begin + len(body)


def hole(text: str, rng: random.Random) -> tuple[int, int]:
    """(start, end) of a hole, of the kinds that people cut out while they write code.

    Some lines but for the indentation before and the line end after them; whole lines;
    a part of one line; anything, with short spans as likely as long ones.
    """
    kind = rng.random()
    if kind < 0.4:
        return _inside(text, *_lines(text, 3, rng))
    if kind < 0.6:
        return _lines(text, 6, rng)
    if kind < 0.8:
        first, second = _inside(text, *_lines(text, 1, rng))
        begin = rng.randint(first, second)
        return begin, second if rng.random() < 0.5 else rng.randint(begin, second)
    length = int(math.exp(rng.uniform(0.0, math.log(LONGEST_SPAN))))
    begin = rng.randint(0, len(text))
    return begin, min(begin + length, len(text))
