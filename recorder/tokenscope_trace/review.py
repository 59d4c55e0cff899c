"""The decisions of a recording in words: where, what was written, what else was likely, and what that led to. A Trace in, plain
data out; knows no markup. The page, the Markdown and the terminal say the same because they all take it from here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tokenscope_trace import behaviour
from tokenscope_trace.figures import percent
from tokenscope_trace.markdown import code_span, fenced, plain
from tokenscope_trace.programs import PathProgram, Programs
from tokenscope_trace.schema import CheckResult, DecisionFlag, Outcome, Scope, SyntaxFlag
from tokenscope_trace.syntax import Syntax
from tokenscope_trace.traces import Trace
from tokenscope_trace.visible import shortened, visible_line, visible_text, visible_token

TEXT_LENGTH = 60  # of what was written, in characters
DIFF_LINES = 12
DIFF_WIDTH = 200
SAID_LINES = 4

WORDS = {
    Outcome.NOT_COMPARED: ("unknown", "not compared"),
    Outcome.SAME_TEXT: ("same", "the same text again"),
    Outcome.SAME_PROGRAM: ("same", "the same program"),
    Outcome.RENAMED: ("renamed", "the same but for names"),
    Outcome.OTHER_EXPRESSION: ("expression", "another expression or literal"),
    Outcome.OTHER_CONTROL_FLOW: ("control", "other control flow"),
    Outcome.OTHER_CALLS: ("calls", "other calls or imports"),
    Outcome.DOES_NOT_PARSE: ("broken", "does not parse"),
    Outcome.UNFINISHED: ("unfinished", "unfinished within the bound"),
}
_SHARES = {  # by key, in the order of a chart
    "same": "the same program",
    "renamed": "the same but for names",
    "expression": "another expression or literal",
    "control": "other control flow",
    "calls": "other calls or imports",
    "broken": "does not parse",
    "unfinished": "unfinished within the bound",
    "unknown": "not compared",
}
_VERDICTS = {CheckResult.PASS: "passes", CheckResult.FAIL: "fails", CheckResult.TIME_OUT: "times out"}
_SCOPES = {Scope.STATEMENT: "so far as the statement goes", Scope.FUNCTION: "", Scope.WHOLE: "", Scope.NONE: ""}


@dataclass(frozen=True)
class DiffLine:
    """One line of a small diff: `sign` is '-' (the main path), '+' (the branch) or ' ' (both); `text` without line end."""

    sign: str
    text: str


@dataclass(frozen=True)
class Option:
    """What else could have been written. `branch` is -1 where it was not explored; `node` is where a reader goes: the branch's
    first token, or the token that it replaces. `key` names the outcome for a style: same, renamed, expression, control, calls,
    broken, unfinished, unknown.
    """

    text: str
    percent: str
    branch: int
    node: int
    outcome: str
    key: str
    check: str  # what the user's command said of its program: passes, fails, times out; empty where it was not run
    said: tuple[str, ...]  # the last lines that the command printed
    diff: tuple[DiffLine, ...]
    diff_left_out: int  # lines of it that are not here


@dataclass(frozen=True)
class Decision:
    """One decision, numbered from 1. `where` says what it decides and in which function, without the line."""

    number: int
    node: int
    count: int  # tokens from `node` on
    line: int
    where: str
    written: str
    percent: str
    coin_flip: bool
    taste: bool
    options: tuple[Option, ...]
    markdown: str  # a review comment


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
    command, empty where none was run.
    """

    decisions: tuple[Decision, ...]
    found: int
    explored: str
    shares: tuple[Share, ...]
    checks: tuple[str, ...]


def review(trace: Trace) -> Review | None:
    """The decisions in words; None where none were looked for: scored code, older recordings."""
    facts = trace.run.get("decisions")
    if facts is None:
        return None
    reader = _Reader(trace)
    return Review(
        decisions=tuple(reader.decisions()),
        found=facts["found"],
        explored=percent(min(1.0, behaviour.explored(trace))),
        shares=tuple(_shares(trace)) if len(trace.branches) else (),
        checks=tuple(_checks(trace)),
    )


def comment(decision: Decision) -> str:
    """A decision as a review comment, in Markdown."""
    lines = [f"**Line {decision.line:,}**, {plain(decision.where)}" if decision.where else f"**Line {decision.line:,}**"]
    lines += [f"The model wrote {code_span(decision.written)} ({decision.percent}). {_caution(decision)}".rstrip(), ""]
    lines += [f"- {_option_words(option)}" for option in decision.options]
    shown = next((option for option in decision.options if option.diff), None)
    if shown is not None:
        text = "\n".join(f"{line.sign}{line.text}" for line in shown.diff)
        lines += ["", f"With {code_span(shown.text)}:", "", fenced(text, "diff")]
    return "\n".join(lines)


def _option_words(option: Option) -> str:
    verdict = f"; the check {option.check}" if option.check else ""
    return f"or {code_span(option.text)} ({option.percent}): {option.outcome}{verdict}"


def _caution(decision: Decision) -> str:
    if decision.coin_flip:
        return "It was a coin flip: the difference lies within numerical noise."
    return "Alternatives differ in names and wording only." if decision.taste else ""


def _shares(trace: Trace) -> Iterator[Share]:
    found: dict[str, float] = {}
    for outcome, share in behaviour.by_outcome(trace).items():
        key = WORDS[outcome][0]
        found[key] = found.get(key, 0.0) + share
    for key, label in _SHARES.items():
        if key in found:
            yield Share(label, key, found[key], percent(min(1.0, found[key])))


def _checks(trace: Trace) -> Iterator[str]:
    facts = trace.run.get("check")
    if facts is None or not len(trace.checks):
        return
    passes = trace.checks.result == CheckResult.PASS
    main = trace.checks.branch == -1
    command = visible_line(facts["command"])
    others = int(np.count_nonzero(~main))
    words = f"The output {_VERDICTS[CheckResult(int(trace.checks.result[main][0]))]}" if np.any(main) else ""
    passing = f"{int(np.count_nonzero(passes & ~main)):,} of {others:,} finished alternatives pass" if others else ""
    yield f"Checked with “{command}”: " + "; ".join(part for part in (words.lower(), passing) if part) + "."
    pivot = facts.get("pivot")
    if pivot is not None:
        line = _Reader(trace).line(pivot["node"])
        token = visible_token(trace.token_bytes(pivot["node"]))
        yield (
            f"What moves it most is “{token}” on line {line:,}: of the checked probability {percent(pivot['before'])} passes "
            f"before it is written, {percent(pivot['after'])} after."
        )


def _verdicts(trace: Trace) -> dict[int, tuple[str, tuple[str, ...]]]:
    """By branch, -1 for the output: what the user's command said, and its last lines."""
    outputs = (trace.run.get("check") or {}).get("outputs", [])
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
        self._programs = Programs(trace)
        self._verdicts = _verdicts(trace)

    @cached_property
    def _main(self) -> PathProgram:
        return self._programs.main

    @cached_property
    def _start(self) -> dict[int, int]:
        places = self._trace.token_places(self._main.nodes)
        return dict(zip(self._main.nodes.tolist(), places.start.tolist(), strict=True))

    def line(self, node: int, syntax: int = -1) -> int:
        """The line of the program, from 1, on which a token's first sign stands that is no white space; if it has none in what it
        decides, that of the syntax node which begins behind it.
        """
        content = self._trace.token_bytes(node)
        blank = len(content) - len(content.lstrip()) if content.strip() else 0
        byte = self._start[node] + blank
        if syntax >= 0 and self._syntax is not None:
            byte = max(byte, int(self._syntax.start[syntax]))
        return 1 + self._main.text.count(b"\n", 0, byte)

    def decisions(self) -> Iterator[Decision]:
        """All that are listed, in order."""
        table, first = self._trace.decisions, 0
        for row in range(len(table)):
            last = first + int(table.option_count[row])
            yield self._decision(row, range(first, last))
            first = last

    def _decision(self, row: int, options: Sequence[int]) -> Decision:
        table = self._trace.decisions
        node, count, syntax = int(table.node[row]), int(table.count[row]), int(table.syntax[row])
        found = Decision(
            number=row + 1,
            node=node,
            count=count,
            line=self.line(node, syntax),
            where=self._where(syntax),
            written=self._written(node, count, syntax),
            percent=percent(float(table.probability[row])),
            coin_flip=bool(table.flags[row] & DecisionFlag.COIN_FLIP),
            taste=bool(table.flags[row] & DecisionFlag.TASTE),
            options=(),
            markdown="",
        )
        found = replace(found, options=tuple(self._option(option, found, syntax) for option in options))
        return replace(found, markdown=comment(found))

    def _option(self, row: int, decision: Decision, syntax: int) -> Option:
        table = self._trace.decision_options
        node, branch = int(table.node[row]), int(table.branch[row])
        key, outcome = ("unknown", "not explored") if branch < 0 else self._outcome(branch)
        diff, left_out = ((), 0) if branch < 0 else self._diff(branch)
        return Option(
            text=self._instead(node, int(table.token_id[row]), branch, decision, syntax),
            percent=percent(float(table.probability[row])),
            branch=branch,
            node=node if branch < 0 else int(self._trace.branches.first[branch]),
            outcome=outcome,
            key=key,
            check=self._verdicts[branch][0] if branch in self._verdicts and branch >= 0 else "",
            said=self._verdicts[branch][1] if branch in self._verdicts and branch >= 0 else (),
            diff=diff,
            diff_left_out=left_out,
        )

    def _outcome(self, branch: int) -> tuple[str, str]:
        outcomes = self._trace.outcomes
        if not len(outcomes):
            return WORDS[Outcome.NOT_COMPARED]
        key, words = WORDS[Outcome(int(outcomes.outcome[branch]))]
        scope = _SCOPES[Scope(int(outcomes.scope[branch]))]
        return key, f"{words}, {scope}" if scope else words

    def _where(self, syntax: int) -> str:
        """The kind of a syntax node, its part in the node above, and the function around it."""
        table = self._syntax
        if syntax < 0 or table is None:
            return ""
        above, around = int(table.parent[syntax]), self._around(table, syntax)
        parts = [_spaced(table.kind[syntax])] if table.flags[syntax] & SyntaxFlag.NAMED else []
        field = table.field[syntax]
        if field and above >= 0 and field != table.kind[above] and not table.flags[above] & SyntaxFlag.ERROR:
            parts.append(f"{_spaced(field)} of {_spaced(table.kind[above])}")
        return visible_line(", ".join([*parts, f"in {around}"] if around else parts))

    def _around(self, table: Syntax, node: int) -> str:
        """The names of the blocks around a node, outermost first: `Stack.push`."""
        names = []
        node = int(table.parent[node])
        while node >= 0:
            if table.flags[node] & SyntaxFlag.BLOCK and (name := self._name(table, node)):
                names.append(name)
            node = int(table.parent[node])
        return ".".join(names[::-1])

    def _name(self, table: Syntax, block: int) -> str:
        """What a block is called: its field `name`, in C that of its declarator."""
        passage = next(p for p in table.passages if p.first <= block < p.end)
        node = block
        while True:
            children = np.flatnonzero(table.parent[node + 1 : passage.end] == node) + node + 1
            named = {str(table.field[child]): int(child) for child in children.tolist()}
            if "name" in named:
                text = self._main.text[table.start[named["name"]] : table.end[named["name"]]]
                return shortened(visible_line(text), TEXT_LENGTH)
            if "declarator" not in named:
                text = self._main.text[table.start[node] : table.end[node]]
                return shortened(visible_line(text), TEXT_LENGTH) if node != block else ""
            node = named["declarator"]

    def _written(self, node: int, count: int, syntax: int) -> str:
        if syntax >= 0 and self._syntax is not None:
            return _shown(self._main.text[self._syntax.start[syntax] : self._syntax.end[syntax]])
        return _token(b"".join(self._trace.token_bytes(one) for one in range(node, node + count)))

    def _instead(self, node: int, token_id: int, branch: int, decision: Decision, syntax: int) -> str:
        """What stands in the place of a decision: of a branch's syntax what begins there, else the tokens up to the other one."""
        if branch >= 0 and syntax >= 0 and self._syntax is not None:
            written = self._programs.of_branch(branch)
            other = self._counterpart(self._syntax, syntax, branch)
            text = written.text[self._syntax.start[other] : self._syntax.end[other]] if other >= 0 else b""
            if text.strip() and _shown(text) != decision.written:
                return _shown(text)
        first = int(self._syntax.start[syntax]) if syntax >= 0 and self._syntax is not None else self._start[decision.node]
        before = self._main.text[first : self._start[node]]
        text = (before if b"\n" not in before else b"") + self._trace.bytes_of(token_id)
        return _token(text.strip() or text) if syntax >= 0 else _token(text)

    def _counterpart(self, table: Syntax, node: int, branch: int) -> int:
        """The node of a branch that begins where this one does and stands as deep, or else the deepest that begins there."""
        depth = _depth(table, node)
        found = -1
        for passage in table.of_branches:
            if passage.branch == branch:
                for other in range(passage.first, passage.end):
                    if table.start[other] == table.start[node] and table.parent[other] >= 0:
                        found = other
                        if _depth(table, other) == depth:
                            return found
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


def _lines(text: bytes, start: int, end: int) -> list[str]:
    """The lines of bytes [start, end), the last one whole."""
    stop = text.find(b"\n", end)
    content = text[start : stop if stop >= 0 and not text[start:end].endswith(b"\n") else end]
    return [shortened(line, DIFF_WIDTH) for line in visible_text(content).splitlines()]


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


def _depth(table: Syntax, node: int) -> int:
    depth = 0
    while (node := int(table.parent[node])) >= 0:
        depth += 1
    return depth


def _shown(text: bytes) -> str:
    """The first line of a piece of code, marked where there is more."""
    lines = text.strip().splitlines() or [b""]
    line = " ".join(visible_line(lines[0]).split())
    return shortened(line, TEXT_LENGTH) if len(lines) == 1 else f"{shortened(line, TEXT_LENGTH - 2)} …"


def _token(content: bytes) -> str:
    return shortened(visible_token(content), TEXT_LENGTH)


def _spaced(name: str) -> str:
    """A grammar's name in words."""
    return "name" if name.endswith("identifier") else name.replace("_", " ")
