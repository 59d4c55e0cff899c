"""The judge: what every explored option of a listed decision led to, by Python's ast alone, beside what the recording reports of it.

A recording of Python, plain or chat. Nothing that tokenscope concludes goes into a judgement, but where it says that it compared no more
than a statement of a function that differs: then these bytes are judged by themselves. Use: python tests/real/judge.py TRACE...
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.real.classes import Class, class_of
from tests.real.paths import NotJudged, Paths, Written, fences, fork_of
from tests.real.units import State, Unit, read_unit

from tokenscope_trace import Trace
from tokenscope_trace.errors import TraceError
from tokenscope_trace.traces.schema import OUTCOME_WORDS, Outcome, Scope

_SAME = {Class.SAME_TEXT, Class.SAME_PROGRAM, Class.FOLLOWS}
RIGHT = {  # what a reported outcome may be judged to be
    Outcome.NOT_COMPARED: set(Class),  # claims nothing
    Outcome.SAME_TEXT: _SAME - {Class.SAME_PROGRAM},
    Outcome.SAME_PROGRAM: _SAME,  # white space at its end may be all that differs
    Outcome.RENAMED: {Class.RENAMED},
    Outcome.OTHER_EXPRESSION: {Class.OTHER_EXPRESSION},
    Outcome.OTHER_CONTROL_FLOW: {Class.OTHER_CONTROL_FLOW},
    Outcome.OTHER_CALLS: {Class.OTHER_CALLS},
    Outcome.DOES_NOT_PARSE: {Class.DOES_NOT_PARSE, Class.NEITHER_PARSES},
    Outcome.UNFINISHED: {Class.UNFINISHED},
    Outcome.ONLY_WHAT_FOLLOWS: {Class.FOLLOWS, Class.SAME_TEXT},  # what follows may be no more than what is cut
    Outcome.OUTPUT_UNFINISHED: {Class.OUTPUT_UNFINISHED},
}
SAME = {Outcome.SAME_TEXT, Outcome.SAME_PROGRAM, Outcome.ONLY_WHAT_FOLLOWS}


@dataclass(frozen=True)
class Judged:
    """An option of a decision, numbered from 1 as the report lists them: what is reported of it, and what it is."""

    decision: int
    option: int
    branch: int
    reported: Outcome
    scope: Scope
    judged: Class
    written: bytes  # by the output from the fork on
    instead: bytes  # by the branch

    @property
    def is_right(self) -> bool:
        """Whether what is reported is so."""
        return self.judged in RIGHT[self.reported]

    def __str__(self) -> str:
        """One line."""
        words = OUTCOME_WORDS[self.reported][1]
        limit = " (this statement)" if self.scope == Scope.STATEMENT else ""
        return (
            f"decision {self.decision}, option {self.option}, branch {self.branch}: reported '{words}'{limit}, is '{self.judged.value}': "
            f"{_short(self.written)} | {_short(self.instead)}"
        )


def _short(text: bytes) -> str:
    shown = repr(text.decode(errors="replace"))
    return shown if len(shown) <= 90 else f"{shown[:60]} ... {shown[-25:]}"


def judge(trace: Trace) -> list[Judged]:
    """All explored options of the listed decisions. Raises NotJudged."""
    paths = Paths(trace)
    options, outcomes = trace.decision_options, trace.outcomes
    found, at = [], 0
    for decision, count in enumerate(trace.decisions.option_count.tolist(), 1):
        for option, branch in enumerate(options.branch[at : at + count].tolist(), 1):
            if branch >= 0:
                scope = Scope(int(outcomes.scope[branch]))
                main, other = paths.main, paths.branches[branch]
                fork = fork_of(main, other)
                judged = class_of_branch(paths, branch)
                if scope == Scope.STATEMENT and judged not in (Class.SAME_TEXT, Class.FOLLOWS):
                    judged = _of_statement(paths, branch)
                reported = Outcome(int(outcomes.outcome[branch]))
                found.append(Judged(decision, option, branch, reported, scope, judged, main.text[fork:], other.text[fork:]))
        at += count
    return found


def class_of_branch(paths: Paths, branch: int) -> Class:
    """What a branch's unit is beside the output's."""
    main, other = paths.main, paths.branches[branch]
    if main.kept == other.kept:
        return Class.SAME_TEXT
    ours, theirs = unit_of(paths, main, fork_of(main, other)), unit_of(paths, other, fork_of(main, other))
    if ours is None or theirs is None:
        return Class.NO_CODE
    found = class_of_units(ours, theirs)
    behind = {(written.prompt + written.kept)[unit.end :].strip() for written, unit in ((main, ours), (other, theirs))}
    return Class.FOLLOWS if found is Class.SAME_TEXT and ours.is_function and len(behind) > 1 else found


def class_of_units(main: Unit, branch: Unit) -> Class:
    """What one unit is beside another."""
    if branch.state is State.BROKEN:
        return Class.NEITHER_PARSES if main.state is State.BROKEN else Class.DOES_NOT_PARSE
    if main.state is State.BROKEN:
        return Class.OUTPUT_DOES_NOT_PARSE
    if branch.state is State.UNFINISHED:
        return Class.UNFINISHED
    return Class.OUTPUT_UNFINISHED if main.state is State.UNFINISHED else class_of(main.code, branch.code)


def unit_of(paths: Paths, written: Written, fork: int) -> Unit | None:
    """The unit of a path: in a chat the fence that holds the fork, else the first one; None where there is no code."""
    if not paths.chat:
        return read_unit(written.prompt, written.kept, ended=written.ended)
    found = list(fences(written.kept))
    if not found:
        return None
    start, end, closed = next((fence for fence in found if fence[0] <= fork <= fence[1]), found[0])
    return read_unit(b"", written.kept[start:end], ended=closed or written.ended)


def _of_statement(paths: Paths, branch: int) -> Class:
    """What a branch's statement is beside the output's, as far as the recording says that it compared them."""
    table, main, other = paths.trace.outcomes, paths.main, paths.branches[branch]
    start, *ends = (int(column[branch]) for column in (table.start, table.main_end, table.branch_end))
    texts = (main.prompt + main.text, other.prompt + other.text)
    pieces = [as_program(text, start, end) for text, end in zip(texts, ends, strict=True)]
    units = [read_unit(b"", piece, ended=True) for piece in pieces]
    return class_of_units(*units)


def as_program(text: bytes, start: int, end: int) -> bytes:
    """A statement by itself, bytes [start, end) with white space before it; indented as it was, which an `if` makes valid."""
    head, piece = text[text.rfind(b"\n", 0, start) + 1 : start], text[start:end]
    first = len(piece) - len(piece.lstrip())  # the statement's own first byte
    begin = piece.rfind(b"\n", 0, first) + 1
    indent = piece[begin:first] if begin else (head + piece[:first] if not head.strip() else b"")
    return (b"if 1:\n" if indent else b"") + indent + piece[first:] + b"\n"


def table(found: Iterable[Judged]) -> str:
    """Reported classes as rows, judged ones as columns."""
    counts = Counter((one.reported, one.judged) for one in found)
    columns = [judged for judged in Class if any(kind is judged for _, kind in counts)]
    lines = [["reported \\ judged", *(column.value for column in columns), "all", "right"]]
    for reported in Outcome:
        row = [counts[reported, judged] for judged in columns]
        if any(row):
            right = sum(counts[reported, judged] for judged in RIGHT[reported])
            lines.append(
                [OUTCOME_WORDS[reported][1], *(str(n or "") for n in row), str(sum(row)), f"{right / sum(row):.0%}"]
            )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        " | ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    )


def share_right(found: Sequence[Judged]) -> str:
    """How many of the options that were compared are reported as what they are."""
    claimed = [one for one in found if one.reported is not Outcome.NOT_COMPARED]
    right = sum(one.is_right for one in claimed)
    return f"{right} of {len(claimed)} compared options are what is reported of them ({right / max(1, len(claimed)):.1%})"


def false_alarms(found: Iterable[Judged]) -> list[Judged]:
    """What must not occur: a wrong "does not parse", a wrong "same"."""
    return [one for one in found if not one.is_right and one.reported in SAME | {Outcome.DOES_NOT_PARSE}]


def main(names: list[str]) -> int:
    """Judge traces, print what differs, the table and the share; 1 where a false alarm is among them."""
    found: list[Judged] = []
    for name in names:
        try:
            judged = judge(Trace.load(name))
        except (NotJudged, TraceError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        for one in judged:
            if not one.is_right:
                print(f"{Path(name).name}, {one}")
        found += judged
    print(table(found), share_right(found), f"{len(false_alarms(found))} false alarms", sep="\n")
    return 1 if false_alarms(found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
