"""One recording as plain facts: the verdict on its output and on every branch, and of every decision what could rank it.

What is measured here is kept as one line of JSON a case, so that rankings can be compared, and figures counted again, without a model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from tests.benchmarks.proof.generation.cases import Case
from tests.benchmarks.proof.generation.values import calls_of, values

from tokenscope_trace import Trace
from tokenscope_trace.analysis.decisions import Decision, Option, find_decisions
from tokenscope_trace.traces.schema import CheckResult, Outcome
from tokenscope_trace.traces.syntax import percentile


@dataclass(frozen=True)
class MeasuredOption:
    """An option of a decision. `there` is its probability where it departs; `passes` and `changes` (what a call gives) are None where
    it was not explored or is not finished; `token` counts from the output's first.
    """

    token: int
    there: float
    outcome: str | None
    passes: bool | None
    changes: bool | None


@dataclass(frozen=True)
class MeasuredDecision:
    """A decision, by what could rank it; numbers of its tokens are bits, or probabilities, of the raw distribution."""

    first: int
    last: int
    kind: str
    percentile: (
        float  # the share of the output's tokens in leaves of its kind that are less surprising than its most surprising one
    )
    depth: int
    surprisal: float  # the largest of its tokens
    entropy: float  # the largest
    doubt: float  # the largest 1 - (p of the likeliest - p of the second)
    probability: float  # the product
    difference: float
    taste: bool
    words: bool
    behind: bool
    score: float
    options: tuple[MeasuredOption, ...]


@dataclass(frozen=True)
class Measured:
    """A case: whether its output passes (None: it is not finished), the verdicts of branches, and its decisions in the report's order."""

    model: str
    case: str
    task: str
    version: str
    tokens: int
    seconds: float
    passes: bool | None
    branches: int
    finished: int
    passing: int
    decisions: tuple[MeasuredDecision, ...]


def measure(case: Case, trace: Trace, version: str, seconds: float) -> Measured:
    """What there is to count in a recording that was checked."""
    verdicts = dict(zip(trace.checks.branch.tolist(), (trace.checks.result == CheckResult.PASS).tolist(), strict=True))
    changes = _changes(case, trace, sorted(verdicts))
    return Measured(
        model=case.model,
        case=case.name,
        task=case.task.name,
        version=version,
        tokens=len(trace.output),
        seconds=round(seconds, 1),
        passes=verdicts.get(-1),
        branches=len(trace.branches),
        finished=len(verdicts) - (-1 in verdicts),
        passing=sum(passes for branch, passes in verdicts.items() if branch >= 0),
        decisions=tuple(_decision(trace, one, verdicts, changes) for one in find_decisions(trace)),
    )


def _changes(case: Case, trace: Trace, branches: Sequence[int]) -> dict[int, bool]:
    """Whether a finished branch's program gives something else than the output's for one of the tests' calls."""
    if -1 not in branches:
        return {}
    calls = calls_of(case.task.tests, case.task.function)
    known: dict[bytes, tuple[str, ...]] = {}
    found = {}
    for branch in branches:
        text = (trace.programs.main if branch < 0 else trace.programs.of_branch(branch)).text
        if text not in known:
            known[text] = values(text.decode("utf-8", "replace"), case.task.function, calls)
        found[branch] = known[text]
    return {branch: given != found[-1] for branch, given in found.items() if branch >= 0} if calls else {}


def _decision(trace: Trace, decision: Decision, verdicts: dict[int, bool], changes: dict[int, bool]) -> MeasuredDecision:
    nodes = np.arange(decision.first, decision.last + 1)
    surprisal = trace.nodes.surprisal[nodes]
    syntax = trace.syntax
    known = syntax is not None and decision.syntax >= 0
    return MeasuredDecision(
        first=int(decision.first - trace.output[0]),
        last=int(decision.last - trace.output[0]),
        kind=str(syntax.kind[decision.syntax]) if syntax is not None and known else "",
        percentile=_percentile(trace, decision),
        depth=int(syntax.depth[decision.syntax]) if syntax is not None and known else 0,
        surprisal=_rounded(surprisal.max()),
        entropy=_rounded(trace.nodes.entropy[nodes].max()),
        doubt=_rounded(max(_doubt(trace, int(node)) for node in nodes)),
        probability=_rounded(decision.probability),
        difference=_rounded(decision.difference),
        taste=decision.taste,
        words=decision.words,
        behind=decision.behind,
        score=_rounded(decision.score),
        options=tuple(_option(trace, one, verdicts, changes) for one in decision.options),
    )


def _option(trace: Trace, option: Option, verdicts: dict[int, bool], changes: dict[int, bool]) -> MeasuredOption:
    return MeasuredOption(
        token=int(option.node - trace.output[0]),
        there=_rounded(option.there),
        outcome=None if option.outcome is None else Outcome(option.outcome).name.lower(),
        passes=verdicts.get(option.branch) if option.branch >= 0 else None,
        changes=changes.get(option.branch) if option.branch >= 0 else None,
    )


def _percentile(trace: Trace, decision: Decision) -> float:
    """Of its most surprising token among those of the output that begin in a leaf of the same kind."""
    syntax = trace.syntax
    if syntax is None:
        return math.nan
    places = trace.token_places(trace.programs.main.nodes)
    inside = np.isin(places.nodes, trace.output) & (places.end > places.start)
    kinds = {
        int(node): str(syntax.kind[leaf])
        for node, start in zip(places.nodes[inside], places.start[inside], strict=True)
        if (leaf := syntax.innermost(0, int(start), int(start) + 1)) >= 0
    }
    of = max(range(decision.first, decision.last + 1), key=lambda node: float(trace.nodes.surprisal[node]))
    peers = np.array(
        [trace.nodes.surprisal[node] for node, kind in kinds.items() if kind == kinds.get(of)], dtype=np.float32
    )
    share, _ = percentile(peers, float(trace.nodes.surprisal[of]))
    return round(share, 4)


def _doubt(trace: Trace, node: int) -> float:
    """1 minus the margin between the two likeliest tokens."""
    first, second = np.exp(trace.alternatives.logprob[trace.alternatives_of(node)][:2].astype(np.float64))
    return float(1 - (first - second))


def _rounded(number: float) -> float:
    return float(f"{float(number):.6g}")


def as_json(measured: Measured) -> dict[str, Any]:
    """Plain data."""
    return asdict(measured)
