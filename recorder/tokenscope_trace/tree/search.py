"""The search of the bounded tree: which alternatives are continued, how far, and when growth ends.

In: a main path and what continues it at any place, the bounds. Out: branches, as the columns of a trace. Knows no model and no file.

A fork is a node on an explored path and another token that is forced after it. Its weight is the probability that the forks
on the way to it were taken: the product of the forced tokens' probabilities, each under its own prefix. Growth is best
first: whenever there is room among the live branches, the first fork known begins; all live branches advance together. First are the
likely ones of the main path in code, then all others in code, then those in code that follows what was asked for, then those of the main
path in prose, and of equals the heaviest. None begins where it could decide nothing. A branch ends with the unit of code that it stands in, or where it repeats itself.
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
from tokenscope_trace.settings import LIKELY, AskedPlace, TreeSettings
from tokenscope_trace.traces.rows import Rows, alternative_row
from tokenscope_trace.traces.schema import BranchEnd
from tokenscope_trace.tree.nodes import Branch, Explored, Grown, Spell, TextPair
from tokenscope_trace.tree.surroundings import Ground, Look, Surroundings, is_loop, may_end_unit

OnNodes = Callable[[int], None]
_LEAST_WAVE = 8
_FIRST, _OTHER, _BEHIND, _PROSE = range(4)  # ranks of forks
_LATER = {Ground.BEHIND: _BEHIND, Ground.PROSE: _PROSE}
_LOOKED = 256  # looks that are kept
_LOOKS = 8  # tokens after which a branch within a long line is looked at for a loop


@dataclass(frozen=True, order=True)
class _Fork:
    """A branch that could begin. Sorts by rank, then heaviest first, then by age."""

    rank: int
    key: tuple[float, int]  # (-weight, age)
    parent: int = field(compare=False)
    token: int = field(compare=False)
    sibling: int = field(compare=False)  # what stands there
    level: int = field(compare=False)
    numbers: tuple[Rows, int, int] = field(compare=False)  # rows, the row, and the token's place among its alternatives


def wave_of(nodes: int, length: int, most: int) -> int:
    """How many branches of `length` tokens should advance together, `most` at most.

    Few where the budget is small: a fork that turns up later may be heavier than those that wait.
    """
    return min(most, max(_LEAST_WAVE, nodes // (2 * length)))


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
        surroundings: Surroundings | None = None,
        *,
        context: int | None = None,
        on_nodes: OnNodes = lambda _count: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """`settings` have a number of nodes. `context` is the most tokens a sequence may have. Without `surroundings` all forks are equal, and only a bound, an end of the
        text or a stop string ends a branch.
        """
        self._branching = branching
        self._main = main
        self._settings = settings
        self._spell = spell
        self._context = context
        self._on_nodes = on_nodes
        self._should_stop = should_stop
        self._stop_length = max((len(text) for text in branching.stop), default=1)
        self._explored = Explored(main, spell)
        self._surroundings = surroundings
        self._looks: dict[Branch | None, tuple[int, Look]] = {}  # by run, with the number of its tokens
        self._forks: list[_Fork] = []
        self._waiting: Counter[int] = Counter()  # forks that wait, by parent
        self._ages = itertools.count()
        self._branches: list[Branch] = []
        self._live: list[Branch] = []
        self._nodes = settings.nodes or 0
        self._left = self._nodes  # of the budget, less what live branches may still take
        self._finish = "complete"
        self._unreached = 0

    def grow(self, asked: Sequence[Sequence[AskedPlace]] = (), on_error: Callable[[Exception], None] = _raise) -> Grown:
        """First what the user asked for, then best first until a bound is reached.

        An error ends the growth: `on_error` is called with it, unless it says that the memory is full.
        """
        try:
            for row in range(len(self._main.rows)):
                node = self._main.prompt + row
                self._offer(node - 1, self._main.ids[node], self._main.rows, row, level=0, weight=1.0)
            for places in asked:
                self._ask(places)
            self._best_first()
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
                self._finish = "nodes" if self._forks and self._nodes else "complete"
                return
            self._step(self._live)
            self._live = [branch for branch in self._live if branch.end is None]
            self._on_nodes(len(self._explored))

    def _begin_next(self) -> bool:
        """Begin the first fork; False where none waits or the budget is taken."""
        while self._forks:
            fork = self._forks[0]
            if self._explored.child(fork.parent, fork.token) is not None:
                heapq.heappop(self._forks)
                self._no_longer_waits(fork.parent)
                continue
            ground = self._ground(fork)
            if ground == Ground.NOWHERE or (ground == Ground.PROSE and fork.level > 1):
                heapq.heappop(self._forks)
                self._no_longer_waits(fork.parent)
                continue
            later = _LATER.get(ground, fork.rank)
            if later > fork.rank:
                heapq.heapreplace(self._forks, replace(fork, rank=later))
                continue
            length = self._settings.length + (self._settings.extra if ground in (Ground.CODE, Ground.BEHIND) else 0)
            reserved = self._settings.length * (1 + bool(self._settings.extra) * len(self._live) / 2)
            if self._left < 1 or (self._left < reserved and self._live):
                return False  # live branches may need more than they have, or end early and leave enough
            heapq.heappop(self._forks)
            self._begin(fork, length)
            return True
        return False

    def _begin(self, fork: _Fork, length: int) -> None:
        branch = self._new_branch(fork.parent, fork.token, fork.level, -fork.key[0], length, asked=False)
        branch.holds = fork.parent
        self._grant(branch)
        row = alternative_row(*fork.numbers)
        self._live.append(branch)
        self._add(branch, fork.token, row, 0, forced=True)
        self._live = [branch for branch in self._live if branch.end is None]

    def _grant(self, branch: Branch) -> bool:
        """Let a branch have more of the budget; False where nothing is left of it."""
        if branch.asked:
            return True
        more = min(self._settings.length, branch.limit - branch.granted, self._left)
        branch.granted += more
        self._left -= more
        return more > 0

    def _ground(self, fork: _Fork) -> Ground:
        """What stands around a fork."""
        if self._surroundings is None:
            return Ground.PLAIN
        run = self._explored.branch_of(fork.sibling)
        size, look = self._looks.get(run, (-1, None))
        length = len(self._main.ids) if run is None else len(run.nodes)
        if look is None or size != length:
            last = length - 1 if run is None else run.nodes[-1]
            word = self._surroundings.spell(self._explored.token_of(last))
            look = self._surroundings.look(self._written(last), word, self._branching.stop)
            if len(self._looks) >= _LOOKED:
                self._looks.clear()
            self._looks[run] = length, look
        place = len(self._written(fork.parent))
        return look.ground(place, self._spell(fork.token), self._spell(self._explored.token_of(fork.sibling)))

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
            least = max(len(tokens), reach + 1 - begin)
            below = self._explored.branch_of(parent)
            level, weight = (below.level, below.weight) if below is not None else (0, 1.0)
            weight *= float(np.exp(row.logprob[0]))
            branch = self._new_branch(
                parent, tokens[0], level + 1, weight, max(self._settings.length, least), asked=True, least=least
            )
            self._live.append(branch)
            first = tokens.popleft()
            branch.pending = tokens
            self._add(branch, first, row, 0, forced=True)
            self._live = [branch for branch in self._live if branch.end is None]

    def _new_branch(
        self, parent: int, token: int, level: int, weight: float, limit: int, *, asked: bool, least: int = 0
    ) -> Branch:
        bound = BranchEnd.LENGTH
        if self._context is not None and limit > (room := self._context - self._explored.position_of(parent) - 1):
            limit, bound = room, BranchEnd.CONTEXT
        fork = self._written(parent)
        branch = Branch(
            parent=parent,
            level=level,
            weight=weight,
            limit=limit,
            granted=0,
            bound=bound,
            least=least,
            asked=asked,
            pending=deque(),
            tail=self._explored.text_before(parent, self._stop_length if self._branching.stop else 0),
            comparisons=self._comparisons(parent),
            name=self._explored.name(parent) + f"/{self._explored.position_of(parent) + 1}:{token}",
            fork=len(fork),
            written=fork,
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
        if self._surroundings is not None:
            branch.written += self._surroundings.spell(token)
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
        if len(branch.nodes) >= branch.least and self._surroundings is not None:
            if may_end_unit(self._last_words(branch)) and self._surroundings.is_complete(branch.written, branch.fork):
                return BranchEnd.UNIT
            if (b"\n" in word or len(branch.nodes) % _LOOKS == 0) and is_loop(branch.written):
                return BranchEnd.REPEATS
        if len(branch.nodes) >= branch.limit:
            return branch.bound
        return BranchEnd.NODES if len(branch.nodes) == branch.granted and not self._grant(branch) else None

    def _written(self, node: int) -> bytes:
        """The output of a path as its program reads, up to a node."""
        return b"" if self._surroundings is None else self._explored.written(node, self._surroundings.spell)

    def _last_words(self, branch: Branch) -> list[bytes]:
        return [self._spell(self._explored.token_of(node)) for node in branch.nodes[-4:]]

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
            self._left += branch.granted - len(branch.nodes)
            self._branching.release(node for node in branch.nodes if not self._waiting[node])

    def _offer(self, parent: int, chosen: int, rows: Rows, row: int, *, level: int, weight: float) -> None:
        """The alternatives of a token become forks that wait."""
        if not self._nodes:
            return
        found = 0
        floor = np.log(self._settings.min_prob) if self._settings.min_prob else -np.inf
        for place, (token, logprob) in enumerate(zip(rows.ids[row].tolist(), rows.logprobs[row].tolist(), strict=True)):
            if found == self._settings.width or logprob < floor or logprob == -np.inf:
                break
            if token == chosen:
                continue
            found += 1
            probability = float(np.exp(logprob))
            first = level == 0 and probability >= LIKELY
            key = (-weight * probability, next(self._ages))
            sibling = self._explored.child(parent, chosen)
            assert sibling is not None
            fork = _Fork(_FIRST if first else _OTHER, key, parent, token, sibling, level + 1, (rows, row, place))
            heapq.heappush(self._forks, fork)
            self._waiting[parent] += 1
        if len(self._forks) > 4 * max(self._nodes, 64):
            self._drop_lightest()

    def _drop_lightest(self) -> None:
        """Of the forks that wait, at most one per node of the budget can ever begin."""
        self._forks.sort()
        for fork in self._forks[max(self._nodes, 64) :]:
            self._no_longer_waits(fork.parent)
        del self._forks[max(self._nodes, 64) :]

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
