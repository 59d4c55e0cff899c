"""Decisions: the few forks that shaped the code, which tokens were decided together, what else was likely, and how they rank.

A Trace with syntax and outcomes in, the tables of its decisions out. Pure. The rule, in full:

1. A candidate is a token of the output beside which an alternative has a probability of LIKELY or more, or was explored.
2. Candidates within one leaf of the syntax (a name, a number, a string, a comment) are one decision, and leaves that decide the same
   larger node (`decided`) are one, too: from its first candidate to its last. What was written has the product of these tokens'
   probabilities, P; an option has the probability of the decision's tokens before it, times its own.
3. D is the mean of DIFFERENCE over the explored options' outcomes, weighted by their probabilities; UNKNOWN if none was explored.
4. A decision is one of taste where every explored option is at most a renaming, or where it only words a comment, a text that
   stands by itself as documentation does, or prose around the code. One whose options all led to the same text is none.
5. Those of taste come last; otherwise (1 - P) x D decides, largest first; of equals the earlier in the text comes first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokenscope_trace.settings import LISTED_DECISIONS
from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.schema import DecisionFlag, Outcome, SyntaxFlag
from tokenscope_trace.traces.syntax import Syntax
from tokenscope_trace.traces.trace import Trace

LIKELY = 0.05
MENTIONED = 0.01  # of an option that was not explored
OPTIONS = 5
UNEXPLORED = 2  # of them, where others were
UNKNOWN = 0.5
DIFFERENCE = {
    Outcome.NOT_COMPARED: UNKNOWN,
    Outcome.SAME_TEXT: 0.0,
    Outcome.SAME_PROGRAM: 0.0,
    Outcome.RENAMED: 0.05,
    Outcome.OTHER_EXPRESSION: 0.5,
    Outcome.OTHER_CONTROL_FLOW: 0.8,
    Outcome.OTHER_CALLS: 1.0,
    Outcome.DOES_NOT_PARSE: 1.0,
    Outcome.UNFINISHED: UNKNOWN,
}


@dataclass(frozen=True)
class Option:
    """What else could stand at `node`; `branch` is -1 where it was not explored."""

    node: int
    token_id: int
    probability: float
    branch: int
    outcome: Outcome | None


@dataclass(frozen=True)
class Decision:
    """The tokens [first, last] of the main path, decided together; `syntax` is the node they decide, -1 for none."""

    first: int
    last: int
    syntax: int
    probability: float
    options: tuple[Option, ...]
    coin_flip: bool
    taste: bool

    @property
    def difference(self) -> float:
        """How different what the explored options led to is, in [0, 1]."""
        return difference(self.options)

    @property
    def score(self) -> float:
        """By which decisions rank."""
        return (1 - self.probability) * self.difference


def difference(options: Sequence[Option]) -> float:
    """The mean of DIFFERENCE over the explored options, weighted by probability; UNKNOWN where none was explored."""
    explored = [(option.probability, DIFFERENCE[option.outcome]) for option in options if option.outcome is not None]
    mass = sum(probability for probability, _ in explored)
    return sum(probability * far for probability, far in explored) / mass if mass > 0 else UNKNOWN


def ranked(decisions: Sequence[Decision]) -> list[Decision]:
    """In the order in which a reader should see them."""
    return sorted(decisions, key=lambda decision: (decision.taste, -decision.score, decision.first))


def add_decisions(trace: Trace, most: int = LISTED_DECISIONS) -> Trace:
    """The trace with the tables of its first decisions; as it is where nothing was generated."""
    if trace.files:
        return trace
    found = find_decisions(trace)
    listed = found[:most]
    options = [option for decision in listed for option in decision.options]
    flags = [DecisionFlag.COIN_FLIP * d.coin_flip | DecisionFlag.TASTE * d.taste for d in listed]
    tables: dict[str, dict[str, Array]] = {
        "decisions": {
            "node": np.array([d.first for d in listed], dtype=np.int32),
            "count": np.array([d.last - d.first + 1 for d in listed], dtype=np.uint16),
            "syntax": np.array([d.syntax for d in listed], dtype=np.int32),
            "probability": np.array([d.probability for d in listed], dtype=np.float32),
            "difference": np.array([d.difference for d in listed], dtype=np.float32),
            "flags": np.array(flags, dtype=np.uint8),
            "option_count": np.array([len(d.options) for d in listed], dtype=np.uint16),
        },
        "decision_options": {
            "node": np.array([option.node for option in options], dtype=np.int32),
            "token_id": np.array([option.token_id for option in options], dtype=np.int32),
            "probability": np.array([option.probability for option in options], dtype=np.float32),
            "branch": np.array([option.branch for option in options], dtype=np.int32),
        },
    }
    return trace.replaced({**trace.run, "decisions": {"found": len(found)}}, tables)


def find_decisions(trace: Trace) -> list[Decision]:
    """All decisions of a generation, ranked."""
    finder = _Finder(trace)
    leaves: dict[int, list[int]] = {}
    for node in trace.output.tolist():
        if finder.is_candidate(node):
            leaf = finder.leaf(node)
            leaves.setdefault(leaf if leaf >= 0 else -2 - node, []).append(node)
    groups: dict[int, list[int]] = {}
    for leaf, nodes in leaves.items():
        groups.setdefault(finder.decided(leaf, nodes) if leaf >= 0 else leaf, []).extend(nodes)
    decisions = [finder.decision(syntax, sorted(nodes)) for syntax, nodes in groups.items()]
    return ranked([decision for decision in decisions if not _is_none(decision)])


def _is_none(decision: Decision) -> bool:
    explored = [option.outcome for option in decision.options if option.outcome is not None]
    return bool(explored) and all(outcome == Outcome.SAME_TEXT for outcome in explored)


class _Finder:
    """What a search for decisions looks up."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._syntax = trace.syntax
        self._programs = trace.programs
        main = self._programs.main
        self._text = main.text
        places = trace.token_places(main.nodes)
        self._start: dict[int, int] = dict(zip(main.nodes.tolist(), places.start.tolist(), strict=True))
        self._beside: dict[int, list[int]] = {}  # by the node after which they depart
        for branch, first in enumerate(trace.branches.first.tolist()):
            self._beside.setdefault(int(trace.nodes.parent[first]), []).append(branch)
        self._noise = trace.facts.replay.noise if trace.facts.replay is not None else None

    def is_candidate(self, node: int) -> bool:
        """Whether another token was likely there, or was explored."""
        if math.isnan(self._trace.nodes.logprob[node]):
            return False
        options = self._options(node, 1.0)
        return any(option.probability >= LIKELY or option.branch >= 0 for option in options)

    def leaf(self, node: int) -> int:
        """The syntax leaf in which the token and its best option differ first; -1 for none."""
        if self._syntax is None or not self._trace.in_program(node):
            return -1  # what ends a text stands for nothing that follows it in a file
        byte = self._differs_at(node, self._options(node, 1.0)[0])
        return whole_text(self._syntax, self._syntax.innermost(0, byte, byte + 1))

    def decided(self, leaf: int, nodes: Sequence[int]) -> int:
        """The syntax node that candidates in one leaf decide, by the most probable branch beside them."""
        assert self._syntax is not None
        options = sorted((o for node in nodes for o in self._options(node, 1.0)), key=lambda option: -option.probability)
        return decided(self._syntax, leaf, next((option.branch for option in options if option.branch >= 0), -1))

    def decision(self, syntax: int, nodes: Sequence[int]) -> Decision:
        """What candidates decide together, of which `syntax` is the node, negative for none."""
        trace = self._trace
        first, last = nodes[0], nodes[-1]
        logprob = trace.nodes.logprob[first : last + 1].astype(np.float64)
        before = np.concatenate([[0.0], np.cumsum(logprob)])
        options = [option for node in nodes for option in self._options(node, float(np.exp(before[node - first])))]
        kept = _listed(options)
        outcomes = [option.outcome for option in kept if option.outcome is not None]
        names_only = bool(outcomes) and all(outcome <= Outcome.RENAMED for outcome in outcomes)
        names_only &= Outcome.NOT_COMPARED not in outcomes
        return Decision(
            first=first,
            last=last,
            syntax=max(syntax, -1),
            probability=float(np.exp(before[-1])),
            options=tuple(kept),
            coin_flip=any(self._is_coin_flip(node) for node in nodes),
            taste=names_only or self._words(first, syntax),
        )

    def _words(self, first: int, syntax: int) -> bool:
        """Whether a decision only words a comment, documentation or prose; of an end of the text, whether that stands behind such."""
        if self._syntax is None:
            return False
        if not self._trace.in_program(first):
            last = len(self._text[: self._start[first]].rstrip()) - 1
            syntax = whole_text(self._syntax, self._syntax.innermost(0, last, last + 1)) if last >= 0 else -1
        return is_prose(self._syntax, syntax)

    def _options(self, node: int, weight: float) -> list[Option]:
        """What else could stand there, most probable first; probabilities times `weight`."""
        trace = self._trace
        parent, own = int(trace.nodes.parent[node]), int(trace.nodes.token_id[node])
        rows = trace.alternatives_of(node)
        likely = dict(
            zip(trace.alternatives.token_id[rows].tolist(), trace.alternatives.logprob[rows].tolist(), strict=True)
        )
        explored = {}
        for branch in self._beside.get(parent, []):
            first = int(trace.branches.first[branch])
            token_id = int(trace.nodes.token_id[first])
            explored[token_id] = branch
            likely.setdefault(token_id, float(trace.nodes.logprob[first]))
        found = []
        for token_id, logprob in likely.items():
            if token_id != own:
                branch = explored.get(token_id, -1)
                outcome = Outcome(int(trace.outcomes.outcome[branch])) if branch >= 0 and len(trace.outcomes) else None
                found.append(Option(node, token_id, weight * math.exp(logprob), branch, outcome))
        return sorted(found, key=lambda option: -option.probability)

    def _differs_at(self, node: int, option: Option) -> int:
        """The byte of the program where an option's text leaves the token's, at the next sign that is no white space.

        Where the option only goes on (`>=` for `>`) it is the token's last sign.
        """
        written, other = self._trace.token_bytes(node), self._trace.bytes_of(option.token_id)
        pairs = enumerate(zip(written, other, strict=False))
        same = next((place for place, (one, two) in pairs if one != two), min(len(written), len(other)))
        byte = self._start[node] + min(same, len(written.rstrip()) - 1 if written.strip() else same)
        while byte < len(self._text) and self._text[byte : byte + 1].isspace():
            byte += 1
        return byte

    def _is_coin_flip(self, node: int) -> bool:
        options = self._options(node, 1.0)
        if self._noise is None or not options or options[0].probability == 0:
            return False
        apart = abs(float(self._trace.nodes.logprob[node]) - math.log(options[0].probability))
        return apart <= float(self._noise)


def _listed(options: Sequence[Option]) -> list[Option]:
    """Those that a reader sees, most probable first: what was explored, and a few that were not."""
    likely = sorted(options, key=lambda option: -option.probability)
    explored = [option for option in likely if option.branch >= 0][:OPTIONS]
    others = [option for option in likely if option.branch < 0 and option.probability >= MENTIONED]
    room = min(UNEXPLORED, OPTIONS - len(explored)) if explored else OPTIONS
    return sorted([*explored, *others[:room]], key=lambda option: -option.probability)


def whole_text(syntax: Syntax, node: int) -> int:
    """The string or the comment that a node is a piece of, else the node; -1 stays -1."""
    while node >= 0 and _is_text(syntax, above := int(syntax.parent[node])) and _is_text(syntax, node):
        node = above
    return node


def is_prose(syntax: Syntax, node: int) -> bool:
    """Whether a node, or what is no code at all (-1), is there for people only: a comment, or a string that is a statement."""
    if node < 0:
        return True
    kind = str(syntax.kind[node])
    if "comment" in kind:
        return True
    above = int(syntax.parent[node])
    alone = above >= 0 and bool(syntax.flags[above] & SyntaxFlag.STATEMENT)
    return "string" in kind and alone and _spans_equal(syntax, node, above)


def decided(syntax: Syntax, leaf: int, branch: int) -> int:
    """What a leaf's choice decided: the largest node that begins with it and is of another kind on the branch (-1: no branch).

    Where all of them are of the same kinds it is the leaf; a keyword or a sign stands for the node that it is part of.
    """
    theirs = [
        node for passage in syntax.of_branches if passage.branch == branch for node in range(passage.first, passage.end)
    ]
    start = syntax.start[leaf]
    other = [syntax.kind[node] for node in theirs if syntax.start[node] == start and syntax.parent[node] >= 0]
    own = [node for node in _way(syntax, leaf) if syntax.start[node] == start and syntax.parent[node] >= 0]
    if branch >= 0:
        for place, node in enumerate(own):
            differs = place >= len(other) or syntax.kind[node] != other[place]
            if differs and not syntax.flags[node] & SyntaxFlag.ERROR:
                return _named(syntax, node)
    return _named(syntax, leaf)


def _way(syntax: Syntax, node: int) -> list[int]:
    """The nodes from the root to a node."""
    found = []
    while node >= 0:
        found.append(node)
        node = int(syntax.parent[node])
    return found[::-1]


def _named(syntax: Syntax, node: int) -> int:
    """The node, or for a keyword or a sign the one that it is part of, if that is no broken code."""
    above = node
    while not syntax.flags[above] & SyntaxFlag.NAMED and syntax.parent[above] >= 0:
        above = int(syntax.parent[above])
    return node if syntax.flags[above] & SyntaxFlag.ERROR else above


def _is_text(syntax: Syntax, node: int) -> bool:
    return node >= 0 and any(word in syntax.kind[node] for word in ("string", "comment", "escape"))


def _spans_equal(syntax: Syntax, node: int, other: int) -> bool:
    return bool(syntax.start[node] == syntax.start[other] and syntax.end[node] == syntax.end[other])
