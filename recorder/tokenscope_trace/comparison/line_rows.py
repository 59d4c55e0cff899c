"""Rows of lines beside each other, in words: of a pair of texts those that differ, and what is around them. A AlignedTexts in, plain data out;
knows no markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.comparison.text_pairs import AlignedTexts, ComparedText, Places
from tokenscope_trace.text import decimal, shortened, visible_line, visible_text

CONTEXT = 3  # equal lines beside a different one
ROWS = 2000  # of a text
PAGE_ROWS = 20_000  # of all texts together
WIDTH = 160
_SHORT = 60  # a text of so few rows is shown whole
_ROUGH = (
    "They are so long, or so repetitive, that equal lines were matched in their order: some may stand here as different."
)


@dataclass(frozen=True)
class LinePair:
    """Lines beside each other: `kind` is same, changed, only-a or only-b. `step` is the change in bits in steps from -3 to 3, 0 for
    little or none; `before` says how many equal lines are left out above.
    """

    kind: str
    number_a: str
    text_a: str
    bits_a: str
    number_b: str
    text_b: str
    bits_b: str
    change: str
    step: int
    before: int = 0


@dataclass(frozen=True)
class FileLines:
    """The rows of one text, how many equal and how many different ones are left out, and what else is to be known of them."""

    source: str
    rows: tuple[LinePair, ...]
    left_out: int
    different_left_out: int = 0
    remark: str = ""


def file_lines(pairs: Sequence[AlignedTexts]) -> tuple[FileLines, ...]:
    """The rows of all texts, in order; where they are too many for one page, those of texts that differ come first."""
    left, found = PAGE_ROWS, {}
    for place in sorted(range(len(pairs)), key=lambda place: pairs[place].is_equal):
        found[place] = _file(pairs[place], min(ROWS, left))
        left -= len(found[place].rows)
    return tuple(found[place] for place in range(len(pairs)))


def _file(pair: AlignedTexts, most: int) -> FileLines:
    rows, changes = pair.rows, pair.row_changes()
    total = len(rows.same)
    kept = _near(~rows.same | (np.abs(changes) >= 1), total)[:most]
    differ = ~rows.same
    hidden = int(np.count_nonzero(differ)) - int(np.count_nonzero(differ[kept]))
    return FileLines(
        source=visible_line(pair.source),
        rows=tuple(_rows(pair, kept)),
        left_out=total - len(kept) - hidden,
        different_left_out=hidden,
        remark=_ROUGH if pair.alignment.rough else "",
    )


def _near(marked: NDArray[np.bool_], total: int) -> Places:
    """The rows that are marked or stand near one that is; all of a short text."""
    if total <= _SHORT:
        return np.arange(total)
    places = np.flatnonzero(marked)
    near = np.unique((places[:, None] + np.arange(-CONTEXT, CONTEXT + 1)).ravel())
    return near[(near >= 0) & (near < total)]


def _rows(pair: AlignedTexts, kept: Places) -> Iterator[LinePair]:
    last = -1
    for place in kept.tolist():
        i, j = int(pair.rows.a[place]), int(pair.rows.b[place])
        kind = "same" if pair.rows.same[place] else "only-b" if i < 0 else "only-a" if j < 0 else "changed"
        yield _row(kind, pair, i, j, place - last - 1)
        last = place


def _row(kind: str, pair: AlignedTexts, i: int, j: int, before: int) -> LinePair:
    number_a, text_a, bits_a = _line(pair.a, i)
    number_b, text_b, bits_b = _line(pair.b, j)
    change = bits_b - bits_a if kind == "same" else float("nan")
    return LinePair(
        kind=kind,
        number_a=number_a,
        text_a=text_a,
        bits_a="" if i < 0 else decimal(bits_a),
        number_b=number_b,
        text_b=text_b,
        bits_b="" if j < 0 else decimal(bits_b),
        change="" if np.isnan(change) else signed(change),
        step=0 if np.isnan(change) else step_of(change),
        before=before,
    )


def _line(text: ComparedText, line: int) -> tuple[str, str, float]:
    """(number, text, bits) of a line, nothing for -1."""
    if line < 0:
        return "", "", float("nan")
    start, end = int(text.line_starts[line]), int(text.line_ends[line])
    content = text.bytes[start : min(end, start + 4 * (WIDTH + 1))]  # a character has at most four bytes
    return f"{line + 1:,}", shortened(visible_text(content.rstrip(b"\r\n")), WIDTH), text.bits(start, end)


def step_of(change: float) -> int:
    """A change in bits as a step of its colour."""
    size = sum(abs(change) >= edge for edge in (1.0, 4.0, 12.0))
    return size if change > 0 else -size


def signed(change: float) -> str:
    """A change in bits, with its sign."""
    return "0" if abs(change) < 0.005 else f"{change:+,.2f}".replace("-", "−")
