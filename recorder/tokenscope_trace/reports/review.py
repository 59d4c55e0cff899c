"""The review: the decisions of a recording in words, where, what was written, what else was likely, and what that led to. A Trace in, plain
data out; knows no markup. The page, the Markdown and the terminal say the same because they all take it from here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tokenscope_trace.analysis.behaviour import explored_probability, probability_by_outcome
from tokenscope_trace.reports.syntax_words import place_in_words
from tokenscope_trace.text import percent, shortened, visible_line, visible_text, visible_token
from tokenscope_trace.traces.programs import PathProgram
from tokenscope_trace.traces.schema import OUTCOME_WORDS, BranchEnd, CheckResult, DecisionFlag, Outcome, Scope, SyntaxFlag
from tokenscope_trace.traces.syntax import Syntax
from tokenscope_trace.traces.trace import Trace

TEXT_LENGTH = 60  # of what was written, in characters
DIFF_LINES = 12
DIFF_WIDTH = 200
SAID_LINES = 4
# What is looked at of code that a stranger's recording may make as large as it likes; ordinary code stays far below.
_ABOVE, _AROUND, _DECLARATORS = 4096, 8, 16  # nodes above a decision, named blocks around it, declarators within each other
_CHILDREN = 1000  # of a block, among which its name is looked for
_DIFF_BYTES, _DIFFED = 100_000, 1000  # of each side, bytes and lines
_EXCERPT = 4096  # bytes of what was written

_SHARES = {  # by key, in the order of a chart
    "same": "the same program",
    "renamed": "the same but for names",
    "follows": "only what follows differs",
    "expression": "another expression",
    "control": "other control flow",
    "calls": "other calls",
    "broken": "does not parse",
    "complete": "complete, where the output is not",
    "unfinished": "unfinished",
    "unknown": "not compared",
}
_VERDICTS = {CheckResult.PASS: "passes", CheckResult.FAIL: "fails", CheckResult.TIME_OUT: "times out"}
_SCOPES = {Scope.STATEMENT: "(this statement)", Scope.FUNCTION: "", Scope.WHOLE: "", Scope.NONE: ""}
END = "the end of the text"
REST = "anything else"
NEGLIGIBLE = 0.005  # a probability that needs no row of its own


@dataclass(frozen=True)
class DiffLine:
    """One line of a small diff: `sign` is '-' (the main path), '+' (the branch) or ' ' (both); `text` without line end."""

    sign: str
    text: str


@dataclass(frozen=True)
class OptionEntry:
    """What else could have been written. `branch` is -1 where it was not explored; `node` is where a reader goes: the branch's
    first token, or the token that it replaces. `key` names the outcome for a style: same, renamed, follows, expression, control,
    calls, broken, complete, unfinished, unknown.
    """

    text: str
    probability: float
    percent: str
    branch: int
    node: int
    outcome: str
    key: str
    is_end: bool  # the model ends the text there; `text` is then END, and no code
    check: str  # what the user's command said of its program: passes, fails, times out; empty where it was not run
    said: tuple[str, ...]  # the last lines that the command printed
    diff: tuple[DiffLine, ...]
    diff_left_out: int  # lines of it that are not here


@dataclass(frozen=True)
class DecisionEntry:
    """One decision, numbered from 1. `where` says what it decides and in which function, without the line.

    `line`, from 1, is where what was decided begins to show: bytes [start, end) of the program, without white space at its ends, but
    where it is nothing else. What ended the text stands where the output ends.
    """

    number: int
    node: int
    count: int  # tokens from `node` on
    line: int
    start: int
    end: int
    where: str
    written: str
    is_end: bool  # as in Option
    probability: float
    percent: str
    drawn: str  # which choice it was, such as `8th choice`, where it was drawn by chance and was not the first; else empty
    check: str  # as in Option, of the output
    coin_flip: bool
    taste: bool
    options: tuple[OptionEntry, ...]

    @property
    def rest(self) -> str:
        """The share of all that is neither written nor listed, in words; empty where it is negligible."""
        return rest(self, self.options)


@dataclass(frozen=True)
class Share:
    """A part of the explored probability: what it leads to, as words and as a key for a style, and how much, in [0, 1]."""

    label: str
    key: str
    share: float
    percent: str


@dataclass(frozen=True)
class Review:
    """All decisions that are listed, how many there are in all, and where the explored probability leads.

    `explored` is the share of all probability that the tree has followed, in words; `checks` are sentences about the user's own
    command, its verdict first, empty where none was run. `pivot_line` is that of the token that moves it most, 0 for none.
    """

    decisions: tuple[DecisionEntry, ...]
    found: int
    explored: str
    shares: tuple[Share, ...]
    checks: tuple[str, ...]
    pivot_line: int


def make_review(trace: Trace) -> Review | None:
    """The decisions in words; None where none were looked for: scored code, older recordings."""
    facts = trace.facts.decisions
    if facts is None:
        return None
    reader = _Reader(trace)
    return Review(
        decisions=tuple(reader.decisions()),
        found=facts.found,
        explored=percent(min(1.0, explored_probability(trace))),
        shares=tuple(_shares(trace)) if len(trace.branches) else (),
        checks=tuple(_checks(trace, reader)),
        pivot_line=reader.pivot_line,
    )


def rest(decision: DecisionEntry, options: Sequence[OptionEntry]) -> str:
    """The share of all that is neither what was written nor one of these options, in words; empty where it is negligible."""
    left = 1 - decision.probability - sum(option.probability for option in options)
    return percent(min(left, 1.0)) if left >= NEGLIGIBLE else ""


def cautions(decision: DecisionEntry) -> Iterator[str]:
    """Sentences that a reader of a decision should know."""
    if decision.drawn:
        yield f"It was drawn by chance, the {decision.drawn}."
    if decision.check and any(option.check for option in decision.options):
        yield (
            f"The output {decision.check} the check."
            if decision.check != _VERDICTS[CheckResult.TIME_OUT]
            else ("The check of the output timed out.")
        )
    if decision.coin_flip:
        yield "It was a coin flip: the difference lies within numerical noise."
    elif decision.taste:
        yield "Alternatives differ in names and wording only."


def _shares(trace: Trace) -> Iterator[Share]:
    found: dict[str, float] = {}
    for outcome, share in probability_by_outcome(trace).items():
        key = OUTCOME_WORDS[outcome][0]
        found[key] = found.get(key, 0.0) + share
    for key, label in _SHARES.items():
        if key in found:
            yield Share(label, key, found[key], percent(min(1.0, found[key])))


def _checks(trace: Trace, reader: _Reader) -> Iterator[str]:
    facts = trace.facts.check
    if facts is None or not len(trace.checks):
        return
    yield _verdict(trace)
    yield f"The check runs “{visible_line(facts.command)}” on each finished program."
    pivot = facts.pivot
    if pivot is not None:
        token = visible_line(trace.token_bytes(pivot.node).strip()) or visible_token(trace.token_bytes(pivot.node))
        yield (
            f"What moves it most is “{token}” on line {reader.pivot_line:,}: of the checked probability "
            f"{percent(pivot.before)} passes before it is written, {percent(pivot.after)} after."
        )


def _verdict(trace: Trace) -> str:
    """What the user's command said of the output and of how many others, in one sentence."""
    passes, main = trace.checks.result == CheckResult.PASS, trace.checks.branch == -1
    passing, others = int(np.count_nonzero(passes & ~main)), int(np.count_nonzero(~main))
    result = CheckResult(int(trace.checks.result[main][0])) if np.any(main) else None
    what = {
        CheckResult.PASS: "The output passes the check",
        CheckResult.FAIL: "The output fails the check",
        CheckResult.TIME_OUT: "The check of the output timed out",
        None: "The output is not finished and was not checked",
    }[result]
    if not others:
        return f"{what}."
    does, do = ("does", "do") if result == CheckResult.PASS else ("passes", "pass")
    if others > 1:
        found = f"{passing:,} of {others:,} finished alternatives {does if passing == 1 else do}"
        return f"{what}; {found if passing else f'none of {others:,} finished alternatives {does}'}."
    if passing:
        return f"{what}; the one finished alternative {does}{', too' if result == CheckResult.PASS else ''}."
    return f"{what}; the one finished alternative does not."


def _verdicts(trace: Trace) -> dict[int, tuple[str, tuple[str, ...]]]:
    """By branch, -1 for the output: what the user's command said, and its last lines."""
    outputs = trace.facts.check.outputs if trace.facts.check is not None else ()
    lines = [
        tuple(shortened(visible_line(line), DIFF_WIDTH) for line in text.splitlines()[-SAID_LINES:]) for text in outputs
    ]
    rows = zip(trace.checks.branch.tolist(), trace.checks.result.tolist(), trace.checks.output.tolist(), strict=True)
    return {branch: (_VERDICTS[CheckResult(result)], lines[output]) for branch, result, output in rows}


class _Reader:
    """Puts the decisions of one trace into words."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._syntax = trace.syntax
        self._programs = trace.programs
        self._verdicts = _verdicts(trace)
        self._ends = _end_tokens(trace)

    @cached_property
    def _main(self) -> PathProgram:
        return self._programs.main

    @cached_property
    def _start(self) -> dict[int, int]:
        places = self._trace.token_places(self._main.nodes)
        return dict(zip(self._main.nodes.tolist(), places.start.tolist(), strict=True))

    @property
    def pivot_line(self) -> int:
        """The line of the token that moves the check most, 0 for none."""
        pivot = self._trace.facts.check.pivot if self._trace.facts.check is not None else None
        return 0 if pivot is None else self._line(self._place(pivot.node, 1, -1)[0])

    def _line(self, byte: int) -> int:
        """The line of the program, from 1, of a byte."""
        return 1 + self._main.text.count(b"\n", 0, byte)

    def _place(self, node: int, count: int, syntax: int) -> tuple[int, int]:
        """Bytes [start, end) that tokens decided: from their first sign that is no white space, or from the syntax node on where that
        begins on this line or behind it.
        """
        text, start = self._main.text, self._start[node]
        last = node + count - 1
        end = max(start, self._start[last] + self._size(last))
        signs = text[start:end]
        if signs.strip():
            start, end = start + len(signs) - len(signs.lstrip()), end - (len(signs) - len(signs.rstrip()))
        if syntax >= 0 and self._syntax is not None:
            begin, stop = int(self._syntax.start[syntax]), int(self._syntax.end[syntax])
            if begin > start or text.find(b"\n", begin, start) < 0:
                start = begin
            return start, max(start, stop)
        return start, end

    def _size(self, node: int) -> int:
        """Bytes of a token in the program."""
        return len(self._trace.token_bytes(node)) if self._trace.in_program(node) else 0

    def decisions(self) -> Iterator[DecisionEntry]:
        """All that are listed, in order."""
        table, first = self._trace.decisions, 0
        for row in range(len(table)):
            last = first + int(table.option_count[row])
            yield self._decision(row, range(first, last))
            first = last

    def _decision(self, row: int, options: Sequence[int]) -> DecisionEntry:
        table = self._trace.decisions
        node, count, syntax = int(table.node[row]), int(table.count[row]), int(table.syntax[row])
        is_end = int(self._trace.nodes.token_id[node]) in self._ends
        if not self._trace.in_program(node):  # a control token stands for nothing that follows it in a file
            syntax = -1
        start, end = self._place(node, count, syntax)
        probability = float(table.probability[row])
        found = DecisionEntry(
            number=row + 1,
            node=node,
            count=count,
            line=self._line(start),
            start=start,
            end=end,
            where=self._where(syntax),
            written=END if is_end else self._written(node, count, syntax),
            is_end=is_end,
            probability=probability,
            percent=percent(probability),
            drawn=self._drawn(node, count),
            check=self._verdicts[-1][0] if -1 in self._verdicts else "",
            coin_flip=bool(table.flags[row] & DecisionFlag.COIN_FLIP),
            taste=bool(table.flags[row] & DecisionFlag.TASTE),
            options=(),
        )
        return replace(found, options=tuple(self._option(option, found, syntax) for option in options))

    def _option(self, row: int, decision: DecisionEntry, syntax: int) -> OptionEntry:
        table = self._trace.decision_options
        node, branch = int(table.node[row]), int(table.branch[row])
        key, outcome = ("unknown", "not explored") if branch < 0 else self._outcome(branch)
        diff, left_out = ((), 0) if branch < 0 else self._diff(branch)
        is_end = int(table.token_id[row]) in self._ends
        probability = float(table.probability[row])
        return OptionEntry(
            text=END if is_end else self._instead(node, int(table.token_id[row]), branch, decision, syntax),
            probability=probability,
            percent=percent(probability),
            branch=branch,
            node=node if branch < 0 else int(self._trace.branches.first[branch]),
            outcome=outcome,
            key=key,
            is_end=is_end,
            check=self._verdicts[branch][0] if branch in self._verdicts and branch >= 0 else "",
            said=self._verdicts[branch][1] if branch in self._verdicts and branch >= 0 else (),
            diff=diff,
            diff_left_out=left_out,
        )

    def _drawn(self, node: int, count: int) -> str:
        """The rank of the least likely of a decision's tokens, where it was sampled and is not 1."""
        ranks = self._trace.nodes.rank[node : node + count]
        most = int(ranks.max()) if self._trace.facts.sampling.do_sample else 0
        return f"{_ordinal(most)} choice" if most > 1 else ""

    def _outcome(self, branch: int) -> tuple[str, str]:
        outcomes = self._trace.outcomes
        if not len(outcomes):
            return OUTCOME_WORDS[Outcome.NOT_COMPARED]
        key, words = OUTCOME_WORDS[Outcome(int(outcomes.outcome[branch]))]
        scope = _SCOPES[Scope(int(outcomes.scope[branch]))]
        return key, f"{words} {scope}".rstrip()

    def _where(self, syntax: int) -> str:
        """The kind of a syntax node, its part in the node above, and the function around it."""
        table = self._syntax
        if syntax < 0 or table is None:
            return ""
        above, around = int(table.parent[syntax]), self._around(table, syntax)
        kind, field = (str(table.kind[syntax]) if table.flags[syntax] & SyntaxFlag.NAMED else ""), str(table.field[syntax])
        stands = field and above >= 0 and not table.flags[above] & SyntaxFlag.ERROR
        words = place_in_words(kind, field if stands else "", str(table.kind[above]) if stands else "")
        return visible_line(", ".join(part for part in (words, f"in {around}" if around else "") if part))

    def _around(self, table: Syntax, node: int) -> str:
        """The names of the blocks around a node, outermost first: `Stack.push`."""
        names: list[str] = []
        node = int(table.parent[node])
        for _ in range(_ABOVE):
            if node < 0 or len(names) == _AROUND:
                break
            if table.flags[node] & SyntaxFlag.BLOCK and (name := self._name(table, node)):
                names.append(name)
            node = int(table.parent[node])
        return ".".join(names[::-1])

    def _name(self, table: Syntax, block: int) -> str:
        """What a block is called: its field `name`, in C that of its declarator."""
        node = block
        for _ in range(_DECLARATORS):
            children = table.children(node)[:_CHILDREN]
            named = {str(table.field[child]): int(child) for child in children.tolist()}
            if "name" in named:
                text = _excerpt(self._main, table, named["name"])
                return shortened(visible_line(text), TEXT_LENGTH)
            if "declarator" not in named:
                text = _excerpt(self._main, table, node)
                return shortened(visible_line(text), TEXT_LENGTH) if node != block else ""
            node = named["declarator"]
        return ""

    def _written(self, node: int, count: int, syntax: int) -> str:
        if syntax >= 0 and self._syntax is not None:
            return _shown(_excerpt(self._main, self._syntax, syntax))
        return _token(b"".join(self._trace.token_bytes(one) for one in range(node, node + count)))

    def _instead(self, node: int, token_id: int, branch: int, decision: DecisionEntry, syntax: int) -> str:
        """What stands in the place of a decision: of a branch's syntax what begins there, else the tokens up to the other one."""
        if branch >= 0 and syntax >= 0 and self._syntax is not None:
            written = self._programs.of_branch(branch)
            other = self._counterpart(self._syntax, syntax, branch)
            text = _excerpt(written, self._syntax, other) if other >= 0 else b""
            if text.strip() and _shown(text) != decision.written:
                return _shown(text)
        first = int(self._syntax.start[syntax]) if syntax >= 0 and self._syntax is not None else self._start[decision.node]
        before = self._main.text[first : self._start[node]]
        text = (before if b"\n" not in before else b"") + self._trace.bytes_of(token_id)
        if syntax < 0:
            return _token(text)
        shown = visible_token(text.strip() or text)
        return shortened(shown + "…" * _is_cut(text), TEXT_LENGTH)

    def _counterpart(self, table: Syntax, node: int, branch: int) -> int:
        """The node of a branch that begins where this one does and stands as deep, or else the deepest that begins there."""
        found = -1
        for passage in table.of_branches:
            if passage.branch == branch:
                rows = slice(passage.first, passage.end)
                begins = (table.start[rows] == table.start[node]) & (table.parent[rows] >= 0)
                deep = np.flatnonzero(begins & (table.depth[rows] == table.depth[node]))
                if len(deep):
                    return passage.first + int(deep[0])
                if begins.any():
                    found = passage.first + int(np.flatnonzero(begins)[-1])
        return found

    def _diff(self, branch: int) -> tuple[tuple[DiffLine, ...], int]:
        """The lines that differ, each with one line around it, and how many more there are."""
        main, written = self._main, self._programs.of_branch(branch)
        outcomes = self._trace.outcomes
        if len(outcomes) and outcomes.scope[branch] != Scope.NONE:
            start = int(outcomes.start[branch])
            ends = int(outcomes.main_end[branch]), int(outcomes.branch_end[branch])
        else:
            start = written.fork
            ends = main.written, written.own_end
        start = main.text.rfind(b"\n", 0, start) + 1
        before, after = (_lines(text, start, end) for text, end in zip((main.text, written.text), ends, strict=True))
        if not len(outcomes) or outcomes.scope[branch] == Scope.NONE:
            before = before[: len(after)]
        lines = _trimmed(list(_small_diff(before, after)))
        return tuple(lines[:DIFF_LINES]), max(0, len(lines) - DIFF_LINES)


def _end_tokens(trace: Trace) -> frozenset[int]:
    """The control tokens that ended a text of this recording."""
    table, found = trace.branches, []
    if trace.facts.finish == "end-of-text" and len(trace.output):
        found.append(int(trace.output[-1]))
    found += (table.first + table.count - 1)[table.end == BranchEnd.END_OF_TEXT].tolist()
    ids = {int(trace.nodes.token_id[node]) for node in found}
    return frozenset(token_id for token_id in ids if trace.is_special(token_id))


def _ordinal(number: int) -> str:
    """Such as 1st, 2nd, 13th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def _excerpt(program: PathProgram, table: Syntax, node: int) -> bytes:
    """The beginning of what a syntax node spans."""
    start, end = int(table.start[node]), int(table.end[node])
    return program.text[start : min(end, start + _EXCERPT)]


def _lines(text: bytes, start: int, end: int) -> list[str]:
    """The lines of bytes [start, end), the last one whole."""
    stop = text.find(b"\n", end)
    stop = stop if stop >= 0 and not text[start:end].endswith(b"\n") else end
    content = text[start : min(stop, start + _DIFF_BYTES)]
    return [shortened(line, DIFF_WIDTH) for line in visible_text(content).splitlines()[:_DIFFED]]


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


def _shown(text: bytes) -> str:
    """The first line of a piece of code, marked where there is more."""
    lines = text.strip().splitlines() or [b""]
    line = " ".join(visible_line(lines[0]).split())
    return shortened(line, TEXT_LENGTH) if len(lines) == 1 else f"{shortened(line, TEXT_LENGTH - 2)} …"


def _token(content: bytes) -> str:
    return shortened(visible_token(content), TEXT_LENGTH)


def _is_cut(text: bytes) -> bool:
    """Whether a piece of code ends within a string, as far as its quotes say."""
    return any(text.count(quote) % 2 for quote in (b'"', b"'", b"`"))
