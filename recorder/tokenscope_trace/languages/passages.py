"""Passages of code in a longer text, and the programs that stand in them. Bytes in, bytes out; knows no trace.

A passage need not stand in one piece: in a list or a quotation each of its lines has something before it that is no code. So bytes count in two
ways, in the passage's own text and in the text around it, and each can be had from the other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.languages.definitions import by_file, by_name
from tokenscope_trace.languages.fences import Fence, FencedLine, find_fences
from tokenscope_trace.languages.incomplete import can_parse
from tokenscope_trace.languages.language import Language
from tokenscope_trace.languages.units import Program

MARKDOWN = (".md", ".markdown")  # suffixes of files whose code stands in fences


@dataclass(frozen=True)
class CodePassage:
    """A passage of a text that is code, bytes [start, end) of it, in a language; in `pieces`, in order, where it is not all of that.
    `closed` says that nothing more can stand in it.
    """

    start: int
    end: int
    language: Language
    pieces: tuple[FencedLine, ...] = ()
    closed: bool = False

    def text(self, around: bytes) -> bytes:
        """Its own text, of the text around it."""
        if not self.pieces:
            return around[self.start : self.end]
        return b"".join(b" " * one.blanks + around[one.start : one.end] for one in self.pieces)

    @cached_property
    def _begins(self) -> list[int]:
        """Where its pieces begin in its own text."""
        found = [0]
        for one in self.pieces:
            found.append(found[-1] + one.blanks + one.end - one.start)
        return found

    def own(self, byte: int) -> int:
        """The byte of its own text that stands at one of the text around it; of what is no code before a line, that line's begin."""
        if not self.pieces or byte < self.start:
            return byte - self.start
        number = bisect_right(self._starts, byte) - 1
        one = self.pieces[number]
        if byte < one.end:
            return self._begins[number] + one.blanks + byte - one.start
        return self._begins[number + 1] + max(byte - self.end, 0)

    @cached_property
    def _starts(self) -> list[int]:
        return [one.start for one in self.pieces]

    def outer(self, byte: int) -> int:
        """The byte of the text around it at which something begins that begins at one of its own."""
        return int(self.outer_begins(np.array([byte]))[0])

    def outer_end(self, byte: int) -> int:
        """The byte of the text around it before which something ends that ends before one of its own."""
        return int(self.outer_ends(np.array([byte]))[0])

    def outer_begins(self, own: NDArray[np.int64]) -> NDArray[np.int64]:
        """`outer` of some bytes (N,)."""
        if not self.pieces:
            return own + self.start
        begins, starts, blanks, ends = self._columns
        number = np.clip(np.searchsorted(begins, own, side="right") - 1, 0, len(starts) - 1)
        within = np.maximum(own - begins[number] - blanks[number], 0)
        found: NDArray[np.int64] = np.minimum(starts[number] + within, ends[number])
        return found

    def outer_ends(self, own: NDArray[np.int64]) -> NDArray[np.int64]:
        """`outer_end` of some bytes (N,)."""
        if not self.pieces:
            return own + self.start
        begins = self._columns[0]
        at_begin = np.isin(own, begins[1:])
        found: NDArray[np.int64] = np.where(at_begin, self.outer_begins(own - 1) + 1, self.outer_begins(own))
        return found

    @cached_property
    def _columns(self) -> tuple[NDArray[np.int64], ...]:
        rows = np.array([(one.start, one.blanks, one.end) for one in self.pieces], dtype=np.int64).reshape(-1, 3)
        return np.array(self._begins[:-1], dtype=np.int64), rows[:, 0], rows[:, 1], rows[:, 2]


@dataclass(frozen=True)
class CodePiece:
    """The program that stands in a passage of a text, in which its bytes count in another way."""

    program: Program
    passage: CodePassage

    @property
    def start(self) -> int:
        """The byte of the text around it where it begins."""
        return self.passage.start

    @property
    def end(self) -> int:
        """The byte of the text around it where it ends."""
        return self.passage.end

    @cached_property
    def is_parsed(self) -> bool:
        """Whether parsing it takes no more work than is allowed: else nothing is known of it."""
        return can_parse(self.program.text, self.program.language)

    def holds(self, byte: int) -> bool:
        """Whether a byte of the text around it stands in it, or at its end."""
        return self.start <= byte <= self.end


def code_piece(around: bytes, passage: CodePassage, *, ended: bool, written: int) -> CodePiece:
    """The program in a passage; what was generated of the text around it ends at byte `written`, and that has `ended` there or not."""
    text = passage.text(around)
    own = min(max(passage.own(min(passage.end, written)), 0), len(text))
    return CodePiece(Program(text, passage.language, ended or passage.end < written, own), passage)


def code_passages(
    text: bytes, source: str, language: Language | None, *, conversation: bool = False, breaks: Sequence[int] = ()
) -> list[CodePassage]:
    """Where `text` is code: all of it, by the language that was asked for or by the file's suffix; or what stands between the
    fences of a Markdown file or of a conversation, each by its own language, else by the one that was asked for.

    Of a conversation each message is a document of its own: one begins at each of `breaks`, bytes of the text.
    """
    if conversation or source.lower().endswith(MARKDOWN):
        return list(_fenced(text, language, breaks))
    found = language or by_file(source)
    return [CodePassage(0, len(text), found)] if found is not None else []


def _fenced(text: bytes, language: Language | None, breaks: Sequence[int]) -> Iterator[CodePassage]:
    for fence in find_fences(text, breaks):
        own = by_name(fence.name) if fence.name else language
        if own is not None:
            yield _passage(fence, own)


def _passage(fence: Fence, language: Language) -> CodePassage:
    lines = fence.lines
    if not lines:
        return CodePassage(fence.start, fence.start, language, closed=fence.closed)
    whole = not any(one.blanks for one in lines) and all(one.end == two.start for one, two in pairwise(lines))
    return CodePassage(lines[0].start, lines[-1].end, language, () if whole else lines, fence.closed)
