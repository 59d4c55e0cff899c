"""Syntax in a trace, and which tokens each of its nodes holds. Arrays in, arrays out; knows no parser.

Tokens and nodes meet by bytes: a token belongs to a node with the share of its bytes that lie in it, so nothing that a character
or a tokenizer does can shift them. Axis letters: S syntax nodes, T tokens of a text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.facts import SyntaxFacts
from tokenscope_trace.traces.schema import SyntaxFlag

_FLAGS = {"expression": SyntaxFlag.EXPRESSION, "statement": SyntaxFlag.STATEMENT, "block": SyntaxFlag.BLOCK}


@dataclass(frozen=True)
class TokenPlaces:
    """The tokens of one text in its order, and the bytes [start, end) of each; what is no part of the text has none."""

    nodes: NDArray[np.int32]  # (T,) token nodes
    start: NDArray[np.int64]  # (T,)
    end: NDArray[np.int64]  # (T,)

    @classmethod
    def of(cls, nodes: Array, sizes: Sequence[int] | NDArray[np.int64]) -> TokenPlaces:
        """From the nodes in the text's order and their sizes in bytes."""
        end = np.cumsum(np.array(sizes, dtype=np.int64))
        return cls(np.asarray(nodes, dtype=np.int32), end - np.array(sizes, dtype=np.int64), end)

    def within(self, start: int, end: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """(token nodes, share of each that lies in bytes [start, end)), shares in (0, 1]."""
        first = int(np.searchsorted(self.end, start, side="right"))
        last = int(np.searchsorted(self.start, end, side="left"))
        size = self.end[first:last] - self.start[first:last]
        overlap = np.minimum(self.end[first:last], end) - np.maximum(self.start[first:last], start)
        kept = (overlap > 0) & (size > 0)
        return self.nodes[first:last][kept], overlap[kept] / size[kept]


@dataclass(frozen=True)
class Span:
    """A stretch of a text: bytes [start, end), what it is, and its syntax node, -1 for a line or a token."""

    start: int
    end: int
    kind: str
    node: int


def lines_of(text: bytes) -> list[Span]:
    """The lines of a text, each with its line break."""
    ends = [match.end() for match in re.finditer(rb"\n|\Z", text)]
    return [Span(start, end, "line", -1) for start, end in pairwise([0, *ends]) if end > start]


@dataclass(frozen=True)
class Aggregate:
    """The numbers of a span: sum, mean, smallest, largest, median of `count` measured tokens; NaN where there is none.

    The sum weighs each token by its share in the span, as only surprisal may be summed; the others take a token as a whole.
    """

    sum: float
    mean: float
    min: float
    max: float
    median: float
    count: int


def aggregate(values: Array, shares: Array) -> Aggregate:
    """Of some tokens' values, (n,), NaN where not measured, and their shares, (n,)."""
    measured = ~np.isnan(values)
    known = values[measured].astype(np.float64)
    if len(known) == 0:
        nan = float("nan")
        return Aggregate(nan, nan, nan, nan, nan, 0)
    total = float((known * shares[measured]).sum())
    return Aggregate(total, float(known.mean()), float(known.min()), float(known.max()), float(np.median(known)), len(known))


def percentile(values: Array, value: float) -> tuple[float, int]:
    """(share of the measured values that are smaller, how many there are): the place of a value within its kind."""
    known = values[~np.isnan(values)]
    return (float(np.mean(known < value)) if len(known) else float("nan")), len(known)


class Syntax:
    """The syntax nodes of a trace as columns (S,): `kind` and `field` as strings, `parent`, `start`, `end`, `flags`."""

    def __init__(self, facts: SyntaxFacts, table: dict[str, Array]) -> None:
        self.kind = np.array(facts.kinds, dtype=object)[table["kind"]]
        self.field = np.array(facts.fields, dtype=object)[table["field"]]
        self.parent = table["parent"]
        self.start = table["start"].astype(np.int64)
        self.end = table["end"].astype(np.int64)
        self.flags = table["flags"]
        self.passages = [passage for passage in facts.passages if passage.branch is None]
        self.of_branches = [passage for passage in facts.passages if passage.branch is not None]

    def __len__(self) -> int:
        return len(self.parent)

    @cached_property
    def depth(self) -> NDArray[np.int64]:
        """How many nodes are above each, (S,)."""
        found: list[int] = []
        for parent in self.parent.tolist():
            found.append(0 if parent < 0 else found[parent] + 1)
        return np.array(found, dtype=np.int64)

    def children(self, node: int) -> NDArray[np.int64]:
        """The nodes right below one, in order."""
        order, parents = self._by_parent
        return order[np.searchsorted(parents, node) : np.searchsorted(parents, node, side="right")]

    @cached_property
    def _by_parent(self) -> tuple[NDArray[np.int64], Array]:
        """(all nodes in the order of their parents, these parents)."""
        order = np.argsort(self.parent, kind="stable")
        return order, self.parent[order]

    def spans(self, text: int, resolution: str) -> list[Span]:
        """The spans of a text at `expression`, `statement` or `block`, in order of their begin, outer ones first.

        A block ends where the first of its arms begins: `elif` is told apart from `if`.
        """
        flag = _FLAGS[resolution]
        ends = self._own_ends() if resolution == "block" else self.end
        nodes = [
            node
            for passage in self.passages
            if passage.text == text
            for node in (np.flatnonzero(self.flags[passage.first : passage.end] & flag) + passage.first).tolist()
        ]
        return [Span(int(self.start[node]), int(ends[node]), str(self.kind[node]), node) for node in nodes]

    def token_kind(self, text: int, content: bytes, start: int) -> str:
        """What a token of a text is to a reader: the kind of the deepest node that holds its bytes without the white space at its
        ends, `white space` where it is nothing else, empty outside of code. It has the bytes `content` from `start` on.
        """
        first = len(content) - len(content.lstrip())
        own = content.strip() or content
        start += first if content.strip() else 0
        node = self.innermost(text, start, start + len(own))
        return "" if node < 0 else str(self.kind[node]) if content.strip() else "white space"

    def innermost(self, text: int, start: int, end: int) -> int:
        """The deepest node of a text that holds bytes [start, end); -1 for none."""
        found = -1
        for passage in self.passages:
            if passage.text == text:
                rows = slice(passage.first, passage.end)
                holds = np.flatnonzero(
                    (self.start[rows] <= start) & (self.end[rows] >= end) & (self.start[rows] < self.end[rows])
                )
                if len(holds):
                    found = int(holds[-1]) + passage.first  # parents come first, so the last one is the deepest
        return found

    def _own_ends(self) -> NDArray[np.int64]:
        """The end of each node's own part: where its first arm begins, else its end."""
        ends = self.end.copy()
        for node in np.flatnonzero(self.flags & SyntaxFlag.ARM):
            parent = int(self.parent[node])
            if parent >= 0:
                ends[parent] = min(ends[parent], self.start[node])
        return ends
