"""The small diffs between what was written and what branches wrote instead: lines as text, few of them. A Trace in, plain data out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tokenscope_trace.alignment import WORK, Alignment, align, hunks
from tokenscope_trace.reports.decision_entries import DiffLine
from tokenscope_trace.text import shortened, visible_text
from tokenscope_trace.traces.schema import Scope
from tokenscope_trace.traces.trace import Trace

DIFF_LINES = 12
DIFF_WIDTH = 200
# What is looked at of code that a stranger's recording may make as large as it likes; ordinary code stays far below.
_BYTES, _LINES = 100_000, 1000  # of each side
_ALL_BYTES = 8_000_000  # of each side, of all branches together
_GAP = DiffLine(" ", "…")


class SmallDiffs:
    """Those of one trace's branches, each made once. All that are options of a decision share what is looked at, and the work."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        branches = len(np.unique(trace.decision_options.branch[trace.decision_options.branch >= 0])) or 1
        self._bytes, self._work = min(_BYTES, _ALL_BYTES // branches), WORK // branches
        self._made: dict[int, tuple[tuple[DiffLine, ...], int]] = {}

    def of_branch(self, branch: int) -> tuple[tuple[DiffLine, ...], int]:
        """(the lines that differ, each with one line around it, how many more there are). Where a text is too long, it is compared up to
        what the two have in common last, and a line of dots says that it goes on.
        """
        if branch not in self._made:
            self._made[branch] = self._of_branch(branch)
        return self._made[branch]

    def _of_branch(self, branch: int) -> tuple[tuple[DiffLine, ...], int]:
        main, written, outcomes = self._trace.programs.main, self._trace.programs.of_branch(branch), self._trace.outcomes
        compared = len(outcomes) > 0 and outcomes.scope[branch] != Scope.NONE
        if compared:
            start = int(outcomes.start[branch])
            ends = int(outcomes.main_end[branch]), int(outcomes.branch_end[branch])
        else:
            start = written.fork
            ends = main.written, min(written.own_end, written.written)
        start = main.text.rfind(b"\n", 0, start) + 1
        (before, cut), (after, other_cut) = (
            _lines(text, start, end, self._bytes) for text, end in zip((main.text, written.text), ends, strict=True)
        )
        if not compared:
            before = before[: len(after)]
        found = align(before, after, self._work)
        is_cut = cut or other_cut
        lines = _trimmed(list(_small_diff(before, after, _known(found) if is_cut else found)))
        lines += [_GAP] * is_cut
        return tuple(lines[:DIFF_LINES]), max(0, len(lines) - DIFF_LINES)


def _known(found: Alignment) -> Alignment:
    """Without what stands behind the last lines in common: who knows how it goes on."""
    equal = [place for place, block in enumerate(found.blocks) if block.kind == "equal"]
    return Alignment(found.blocks[: equal[-1] + 1]) if equal else found


def _lines(text: bytes, start: int, end: int, most: int) -> tuple[list[str], bool]:
    """(the lines of bytes [start, end), the last one whole, but for what is behind so many bytes; whether there is any of that)."""
    stop = text.find(b"\n", end)
    stop = stop if stop >= 0 and not text[max(start, end - 1) : end].endswith(b"\n") else end
    lines = visible_text(text[start : min(stop, start + most)]).splitlines()
    return [shortened(line, DIFF_WIDTH) for line in lines[:_LINES]], stop > start + most or len(lines) > _LINES


def _small_diff(before: Sequence[str], after: Sequence[str], found: Alignment) -> Iterator[DiffLine]:
    for number, hunk in enumerate(hunks(found.blocks, 1)):
        if number:
            yield _GAP
        for kind, a1, a2, b1, b2 in hunk:
            if kind == "equal":
                yield from (DiffLine(" ", line) for line in before[a1:a2])
            else:
                yield from (DiffLine("-", line) for line in before[a1:a2])
                yield from (DiffLine("+", line) for line in after[b1:b2])


def _trimmed(lines: list[DiffLine]) -> list[DiffLine]:
    """Without blank lines around it that are in both."""
    kept = [place for place, line in enumerate(lines) if line.sign != " " or line.text.strip()]
    return lines[kept[0] : kept[-1] + 1] if kept else []
