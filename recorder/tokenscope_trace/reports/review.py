"""The review: the decisions of a recording in words, where the explored probability leads, and what the user's own command said. A Trace
in, plain data out; knows no markup. The page, the Markdown and the terminal say the same because they all take it from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from tokenscope_trace.analysis.behaviour import explored_probability, probability_by_outcome
from tokenscope_trace.reports.check_verdict import make_verdict
from tokenscope_trace.reports.decision_entries import PASSES, TIMES_OUT, DecisionEntry
from tokenscope_trace.reports.decision_reader import DecisionReader
from tokenscope_trace.reports.small_diffs import DIFF_WIDTH
from tokenscope_trace.text import percent, shortened, visible_line, visible_token
from tokenscope_trace.traces.facts import CheckFacts
from tokenscope_trace.traces.schema import OUTCOME_WORDS, CheckResult
from tokenscope_trace.traces.trace import Trace

SAID_LINES = 4
# Below it the shares are those of less than one alternative that is worth a word: they say nothing of what could have been written.
LEAST_EXPLORED = 0.05

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
_VERDICTS = {CheckResult.PASS: PASSES, CheckResult.FAIL: "fails", CheckResult.TIME_OUT: TIMES_OUT}


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

    `explored` is the share of all probability that the tree has followed, in words; where it is less than LEAST_EXPLORED there are no
    `shares`, and `unexplored` says so in a sentence. `checks` are sentences about the user's own command, its verdict first, empty where
    none was run. `pivot_line` is that of the token that moves it most, 0 for none.
    """

    decisions: tuple[DecisionEntry, ...]
    found: int
    explored: str
    shares: tuple[Share, ...]
    unexplored: str
    checks: tuple[str, ...]
    pivot_line: int

    @property
    def groups(self) -> list[tuple[str, list[DecisionEntry]]]:
        """The decisions in their order, those next to each other under one heading together."""
        return [(heading, list(group)) for heading, group in groupby(self.decisions, lambda decision: decision.heading)]


def make_review(trace: Trace) -> Review | None:
    """The decisions in words; None where none were looked for: scored code, older recordings."""
    facts = trace.facts.decisions
    if facts is None:
        return None
    reader = DecisionReader(trace, _verdicts(trace))
    explored = min(1.0, explored_probability(trace)) if len(trace.branches) else 0.0
    pivot = trace.facts.check.pivot if trace.facts.check is not None else None
    pivot_line = 0 if pivot is None else reader.line_of(pivot.node)
    return Review(
        decisions=tuple(reader.decisions()),
        found=facts.found,
        explored=percent(explored),
        shares=tuple(_shares(trace)) if explored >= LEAST_EXPLORED else (),
        unexplored=_unexplored(explored) if len(trace.branches) and explored < LEAST_EXPLORED else "",
        checks=tuple(_checks(trace, pivot_line)),
        pivot_line=pivot_line,
    )


def _unexplored(explored: float) -> str:
    return (
        f"The output and its branches hold {percent(explored)} of the probability of all that could have been written: too little to say "
        "where the rest leads."
    )


def _shares(trace: Trace) -> Iterator[Share]:
    found: dict[str, float] = {}
    for outcome, share in probability_by_outcome(trace).items():
        key = OUTCOME_WORDS[outcome][0]
        found[key] = found.get(key, 0.0) + share
    for key, label in _SHARES.items():
        if key in found:
            yield Share(label, key, found[key], percent(min(1.0, found[key])))


def _checks(trace: Trace, pivot_line: int) -> Iterator[str]:
    facts, verdict = trace.facts.check, make_verdict(trace)
    if verdict is None:
        return
    yield verdict.sentence
    if verdict.doubt:
        yield verdict.doubt
    if facts is None or not len(trace.checks):
        return
    yield f"The check runs “{visible_line(facts.command)}” {_on_what(facts)}."
    pivot = facts.pivot
    if pivot is not None:
        token = visible_line(trace.token_bytes(pivot.node).strip()) or visible_token(trace.token_bytes(pivot.node))
        yield (
            f"What moves it most is “{token}” on line {pivot_line:,}: of the checked probability "
            f"{percent(pivot.before)} passes before it is written, {percent(pivot.after)} after."
        )


def _on_what(facts: CheckFacts) -> str:
    """What the command runs on."""
    if facts.folder is None:
        return "on each finished program"
    place = f", as “{visible_line(facts.file)}”" if facts.file is not None else ""
    return f"in a copy of “{visible_line(facts.folder)}” with each finished program in it{place}"


def _verdicts(trace: Trace) -> dict[int, tuple[str, tuple[str, ...]]]:
    """By branch, -1 for the output: what the user's command said, and its last lines."""
    outputs = trace.facts.check.outputs if trace.facts.check is not None else ()
    lines = [
        tuple(shortened(visible_line(line), DIFF_WIDTH) for line in text.splitlines()[-SAID_LINES:]) for text in outputs
    ]
    rows = zip(trace.checks.branch.tolist(), trace.checks.result.tolist(), trace.checks.output.tolist(), strict=True)
    return {branch: (_VERDICTS[CheckResult(result)], lines[output]) for branch, result, output in rows}
