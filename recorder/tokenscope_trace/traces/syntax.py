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
from tokenscope_trace.traces.facts import PassageFacts, SyntaxFacts
from tokenscope_trace.traces.schema import SyntaxFlag

_ABOVE = 4096  # nodes above a token that are looked at: ordinary code has a few dozen
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
        self._orders: dict[int, NDArray[np.int64]] = {}
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
            for passage in self.passages_of(text)
            for node in (np.flatnonzero(self.flags[passage.first : passage.end] & flag) + passage.first).tolist()
        ]
        return [Span(int(self.start[node]), int(ends[node]), str(self.kind[node]), node) for node in nodes]

    def token_kinds(self, text: int, contents: Sequence[bytes], starts: Array) -> list[str]:
        """What tokens of a text are to a reader: the kind of the deepest node that holds a token's bytes without the white space at its
        ends, `white space` where it is nothing else, empty outside of code. They have these bytes, and begin at `starts`.
        """
        own = [content.strip() or content for content in contents]
        lead = [len(content) - len(content.lstrip()) if content.strip() else 0 for content in contents]
        begin = np.asarray(starts, dtype=np.int64) + np.array(lead, dtype=np.int64)
        nodes = self._deepest(text, begin, begin + np.array([len(content) for content in own], dtype=np.int64))
        return [
            "" if node < 0 else str(self.kind[node]) if content.strip() else "white space"
            for node, content in zip(nodes.tolist(), contents, strict=True)
        ]

    def innermost(self, text: int, start: int, end: int) -> int:
        """The deepest node of a text that holds bytes [start, end); -1 for none."""
        return int(self._deepest(text, np.array([start]), np.array([end]))[0])

    def _deepest(self, text: int, start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same of many stretches, (T,) each: up from the last node that begins before each one."""
        order = self._by_start(text)
        place = np.searchsorted(self.start[order], start, side="right") - 1
        node = np.where(place < 0, -1, np.append(order, -1)[place]).astype(np.int64)
        if not len(order):
            return node
        for _ in range(_ABOVE):
            above = (node >= 0) & ((self.end[node] < end) | (self.start[node] == self.end[node]))
            if not above.any():
                return node
            node[above] = self.parent[node[above]]
        return np.where(above, -1, node)

    def _by_start(self, text: int) -> NDArray[np.int64]:
        """The nodes of a text by their begin, outer ones first."""
        if text not in self._orders:
            rows = [np.arange(passage.first, passage.end) for passage in self.passages_of(text)]
            own = np.concatenate([np.empty(0, dtype=np.int64), *rows])
            self._orders[text] = own[np.argsort(self.start[own], kind="stable")]
        return self._orders[text]

    def passages_of(self, text: int) -> Sequence[PassageFacts]:
        """The passages of a text, in order."""
        return self._by_text.get(text, ())

    @cached_property
    def _by_text(self) -> dict[int, list[PassageFacts]]:
        found: dict[int, list[PassageFacts]] = {}
        for passage in self.passages:
            found.setdefault(passage.text, []).append(passage)
        return found

    def _own_ends(self) -> NDArray[np.int64]:
        """The end of each node's own part: where its first arm begins, else its end."""
        ends = self.end.copy()
        for node in np.flatnonzero(self.flags & SyntaxFlag.ARM):
            parent = int(self.parent[node])
            if parent >= 0:
                ends[parent] = min(ends[parent], self.start[node])
        return ends
