"""Behaviour of the explored branches: where their probability leads, how much of it to which outcome, and how a check's verdicts
move along the output.

A Trace in, numbers out. Pure. The probability is that of drawing token by token from p, at temperature 1. A path that leaves the
output, or a branch, at an explored alternative takes with it the product of all probabilities up to that alternative; what a branch
writes stands for everything that begins as it does, less what departs from it. Whatever departs nowhere explored is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.traces.schema import CheckResult, Outcome
from tokenscope_trace.traces.trace import Trace

Masses = NDArray[np.float64]


@dataclass(frozen=True)
class Pivot:
    """The token of the output that moves the pass share most: the share before it is written, and after."""

    node: int
    before: float
    after: float


def log_masses(trace: Trace) -> tuple[float, Masses]:
    """(ln of the main path's mass, ln of each branch's (B,)); -inf where nothing is left of it.

    The sum of all masses is the explored probability, in [0, 1].
    """
    logprob = np.where(np.isnan(trace.nodes.logprob), 0.0, trace.nodes.logprob.astype(np.float64)).tolist()
    parent = trace.nodes.parent.tolist()
    summed = [0.0] * len(logprob)  # from the end of the prompt on
    for node in [*trace.output.tolist(), *_branch_nodes(trace)]:
        summed[node] = (summed[parent[node]] if parent[node] >= 0 else 0.0) + logprob[node]
    total = np.array(summed)
    first = trace.branches.first
    taken = np.zeros(len(first))  # by what departs from each branch, as a share of it
    owner = trace.programs.owner
    for node in first.tolist():
        below = owner(parent[node])
        if below >= 0 and total[first[below]] > -np.inf:
            taken[below] += np.exp(total[node] - total[first[below]])
    with np.errstate(divide="ignore"):
        own = np.log(np.maximum(1 - taken, 0.0))
    return float(total[trace.facts.main_leaf]) if len(trace.output) else 0.0, total[first] + own


def explored_probability(trace: Trace) -> float:
    """The share of all probability that the recording follows, in [0, 1]."""
    main, branches = log_masses(trace)
    return float(np.exp(main) + np.exp(branches).sum())


def probability_by_outcome(trace: Trace) -> dict[Outcome, float]:
    """How the explored probability divides among outcomes: shares that add up to 1. What was written has the same text."""
    main, branches = log_masses(trace)
    outcomes = trace.outcomes.outcome if len(trace.outcomes) else np.zeros(len(branches), dtype=np.uint8)
    logs = np.concatenate([[main], branches])
    if not np.isfinite(logs.max()):
        return {}
    weights = np.exp(logs - logs.max())
    shares = weights / weights.sum()
    kinds = np.concatenate([[Outcome.SAME_TEXT], outcomes])
    return {outcome: float(shares[kinds == outcome].sum()) for outcome in Outcome if bool(np.any(kinds == outcome))}


def pass_share(trace: Trace) -> float | None:
    """The share of the checked programs that pass, by their probability; None where none was checked."""
    logs, passes, _ = _checked(trace)
    return _share(logs, passes)


def pivot(trace: Trace) -> Pivot | None:
    """The token whose choice changes the pass share most: that of all checked programs that begin as the text before it does, and
    that of those that begin with it, too. None where no token changes it.
    """
    logs, passes, departs = _checked(trace)
    best = None
    for node in trace.output.tolist():
        before, after = (_share(logs[departs >= at], passes[departs >= at]) for at in (node - 1, node))
        if before is None or after is None or before == after:
            continue
        if best is None or abs(after - before) > abs(best.after - best.before):
            best = Pivot(node, before, after)
    return best


def _checked(trace: Trace) -> tuple[Masses, NDArray[np.bool_], NDArray[np.int64]]:
    """Of each checked program: (ln of its mass, whether it passes, the last node that it shares with the main path)."""
    main, branches = log_masses(trace)
    programs = trace.programs
    rows = trace.checks.branch.tolist()
    logs = np.array([main if branch < 0 else branches[branch] for branch in rows])
    departs = np.array([trace.facts.main_leaf if branch < 0 else programs.departure(branch) for branch in rows])
    return logs, trace.checks.result == CheckResult.PASS, departs.astype(np.int64)


def _share(logs: Masses, passes: NDArray[np.bool_]) -> float | None:
    if len(logs) == 0 or not np.isfinite(logs.max()):
        return None
    weights = np.exp(logs - logs.max())
    return float(weights[passes].sum() / weights.sum())


def _branch_nodes(trace: Trace) -> list[int]:
    return [
        node
        for first, count in zip(trace.branches.first.tolist(), trace.branches.count.tolist(), strict=True)
        for node in range(first, first + count)
    ]
