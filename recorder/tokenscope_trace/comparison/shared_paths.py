"""Shared paths of two recordings: the nodes that have the same tokens before them, from the root on. Two Traces in, arrays out.

Only there can numbers be compared. A path of one may be the main path and the same path of the other a branch.
Axis letters: N nodes of the recording, M nodes of the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.traces.columns import Indices
from tokenscope_trace.traces.trace import Trace


@dataclass(frozen=True)
class SamePaths:
    """`other` (N,): the node of the other recording with the same tokens up to its own, -1 for none.

    `forks` are pairs (node, node of the other) that the same tokens stand before and that differ themselves: where the main paths
    part, and where branches that begin alike do. `branches` (B,): the branch of the other recording that begins alike, -1 for none.
    """

    other: NDArray[np.int32]
    forks: tuple[tuple[int, int], ...]
    branches: NDArray[np.int32]


def same_paths(a: Trace, b: Trace) -> SamePaths:
    """Roots are matched by their order: each file that was scored has one."""
    other = _counterparts(a, b)
    forks = [_fork(a.main, b.main, other)] if not a.files and not b.files else []
    owners = {int(first): branch for branch, first in enumerate(b.branches.first)}
    branches = np.full(len(a.branches), -1, dtype=np.int32)
    for branch in range(len(a.branches)):
        branches[branch] = owners.get(int(other[a.branches.first[branch]]), -1)
        if branches[branch] >= 0:
            forks.append(_fork(branch_nodes(a, branch), branch_nodes(b, int(branches[branch])), other))
    return SamePaths(other, tuple(fork for fork in forks if fork is not None), branches)


def branch_nodes(trace: Trace, branch: int) -> Indices:
    """The nodes of a branch, (length,)."""
    first = int(trace.branches.first[branch])
    return np.arange(first, first + int(trace.branches.count[branch]), dtype=np.int32)


def _counterparts(a: Trace, b: Trace) -> NDArray[np.int32]:
    children: dict[tuple[int, int], int] = {}
    roots = 0
    for node, (parent, token) in enumerate(zip(b.nodes.parent.tolist(), b.nodes.token_id.tolist(), strict=True)):
        if parent < 0:
            roots += 1
        children[parent if parent >= 0 else -roots, token] = node
    found: list[int] = []
    roots = 0
    for parent, token in zip(a.nodes.parent.tolist(), a.nodes.token_id.tolist(), strict=True):
        if parent < 0:
            roots += 1
        above = found[parent] if parent >= 0 else -roots
        found.append(-1 if parent >= 0 and above < 0 else children.get((above, token), -1))
    return np.array(found, dtype=np.int32)


def _fork(a: Indices, b: Indices, other: NDArray[np.int32]) -> tuple[int, int] | None:
    """Where two paths that begin alike part; None where one ends before."""
    shared = min(len(a), len(b))
    parts = np.flatnonzero(other[a[:shared]] != b[:shared])
    if not len(parts):
        return None
    first = int(parts[0])
    return int(a[first]), int(b[first])
