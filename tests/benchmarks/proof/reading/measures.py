"""How good an order of lines is where it is known which are faulty. Pure functions of numbers.

Axis letters: F files, L lines of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
SEED = 20261128
READ = 0.2  # the share of lines that somebody has the time to read


def auc(values: Sequence[float], faulty: Sequence[bool]) -> float:
    """The probability that a faulty line has a larger value than another one, ties half. Raises ValueError where either is missing.

    Source: the Mann-Whitney statistic, by mid-ranks.
    """
    known, wrong = np.asarray(values, dtype=np.float64), np.asarray(faulty, dtype=bool)
    few, many = int(wrong.sum()), int((~wrong).sum())
    if not few or not many:
        raise ValueError("an AUC needs a line that is faulty and one that is not")
    order = np.sort(known)
    ranks = (np.searchsorted(order, known, "left") + np.searchsorted(order, known, "right") + 1) / 2
    return float((ranks[wrong].sum() - few * (few + 1) / 2) / (few * many))


def reading_order(values: Sequence[float]) -> list[int]:
    """The places of the lines as they are read: the largest value first, of equal ones that which stands before."""
    return sorted(range(len(values)), key=lambda place: (-values[place], place))


def lines_until_faulty(values: Sequence[float], faulty: Sequence[bool]) -> int:
    """How many lines are read until the first faulty one, itself included."""
    return next(read for read, place in enumerate(reading_order(values), 1) if faulty[place])


def recall(values: Sequence[float], faulty: Sequence[bool], share: float = READ) -> float:
    """The share of the faulty lines that are among the first of this share of all lines, rounded up."""
    first = reading_order(values)[: ceil(share * len(values) - 1e-9)]
    return sum(faulty[place] for place in first) / sum(faulty)


@dataclass(frozen=True)
class Interval:
    """A mean over files, and the 2.5th and 97.5th percentile of the means of resampled files."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def bootstrap(values: Sequence[float] | NDArray[np.float64], resamples: int = RESAMPLES, seed: int = SEED) -> Interval:
    """Of (F,) values, one a file; of differences between two orders of the same files, the interval is a paired one."""
    known = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(known), (resamples, len(known)))
    means = known[drawn].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(known.mean()), float(low), float(high))
