"""Scores of lines: how suspicious each line of code of a reading is, by one signal. Pure.

A score takes a reading and a reference, and gives a number for each line of code, (L,); the largest is read first. A token counts on the
line on which it begins. The reference is what surprisal tokens of a kind have elsewhere: in the programs of the tuning half but this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import log2

import numpy as np
from tests.benchmarks.proof.reading.readings import Floats, Reading

SELDOM = 20  # tokens of a kind below which a reference says too little


@dataclass(frozen=True)
class Reference:
    """Surprisals by syntax kind, each with the program it is of, and of all kinds together."""

    of_kind: Mapping[str, tuple[Floats, np.ndarray]]

    @classmethod
    def of(cls, readings: Iterable[Reading]) -> Reference:
        """From the code of some readings."""
        found: dict[str, list[tuple[float, str]]] = {}
        for reading in readings:
            code = set(reading.code)
            for kind, line, bits in zip(reading.kind, reading.line.tolist(), reading.surprisal.tolist(), strict=True):
                if line in code and not np.isnan(bits):
                    found.setdefault(kind, []).append((bits, reading.program))
        return cls(
            {
                kind: (np.array([bits for bits, _ in pairs]), np.array([name for _, name in pairs]))
                for kind, pairs in found.items()
            }
        )

    def without(self, program: str) -> dict[str, Floats]:
        """The sorted surprisals by kind of all other programs."""
        return {kind: np.sort(bits[names != program]) for kind, (bits, names) in self.of_kind.items()}


Score = Callable[[Reading, Reference], list[float]]


def by_line(reading: Reading, values: Floats, aggregate: Callable[[Floats], float]) -> list[float]:
    """The aggregate of the tokens' values, (T,), on each line; of none it is 0."""
    known = ~np.isnan(values)
    on_line = [values[known & (reading.line == line)] for line in reading.code]
    return [float(aggregate(one)) if len(one) else 0.0 for one in on_line]


def stretch(values: Floats) -> float:
    """The largest sum of values that follow each other, at least 0. Source: Kadane's algorithm."""
    best = current = 0.0
    for value in values.tolist():
        current = max(0.0, current + value)
        best = max(best, current)
    return best


def within_kind(reading: Reading, values: Floats) -> Floats:
    """-log2(1 - percentile) of each token's value among those of its kind in this file: bits, (T,)."""
    kinds, found = np.array(reading.kind), np.full(len(values), np.nan)
    for kind in set(reading.kind):
        own = (kinds == kind) & ~np.isnan(values)
        if own.any():
            found[own] = -np.log2(1 - np.searchsorted(np.sort(values[own]), values[own], "left") / own.sum())
    return found


def beyond_reference(reading: Reading, reference: Reference) -> Floats:
    """The same among the tokens of its kind in other programs: bits, (T,); of a kind that is seldom there, the plain surprisal."""
    others, found = reference.without(reading.program), reading.surprisal.copy()
    for place, (kind, bits) in enumerate(zip(reading.kind, reading.surprisal.tolist(), strict=True)):
        known = others.get(kind, np.empty(0))
        if len(known) >= SELDOM and not np.isnan(bits):
            larger = len(known) - int(np.searchsorted(known, bits, "left"))
            found[place] = log2((len(known) + 1) / (larger + 1))
    return found


def likelier_rest(reading: Reading, share: float = 0.0, likely: float = 0.0) -> list[float]:
    """By how many bits the next tokens become likelier where a token of the line is replaced: of the line's best replacement.

    `share` of what the replacement itself is likelier than what stands there is added: with 1 it is the ratio of both programs. Only
    replacements of a probability of `likely` count; a line without one comes last.
    """
    best: dict[int, float] = {}
    for one in reading.replaced:
        if one.probability >= likely:
            line = int(reading.line[one.place])
            own = float(reading.surprisal[one.place]) + log2(one.probability)
            best[line] = max(best.get(line, -np.inf), sum(one.gains) + share * own)
    last = min(best.values(), default=0.0) - 1
    return [best.get(line, last) for line in reading.code]


def unexpected_between(reading: Reading) -> Floats:
    """-log2 of the probability of each token by what stands before it and the next ones behind it, (T,) bits: Bayes' rule over the token
    and the replacements that were tried; 0 where there are none.
    """
    found = np.zeros(len(reading.line))
    for place in {one.place for one in reading.replaced}:
        own = 2 ** -float(reading.surprisal[place])
        others = sum(one.probability * 2 ** sum(one.gains) for one in reading.replaced if one.place == place)
        found[place] = log2(1 + others / own)
    return found


def _plain(values: Callable[[Reading], Floats], aggregate: Callable[[Floats], float]) -> Score:
    return lambda reading, _: by_line(reading, values(reading), aggregate)


def _surprisal(reading: Reading) -> Floats:
    return reading.surprisal


def _entropy(reading: Reading) -> Floats:
    return reading.entropy


def _unexpected(reading: Reading) -> Floats:
    return reading.surprisal - reading.entropy


_AGGREGATES: dict[str, Callable[[Floats], float]] = {"sum": np.sum, "mean": np.mean, "largest": np.max}
_VALUES: dict[str, Callable[[Reading], Floats]] = {
    "surprisal": _surprisal,
    "entropy": _entropy,
    "surprisal within its kind": lambda reading: within_kind(reading, reading.surprisal),
    "entropy within its kind": lambda reading: within_kind(reading, reading.entropy),
}
TODAY = "surprisal, sum"  # the order of `uncertainty.least_certain_lines`
BASELINES: dict[str, Score] = {
    "tokens": _plain(lambda reading: np.ones(len(reading.line)), np.sum),
    "characters": _plain(lambda reading: reading.characters.astype(np.float64), np.sum),
    **{
        f"{value}, {name}": _plain(of, aggregate) for value, of in _VALUES.items() for name, aggregate in _AGGREGATES.items()
    },
}
OURS: dict[str, Score] = {
    "beyond the kind elsewhere, sum": lambda reading, reference: by_line(
        reading, beyond_reference(reading, reference), np.sum
    ),
    "beyond the kind elsewhere, largest": lambda reading, reference: by_line(
        reading, beyond_reference(reading, reference), np.max
    ),
    "surprisal less entropy, sum": _plain(_unexpected, np.sum),
    "surprisal less entropy, largest stretch": _plain(_unexpected, stretch),
    "likelier rest": lambda reading, _: likelier_rest(reading),
    "likelier rest, replacements of 20 %": lambda reading, _: likelier_rest(reading, likely=0.2),
    "likelier rest and replacement": lambda reading, _: likelier_rest(reading, share=1),
    "surprisal between both sides, largest": _plain(unexpected_between, np.max),
}
