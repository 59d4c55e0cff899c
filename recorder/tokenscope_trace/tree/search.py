"""The search of the bounded tree: which alternatives are continued, how far, and when growth ends.

In: a main path and what continues it at any place, the bounds. Out: branches, as the columns of a trace. Knows no model and no file.

A fork is a node on an explored path and another token that is forced after it. Its weight is the probability that the forks
on the way to it were taken: the product of the forced tokens' probabilities, each under its own prefix. Growth is best
first: whenever there is room among the live branches, the heaviest fork known begins; all live branches advance together.
A part of the budget is for branches that somebody who has seen what grew wants to see brought to an end.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from tokenscope_trace.failures import is_memory, released
from tokenscope_trace.models.backend import Branching, MainPath, Step
from tokenscope_trace.settings import AskedPlace, TreeSettings
from tokenscope_trace.traces.rows import Rows, alternative_row
from tokenscope_trace.traces.schema import BranchEnd
from tokenscope_trace.tree.nodes import Branch, Explored, Grown, Spell, TextPair

OnNodes = Callable[[int], None]
_LEAST_WAVE = 8
KEPT_BACK = 3  # the part of the budget for bringing branches to an end: one in so many


@dataclass(frozen=True)
class Finishing:
    """Which branches are to grow beyond their length, the most important first, and when one has come far enough: `reached` is
    asked with the branch's number and the ids of its nodes.
    """

    branches: Sequence[int]
    reached: Callable[[int, list[int]], bool]


Finish = Callable[[Grown], Finishing]


@dataclass(frozen=True, order=True)
class _Fork:
    """A branch that could begin. Sorts heaviest first, then by age."""

    key: tuple[float, int]  # (-weight, age)
    parent: int = field(compare=False)
    token: int = field(compare=False)
    level: int = field(compare=False)
    numbers: tuple[Rows, int, int] = field(compare=False)  # rows, the row, and the token's place among its alternatives


def wave_of(settings: TreeSettings, most: int) -> int:
    """How many branches should advance together, `most` at most.

    Few where the budget is small: a fork that turns up later may be heavier than those that wait.
    """
    return min(most, max(_LEAST_WAVE, settings.nodes // (2 * settings.length)))


def _raise(error: Exception) -> None:
    raise error


class Search:
    """Grows a tree; `grow` once. Everything it has so far is in order whenever it is interrupted."""

    def __init__(
        self,
        branching: Branching,
        main: MainPath,
        settings: TreeSettings,
        spell: Spell,
        *,
        context: int | None = None,
        on_nodes: OnNodes = lambda _count: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """`context` is the most tokens a sequence may have."""
        self._branching = branching
        self._main = main
        self._settings = settings
        self._spell = spell
        self._context = context
        self._on_nodes = on_nodes
        self._should_stop = should_stop
        self._stop_length = max((len(text) for text in branching.stop), default=1)
        self._explored = Explored(main, spell)
        self._forks: list[_Fork] = []
        self._waiting: Counter[int] = Counter()  # forks that wait, by parent
        self._ages = itertools.count()
        self._branches: list[Branch] = []
        self._live: list[Branch] = []
        self._left = settings.nodes  # of the budget, less what live branches may still take and what is kept back
        self._finish = "complete"
        self._unreached = 0

    def grow(
        self,
        asked: Sequence[Sequence[AskedPlace]] = (),
        finish: Finish | None = None,
        on_error: Callable[[Exception], None] = _raise,
    ) -> Grown:
        """First what the user asked for, then best first until a bound is reached, then what `finish` chooses is brought to an end.

        An error ends the growth: `on_error` is called with it, unless it says that the memory is full.
        """
        finish = finish if self._settings.extra else None
        kept_back = self._settings.nodes // KEPT_BACK if finish is not None else 0
        self._left -= kept_back
        try:
            for row in range(len(self._main.rows)):
                node = self._main.prompt + row
                self._offer(node - 1, self._main.ids[node], self._main.rows, row, level=0, weight=1.0)
            for places in asked:
                self._ask(places)
            self._best_first()
            if finish is not None and self._finish not in ("interrupted", "memory"):
                self._left += kept_back
                self._bring_to_an_end(finish(self.so_far()))
                self._best_first()  # with what is left
        except KeyboardInterrupt:
            self._finish = "interrupted"
        except Exception as error:  # what has grown until then is whole
            self._finish = "memory" if is_memory(error) else "interrupted"
            if not is_memory(error):
                on_error(error)
            released(error)
        return self.so_far()

    def so_far(self) -> Grown:
        """What has grown."""
        return self._explored.grown(self._branches, finish=self._finish, unreached=self._unreached)

    def _best_first(self) -> None:
        self._live = [branch for branch in self._live if branch.end is None]
        while True:
            if self._should_stop():
                self._finish = "interrupted"
                return
            while len(self._live) < self._branching.wave and self._begin_next():
                pass
            if not self._live:
                self._finish = "nodes" if self._forks and self._settings.nodes else "complete"
                return
            self._step(self._live)
            self._live = [branch for branch in self._live if branch.end is None]
            self._on_nodes(len(self._explored))

    def _bring_to_an_end(self, finishing: Finishing) -> None:
        """Let branches that their length has ended go on until they have come far enough."""
        grown = [branch for branch in self._branches if branch.nodes]
        waiting = deque((grown[number], number) for number in finishing.branches)
        live: dict[Branch, int] = {}
        while waiting or live:
            if self._should_stop():
                self._finish = "interrupted"
                return
            while waiting and len(live) < self._branching.wave and self._left > 0:
                branch, number = waiting.popleft()
                if branch.end in (BranchEnd.LENGTH, BranchEnd.NODES):
                    self._go_on(branch)
                    live[branch] = number
            if not live:
                return
            self._step(list(live))
            for branch, number in list(live.items()):
                ids = [self._explored.token_of(node) for node in branch.nodes]
                if branch.end is None and finishing.reached(number, ids):
                    self._close(branch, BranchEnd.LENGTH)
                if branch.end is not None:
                    del live[branch]
            self._on_nodes(len(self._explored))

    def _go_on(self, branch: Branch) -> None:
        """Open a branch again. The model may have let go of all of it but the last token, which was never read."""
        more = min(self._settings.extra, self._left)
        bound = BranchEnd.LENGTH if more == self._settings.extra else BranchEnd.NODES
        if self._context is not None and more > (room := self._context - 1 - self._explored.reach(branch)):
            more, bound = room, BranchEnd.CONTEXT
        self._branching.recall([self._explored.tip(node) for node in branch.nodes[:-1]])
        branch.limit, branch.bound = len(branch.nodes) + more, bound
        branch.end = None
        self._left -= more

    def _begin_next(self) -> bool:
        """Begin the heaviest fork; False where none waits or the budget is taken."""
        length = self._settings.length
        if not self._forks or self._left < 1 or (self._left < length and self._live):
            return False  # a live branch may end early and leave enough for a whole one
        fork = heapq.heappop(self._forks)
        if self._explored.child(fork.parent, fork.token) is not None:
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

    def _ask(self, places: Sequence[AskedPlace]) -> None:
        """Begin the branch that forces what stands in `places`, growing what lies between them."""
        branch: Branch | None = None
        for index, place in enumerate(places):
            while branch is not None and branch.end is None and self._explored.reach(branch) < place.position:
                self._step([branch])
            parent = self._explored.on_path(branch, place.position - 1)
            if parent is None or self._explored.on_path(branch, place.position) is None:
                self._unreached += 1
                return
            tokens = deque(place.tokens)
            while tokens and (child := self._explored.child(parent, tokens[0])) is not None:
                parent = child
                tokens.popleft()
            if not tokens:
                branch = self._explored.branch_of(parent)
                continue
            if (sibling := self._explored.after(parent)) is None:
                self._unreached += 1
                return
            row = self._asked_row(sibling, parent, tokens[0])
            reach = places[index + 1].position if index + 1 < len(places) else 0
            begin = self._explored.position_of(parent) + 1
            length = max(self._settings.length, len(tokens), reach + 1 - begin)
            below = self._explored.branch_of(parent)
            level, weight = (below.level, below.weight) if below is not None else (0, 1.0)
            weight *= float(np.exp(row.logprob[0]))
            branch = self._new_branch(parent, tokens[0], level + 1, weight, length, asked=True)
            self._live.append(branch)
            first = tokens.popleft()
            branch.pending = tokens
            self._add(branch, first, row, 0, forced=True)
            self._live = [branch for branch in self._live if branch.end is None]

    def _new_branch(self, parent: int, token: int, level: int, weight: float, limit: int, *, asked: bool) -> Branch:
        bound = BranchEnd.LENGTH if limit >= self._settings.length else BranchEnd.NODES
        if self._context is not None and limit > (room := self._context - self._explored.position_of(parent) - 1):
            limit, bound = room, BranchEnd.CONTEXT
        branch = Branch(
            parent=parent,
            level=level,
            weight=weight,
            limit=limit,
            bound=bound,
            asked=asked,
            pending=deque(),
            tail=self._explored.text_before(parent, self._stop_length if self._branching.stop else 0),
            comparisons=self._comparisons(parent),
            name=self._explored.name(parent) + f"/{self._explored.position_of(parent) + 1}:{token}",
        )
        self._branches.append(branch)
        return branch

    def _step(self, live: list[Branch]) -> None:
        """Every branch in `live` grows by one token."""
        tokens, rows = self._branching.step([self._next(branch) for branch in live])
        for row, (branch, token) in enumerate(zip(live, tokens, strict=True)):
            if np.isnan(rows.logprob[row]):  # the model's numbers overflowed on this path
                self._close(branch, BranchEnd.CUT)
                continue
            forced = bool(branch.pending)
            if forced:
                branch.pending.popleft()
            self._add(branch, token, rows, row, forced=forced)

    def _next(self, branch: Branch) -> Step:
        node = branch.nodes[-1]
        forced = branch.pending[0] if branch.pending else None
        return Step(self._explored.tip(node), branch.name, forced, partial(self._explored.ids, node))

    def _add(self, branch: Branch, token: int, rows: Rows, row: int, *, forced: bool) -> None:
        """Append a token to a branch, offer what else it could have been, and see whether the branch ends with it."""
        parent = branch.nodes[-1] if branch.nodes else branch.parent
        self._explored.add(branch, parent, token, rows, row)
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

    def _end_after(self, branch: Branch, token: int, word: bytes) -> BranchEnd | None:
        if token in self._branching.ends:
            return BranchEnd.END_OF_TEXT
        if any(text in branch.tail[1 - len(text) or len(branch.tail) :] + word for text in self._branching.stop):
            return BranchEnd.STOP_STRING
        if not branch.pending and self._rejoins(branch):
            return BranchEnd.REJOINED
        return branch.bound if len(branch.nodes) >= branch.limit else None

    def _rejoins(self, branch: Branch) -> bool:
        """Whether its text since a fork is that of the path it left there, up to the end of one of that path's tokens."""
        for comparison in list(branch.comparisons):
            while len(comparison.beside_text) < len(comparison.text):
                node = self._explored.after(comparison.beside)
                if node is None:
                    break
                comparison.beside = node
                comparison.beside_text += self._spell(self._explored.token_of(node))
            if comparison.text and comparison.text == comparison.beside_text:
                branch.rejoined = comparison.beside
                return True
            if not (
                comparison.text.startswith(comparison.beside_text) or comparison.beside_text.startswith(comparison.text)
            ):
                branch.comparisons.remove(comparison)
        return False

    def _comparisons(self, parent: int) -> list[TextPair]:
        """Those that a branch begins with: one per fork on the way to it, with the text since that fork."""
        found = [TextPair(b"", parent)]
        text = b""
        while (owner := self._explored.owner(parent)) is not None:
            branch, place = owner
            text = b"".join(self._spell(self._explored.token_of(node)) for node in branch.nodes[: place + 1]) + text
            found.append(TextPair(text, branch.parent))
            parent = branch.parent
        return found

    def _close(self, branch: Branch, end: BranchEnd) -> None:
        branch.end = end
        self._let_go(branch)
        if not branch.asked:  # from those the user may ask for more
            self._left += branch.limit - len(branch.nodes)
            self._branching.release(node for node in branch.nodes if not self._waiting[node])

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

    def _let_go(self, branch: Branch) -> None:
        if branch.holds >= 0:
            self._no_longer_waits(branch.holds)
            branch.holds = -1

    def _no_longer_waits(self, node: int) -> None:
        self._waiting[node] -= 1
        if not self._waiting[node]:
            del self._waiting[node]
            branch = self._explored.branch_of(node)
            if branch is not None and branch.end is not None:
                self._branching.release([node])

    def _asked_row(self, sibling: int, parent: int, token: int) -> Rows:
        """The numbers of a token that was asked for, from those of the token that stands there."""
        rows, row = self._explored.numbers(sibling)
        found = np.flatnonzero(rows.ids[row] == token)
        if len(found):
            return alternative_row(rows, row, int(found[0]))
        found_logprob, rank = self._branching.logprob_after(self._explored.ids(parent), token)
        least = alternative_row(rows, row, rows.ids.shape[1] - 1)
        logprob = np.minimum(np.float32(found_logprob), least.logprob)  # another pass rounds differently
        return replace(
            least,
            logprob=logprob,
            gap=rows.logprobs[row, :1] - logprob,
            rank=np.array([rank and max(rank, rows.ids.shape[1] + 1)], dtype=np.int32),
            sampled_logprob=np.full(1, np.nan, np.float32),
        )
