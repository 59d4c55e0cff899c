"""The kept part of each program: what a user would keep of what was written. A Trace in, places in its texts out. Pure.

What was written ends before the stop string that ended it, or with it where that only closes something, and in any case before what the
last token wrote behind it; or where the unit is complete that the prompt began.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tokenscope_trace.languages.loops import repeats_from
from tokenscope_trace.traces.programs import KeptBytes, PathProgram, Programs
from tokenscope_trace.traces.schema import BranchEnd
from tokenscope_trace.traces.trace import Trace

_CLOSES = re.compile(rb"(?:[\s)\]};]|\bend\b)*")
ALL, STOP, STOP_KEPT, UNIT = "all", "stop-string", "stop-string-kept", "unit"  # what ended the written part
_BY_END = {BranchEnd.STOP_STRING: STOP, BranchEnd.UNIT: UNIT, BranchEnd.END_OF_TEXT: "end-of-text"}

# The byte where the unit is complete that the prompt began, in a text that came to its end.
UnitEnd = Callable[[bytes], int | None]


@dataclass(frozen=True)
class ProgramEnds:
    """Where each path's written part ends, and by what that of the main path does: ALL, STOP, STOP_KEPT or UNIT."""

    bytes: KeptBytes
    why: str


def find_kept(trace: Trace, unit_end: UnitEnd) -> ProgramEnds:
    """Of all paths of a generation."""
    programs = Programs(trace)  # as they were written
    stops = [text.encode() for text in trace.facts.sampling.stop or ()]
    main, why = _end_of(programs.main, trace.facts.finish, stops, unit_end)
    behind: list[int] = []  # bytes that each branch wrote behind its program
    found: list[int] = []
    for branch, end in enumerate(trace.branches.end.tolist()):
        written = programs.of_branch(branch)
        if end == BranchEnd.REJOINED:
            owner = programs.owner(int(trace.branches.rejoined[branch]))
            kept = written.reach - (behind[owner] if owner >= 0 else programs.main.reach - main)
        else:
            kept, _ = _end_of(written, _BY_END.get(end, ALL), stops, unit_end)
        found.append(max(kept, written.begin))
        behind.append(written.reach - found[-1])
    return ProgramEnds(KeptBytes(main, np.array(found, dtype=np.uint32)), why)


def repeats(written: PathProgram) -> int | None:
    """The byte of the program from which on what was generated of it repeats itself, to its end; None where it does not."""
    found = repeats_from(written.text[written.begin : written.written])
    return None if found is None else written.begin + found


def _end_of(written: PathProgram, finish: str, stops: Sequence[bytes], unit_end: UnitEnd) -> tuple[int, str]:
    """(where the written part ends, by what)."""
    stop = cut_at_stop(written.whole[: written.reach], written.last, stops) if finish == STOP else None
    end, why = (written.reach, ALL) if stop is None else (max(stop[0], written.begin), stop[1])
    unit = unit_end(written.whole[:end]) if finish in _BY_END.values() else None
    return (end, why) if unit is None or unit >= end else (unit, UNIT if stop is None else why)


def cut_at_stop(text: bytes, last: int, stops: Sequence[bytes]) -> tuple[int, str] | None:
    """(where a text ends without the stop string that its last token completed, from byte `last` on, or with it where that only closes
    something; STOP or STOP_KEPT). None where it holds none, as a redacted one.
    """
    found = [
        (start, start + len(stop))
        for stop in stops
        if stop and (start := text.find(stop, max(last - len(stop) + 1, 0))) >= 0
    ]
    if not found:
        return None
    start, end = min(found)
    return (end, STOP_KEPT) if _CLOSES.fullmatch(text, start, end) else (start, STOP)
