"""Shifts of surprisal: tokens, or statements, that stand in two recordings and that one model finds more surprising. Pairs of texts in,
plain data out.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.comparison.line_rows import signed, step_of
from tokenscope_trace.comparison.text_pairs import AlignedTexts, Places, SharedSpans
from tokenscope_trace.text import decimal, shortened, visible_line, visible_token

LISTED_SHIFTS = 12
MOVED = 1.0  # bits: a change that is worth a line
_WIDTH = 60
_LOOKED_AT = 4 * (_WIDTH + 1)  # bytes


@dataclass(frozen=True)
class Shift:
    """A token, or a statement, that stands in both, and its surprisal in each."""

    line: int
    text: str
    bits_a: str
    bits_b: str
    change: str
    step: int


def largest_shifts(pairs: Sequence[AlignedTexts], *, tokens: bool) -> tuple[Shift, ...]:
    """The largest of all texts, at most LISTED_SHIFTS, the largest first."""
    found = heapq.nsmallest(
        LISTED_SHIFTS, (one for pair in pairs for one in _moved(pair, tokens=tokens)), key=lambda one: -abs(one[0])
    )
    return tuple(_shift(pair, start, end, other, tokens=tokens) for _, pair, start, end, other in found)


def _moved(pair: AlignedTexts, *, tokens: bool) -> Iterator[tuple[float, AlignedTexts, int, int, int]]:
    """(change in bits, the pair, bytes [start, end) of A, where they begin in B) of what moved."""
    spans = pair.shared(*_spans(pair, tokens=tokens))
    change = spans.after - spans.before
    kept = np.abs(change) >= MOVED
    if tokens:
        kept &= _are_tokens(pair, spans)
    places = np.flatnonzero(kept)
    places = places[np.argsort(-np.abs(change[places]), kind="stable")][:LISTED_SHIFTS]
    for place in places.tolist():
        yield float(change[place]), pair, int(spans.start[place]), int(spans.end[place]), int(spans.other[place])


def _spans(pair: AlignedTexts, *, tokens: bool) -> tuple[Places, Places]:
    """Where the tokens or the statements of A begin and end; its lines where it has no syntax."""
    if tokens:
        return pair.a.token_starts, pair.a.token_ends
    found = pair.a.text.spans("statement")
    if not found:
        return pair.a.line_starts, pair.a.line_ends
    return np.array([span.start for span in found]), np.array([span.end for span in found])


def _are_tokens(pair: AlignedTexts, spans: SharedSpans) -> NDArray[np.bool_]:
    """Whether spans of B are tokens there."""
    starts, ends = pair.b.token_starts, pair.b.token_ends
    if not len(starts):
        return np.zeros(len(spans.start), dtype=bool)
    place = np.minimum(np.searchsorted(starts, spans.other), len(starts) - 1)
    found: NDArray[np.bool_] = (starts[place] == spans.other) & (ends[place] == spans.other + spans.end - spans.start)
    return found


def _shift(pair: AlignedTexts, start: int, end: int, other: int, *, tokens: bool) -> Shift:
    before, after = pair.a.bits(start, end), pair.b.bits(other, other + end - start)
    text = pair.a.bytes[start:end]
    cut = text[:_LOOKED_AT]
    return Shift(
        line=pair.a.line_at(start + len(text) - len(text.lstrip())) + 1,
        text=shortened(visible_token(cut) if tokens else visible_line(cut.split(b"\n")[0]), _WIDTH),
        bits_a=decimal(before),
        bits_b=decimal(after),
        change=signed(after - before),
        step=step_of(after - before),
    )
