"""Pairs of texts, one of each recording, aligned by lines, their tokens by bytes. Two Traces in, arrays and plain data out; words nothing.

What stands in both is what lies in lines that are equal in both, byte by byte; only there can numbers be compared. Work and memory grow
with the texts, and that of the alignment is bounded.

Axis letters: L lines of a text, T its tokens that have bytes, S spans that are asked about, R rows of lines beside each other.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.alignment import WORK, align
from tokenscope_trace.traces.syntax import aggregate
from tokenscope_trace.traces.texts import Text
from tokenscope_trace.traces.trace import Trace

_Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


class LineRows(NamedTuple):
    """Lines beside each other, from 0, -1 where one side has none, and whether both are the same. Columns (R,)."""

    a: Places
    b: Places
    same: NDArray[np.bool_]


class SharedSpans(NamedTuple):
    """Spans of A whose bytes stand in B, too: where, and their surprisal in each, bits, NaN where nothing is measured. Columns (S,)."""

    start: Places
    end: Places
    other: Places  # where they begin in B
    before: _Numbers
    after: _Numbers


class ComparedText:
    """One text of a trace: its bytes, lines and tokens."""

    def __init__(self, text: Text) -> None:
        self.trace: Trace = text.trace
        self.text, self.bytes = text, text.bytes
        self._breaks: Places = np.flatnonzero(np.frombuffer(self.bytes, np.uint8) == 10).astype(np.int64)
        ends = np.unique(np.append(self._breaks + 1, len(self.bytes)))
        self.line_ends: Places = ends[ends > 0]  # (L,), with their breaks
        self.line_starts: Places = np.concatenate([np.zeros(1, np.int64), self.line_ends])[: len(self.line_ends)]

    @cached_property
    def lines(self) -> list[bytes]:
        """The lines without their breaks."""
        return [
            self.bytes[start:end].rstrip(b"\r\n")
            for start, end in zip(self.line_starts.tolist(), self.line_ends.tolist(), strict=True)
        ]

    def line_at(self, byte: int) -> int:
        """The line of a byte, from 0."""
        return int(np.searchsorted(self._breaks, byte))

    def token_at(self, byte: int) -> int:
        """The node whose token holds a byte, -1 for none."""
        nodes, _ = self.text.places.within(byte, byte + 1)
        return int(nodes[0]) if len(nodes) else -1

    def bits(self, start: int, end: int) -> float:
        """The surprisal of bytes [start, end), bits; NaN where nothing is measured."""
        nodes, shares = self.text.places.within(start, end)
        return aggregate(self.trace.nodes.surprisal[nodes], shares).sum

    @cached_property
    def token_starts(self) -> Places:
        """Where each token begins, (T,); they follow each other without a gap."""
        return self.text.places.start[self._spelled]

    @cached_property
    def token_ends(self) -> Places:
        """Where each token ends, (T,)."""
        return self.text.places.end[self._spelled]

    @cached_property
    def _spelled(self) -> NDArray[np.bool_]:
        return self.text.places.end > self.text.places.start

    @cached_property
    def _sums(self) -> tuple[_Numbers, _Numbers, Places]:
        """(surprisal of each token, 0 where not measured, (T,); the sum of those before it, (T + 1,); how many are measured, (T + 1,))."""
        surprisal = self.trace.nodes.surprisal[self.text.places.nodes[self._spelled]].astype(np.float64)
        measured = ~np.isnan(surprisal)
        known = np.where(measured, surprisal, 0.0)
        return known, np.concatenate([[0.0], np.cumsum(known)]), np.concatenate([[0], np.cumsum(measured)])

    def all_bits(self, start: Places, end: Places) -> _Numbers:
        """The surprisals of many spans, (S,), but for the last digits what `bits` says of each."""
        _, _, counts = self._sums
        first = np.searchsorted(self.token_ends, start, side="right")
        last = np.maximum(np.searchsorted(self.token_starts, end, side="left"), first)
        found = self._before(end) - self._before(start)
        return np.where((counts[last] > counts[first]) & (end > start), found, np.nan)

    def _before(self, byte: Places) -> _Numbers:
        """The surprisal of all that stands before each of some bytes, (S,)."""
        known, sums, _ = self._sums
        if not len(known):
            return np.zeros(len(byte))
        token = np.searchsorted(self.token_ends, byte, side="right")
        inside = np.minimum(token, len(known) - 1)
        start, size = self.token_starts[inside], (self.token_ends - self.token_starts)[inside]
        share = np.where(token < len(known), (byte - start) / size, 0.0)
        return sums[token] + known[inside] * share


class AlignedTexts:
    """Two texts, aligned by lines, within so much work of comparing them."""

    def __init__(self, a: Text, b: Text, work: int = WORK) -> None:
        self.source = a.source
        self.a, self.b = ComparedText(a), ComparedText(b)
        self.alignment = align(self.a.lines, self.b.lines, work)

    @property
    def is_equal(self) -> bool:
        """Whether both are the same text."""
        return self.a.bytes == self.b.bytes

    @cached_property
    def parts(self) -> int:
        """The first byte in which they differ; the end of the shorter one where that is how the other begins."""
        return first_difference(self.a.bytes, self.b.bytes)

    def changed_line(self, line: int, letter: str) -> int | None:
        """Of a line of A or B, from 0, that is written otherwise in the other, that line; None for any other line."""
        is_a, blocks = letter == "A", self.alignment.blocks
        place = bisect_right(blocks, line, key=lambda block: block.a1 if is_a else block.b1) - 1
        if place < 0 or blocks[place].kind != "replace":
            return None
        _, a1, a2, b1, b2 = blocks[place]
        first, end, other, stop = (a1, a2, b1, b2) if is_a else (b1, b2, a1, a2)
        found = other + line - first
        return found if line < end and found < stop else None

    @cached_property
    def rows(self) -> LineRows:
        """All lines of both beside each other; of a block that differs the first with the first, and so on."""
        parts = []
        for kind, a1, a2, b1, b2 in self.alignment.blocks:
            row = np.arange(max(a2 - a1, b2 - b1))
            one, two = (np.where(row < end - first, first + row, -1) for first, end in ((a1, a2), (b1, b2)))
            parts.append((one, two, np.full(len(row), kind == "equal")))
        none = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, bool))
        a, b, same = (np.concatenate(column) for column in zip(none, *parts, strict=True))
        return LineRows(a, b, same)

    def row_changes(self) -> _Numbers:
        """How much more surprising each row's line is in B, bits, (R,); NaN where the lines differ or nothing is measured."""
        found = np.full(len(self.rows.a), np.nan)
        one, two = self.rows.a[self.rows.same], self.rows.b[self.rows.same]
        found[self.rows.same] = self.b.all_bits(self.b.line_starts[two], self.b.line_ends[two]) - self.a.all_bits(
            self.a.line_starts[one], self.a.line_ends[one]
        )
        return found

    def shared(self, start: Places, end: Places) -> SharedSpans:
        """Of spans of A, (S,), those whose bytes lie in equal lines and are the same in B."""
        first, last, shift = self._equal_stretches
        if not len(first):
            nothing = np.zeros(0, np.int64)
            return SharedSpans(nothing, nothing, nothing, nothing.astype(np.float64), nothing.astype(np.float64))
        place = np.maximum(np.searchsorted(first, start, side="right") - 1, 0)
        inside = (start >= first[place]) & (end <= last[place]) & (end > start)
        start, end, shift = start[inside], end[inside], shift[place[inside]]
        alike = self._unlike[end] == self._unlike[start]
        start, end, other = start[alike], end[alike], (start + shift)[alike]
        return SharedSpans(start, end, other, self.a.all_bits(start, end), self.b.all_bits(other, other + end - start))

    @cached_property
    def _equal_stretches(self) -> tuple[Places, Places, Places]:
        """(first byte, byte behind it, how far it stands from there in B) of what is equal, ascending: equal lines that follow each other
        in both, one stretch for as long as the distance stays, which other line breaks change.
        """
        one, two = self.rows.a[self.rows.same], self.rows.b[self.rows.same]
        start, end = self.a.line_starts[one], self.a.line_ends[one]
        shift = self.b.line_starts[two] - start
        begins = np.ones(len(one), dtype=bool)
        begins[1:] = (start[1:] != end[:-1]) | (shift[1:] != shift[:-1])
        firsts = np.flatnonzero(begins)
        lasts = np.append(firsts[1:], len(one)) - 1 if len(firsts) else firsts
        return start[firsts], end[lasts], shift[firsts]

    @cached_property
    def _unlike(self) -> Places:
        """How many bytes before each byte of A are others in B, or lie in no equal stretch."""
        unlike = np.ones(len(self.a.bytes), dtype=bool)
        one, two = (np.frombuffer(side.bytes, np.uint8) for side in (self.a, self.b))
        for first, last, shift in zip(*(column.tolist() for column in self._equal_stretches), strict=True):
            there = two[first + shift : last + shift]
            unlike[first : first + len(there)] = one[first : first + len(there)] != there
        return np.concatenate([[0], np.cumsum(unlike)]).astype(np.int64)


def first_difference(a: bytes, b: bytes) -> int:
    """The first byte in which two texts differ, or the length of the shorter one."""
    size = min(len(a), len(b))
    unlike = np.frombuffer(a, np.uint8, size) != np.frombuffer(b, np.uint8, size)
    return int(np.argmax(unlike)) if unlike.any() else size
