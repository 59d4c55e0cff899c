"""The size limit of a page: what a reader misses least is left out first, and said. A Trace in, a Trace out; knows no page.

In this order: attention, the logit lens, branches (the least likely to be written first, those of listed decisions last), alternatives
(the least likely of each token first).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.text import file_size
from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.programs import PathProgram, Programs
from tokenscope_trace.traces.pruning import remaining, without_layers
from tokenscope_trace.traces.schema import TABLES
from tokenscope_trace.traces.trace import Trace

_STEPS = 7  # of bisection: branches are counted to within a hundredth
_KEPT_ALTERNATIVES = (8, 4, 2, 1, 0)


@dataclass(frozen=True)
class Fitted:
    """A recording, what it lacks now (as in "attention and 12 of 90 branches"; empty for nothing), and whether it keeps to the size."""

    trace: Trace
    left_out: tuple[str, ...]
    fits: bool


def fitted(trace: Trace, limit: int, size: Callable[[Trace], int]) -> Fitted:
    """The recording with as little left out as keeps `size` of it, in bytes, within `limit`; what cannot be left out stays."""
    best = Fitted(trace, (), size(trace) <= limit)
    for part, words in (("attention", "attention"), ("lens", "the logit lens")):
        if best.fits:
            return best
        best = _without(best, part, words, limit, size)
    if not best.fits and len(best.trace.branches):
        best = _fewer_branches(best, lambda smaller: size(smaller) <= limit)
    for most in _KEPT_ALTERNATIVES:
        held = int(best.trace.nodes.alternative_count.max(initial=0))
        if best.fits or held == 0:
            break
        if most < held:
            best = _fewer_alternatives(best, most, limit, size)
    return best


def with_fewer_branches(trace: Trace, fits: Callable[[Trace], bool]) -> Fitted:
    """The recording with as many of its branches as fit."""
    found = Fitted(trace, (), fits(trace))
    return found if found.fits or not len(trace.branches) else _fewer_branches(found, fits)


def with_notes(found: Fitted, limit: int) -> Trace:
    """The recording with a note that says what was left out."""
    if not found.left_out:
        return found.trace
    return found.trace.replaced(
        {**found.trace.run, "notes": [*found.trace.facts.notes, left_out_sentence(found, limit)]}, {}
    )


def left_out_sentence(found: Fitted, limit: int) -> str:
    """A sentence on what was left out."""
    *first, last = found.left_out
    what = f"{', '.join(first)} and {last}" if first else last
    return f"To keep this file within {file_size(limit)}, it lacks {what}; the recording has all of it."


def _without(found: Fitted, part: str, words: str, limit: int, size: Callable[[Trace], int]) -> Fitted:
    if getattr(found.trace.facts, part) is None:
        return found
    smaller = without_layers(found.trace, part)
    return Fitted(smaller, (*found.left_out, words), size(smaller) <= limit)


def _fewer_branches(found: Fitted, fits: Callable[[Trace], bool]) -> Fitted:
    """As many of the first branches, in the order of `_weighed`, as fit; by bisection."""
    trace, programs = found.trace, found.trace.programs
    order = _weighed(trace)
    total = len(order)

    def with_first(count: int) -> Fitted:
        lost = np.ones(total, dtype=bool)
        lost[order[:count]] = False
        losses = _Losses(trace, programs, programs.leaning_on(lost))
        smaller = _remainder(trace, losses)
        words = f"{int(losses.branches.sum()):,} of {total:,} branches"
        return Fitted(smaller, (*found.left_out, words), fits(smaller))

    best, low, high = with_first(0), 0, total  # `low` are known to fit, `high` known not to
    for _step in range(_STEPS):
        middle = (low + high) // 2
        if not best.fits or middle == low:
            break
        tried = with_first(middle)
        best, low, high = (tried, middle, high) if tried.fits else (best, low, middle)
    return best


def _weighed(trace: Trace) -> NDArray[np.intp]:
    """The branches, first those to keep longest: those of listed decisions, then by the probability that the model goes there."""
    logprob = np.nan_to_num(trace.nodes.logprob.astype(np.float64), nan=0.0, neginf=-1e9)
    reach = logprob.copy()  # of the whole way to each node; what stands before a node has a smaller index
    parent = trace.nodes.parent.tolist()
    for node, above in enumerate(parent):
        if above >= 0:
            reach[node] += reach[above]
    chosen = np.isin(np.arange(len(trace.branches)), trace.tables["decision_options"]["branch"])
    return np.lexsort((np.arange(len(chosen)), -reach[trace.branches.first], ~chosen))


def _fewer_alternatives(found: Fitted, most: int, limit: int, size: Callable[[Trace], int]) -> Fitted:
    """The `most` most probable alternatives of each token; the mass of the others is part of the tail."""
    trace = found.trace
    nodes, alternatives = trace.nodes, trace.alternatives
    count = nodes.alternative_count
    owner = np.repeat(np.arange(len(nodes)), count)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(count, dtype=np.int64) - count, count)
    stays = place < most
    table = {name: np.array(getattr(nodes, name)) for name in TABLES["nodes"] if name in nodes}
    for tail, logprob in (("tail", "logprob"), ("sampled_tail", "sampled_logprob")):
        mass = np.nan_to_num(np.exp(getattr(alternatives, logprob).astype(np.float64)))
        table[tail] = np.minimum(table[tail] + np.bincount(owner[~stays], mass[~stays], minlength=len(nodes)), 1).astype(
            np.float32
        )
    table["alternative_count"] = np.minimum(count, most).astype(np.uint16)
    fewer = trace.replaced(
        trace.run,
        {"nodes": table, "alternatives": {name: getattr(alternatives, name)[stays] for name in TABLES["alternatives"]}},
    )
    smaller = _remainder(fewer, _Losses(fewer, None, np.zeros(len(fewer.branches), dtype=bool)))
    before = found.left_out[:-1] if found.left_out and found.left_out[-1].startswith("all but") else found.left_out
    words = f"all but {most} alternatives of each token" if most else "all alternatives"
    return replace(found, trace=smaller, left_out=(*before, words), fits=size(smaller) <= limit)


def _remainder(trace: Trace, losses: _Losses) -> Trace:
    tables, facts = remaining(trace, losses)
    return Trace({**trace.run, **facts}, tables)


class _Losses:
    """Branches alone go."""

    def __init__(self, trace: Trace, programs: Programs | None, branches: NDArray[np.bool_]) -> None:
        self.nodes: NDArray[np.bool_] = np.zeros(len(trace.nodes), dtype=bool)
        self.branches = branches
        self.alternatives: NDArray[np.bool_] = np.zeros(len(trace.alternatives), dtype=bool)
        self.lens: NDArray[np.bool_] = np.zeros(len(trace.tables["lens"]["token_id"]), dtype=bool)
        self.options: NDArray[np.bool_] = np.zeros(len(trace.decision_options), dtype=bool)
        self._programs = programs
        self.gone: NDArray[np.bool_] = np.zeros(len(trace.nodes), dtype=bool)
        for first, count in _spans(trace, branches):
            self.gone[first : first + count] = True

    def program(self, branch: int) -> PathProgram:
        """The program that a branch writes."""
        assert self._programs is not None
        return self._programs.of_branch(branch)


def _spans(trace: Trace, branches: Array) -> Iterator[tuple[int, int]]:
    yield from zip(trace.branches.first[branches].tolist(), trace.branches.count[branches].tolist(), strict=True)
