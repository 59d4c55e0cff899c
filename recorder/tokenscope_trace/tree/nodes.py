"""Nodes that the tree has explored so far, the branches they belong to, and the paths and texts through them.

Nodes are numbered: first those of the main path, then each further one as it was added. Grows; forgets nothing; decides nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.models.backend import MainPath, Tip
from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.rows import Rows, joined_rows, taken_rows
from tokenscope_trace.traces.schema import BranchEnd

Spell = Callable[[int], bytes]


@dataclass(frozen=True)
class Grown:
    """Branches in the order in which they began, as columns; node numbers count on from the main path's.

    `parent`, `token_id` (B,) and `rows` (B) describe their nodes; `branches` is the trace's table.
    """

    parent: NDArray[np.int32]
    token_id: NDArray[np.int32]
    rows: Rows | None
    branches: dict[str, Array]
    finish: str
    unreached: int  # paths that were asked for and whose text ended too early


@dataclass(eq=False)
class TextPair:
    """Two texts since one fork: that of a branch, and that of the run of nodes it left there, up to `beside`."""

    text: bytes
    beside: int
    beside_text: bytes = b""


@dataclass(eq=False)
class Branch:
    """One branch while it grows."""

    parent: int
    level: int  # forks above each other, this one included
    weight: float
    limit: int  # of tokens
    granted: int  # of them, by the budget; of one that was asked for it does not count
    bound: BranchEnd  # what it is that ends it at its limit
    least: int  # of tokens, before its text may end it
    asked: bool
    pending: deque[int]  # tokens still to be forced
    tail: bytes  # the text before the next token, as far as a stop string may begin there
    comparisons: list[TextPair]  # with the paths that it and those below it left
    name: str  # the forks on the way to it
    fork: int  # bytes of output before it
    written: bytes  # the output, up to where it has grown
    holds: int = -1  # the parent, until the model has read the first token
    forced: int = 0
    nodes: list[int] = field(default_factory=list)
    rejoined: int = -1
    end: BranchEnd | None = None


class Explored:
    """The nodes that are known."""

    def __init__(self, main: MainPath, spell: Spell) -> None:
        self._main = main
        self._spell = spell
        self._size = len(main.ids)
        self._parent: list[int] = []  # of node size + i, and so on below
        self._token: list[int] = []
        self._position: list[int] = []
        self._row: list[tuple[Rows, int]] = []
        self._owner: list[tuple[Branch, int]] = []  # its branch, and its place in it
        self._children = {(node - 1, token): node for node, token in enumerate(main.ids)}  # by (parent, token)

    def __len__(self) -> int:
        """How many there are beside the main path's."""
        return len(self._parent)

    def add(self, branch: Branch, parent: int, token: int, rows: Rows, row: int) -> None:
        """A branch's next node; `rows` measure it in the row `row`."""
        node = self._size + len(self._parent)
        self._row.append((rows, row))
        self._owner.append((branch, len(branch.nodes)))
        self._position.append(self.position_of(parent) + 1)
        self._token.append(token)
        self._children[parent, token] = node
        self._parent.append(parent)
        branch.nodes.append(node)

    def child(self, parent: int, token: int) -> int | None:
        """The node after `parent` with this token."""
        return self._children.get((parent, token))

    def owner(self, node: int) -> tuple[Branch, int] | None:
        """The branch of a node and its place in it; None on the main path."""
        return self._owner[node - self._size] if node >= self._size else None

    def branch_of(self, node: int) -> Branch | None:
        """The branch of a node; None on the main path."""
        owner = self.owner(node)
        return None if owner is None else owner[0]

    def tip(self, node: int) -> Tip:
        """A token of a branch, for a model to read."""
        index = node - self._size
        return Tip(node, self._parent[index], self._token[index], self._position[index])

    def position_of(self, node: int) -> int:
        """Tokens that stand before it."""
        return node if node < self._size else self._position[node - self._size]

    def token_of(self, node: int) -> int:
        """Its token id."""
        return self._main.ids[node] if node < self._size else self._token[node - self._size]

    def numbers(self, node: int) -> tuple[Rows, int]:
        """(rows, row) that measure it."""
        return (self._main.rows, node - self._main.prompt) if node < self._size else self._row[node - self._size]

    def before(self, node: int) -> int:
        """The node before it, -1 for the first."""
        return node - 1 if node < self._size else self._parent[node - self._size]

    def after(self, node: int) -> int | None:
        """The next node of the run that the node belongs to: the main path, or its branch."""
        if node < self._size:
            return node + 1 if node + 1 < self._size else None
        branch, place = self._owner[node - self._size]
        return branch.nodes[place + 1] if place + 1 < len(branch.nodes) else None

    def ids(self, node: int) -> list[int]:
        """The ids from the beginning of the text to the node."""
        found = []
        while node >= self._size:
            found.append(self.token_of(node))
            node = self.before(node)
        return self._main.ids[: node + 1] + found[::-1]

    def name(self, node: int) -> str:
        """The forks on the way to it; empty on the main path."""
        return "" if node < self._size else self._owner[node - self._size][0].name

    def reach(self, branch: Branch) -> int:
        """The position of a branch's last token."""
        return self.position_of(branch.nodes[-1])

    def on_path(self, branch: Branch | None, position: int) -> int | None:
        """The node at a position of a branch's path (None: the main path); None where the path has ended before."""
        node = branch.nodes[-1] if branch is not None else self._size - 1
        if position > self.position_of(node):
            return None
        while self.position_of(node) > position:
            node = self.before(node)
        return node

    def text_before(self, node: int, length: int) -> bytes:
        """The last bytes up to a node and with it, by whole tokens: `length` of them at least, if there are so many."""
        text = b""
        while node >= 0 and len(text) < length:
            text = self._spell(self.token_of(node)) + text
            node = self.before(node)
        return text

    def written(self, node: int, spell: Spell) -> bytes:
        """The output of a path up to a node and with it, in which a token reads as `spell` says."""
        ids = self.ids(node)[self._main.prompt :]
        return b"".join(map(spell, ids))

    def grown(self, branches: Sequence[Branch], *, finish: str, unreached: int) -> Grown:
        """These branches as columns; what was still growing is cut."""
        branches = [branch for branch in branches if branch.nodes]
        order = [node for branch in branches for node in branch.nodes]
        final = {node: self._size + index for index, node in enumerate(order)}
        counts = [len(branch.nodes) for branch in branches]
        ends = [BranchEnd.CUT if branch.end is None else branch.end for branch in branches]
        return Grown(
            parent=np.array([final.get(node, node) for node in map(self.before, order)], dtype=np.int32),
            token_id=np.array([self.token_of(node) for node in order], dtype=np.int32),
            rows=self._rows(order) if order else None,
            branches={
                "first": np.array([final[branch.nodes[0]] for branch in branches], dtype=np.int32),
                "count": np.array(counts, dtype=np.uint32),
                "forced": np.array([branch.forced for branch in branches], dtype=np.uint16),
                "asked": np.array([branch.asked for branch in branches], dtype=np.uint8),
                "end": np.array(ends, dtype=np.uint8),
                "rejoined": np.array([final.get(branch.rejoined, branch.rejoined) for branch in branches], dtype=np.int32),
            },
            finish=finish,
            unreached=unreached,
        )

    def _rows(self, nodes: list[int]) -> Rows:
        """The numbers of the nodes, in order."""
        offsets: dict[int, int] = {}
        parts, total, places = [], 0, []
        for node in nodes:
            rows, row = self._row[node - self._size]
            if id(rows) not in offsets:
                offsets[id(rows)] = total
                parts.append(rows)
                total += len(rows)
            places.append(offsets[id(rows)] + row)
        return taken_rows(joined_rows(parts), np.array(places, dtype=np.int64))
