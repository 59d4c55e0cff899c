"""Bounded parsing: the tree of a text by tree-sitter, or none where that would take too much work. Bytes and a language in, a tree out.

A parser looks at most texts a few times. Some grammars look at a long run again from each of its bytes, as Python's at lines that end with
a backslash: work that grows with the square of the text. The parser reads its text in pieces, and how often it does is bounded, by the
length of the text; so are the length itself, and how many brackets are open at once, for each of which tree-sitter may call a function of
its own within the last one: a hundred thousand end the process. All are work and no time: what is parsed is the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tree_sitter

from tokenscope_trace.languages.language import Language, grammar

MAX_PARSED = 4 << 20  # bytes; a tree takes some fifty times that
_PIECE = 256  # bytes
_READ = 64  # of which one reading of it looks at so many, as a rule
_READS = 100_000  # a thousand commented lines in a function take 70,000
_READS_OF_PIECE = 64  # ordinary code takes 2 to 8
_OPEN = 10_000  # brackets
_STEPS = np.zeros(256, np.int32)
_STEPS[np.frombuffer(b"([{", np.uint8)], _STEPS[np.frombuffer(b")]}", np.uint8)] = 1, -1


@dataclass
class ReadingWork:
    """How many bytes may be looked at still, over several texts."""

    left: int


def bounded_tree(
    text: bytes, language: Language, old: tree_sitter.Tree | None = None, *, work: ReadingWork | None = None
) -> tree_sitter.Tree | None:
    """The tree of a text; None where it is longer than MAX_PARSED, nests too deep, or is read too often. `old` is that of a similar
    text, edited; of `work` is taken what was read of it.
    """
    if len(text) > MAX_PARSED or _open_brackets(text) > _OPEN:
        return None
    allowed, reads = _READS + _READS_OF_PIECE * (len(text) // _PIECE), 0

    def read(start: int, _point: object) -> bytes:
        nonlocal reads
        reads += 1
        return text[start : start + _PIECE] if reads <= allowed else b""

    def is_over(_at: int, _wrong: bool) -> bool:
        return reads > allowed

    parser = tree_sitter.Parser(grammar(language))
    try:
        tree = (
            parser.parse(read, progress_callback=is_over)
            if old is None
            else parser.parse(read, old, progress_callback=is_over)
        )
    except ValueError:  # the callback said that it is enough
        return None
    finally:
        if work is not None:
            work.left -= reads * _READ
    return tree if reads <= allowed else None


def _open_brackets(text: bytes) -> int:
    """How many brackets are open at once, wherever they stand; of a text that is too short for many, none."""
    if len(text) <= _OPEN:
        return 0
    depth = np.cumsum(_STEPS[np.frombuffer(text, np.uint8)])
    return int((depth - np.minimum.accumulate(np.minimum(depth, 0))).max())
