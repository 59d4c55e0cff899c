"""Fill-in-the-middle: rewrite a piece of text as prefix, suffix, middle."""

from __future__ import annotations

import random
import re

from tokenizer_training import FIM_MIDDLE, FIM_PREFIX, FIM_SUFFIX

_LINE_START = re.compile(r"(?<=\n)")


def segments(text: str, longest: int, rng: random.Random) -> list[str]:
    """Cut the text at line starts into pieces of random length, `longest` characters at most.

    A hole and its surroundings must fit into one training window, so long documents
    are cut first and every piece gets a hole of its own.
    """
    pieces: list[str] = []
    current: list[str] = []
    size, target = 0, rng.randint(longest // 6, longest)
    for line in _LINE_START.split(text):
        if current and size + len(line) > target:
            pieces.append("".join(current))
            current, size, target = [], 0, rng.randint(longest // 6, longest)
        current.append(line)
        size += len(line)
    pieces.append("".join(current))
    return [piece for piece in pieces if piece.strip()]


def cuts(text: str, rng: random.Random) -> tuple[int, int]:
    """Two positions: half of the time anywhere, else around one to six whole lines."""
    if rng.random() < 0.5:
        first, second = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        return first, second
    starts = [0] + [match.start() for match in _LINE_START.finditer(text)]
    index = rng.randrange(len(starts))
    last = min(index + rng.randint(1, 6), len(starts))
    end = len(text) if last == len(starts) else starts[last]
    if rng.random() < 0.5:  # leave the indentation before the hole and the line end after it
        line = text[starts[index] : end]
        body = line.strip()
        if body:
            begin = starts[index] + line.index(body)
            return begin, begin + len(body)
    return starts[index], end


def with_hole(text: str, rng: random.Random) -> str:
    """The text in prefix-suffix-middle order."""
    first, second = cuts(text, rng)
    prefix, middle, suffix = text[:first], text[first:second], text[second:]
    return f"{FIM_PREFIX}{prefix}{FIM_SUFFIX}{suffix}{FIM_MIDDLE}{middle}"
