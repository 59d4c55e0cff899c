"""Orders of the decisions of one recording: the report's own, and those that it is measured against.

All of them order the same decisions of the same tree; one is better only by its order. Equals stand in the order of the text.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.benchmarks.proof.generation.measured import Measured, MeasuredDecision

Order = Callable[[Measured], list[MeasuredDecision]]


def report(case: Measured) -> list[MeasuredDecision]:
    """As the report lists them where no check was run: what an option's verdict is does not enter."""
    return sorted(case.decisions, key=lambda one: (one.behind, one.taste, one.words, -one.score, one.first))


def checked(case: Measured) -> list[MeasuredDecision]:
    """As the report lists them where the check was run."""
    return list(case.decisions)


def text(case: Measured) -> list[MeasuredDecision]:
    """From the top."""
    return _by(case.decisions, lambda _: 0.0)


def entropy(case: Measured) -> list[MeasuredDecision]:
    """The largest entropy of its tokens first."""
    return _by(case.decisions, lambda one: one.entropy)


def doubt(case: Measured) -> list[MeasuredDecision]:
    """The smallest margin between the two likeliest tokens first."""
    return _by(case.decisions, lambda one: one.doubt)


def surprisal(case: Measured) -> list[MeasuredDecision]:
    """The most surprising token first; of a greedy output, the least likely choice."""
    return _by(case.decisions, lambda one: one.surprisal)


def likeliest(case: Measured) -> list[MeasuredDecision]:
    """The likeliest option first."""
    return _by(case.decisions, lambda one: max((option.there for option in one.options), default=0.0))


def mass(case: Measured) -> list[MeasuredDecision]:
    """The largest sum of the options' probabilities first."""
    return _by(case.decisions, lambda one: sum(option.there for option in one.options))


def oracle(case: Measured) -> list[MeasuredDecision]:
    """Those first of which an option passes: the best that any order of these decisions can do."""
    return _by(case.decisions, lambda one: float(repairs(one)))


def shuffled(seed: int) -> Order:
    """By chance, the same for the same case."""

    def order(case: Measured) -> list[MeasuredDecision]:
        found = sorted(case.decisions, key=lambda one: one.first)
        random.Random(f"{seed} {case.case}").shuffle(found)
        return found

    return order


def repairs(decision: MeasuredDecision) -> bool:
    """Whether one of its options passes."""
    return any(option.passes is True for option in decision.options)


def _by(decisions: Sequence[MeasuredDecision], weight: Callable[[MeasuredDecision], float]) -> list[MeasuredDecision]:
    return sorted(decisions, key=lambda one: (-weight(one), one.first))


BASELINES: dict[str, Order] = {
    "from the top": text,
    "entropy": entropy,
    "1 - margin": doubt,
    "surprisal": surprisal,
    "likeliest option": likeliest,
    "sum of options": mass,
}
SHUFFLES = 20
