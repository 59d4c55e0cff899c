"""Figures over cases: Repair@k, Change@k, their intervals by the bootstrap over cases, and how often a list is empty. Pure.

Repair@k: of the outputs that fail (one that came to no end does) and that an explored branch repairs, the share with an option that passes among the first k decisions.
Change@k: of the first k decisions (of all cases with a verdict on what an option changes), the share of which an option changes what the
tests' calls give. Intervals are those between the 2.5th and the 97.5th percentile of RESAMPLES resamples of tasks, so that the samples of
one task stay together; two orders are compared on the same resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tests.benchmarks.proof.generation.measured import Measured, MeasuredDecision
from tests.benchmarks.proof.generation.orders import SHUFFLES, Order, repairs, shuffled

RESAMPLES = 2000
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shares:
    """A share with its parts: of each case what counts for it and what it is of, (C,) each, and the case's task as a number."""

    hits: Floats
    of: Floats
    task: NDArray[np.int64]

    @property
    def value(self) -> float:
        """The share, NaN of nothing."""
        return float(self.hits.sum() / self.of.sum()) if self.of.sum() else float("nan")

    def resampled(self, seed: int = 0) -> Floats:
        """(RESAMPLES,) shares of tasks drawn with replacement."""
        if not len(self.task):
            return np.full(RESAMPLES, np.nan)
        count = int(self.task.max()) + 1
        hits, of = np.bincount(self.task, self.hits, count), np.bincount(self.task, self.of, count)
        tasks = np.unique(self.task)
        drawn = tasks[np.random.default_rng(seed).integers(0, len(tasks), (RESAMPLES, len(tasks)))]
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = hits[drawn].sum(axis=1) / of[drawn].sum(axis=1)
        return found


def interval(values: Floats) -> tuple[float, float]:
    """The 95 % interval of resampled values; NaN where none is finite."""
    known = values[np.isfinite(values)]
    return (float("nan"), float("nan")) if not len(known) else tuple(np.percentile(known, [2.5, 97.5]).tolist())  # type: ignore[return-value]


def ratio(one: Shares, other: Shares) -> tuple[float, float, float]:
    """(how many times the other's share one is, and its interval) on the same resamples; infinite ones count as the largest."""
    with np.errstate(divide="ignore", invalid="ignore"):
        resampled = one.resampled() / other.resampled()
        value = np.float64(one.value) / np.float64(other.value)
    finite = resampled[~np.isnan(resampled)]
    low, high = np.percentile(finite, [2.5, 97.5]) if len(finite) else (np.nan, np.nan)
    return float(value), float(low), float(high)


def repairable(case: Measured) -> bool:
    """Whether the output fails, as one does that came to no end, and an explored branch passes."""
    return case.passes is not True and case.passing > 0


def repair_at(cases: Sequence[Measured], order: Order, k: int) -> Shares:
    """Repair@k of an order."""
    return _shares(
        [case for case in cases if repairable(case)], order, lambda first: (float(any(map(repairs, first[:k]))), 1.0)
    )


def change_at(cases: Sequence[Measured], order: Order, k: int) -> Shares:
    """Change@k of an order."""

    def count(first: Sequence[MeasuredDecision]) -> tuple[float, float]:
        return sum(_changes(one) is True for one in first[:k]), len(first[:k])

    return _shares([case for case in cases if case.passes is not None], order, count)


def at_random(measure: Callable[[Sequence[Measured], Order, int], Shares], cases: Sequence[Measured], k: int) -> Shares:
    """A figure of orders by chance: the mean of SHUFFLES of them."""
    found = [measure(cases, shuffled(seed), k) for seed in range(SHUFFLES)]
    return Shares(np.mean([one.hits for one in found], axis=0), np.mean([one.of for one in found], axis=0), found[0].task)


def empty(cases: Sequence[Measured], *, passes: bool) -> Shares:
    """The share of the outputs that pass (or do not) whose list of decisions is empty."""
    chosen = [case for case in cases if (case.passes is True) is passes]
    return _shares(chosen, lambda case: list(case.decisions), lambda first: (float(not first), 1.0))


def _changes(decision: MeasuredDecision) -> bool | None:
    """Whether an option changes what a call gives; None where that is known of none."""
    known = [option.changes for option in decision.options if option.changes is not None]
    return any(known) if known else None


def _shares(
    cases: Sequence[Measured], order: Order, count: Callable[[Sequence[MeasuredDecision]], tuple[float, float]]
) -> Shares:
    counted = [count(order(case)) for case in cases]
    tasks = {task: number for number, task in enumerate(sorted({case.task for case in cases}))}
    return Shares(
        np.array([hits for hits, _ in counted], dtype=np.float64),
        np.array([of for _, of in counted], dtype=np.float64),
        np.array([tasks[case.task] for case in cases], dtype=np.int64),
    )
