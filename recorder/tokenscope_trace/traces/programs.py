"""Programs: what each path of a recording writes, the main path's, and that of every branch. Knows no language and no syntax.

A program reads as its file does: without control tokens, and in a fill-in-the-middle recording with what was written in its hole. It
ends where the analysis says so: what was written behind that, such as the stop string that ended it, is no part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.traces.columns import Array, Indices, rows_of_ranges
from tokenscope_trace.traces.schema import BranchEnd, Origin

if TYPE_CHECKING:
    from tokenscope_trace.traces.trace import Trace

_HELD = 1 << 26  # bytes of text: more is not kept, for thousands of branches may share a long beginning
_ENDED = ("end-of-text", "stop-string", "unit")


@dataclass(frozen=True)
class PathProgram:
    """One path's program, `text`; it leaves the main path's at byte `fork` (which itself has the output's begin there); what was
    generated of it ends at `written`, and `ended` says whether it came to its own end there.

    `nodes` spell, in the order of the file, `whole`: the program and what was written behind it. In that, bytes [own_start, own_end) are
    the branch's own tokens (the output); all that was generated begins at `begin` and ends at `reach`, its last token begins at `last`.
    """

    nodes: Indices
    text: bytes
    whole: bytes
    fork: int
    own_start: int
    own_end: int
    written: int
    begin: int
    last: int
    reach: int
    ended: bool

    def of_whole(self, byte: int) -> int:
        """The byte of `whole` that stands at one of `text`."""
        return byte if byte <= self.written else byte + self.reach - self.written


@dataclass(frozen=True)
class KeptBytes:
    """Where the written part of each path's program ends, as bytes of its `whole`: of the main path, and of each branch (B,)."""

    main: int
    branches: Array


class Programs:
    """The programs of one recording of a generation."""

    def __init__(self, trace: Trace, kept: KeptBytes | None = None) -> None:
        """`kept` None: nothing was written behind any program."""
        self._trace, self._kept = trace, kept
        self._owner = np.full(len(trace.nodes), -1, dtype=np.int32)  # the branch of each node
        self._branches: dict[int, PathProgram] = {}
        self._held = 0  # bytes of their texts
        self._last = (-1, np.empty(0, dtype=np.int32))  # a branch and the nodes before its own: the next may depart from it
        program = trace.facts.program
        whole = program is not None and program.until in ("function", "statement")  # so that a complete unit is all there is
        self._ends = (BranchEnd.END_OF_TEXT, BranchEnd.STOP_STRING, *([BranchEnd.UNIT] if whole else []))
        first, count = trace.branches.first.astype(np.int64), trace.branches.count.astype(np.int64)
        self._owner[rows_of_ranges(first, count)] = np.repeat(np.arange(len(first)), count)

    @cached_property
    def main(self) -> PathProgram:
        """That of the main path."""
        trace = self._trace
        first = int(trace.output[0]) if len(trace.output) else -1
        kept = None if self._kept is None else self._kept.main
        return self._program(trace.main, trace.output, first, kept, ended=trace.facts.finish in _ENDED)

    def _size(self, nodes: Array) -> int:
        """Bytes that nodes have in a program."""
        return int(self._trace.program_sizes[nodes].sum())

    def of_branch(self, branch: int) -> PathProgram:
        """That of a branch; where it rejoined the path it left, it goes on as that path does."""
        if branch not in self._branches:
            made = self._of_branch(branch)
            self._held += len(made.whole)
            if self._held > _HELD:
                self._branches, self._held = {}, len(made.whole)
            self._branches[branch] = made
        return self._branches[branch]

    def _of_branch(self, branch: int) -> PathProgram:
        own = self._trace.branch(branch)
        rest, ended = self._after(branch)
        path = np.concatenate([self._way_to(branch), own, rest]).astype(np.int32)
        leaves = path[int(np.flatnonzero(path == self.departure(branch))[0]) + 1]
        kept = None if self._kept is None else int(self._kept.branches[branch])
        return self._program(path, own, int(leaves), kept, ended=ended)

    def _way_to(self, branch: int) -> Indices:
        """The nodes before a branch's own: stretches of the main path and of the branches that it departs from, in order."""
        if self._last[0] == branch:
            return self._last[1]
        node, found = self._leaves[branch], []
        while (above := self.owner(node)) >= 0 and above != self._last[0]:
            found.append(np.arange(self._firsts[above], node + 1, dtype=np.int32))
            node = self._leaves[above]
        if above >= 0:
            found.append(np.arange(self._firsts[above], node + 1, dtype=np.int32))
            found.append(self._last[1])
        else:
            found.append(self._trace.main[: int(np.searchsorted(self._trace.main, node)) + 1])
        way: Indices = np.concatenate(found[::-1])
        self._last = (branch, way)
        return way

    def departure(self, branch: int) -> int:
        """The last node of the main path on the way to a branch."""
        return self._departures[branch]

    @cached_property
    def _departures(self) -> list[int]:
        """By branch: one that departs from another has the departure of that one, which comes before it."""
        found: list[int] = []
        for node in self._leaves:
            owner = self.owner(node)
            found.append(node if owner < 0 else found[owner])
        return found

    @cached_property
    def _firsts(self) -> list[int]:
        found: list[int] = self._trace.branches.first.tolist()
        return found

    @cached_property
    def _leaves(self) -> list[int]:
        """By branch, the node after which it departs."""
        found: list[int] = self._trace.nodes.parent[self._trace.branches.first].tolist()
        return found

    def owner(self, node: int) -> int:
        """The branch of a node, -1 for none."""
        return int(self._owner[node])

    def leaning_on(self, lost: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(B,): these branches, and those that depart from or rejoin one of them, and so on."""
        table, found = self._trace.branches, np.array(lost, dtype=bool).tolist()
        departs = self._owner[self._trace.nodes.parent[table.first]].tolist()
        rejoins = np.where(table.rejoined < 0, -1, self._owner[np.maximum(table.rejoined, 0)]).tolist()
        for branch, leaned in enumerate(zip(departs, rejoins, strict=True)):  # on branches that come before it
            found[branch] = found[branch] or any(other >= 0 and found[other] for other in leaned)
        return np.array(found, dtype=bool)

    def _after(self, branch: int) -> tuple[Indices, bool]:
        """(the nodes that follow where a branch rejoined, whether the text comes to its own end)."""
        trace, rest = self._trace, [np.empty(0, dtype=np.int32)]
        while True:
            end = int(trace.branches.end[branch])
            if end != BranchEnd.REJOINED:
                return np.concatenate(rest), end in self._ends
            node = int(trace.branches.rejoined[branch])
            branch = self.owner(node)
            if branch < 0:
                rest.append(trace.main[np.searchsorted(trace.main, node) + 1 :])
                return np.concatenate(rest), trace.facts.finish in _ENDED
            stop = int(trace.branches.first[branch]) + int(trace.branches.count[branch])
            rest.append(np.arange(node + 1, stop, dtype=np.int32))

    def _program(self, path: Array, own: Array, leaves: int, kept: int | None, *, ended: bool) -> PathProgram:
        """Of a path whose own nodes are `own`; `leaves` is the first that is not the main path's, -1 for none."""
        trace = self._trace
        generated = trace.nodes.origin[path] != Origin.PROMPT
        suffix = trace.is_suffix[path] & ~generated
        nodes = np.concatenate([path[~suffix], path[suffix]]).astype(np.int32)
        start = self._size(path[~suffix & ~generated])
        made = path[generated]

        def byte_of(node: int) -> int:
            places = np.flatnonzero(made == node)
            return start + (self._size(made[: places[0]]) if len(places) else 0)

        own_start = byte_of(int(own[0])) if len(own) else start
        whole = trace.program_bytes(nodes)
        reach = start + self._size(made)
        written = reach if kept is None else min(max(kept, start), reach)
        return PathProgram(
            nodes=nodes,
            text=whole if written == reach else whole[:written] + whole[reach:],
            whole=whole,
            fork=byte_of(leaves),
            own_start=own_start,
            own_end=own_start + self._size(own),
            written=written,
            begin=start,
            last=reach - self._size(made[-1:]),
            reach=reach,
            ended=ended or written < reach,
        )
