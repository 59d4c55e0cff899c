"""The small diff between what was written and what a branch wrote instead: lines as text, few of them. Bytes in, plain data out. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from tokenscope_trace.reports.decision_entries import DiffLine
from tokenscope_trace.text import shortened, visible_text
from tokenscope_trace.traces.schema import Scope
from tokenscope_trace.traces.trace import Trace

DIFF_LINES = 12
DIFF_WIDTH = 200
# What is looked at of code that a stranger's recording may make as large as it likes; ordinary code stays far below.
_BYTES, _LINES = 100_000, 1000  # of each side


def branch_diff(trace: Trace, branch: int) -> tuple[tuple[DiffLine, ...], int]:
    """(the lines that differ, each with one line around it, how many more there are)."""
    main, written, outcomes = trace.programs.main, trace.programs.of_branch(branch), trace.outcomes
    compared = len(outcomes) > 0 and outcomes.scope[branch] != Scope.NONE
    if compared:
        start = int(outcomes.start[branch])
        ends = int(outcomes.main_end[branch]), int(outcomes.branch_end[branch])
    else:
        start = written.fork
        ends = main.written, min(written.own_end, written.written)
    start = main.text.rfind(b"\n", 0, start) + 1
    before, after = (_lines(text, start, end) for text, end in zip((main.text, written.text), ends, strict=True))
    if not compared:
        before = before[: len(after)]
    lines = _trimmed(list(_small_diff(before, after)))
    return tuple(lines[:DIFF_LINES]), max(0, len(lines) - DIFF_LINES)


def _lines(text: bytes, start: int, end: int) -> list[str]:
    """The lines of bytes [start, end), the last one whole."""
    stop = text.find(b"\n", end)
    stop = stop if stop >= 0 and not text[start:end].endswith(b"\n") else end
    content = text[start : min(stop, start + _BYTES)]
    return [shortened(line, DIFF_WIDTH) for line in visible_text(content).splitlines()[:_LINES]]


def _small_diff(before: Sequence[str], after: Sequence[str]) -> Iterator[DiffLine]:
    for number, line in enumerate(list(difflib.unified_diff(before, after, n=1, lineterm=""))[2:]):
        if not line.startswith("@@"):
            yield DiffLine(line[0], line[1:])
        elif number:
            yield DiffLine(" ", "…")


def _trimmed(lines: list[DiffLine]) -> list[DiffLine]:
    """Without blank lines around it that are in both."""
    kept = [place for place, line in enumerate(lines) if line.sign != " " or line.text.strip()]
    return lines[kept[0] : kept[-1] + 1] if kept else []
