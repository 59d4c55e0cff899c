"""The bounded tree: which alternatives are continued, how far, and when growth ends.

In: an engine on the main path, the path's numbers, the bounds. Out: branches, as the columns of a trace. Knows no model and
no file.

A fork is a node on an explored path and another token that is forced after it. Its weight is the probability that the forks
on the way to it were taken: the product of the forced tokens' probabilities, each under its own prefix. Growth is best
first: whenever there is room among the live branches, the heaviest fork known begins; all live branches advance together.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from tokenscope_trace.branch_decoding import BranchDecoding, sampled_logprobs
from tokenscope_trace.columns import Array
from tokenscope_trace.engines import Engine, Tip
from tokenscope_trace.metrics import Meter
from tokenscope_trace.rows import Rows, alternative_row, joined, rows_of, taken
from tokenscope_trace.schema import BranchEnd
from tokenscope_trace.settings import AskedPlace, TreeSettings

Spell = Callable[[int], bytes]
OnNodes = Callable[[int], None]
LogprobAfter = Callable[[list[int], int], tuple[float, int]]  # (ids, token) -> ln p and rank of the token after the ids
_LEAST_WAVE = 8


@dataclass(frozen=True)
class MainPath:
    """Prompt and output: `ids` (T,), the first `prompt` of them not chosen by the model; `rows` measure the others."""

    ids: list[int]
    prompt: int
    rows: Rows


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


@dataclass(frozen=True, order=True)
class _Fork:
    """A branch that could begin. Sorts heaviest first, then by age."""

    key: tuple[float, int]  # (-weight, age)
    parent: int = field(compare=False)
    token: int = field(compare=False)
    level: int = field(compare=False)
    numbers: tuple[Rows, int, int] = field(compare=False)  # rows, the row, and the token's place among its alternatives


@dataclass(eq=False)
class _Comparison:
    """Two texts since one fork: that of a branch, and that of the run of nodes it left there, up to `beside`."""

    text: bytes
    beside: int
    beside_text: bytes = b""


@dataclass(eq=False)
class _Branch:
    """One branch while it grows."""

    parent: int
    level: int  # forks above each other, this one included
    weight: float
    limit: int  # of tokens
    bound: BranchEnd  # what it is that ends it at its limit
    asked: bool
    pending: deque[int]  # tokens still to be forced
    tail: bytes  # the text before the next token, as far as a stop string may begin there
    comparisons: list[_Comparison]  # with the paths that it and those below it left
    name: str  # the forks on the way to it
    randomness: torch.Generator
    holds: int = -1  # the parent, until the engine has read the first token
    forced: int = 0
    nodes: list[int] = field(default_factory=list)
    rejoined: int = -1
    end: BranchEnd | None = None


def wave_of(settings: TreeSettings, most: int) -> int:
    """How many branches should advance together, `most` at most.

    Few where the budget is small: a fork that turns up later may be heavier than those that wait.
    """
    return min(most, max(_LEAST_WAVE, settings.nodes // (2 * settings.length)))


class Search:
    """Grows a tree; `grow` once. Everything it has so far is in order whenever it is interrupted."""

    def __init__(
        self,
        engine: Engine,
        main: MainPath,
        settings: TreeSettings,
        decoding: BranchDecoding,
        spell: Spell,
        *,
        context: int | None = None,
        on_nodes: OnNodes = lambda _count: None,
        should_stop: Callable[[], bool] = lambda: False,
        wave: int = 64,
    ) -> None:
        """`context` is the most tokens a sequence may have; `wave` the most branches that advance together."""
        self._engine = engine
        self._main = main
        self._settings = settings
        self._decoding = decoding
        self._spell = spell
        self._context = context
        self._on_nodes = on_nodes
        self._should_stop = should_stop
        self._wave = wave
        self._meter = Meter(main.rows.ids.shape[1])
        self._stop_length = max((len(text) for text in decoding.stop), default=1)
        size = len(main.ids)
        self._size = size
        self._parent: list[int] = []  # of node size + i, and so on below
        self._token: list[int] = []
        self._position: list[int] = []
        self._row: list[tuple[Rows, int]] = []
        self._owner: list[tuple[_Branch, int]] = []  # its branch, and its place in it
        self._children = {(node - 1, token): node for node, token in enumerate(main.ids)}  # by (parent, token)
        self._forks: list[_Fork] = []
        self._waiting: Counter[int] = Counter()  # forks that wait, by parent
        self._ages = itertools.count()
        self._branches: list[_Branch] = []
        self._live: list[_Branch] = []
        self._left = settings.nodes  # of the budget, less what live branches may still take
        self._finish = "complete"
        self._unreached = 0

    def grow(self, asked: Sequence[Sequence[AskedPlace]] = (), logprob_after: LogprobAfter | None = None) -> Grown:
        """First what the user asked for, then best first until a bound is reached.

        `logprob_after` is for tokens that were asked for and are not among the alternatives.
        """
        try:
            for row in range(len(self._main.rows)):
                node = self._main.prompt + row
                self._offer(node - 1, self._main.ids[node], self._main.rows, row, level=0, weight=1.0)
            for places in asked:
                assert logprob_after is not None
                self._ask(places, logprob_after)
            self._best_first()
        except KeyboardInterrupt:
            self._finish = "interrupted"
        except (torch.OutOfMemoryError, MemoryError):
            self._finish = "memory"
        except RuntimeError as error:
            if "allocate" not in str(error):  # how torch says that the processor's memory is full
                raise
            self._finish = "memory"
        return self._columns()

    def _best_first(self) -> None:
        self._live = [branch for branch in self._live if branch.end is None]
        while True:
            if self._should_stop():
                self._finish = "interrupted"
                return
            while len(self._live) < self._wave and self._begin_next():
                pass
            if not self._live:
                self._finish = "nodes" if self._forks and self._settings.nodes else "complete"
                return
            self._step(self._live)
            self._live = [branch for branch in self._live if branch.end is None]
            self._on_nodes(len(self._parent))

    def _begin_next(self) -> bool:
        """Begin the heaviest fork; False where none waits or the budget is taken."""
        length = self._settings.length
        if not self._forks or self._left < 1 or (self._left < length and self._live):
            return False  # a live branch may end early and leave enough for a whole one
        fork = heapq.heappop(self._forks)
        if (fork.parent, fork.token) in self._children:
            self._no_longer_waits(fork.parent)
        else:
            branch = self._new_branch(
                fork.parent, fork.token, fork.level, -fork.key[0], min(length, self._left), asked=False
            )
            branch.holds = fork.parent
            self._left -= branch.limit
            row = alternative_row(*fork.numbers)
            self._live.append(branch)
            self._add(branch, fork.token, row, 0, forced=True)
            self._live = [branch for branch in self._live if branch.end is None]
        return True

    def _ask(self, places: Sequence[AskedPlace], logprob_after: LogprobAfter) -> None:
        """Begin the branch that forces what stands in `places`, growing what lies between them."""
        branch: _Branch | None = None
        for index, place in enumerate(places):
            while branch is not None and branch.end is None and self._reach(branch) < place.position:
                self._step([branch])
            parent = self._on_path(branch, place.position - 1)
            if parent is None or self._on_path(branch, place.position) is None:
                self._unreached += 1
                return
            tokens = deque(place.tokens)
            while tokens and (child := self._children.get((parent, tokens[0]))) is not None:
                parent = child
                tokens.popleft()
            if not tokens:
                branch = self._owner[parent - self._size][0] if parent >= self._size else None
                continue
            if (sibling := self._after(parent)) is None:
                self._unreached += 1
                return
            row = self._asked_row(sibling, parent, tokens[0], logprob_after)
            reach = places[index + 1].position if index + 1 < len(places) else 0
            begin = self._position_of(parent) + 1
            length = max(self._settings.length, len(tokens), reach + 1 - begin)
            below = self._owner[parent - self._size][0] if parent >= self._size else None
            level, weight = (below.level, below.weight) if below is not None else (0, 1.0)
            weight *= float(np.exp(row.logprob[0]))
            branch = self._new_branch(parent, tokens[0], level + 1, weight, length, asked=True)
            self._live.append(branch)
            first = tokens.popleft()
            branch.pending = tokens
            self._add(branch, first, row, 0, forced=True)
            self._live = [branch for branch in self._live if branch.end is None]

    def _new_branch(self, parent: int, token: int, level: int, weight: float, limit: int, *, asked: bool) -> _Branch:
        bound = BranchEnd.LENGTH if limit >= self._settings.length else BranchEnd.NODES
        if self._context is not None and limit > (room := self._context - self._position_of(parent) - 1):
            limit, bound = room, BranchEnd.CONTEXT
        branch = _Branch(
            parent=parent,
            level=level,
            weight=weight,
            limit=limit,
            bound=bound,
            asked=asked,
            pending=deque(),
            tail=self._text_before(parent),
            comparisons=self._comparisons(parent),
            name=(name := self._name(parent) + f"/{self._position_of(parent) + 1}:{token}"),
            randomness=self._decoding.randomness(name),
        )
        self._branches.append(branch)
        return branch

    def _step(self, live: list[_Branch]) -> None:
        """Every branch in `live` grows by one token."""
        tips = [self._tip(branch) for branch in live]
        raw = self._engine.advance(tips).float()
        scores = self._decoding.process(raw, lambda row: self._ids(live[row].nodes[-1]))
        tokens = self._decoding.choose(scores, [branch.randomness for branch in live])
        for row, branch in enumerate(live):
            if branch.pending:
                tokens[row] = branch.pending[0]
        measured = self._meter.measure(raw, tokens)
        ids = torch.cat([tokens[:, None], measured.top_ids], dim=1)
        rows = rows_of(measured, None if scores is raw else sampled_logprobs(scores, raw, ids))
        for row, (branch, token) in enumerate(zip(live, tokens.tolist(), strict=True)):
            if np.isnan(rows.entropy[row]):  # the model's numbers overflowed on this path
                self._close(branch, BranchEnd.CUT)
                continue
            forced = bool(branch.pending)
            if forced:
                branch.pending.popleft()
            self._add(branch, token, rows, row, forced=forced)

    def _add(self, branch: _Branch, token: int, rows: Rows, row: int, *, forced: bool) -> None:
        """Append a token to a branch, offer what else it could have been, and see whether the branch ends with it."""
        parent = branch.nodes[-1] if branch.nodes else branch.parent
        node = self._size + len(self._parent)
        self._row.append((rows, row))
        self._owner.append((branch, len(branch.nodes)))
        self._position.append(self._position_of(parent) + 1)
        self._token.append(token)
        self._children[parent, token] = node
        self._parent.append(parent)
        branch.nodes.append(node)
        branch.forced += forced
        word = self._spell(token)
        for comparison in branch.comparisons:
            comparison.text += word
        if branch.forced < len(branch.nodes) and branch.level < self._settings.depth:
            self._offer(parent, token, rows, row, level=branch.level, weight=branch.weight)
        end = self._end_after(branch, token, word)
        branch.tail = (branch.tail + word)[-self._stop_length :]
        if len(branch.nodes) == 2:
            self._let_go(branch)
        if end is not None:
            self._close(branch, end)

    def _end_after(self, branch: _Branch, token: int, word: bytes) -> BranchEnd | None:
        if token in self._decoding.ends:
            return BranchEnd.END_OF_TEXT
        if any(text in branch.tail[1 - len(text) or len(branch.tail) :] + word for text in self._decoding.stop):
            return BranchEnd.STOP_STRING
        if not branch.pending and self._rejoins(branch):
            return BranchEnd.REJOINED
        return branch.bound if len(branch.nodes) >= branch.limit else None

    def _rejoins(self, branch: _Branch) -> bool:
        """Whether its text since a fork is that of the path it left there, up to the end of one of that path's tokens."""
        for comparison in list(branch.comparisons):
            while len(comparison.beside_text) < len(comparison.text):
                node = self._after(comparison.beside)
                if node is None:
                    break
                comparison.beside = node
                comparison.beside_text += self._spell(self._token_of(node))
            if comparison.text and comparison.text == comparison.beside_text:
                branch.rejoined = comparison.beside
                return True
            if not (
                comparison.text.startswith(comparison.beside_text) or comparison.beside_text.startswith(comparison.text)
            ):
                branch.comparisons.remove(comparison)
        return False

    def _comparisons(self, parent: int) -> list[_Comparison]:
        """Those that a branch begins with: one per fork on the way to it, with the text since that fork."""
        found = [_Comparison(b"", parent)]
        text = b""
        while parent >= self._size:
            branch, place = self._owner[parent - self._size]
            text = b"".join(self._spell(self._token_of(node)) for node in branch.nodes[: place + 1]) + text
            found.append(_Comparison(text, branch.parent))
            parent = branch.parent
        return found

    def _close(self, branch: _Branch, end: BranchEnd) -> None:
        branch.end = end
        self._let_go(branch)
        if not branch.asked:  # from those the user may ask for more
            self._left += branch.limit - len(branch.nodes)
            self._engine.release(node for node in branch.nodes if not self._waiting[node])

    def _offer(self, parent: int, chosen: int, rows: Rows, row: int, *, level: int, weight: float) -> None:
        """The alternatives of a token become forks that wait."""
        if not self._settings.nodes:
            return
        found = 0
        floor = np.log(self._settings.min_prob) if self._settings.min_prob else -np.inf
        for place, (token, logprob) in enumerate(zip(rows.ids[row].tolist(), rows.logprobs[row].tolist(), strict=True)):
            if found == self._settings.width or logprob < floor or logprob == -np.inf:
                break
            if token == chosen:
                continue
            found += 1
            key = (-weight * float(np.exp(logprob)), next(self._ages))
            heapq.heappush(self._forks, _Fork(key, parent, token, level + 1, (rows, row, place)))
            self._waiting[parent] += 1
        if len(self._forks) > 4 * max(self._settings.nodes, 64):
            self._drop_lightest()

    def _drop_lightest(self) -> None:
        """Of the forks that wait, at most one per node of the budget can ever begin."""
        self._forks.sort()
        for fork in self._forks[max(self._settings.nodes, 64) :]:
            self._no_longer_waits(fork.parent)
        del self._forks[max(self._settings.nodes, 64) :]

    def _let_go(self, branch: _Branch) -> None:
        if branch.holds >= 0:
            self._no_longer_waits(branch.holds)
            branch.holds = -1

    def _no_longer_waits(self, node: int) -> None:
        self._waiting[node] -= 1
        if not self._waiting[node]:
            del self._waiting[node]
            if node >= self._size and self._owner[node - self._size][0].end is not None:
                self._engine.release([node])

    def _asked_row(self, sibling: int, parent: int, token: int, logprob_after: LogprobAfter) -> Rows:
        """The numbers of a token that was asked for, from those of the token that stands there."""
        rows, row = self._numbers(sibling)
        found = np.flatnonzero(rows.ids[row] == token)
        if len(found):
            return alternative_row(rows, row, int(found[0]))
        found_logprob, rank = logprob_after(self._ids(parent), token)
        least = alternative_row(rows, row, rows.ids.shape[1] - 1)
        logprob = np.minimum(np.float32(found_logprob), least.logprob)  # another pass rounds differently
        return replace(
            least,
            logprob=logprob,
            gap=rows.logprobs[row, :1] - logprob,
            rank=np.array([max(rank, rows.ids.shape[1] + 1)], dtype=np.int32),
            sampled_logprob=np.full(1, np.nan, np.float32),
        )

    def _tip(self, branch: _Branch) -> Tip:
        node = branch.nodes[-1]
        index = node - self._size
        return Tip(node, self._parent[index], self._token[index], self._position[index])

    def _position_of(self, node: int) -> int:
        return node if node < self._size else self._position[node - self._size]

    def _token_of(self, node: int) -> int:
        return self._main.ids[node] if node < self._size else self._token[node - self._size]

    def _numbers(self, node: int) -> tuple[Rows, int]:
        return (self._main.rows, node - self._main.prompt) if node < self._size else self._row[node - self._size]

    def _before(self, node: int) -> int:
        return node - 1 if node < self._size else self._parent[node - self._size]

    def _after(self, node: int) -> int | None:
        """The next node of the run that the node belongs to: the main path, or its branch."""
        if node < self._size:
            return node + 1 if node + 1 < self._size else None
        branch, place = self._owner[node - self._size]
        return branch.nodes[place + 1] if place + 1 < len(branch.nodes) else None

    def _ids(self, node: int) -> list[int]:
        """The ids from the beginning of the text to the node."""
        found = []
        while node >= self._size:
            found.append(self._token_of(node))
            node = self._before(node)
        return self._main.ids[: node + 1] + found[::-1]

    def _name(self, node: int) -> str:
        return "" if node < self._size else self._owner[node - self._size][0].name

    def _reach(self, branch: _Branch) -> int:
        return self._position_of(branch.nodes[-1])

    def _on_path(self, branch: _Branch | None, position: int) -> int | None:
        """The node at a position of a branch's path (None: the main path); None where the path has ended before."""
        node = branch.nodes[-1] if branch is not None else self._size - 1
        if position > self._position_of(node):
            return None
        while self._position_of(node) > position:
            node = self._before(node)
        return node

    def _text_before(self, node: int) -> bytes:
        """The last bytes up to a node, as far as a stop string may begin there."""
        text = b""
        while self._decoding.stop and node >= 0 and len(text) < self._stop_length:
            text = self._spell(self._token_of(node)) + text
            node = self._before(node)
        return text

    def _columns(self) -> Grown:
        """What has grown, branch by branch; what was still growing is cut."""
        branches = [branch for branch in self._branches if branch.nodes]
        order = [node for branch in branches for node in branch.nodes]
        final = {node: self._size + index for index, node in enumerate(order)}
        counts = [len(branch.nodes) for branch in branches]
        ends = [BranchEnd.CUT if branch.end is None else branch.end for branch in branches]
        return Grown(
            parent=np.array([final.get(node, node) for node in map(self._before, order)], dtype=np.int32),
            token_id=np.array([self._token_of(node) for node in order], dtype=np.int32),
            rows=self._rows(order) if order else None,
            branches={
                "first": np.array([final[branch.nodes[0]] for branch in branches], dtype=np.int32),
                "count": np.array(counts, dtype=np.uint32),
                "forced": np.array([branch.forced for branch in branches], dtype=np.uint16),
                "asked": np.array([branch.asked for branch in branches], dtype=np.uint8),
                "end": np.array(ends, dtype=np.uint8),
                "rejoined": np.array([final.get(branch.rejoined, branch.rejoined) for branch in branches], dtype=np.int32),
            },
            finish=self._finish,
            unreached=self._unreached,
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
        return taken(joined(parts), np.array(places, dtype=np.int64))
