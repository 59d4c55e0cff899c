"""Decisions: the few forks that shaped the code, which tokens were decided together, what else was likely, and how they rank.

A Trace with syntax and outcomes in, the tables of its decisions out. Pure. The rule, in full:

1. A candidate is a token of the output's program and an alternative to it that has a probability of LIKELY or more, or was explored. What the
   output wrote behind its program decides nothing, nor does what it only repeats.
2. It is about the leaf of the syntax (a name, a number, a string, a comment) in which the two texts differ first; an alternative that goes on
   where a line ends is about the leaf that ends there. Candidates of one leaf are one decision, leaves that decide the same larger node
   (`decided`) are one, too, and so are nodes of one statement of which one holds the others: from its first candidate to its last.
3. What was written has the product of these tokens' probabilities, P; an option has the probability of the decision's tokens before it, times
   its own. D is the mean of DIFFERENCE over the explored options' outcomes, weighted by their probabilities; UNKNOWN if none was explored.
4. A decision is one of taste where every explored option is at most a renaming, or where it only words a comment, a text that
   stands by itself as documentation does, or prose around the code. One whose options all led to the same program is none.
5. Those come first of which an option has another verdict of the user's check than the output; then the sum over the options of their
   probability where they depart, times DIFFERENCE, decides, largest first; of equals the earlier in the text comes first. Those of taste come
   behind all others, and those in what follows the code that was asked for last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.languages.language import kinds
from tokenscope_trace.settings import LIKELY, LISTED_DECISIONS
from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.schema import DecisionFlag, Outcome, SyntaxFlag
from tokenscope_trace.traces.syntax import Syntax
from tokenscope_trace.traces.trace import Trace

MENTIONED = 0.01  # of an option that was not explored
OPTIONS = 6
UNEXPLORED = 2  # of them, where others were
UNKNOWN = 0.5
_LINE_ENDS = (b"\n", b"\r")
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
    Outcome.ONLY_WHAT_FOLLOWS: 0.05,
    Outcome.OUTPUT_UNFINISHED: 1.0,
}


@dataclass(frozen=True)
class Option:
    """What else could stand at `node`, with this probability `there`, and with it in the decision; `branch` is -1 where it was not explored."""

    node: int
    token_id: int
    there: float
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
    behind: bool = False
    turns: bool = False  # whether an option has another verdict than the output
    words: bool = False  # whether it is one of taste that only words something

    @property
    def difference(self) -> float:
        """How different what the explored options led to is, in [0, 1]."""
        return difference(self.options)

    @property
    def score(self) -> float:
        """By which decisions rank."""
        return sum(
            option.there * (UNKNOWN if option.outcome is None else DIFFERENCE[option.outcome]) for option in self.options
        )


def difference(options: Sequence[Option]) -> float:
    """The mean of DIFFERENCE over the explored options, weighted by probability; UNKNOWN where none was explored."""
    explored = [(option.probability, DIFFERENCE[option.outcome]) for option in options if option.outcome is not None]
    mass = sum(probability for probability, _ in explored)
    return sum(probability * far for probability, far in explored) / mass if mass > 0 else UNKNOWN


def ranked(decisions: Sequence[Decision]) -> list[Decision]:
    """In the order in which a reader should see them."""
    return sorted(decisions, key=lambda one: (one.behind, not one.turns, one.taste, one.words, -one.score, one.first))


def add_decisions(trace: Trace, most: int = LISTED_DECISIONS) -> Trace:
    """The trace with the tables of its first decisions; as it is where nothing was generated."""
    if trace.files:
        return trace
    found = find_decisions(trace)
    listed = found[:most]
    options = [option for decision in listed for option in decision.options]
    flags = [
        DecisionFlag.COIN_FLIP * d.coin_flip | DecisionFlag.TASTE * d.taste | DecisionFlag.BEHIND * d.behind for d in listed
    ]
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
    leaves: dict[int, list[Option]] = {}
    for node in trace.output.tolist():
        for leaf, options in finder.candidates(node).items():
            leaves.setdefault(leaf if leaf >= 0 else -2 - node, []).extend(options)
    groups: dict[int, list[Option]] = {}
    for leaf, options in leaves.items():
        groups.setdefault(finder.decided(leaf, options) if leaf >= 0 else leaf, []).extend(options)
    decisions = [finder.decision(syntax, options) for syntax, options in finder.folded(groups).items()]
    return ranked([decision for decision in decisions if not _is_none(decision)])


def _is_candidate(option: Option) -> bool:
    return option.there >= LIKELY or option.branch >= 0


def _is_none(decision: Decision) -> bool:
    """Whether every likely option led to the same program."""
    same = (Outcome.SAME_TEXT, Outcome.SAME_PROGRAM)
    outcomes = [option.outcome for option in decision.options if option.outcome is not None or option.there >= LIKELY]
    return bool(outcomes) and all(outcome in same for outcome in outcomes)


class _Finder:
    """What a search for decisions looks up."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._syntax = trace.syntax
        main = trace.programs.main
        self._text = main.text
        places = trace.token_places(main.nodes)
        self._start: dict[int, int] = dict(zip(main.nodes.tolist(), places.start.tolist(), strict=True))
        repeats = trace.facts.program.repeats if trace.facts.program is not None else None
        self._end = main.written if repeats is None else min(main.written, repeats)
        self._asked = end_of_code(trace)
        self._beside: dict[int, list[int]] = {}  # by the node after which they depart
        for branch, first in enumerate(trace.branches.first.tolist()):
            self._beside.setdefault(int(trace.nodes.parent[first]), []).append(branch)
        self._noise = trace.facts.replay.noise if trace.facts.replay is not None else None
        self._verdicts = dict(zip(trace.checks.branch.tolist(), trace.checks.result.tolist(), strict=True))

    def candidates(self, node: int) -> dict[int, list[Option]]:
        """What else was likely there, or was explored, by the syntax leaf that it is about, -1 for none."""
        if math.isnan(self._trace.nodes.logprob[node]) or self._start[node] > self._end:
            return {}
        found: dict[int, list[Option]] = {}
        for option in self._options(node):
            if option.there >= MENTIONED or option.branch >= 0:
                found.setdefault(self._leaf(node, option), []).append(option)
        return {leaf: options for leaf, options in found.items() if any(map(_is_candidate, options))}

    def _leaf(self, node: int, option: Option) -> int:
        """The syntax leaf in which the token and the option differ first; -1 for none."""
        if self._syntax is None or not self._trace.in_program(node):
            return -1  # what ends a text stands for nothing that follows it in a file
        byte = self._differs_at(node, option)
        return whole_text(self._syntax, self._syntax.innermost(0, byte, byte + 1))

    def decided(self, leaf: int, options: Sequence[Option]) -> int:
        """The syntax node that options about one leaf decide, by the most probable branch among them."""
        assert self._syntax is not None
        likely = sorted(options, key=lambda option: -option.there)
        return decided(self._syntax, leaf, next((option.branch for option in likely if option.branch >= 0), -1))

    def folded(self, groups: dict[int, list[Option]]) -> dict[int, list[Option]]:
        """The options by the outermost of the nodes of one statement that hold each other."""
        if self._syntax is None:
            return groups
        found: dict[int, list[Option]] = {}
        for node, options in groups.items():
            above = [one for one in _way(self._syntax, node) if one in groups] if node >= 0 else []
            statement = _statement(self._syntax, node)
            outer = next((one for one in above if _statement(self._syntax, one) == statement >= 0), node)
            found.setdefault(outer, []).extend(options)
        return found

    def decision(self, syntax: int, candidates: Sequence[Option]) -> Decision:
        """What candidates decide together, of which `syntax` is the node, negative for none."""
        trace = self._trace
        nodes = sorted({option.node for option in candidates})
        first, last = nodes[0], nodes[-1]
        logprob = trace.nodes.logprob[first : last + 1].astype(np.float64)
        before = np.concatenate([[0.0], np.cumsum(logprob)])
        kept = _listed([replace(one, probability=one.there * float(np.exp(before[one.node - first]))) for one in candidates])
        outcomes = [option.outcome for option in kept if option.outcome is not None]
        names_only = bool(outcomes) and all(Outcome.NOT_COMPARED < outcome <= Outcome.RENAMED for outcome in outcomes)
        words = self._words(first, syntax) and not any(map(self._is_code, kept))
        return Decision(
            first=first,
            last=last,
            syntax=max(syntax, -1),
            probability=float(np.exp(before[-1])),
            options=tuple(kept),
            coin_flip=any(self._is_coin_flip(node) for node in nodes),
            taste=names_only or words,
            words=words,
            behind=self._asked is not None and self._start[first] > self._asked,
            turns=any(self._turns(option) for option in kept),
        )

    def _turns(self, option: Option) -> bool:
        """Whether the user's check says something else of what an option led to than of the output."""
        verdicts = self._verdicts
        return option.branch in verdicts and -1 in verdicts and verdicts[option.branch] != verdicts[-1]

    def _is_code(self, option: Option) -> bool:
        """Whether an option stands for code where what was written only words something: it led to another program, or where it was not
        explored, begins with another sign than a comment does.
        """
        if option.outcome is not None:
            return option.outcome > Outcome.RENAMED and option.outcome != Outcome.UNFINISHED
        start = self._start[option.node]
        written = self._trace.token_bytes(option.node)
        other = self._trace.bytes_of(option.token_id).strip()
        begins = self._syntax is not None and self._begins_remark(start, written)
        return begins and bool(other) and other[:1] not in (written.strip()[:1], b"#", b"/", b'"', b"'")

    def _begins_remark(self, start: int, written: bytes) -> bool:
        """Whether the token is the first of a comment or of documentation."""
        assert self._syntax is not None
        byte = start + len(written) - len(written.lstrip())
        node = whole_text(self._syntax, self._syntax.innermost(0, byte, byte + 1))
        return node >= 0 and int(self._syntax.start[node]) == byte

    def _words(self, first: int, syntax: int) -> bool:
        """Whether a decision only words a comment, documentation or prose; of an end of the text, whether that stands behind such."""
        if self._syntax is None:
            return False
        if not self._trace.in_program(first):
            last = len(self._text[: self._start[first]].rstrip()) - 1
            syntax = whole_text(self._syntax, self._syntax.innermost(0, last, last + 1)) if last >= 0 else -1
        return is_prose(self._syntax, syntax)

    def _options(self, node: int) -> list[Option]:
        """What else could stand there, most probable first."""
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
                found.append(Option(node, token_id, math.exp(logprob), math.exp(logprob), branch, outcome))
        return sorted(found, key=lambda option: -option.there)

    def _differs_at(self, node: int, option: Option) -> int:
        """The byte of the program where an option's text leaves the token's, at the next sign that is no white space.

        Where the option only goes on (`>=` for `>`), or a line ends that the option goes on with, it is the last sign before.
        """
        written, other = self._trace.token_bytes(node), self._trace.bytes_of(option.token_id)
        pairs = enumerate(zip(written, other, strict=False))
        same = next((place for place, (one, two) in pairs if one != two), min(len(written), len(other)))
        byte = self._start[node] + min(same, len(written.rstrip()) - 1 if written.strip() else same)
        ends_line, goes_on = written[same:].lstrip(b" \t")[:1], other[same:].lstrip(b" \t")[:1]
        if ends_line in _LINE_ENDS and goes_on and goes_on not in _LINE_ENDS:
            return max(len(self._text[:byte].rstrip()) - 1, 0)
        while byte < len(self._text) and self._text[byte : byte + 1].isspace():
            byte += 1
        return byte

    def _is_coin_flip(self, node: int) -> bool:
        options = self._options(node)
        if self._noise is None or not options or options[0].there == 0:
            return False
        apart = abs(float(self._trace.nodes.logprob[node]) - math.log(options[0].there))
        return apart <= float(self._noise)


def _listed(options: Sequence[Option]) -> list[Option]:
    """Those that a reader sees, most probable first: what was explored, and a few that were not."""
    likely = sorted(options, key=lambda option: -option.probability)
    explored = [option for option in likely if option.branch >= 0][:OPTIONS]
    others = [option for option in likely if option.branch < 0 and option.probability >= MENTIONED]
    room = min(UNEXPLORED, OPTIONS - len(explored)) if explored else OPTIONS
    return sorted([*explored, *others[:room]], key=lambda option: -option.probability)


def end_of_code(trace: Trace) -> int | None:
    """The byte of the main path's program where the code that was asked for ends: the function that the prompt breaks off in, and in an
    answer the last function or class of its first code. None where all of it was.
    """
    syntax, begin = trace.syntax, trace.programs.main.begin
    if syntax is None:
        return None
    kind = trace.facts.prompt.kind
    if kind == "fim":
        return None
    chat = kind == "chat"
    for passage in syntax.passages:
        language = by_name(passage.language)
        rows = range(passage.first, passage.end)
        if language is None or syntax.end[passage.first] <= begin:
            continue
        units = language.rules.units
        names = kinds(language, f"{units.functions} {units.classes}" if chat else units.functions)
        around = [node for node in rows if syntax.kind[node] in names]
        if not chat:
            around = [node for node in around if syntax.start[node] < begin < syntax.end[node]]
        return max((int(syntax.end[node]) for node in around), default=None)
    return None


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


def _statement(syntax: Syntax, node: int) -> int:
    """The innermost statement that holds a node, the outermost of those with its bytes; -1 for none."""
    while node >= 0 and not syntax.flags[node] & SyntaxFlag.STATEMENT:
        node = int(syntax.parent[node])
    while node >= 0 and (above := int(syntax.parent[node])) >= 0:
        if not syntax.flags[above] & SyntaxFlag.STATEMENT or not _spans_equal(syntax, node, above):
            break
        node = above
    return node


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
