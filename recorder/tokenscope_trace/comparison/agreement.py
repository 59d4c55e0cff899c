"""Agreement of two recordings of one run: what the second has otherwise, beyond the floor of noise: tokens, numbers, branches,
outcomes, decisions, syntax, checks. Two Traces in, plain data out; runs no model and words nothing but single facts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.comparison.code_differences import Change, code_changes
from tokenscope_trace.comparison.environment import Changed, changes
from tokenscope_trace.comparison.noise_floor import Floor, floor_of
from tokenscope_trace.comparison.number_differences import Numbers, numbers
from tokenscope_trace.comparison.shared_paths import SamePaths, branch_nodes, same_paths
from tokenscope_trace.errors import TraceError
from tokenscope_trace.text import visible_line
from tokenscope_trace.traces.columns import Indices
from tokenscope_trace.traces.token_table import token_lines
from tokenscope_trace.traces.trace import Trace


@dataclass(frozen=True)
class Parting:
    """Where two paths that begin alike part. `path` is `output` or the number of a branch from 1; `position` counts its tokens from 1.

    `logprob` and `other_logprob`, in nats, are what the recording gave its own token and the one that stands there now; NaN where that
    is not among the alternatives. `coin_flip`: they are within the floor of each other, so that rounding decides.
    """

    path: str
    position: int
    line: int
    node: int
    other: int
    recorded: bytes
    again: bytes
    logprob: float
    other_logprob: float
    coin_flip: bool


@dataclass(frozen=True)
class Counted:
    """How many tokens of a path were recorded, how many there are now, and at how many places they differ."""

    path: str
    recorded: int
    again: int
    differing: int


@dataclass(frozen=True)
class Agreement:
    """All that differs, and what was not compared, as sentences; `compared` counts numbers."""

    floor: Floor
    tokens: tuple[Counted, ...]
    partings: tuple[Parting, ...]
    numbers: tuple[Numbers, ...]
    changes: tuple[Change, ...]
    environment: tuple[Changed, ...]
    left_out: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs beyond the floor."""
        differing = any(one.differing for one in self.tokens) or any(len(one.node) for one in self.numbers)
        return not (differing or self.partings or self.changes)

    @property
    def compared(self) -> int:
        """How many numbers stand for the same thing in both."""
        return sum(one.compared for one in self.numbers)


def find_agreement(recorded: Trace, again: Trace) -> Agreement:
    """What `again` has otherwise. Raises TraceError where they are not of the same prompt or code."""
    if bool(recorded.files) != bool(again.files) or not _begin_alike(recorded, again):
        raise TraceError("the two recordings are not of the same prompt or code.")
    floor, paths = floor_of(recorded.facts), same_paths(recorded, again)
    lacking = recorded.facts.lacking | again.facts.lacking
    found = [one for one in numbers(recorded, again, paths, floor) if not ("prompt" in lacking and one.part == "prompt")]
    return Agreement(
        floor=floor,
        tokens=tuple(_counted(recorded, again)),
        partings=tuple(_partings(recorded, again, paths, floor, cut="generation" in lacking)),
        numbers=tuple(found),
        changes=tuple(code_changes(recorded, again, paths, floor, lacking)),
        environment=tuple(changes(recorded.facts, again.facts)),
        left_out=tuple(_left_out(recorded, again, paths)),
    )


def _begin_alike(a: Trace, b: Trace) -> bool:
    if a.files:
        return bool(a.nodes.token_id[0] == b.nodes.token_id[0])
    return np.array_equal(a.nodes.token_id[a.prompt], b.nodes.token_id[b.prompt])


def _counted(a: Trace, b: Trace) -> Iterator[Counted]:
    cut = "generation" in a.facts.lacking | b.facts.lacking
    if not a.files:
        pairs = [("output", a.output, b.output)]
    else:
        pairs = [(visible_line(one.source), one.nodes, two.nodes) for one, two in zip(a.files, b.files, strict=False)]
    for path, one, two in pairs:
        shared = min(len(one), len(two))
        unlike = int(np.count_nonzero(a.nodes.token_id[one[:shared]] != b.nodes.token_id[two[:shared]]))
        yield Counted(path, len(one), len(two), unlike + (0 if cut else max(len(one), len(two)) - shared))


def _partings(a: Trace, b: Trace, paths: SamePaths, floor: Floor, *, cut: bool) -> Iterator[Parting]:
    lines = token_lines(a)
    homes = {int(node): branch for branch in range(len(a.branches)) for node in branch_nodes(a, branch)}
    for node, other in paths.forks:
        branch = homes.get(node)
        position = node - int(a.output[0]) + 1 if branch is None else node - int(a.branches.first[branch]) + 1
        mine, theirs = float(a.nodes.logprob[node]), _logprob_of(a, node, int(b.nodes.token_id[other]))
        flip = abs(mine - theirs) <= 2 * floor.nats
        path = "output" if branch is None else f"{branch + 1}"
        line = int(lines[node])
        texts = (a.token_bytes(node), b.token_bytes(other))
        yield Parting(path, position, line, node, other, *texts, mine, theirs, bool(flip))
    if (
        not cut
        and not a.files
        and not any(int(a.nodes.origin[node]) == 1 for node, _ in paths.forks)
        and len(a.output) != len(b.output)
    ):
        yield from _ended(a, b, lines)


def _ended(a: Trace, b: Trace, lines: NDArray[np.int32]) -> Iterator[Parting]:
    """Where one output goes on after the other's end."""
    shared = min(len(a.output), len(b.output))
    mine = a.output[shared] if len(a.output) > shared else None
    theirs = b.output[shared] if len(b.output) > shared else None
    last = int(a.output[shared - 1]) if mine is None else int(mine)
    yield Parting(
        "output",
        shared + 1,
        int(lines[last]),
        last,
        int(b.output[shared - 1]) if theirs is None else int(theirs),
        b"" if mine is None else a.token_bytes(mine),
        b"" if theirs is None else b.token_bytes(theirs),
        float("nan"),
        float("nan"),
        coin_flip=False,
    )


def _logprob_of(trace: Trace, node: int, token: int) -> float:
    rows = trace.alternatives_of(node)
    found = np.flatnonzero(trace.alternatives.token_id[rows] == token)
    return float(trace.alternatives.logprob[rows][found[0]]) if len(found) else float("nan")


def _left_out(a: Trace, b: Trace, paths: SamePaths) -> Iterator[str]:
    for trace, name in ((a, "recording"), (b, "repetition")):
        for one in trace.facts.missing:
            yield f"The {name} lacks its {visible_line(one.stage)}, or a part of it ({visible_line(one.reason)})."
    apart = int(np.count_nonzero(paths.other[_measured(a)] < 0))
    if apart:
        yield (
            f"{apart:,} recorded tokens stand after places that differ: their numbers cannot be compared, because other tokens "
            "stand before them."
        )
    if a.facts.check is not None and b.facts.check is None:
        yield "The check was not run again: a command runs only if you give it, with --check."


def _measured(trace: Trace) -> NDArray[np.int32] | Indices:
    return np.flatnonzero(trace.nodes.rank > 0).astype(np.int32)
