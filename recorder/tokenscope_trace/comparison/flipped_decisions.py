"""Flipped decisions: those of one recording in whose place the other wrote something else. Traces and their texts in, plain data out."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from tokenscope_trace.alignment import WORK, align
from tokenscope_trace.comparison.endings import Ending, Endings
from tokenscope_trace.comparison.text_pairs import AlignedTexts, ComparedText
from tokenscope_trace.reports.decision_entries import DecisionEntry
from tokenscope_trace.reports.review import make_review
from tokenscope_trace.text import shortened, visible_line
from tokenscope_trace.traces.trace import Trace

_LINE, _LINES = (
    2000,
    400_000,
)  # characters of a line that are compared word by word, and of the lines of all decisions together
_WIDTH = 60
_HIDDEN = "\N{FULL BLOCK}"  # a token that was left out: nobody knows what it reads


@dataclass(frozen=True)
class Flip:
    """A decision of one recording that fell otherwise in the other: `foreseen` is how likely the first held what the other wrote.
    `is_end` and `instead_is_end`: the one, or the other, ended its text there.
    """

    letter: str
    number: int
    line: int
    where: str
    written: str
    percent: str
    other_line: int
    instead: str
    foreseen: str
    is_end: bool
    instead_is_end: bool


@dataclass(frozen=True)
class FlippedDecisions:
    """Those of A, then those of B, in the order of their decisions; and the letters of outputs that were merely stopped where the other
    goes on, which is no decision.
    """

    flips: tuple[Flip, ...]
    stopped: tuple[str, ...]


def find_flipped(a: Trace, b: Trace, pair: AlignedTexts, endings: Endings) -> FlippedDecisions:
    """The decisions of two recordings of a generation, whose texts are a pair, that fell otherwise."""
    flips: list[Flip] = []
    stopped = {endings.shorter.letter} if endings.shorter and endings.shorter.stopped and endings.goes_on else set()
    for trace, letter in ((a, "A"), (b, "B")):
        found = make_review(trace)
        decisions = found.decisions if found else ()
        for decision in decisions:
            flip = _at_an_end(decision, letter, endings) or _in_a_line(decision, pair, letter, endings, len(decisions))
            if isinstance(flip, Flip):
                flips.append(flip)
            elif flip is not None:
                stopped.add(flip.letter)
    return FlippedDecisions(tuple(flips), tuple(sorted(stopped)))


def _in_a_line(
    decision: DecisionEntry, pair: AlignedTexts, letter: str, endings: Endings, count: int
) -> Flip | Ending | None:
    """A decision, one of so many, whose line is another one in the other recording; the ending of the output that was merely stopped
    there.
    """
    line = pair.changed_line(decision.line - 1, letter)
    if line is None or decision.is_end:
        return None
    sides = (pair.a, endings.a), (pair.b, endings.b)
    own, other = sides if letter == "A" else sides[::-1]
    most = min(_LINE, _LINES // count)
    before, after = _program_line(*own, decision.line - 1, most), _program_line(*other, line, most)
    written = decision.written.removesuffix(" …").strip()
    place = place_of(before, written, after, WORK // count)
    if place is None:
        return None
    instead = after[place[0] : place[1]].strip()
    at_end = int(other[0].line_ends[line]) >= other[1].last and not after[place[1] :].strip() and len(after) < most
    if instead == written or _HIDDEN in instead + written:
        return None
    cut = endings.cut(letter, written, instead, at_end=at_end)
    return cut or _flip(letter, decision, line + 1, instead)


def _program_line(text: ComparedText, ending: Ending, line: int, most: int) -> str:
    """A line as far as it belongs to the program, at most so many characters; all of it where it stands behind."""
    start, stop = int(text.line_starts[line]), int(text.line_ends[line])
    content = text.bytes[start : min(stop, ending.at) if start < ending.at else stop]
    return visible_line(content[: 4 * most].rstrip(b"\r\n"))[:most]


def _at_an_end(decision: DecisionEntry, letter: str, endings: Endings) -> Flip | None:
    """A decision that is where a model ended its text, and the other one wrote on."""
    shorter, onward = endings.shorter, endings.onward
    if shorter is None or shorter.stopped:
        return None
    longer = endings.other(shorter)
    if letter == shorter.letter and decision.is_end and onward < longer.at:
        follows = longer.text[onward : onward + 4 * _WIDTH].splitlines()[0]
        return _flip(letter, decision, longer.line_of(onward), visible_line(follows.rstrip()))
    if letter == longer.letter and decision.start == onward < longer.at:
        return _flip(letter, decision, shorter.line, "", ended=True)
    return None


def _flip(letter: str, decision: DecisionEntry, line: int, instead: str, *, ended: bool = False) -> Flip:
    same = [
        option
        for option in decision.options
        if option.is_end == ended and (ended or option.text.removesuffix(" …") == instead)
    ]
    return Flip(
        letter=letter,
        number=decision.number,
        line=decision.line,
        where=decision.where,
        written=decision.written,
        percent=decision.percent,
        other_line=line,
        instead=shortened(instead, _WIDTH),
        foreseen=same[0].percent if same else "",
        is_end=decision.is_end,
        instead_is_end=ended,
    )


def place_of(before: str, written: str, after: str, work: int = WORK) -> tuple[int, int] | None:
    """Where in line `after` stands what is in the place of `written` in line `before`, [start, end), word by word; None where that is not
    there.
    """
    at = before.find(written)
    if at < 0 or not written.strip():
        return None
    lead, trail = before[:at], before[at + len(written) :]
    if after.startswith(lead) and after.endswith(trail) and len(after) >= len(lead) + len(trail):
        return at, len(after) - len(trail)
    one, two = (re.findall(r"\w+|\s+|[^\w\s]", line) for line in (before, after))
    ends, other_ends = (np.cumsum([0, *map(len, words)]) for words in (one, two))
    first = int(np.searchsorted(ends, at, side="right")) - 1
    last = int(np.searchsorted(ends, at + len(written), side="left"))
    found: list[int] = []
    for kind, a1, a2, b1, b2 in align(one, two, work).blocks:
        low, high = max(a1, first), min(a2, last)
        if kind == "equal" and low < high:
            found += b1 + low - a1, b1 + high - a1
        elif kind != "equal" and (low < high or first < a1 == a2 < last):
            found += b1, b2
    return (int(other_ends[min(found)]), int(other_ends[max(found)])) if found else None
