"""Differences of code between two recordings: of branches, outcomes, decisions, syntax and checks. Two Traces with matched paths
in, data out.

Two decisions change places within rounding where what they rank by, (1 - P) D, is within the floor of each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from tokenscope_trace.comparison.noise_floor import Floor
from tokenscope_trace.comparison.shared_paths import SamePaths
from tokenscope_trace.text import shortened, visible_line, visible_token
from tokenscope_trace.traces.schema import OUTCOME_WORDS, BranchEnd, CheckResult, DecisionFlag, Outcome
from tokenscope_trace.traces.trace import Trace

_ENDS = {
    BranchEnd.LENGTH: "its length",
    BranchEnd.END_OF_TEXT: "end of text",
    BranchEnd.STOP_STRING: "stop string",
    BranchEnd.REJOINED: "rejoined",
    BranchEnd.CONTEXT: "the context is full",
    BranchEnd.NODES: "the budget",
    BranchEnd.CUT: "cut short",
    BranchEnd.UNIT: "the end of its function",
    BranchEnd.REPEATS: "it repeats itself",
}
_SHOWN = 40


@dataclass(frozen=True)
class Change:
    """One thing that is otherwise: `kind` is branch, outcome, decision, option, syntax, check or layer; `node` is a node of the
    recording (-1 where only the other one has it), `name` says which it is; the values as they read, empty where there is none.
    """

    kind: str
    node: int
    name: str
    recorded: str
    again: str


def code_changes(a: Trace, b: Trace, paths: SamePaths, floor: Floor, lacking: Collection[str]) -> Iterator[Change]:
    """In the order of the recording; `lacking` are the stages that one of the two lacks, which nothing is said about."""
    yield from _layers(a, b, lacking)
    yield from _branches(a, b, paths, complete="tree" not in lacking and "generation" not in lacking)
    if "structure" in lacking:
        return
    if not {"tree", "generation"} & set(lacking):
        yield from _outcomes(a, b, paths)
        yield from _decisions(a, b, paths, floor)
    if a.files or (len(a.output) == len(b.output) and bool((paths.other[a.main] == b.main).all())):
        yield from _syntax(a, b)
    if "check" not in lacking:
        yield from _checks(a, b, paths)


def _layers(a: Trace, b: Trace, lacking: Collection[str]) -> Iterator[Change]:
    for name, one, two in (("attention", a.attention, b.attention), ("lens", a.lens, b.lens)):
        if not {name, "replay", "generation"} & set(lacking):
            layers = {layer.layer for layer in one} ^ {layer.layer for layer in two}
            for number in sorted(layers):
                here = number in {layer.layer for layer in one}
                yield Change("layer", -1, f"{name} of layer {number}", *_presence(here))


def _presence(here: bool) -> tuple[str, str]:
    return ("present", "") if here else ("", "present")


def _branches(a: Trace, b: Trace, paths: SamePaths, *, complete: bool) -> Iterator[Change]:
    for branch in range(len(a.branches)):
        node, other = int(a.branches.first[branch]), int(paths.branches[branch])
        if other < 0:
            # Where the other recording's main path or a longer branch goes through, or before, it has no branch of that beginning.
            if complete and paths.other[a.nodes.parent[node]] >= 0 and paths.other[node] < 0:
                yield Change("branch", node, branch_name(a, branch), "present", "")
            continue
        ends = [str(_ENDS[BranchEnd(int(trace.branches.end[i]))]) for trace, i in ((a, branch), (b, other))]
        counts = [int(trace.branches.count[i]) for trace, i in ((a, branch), (b, other))]
        shared = min(counts)
        mine = paths.other[node : node + shared]
        alike = bool((mine == b.branches.first[other] + np.arange(shared)).all())
        if complete and alike and (ends[0] != ends[1] or counts[0] != counts[1]):
            said = [f"{count} tokens, {end}" for count, end in zip(counts, ends, strict=True)]
            yield Change("branch", node, branch_name(a, branch), *said)
    if complete:
        known, back = set(paths.branches.tolist()), set(paths.other.tolist())
        for other in range(len(b.branches)):
            first = int(b.branches.first[other])
            if other not in known and int(b.nodes.parent[first]) in back and first not in back:
                yield Change("branch", -1, branch_name(b, other), "", "present")


def branch_name(trace: Trace, branch: int) -> str:
    """How a branch is told from others: what it begins with, and in place of what."""
    first = int(trace.branches.first[branch])
    return f"branch {branch + 1}, beginning with “{_token(trace, first)}”"


def _token(trace: Trace, node: int) -> str:
    return shortened(visible_token(trace.token_bytes(node)), _SHOWN)


def _outcomes(a: Trace, b: Trace, paths: SamePaths) -> Iterator[Change]:
    if not len(a.outcomes) or not len(b.outcomes):
        if len(a.outcomes) != len(b.outcomes) and len(a.branches) and len(b.branches):
            yield Change("outcome", -1, "of all branches", *_presence(bool(len(a.outcomes))))
        return
    for branch, other in enumerate(paths.branches.tolist()):
        if other >= 0 and a.outcomes.outcome[branch] != b.outcomes.outcome[other]:
            said = [OUTCOME_WORDS[Outcome(int(code))][1] for code in (a.outcomes.outcome[branch], b.outcomes.outcome[other])]
            yield Change("outcome", int(a.branches.first[branch]), f"of {branch_name(a, branch)}", *said)


@dataclass(frozen=True)
class _Decision:
    place: int
    node: int
    tokens: tuple[int, ...]  # nodes
    probability: float
    difference: float
    taste: bool
    options: dict[tuple[int, int], str]  # by node and token: what it led to

    @property
    def score(self) -> float:
        return (1 - self.probability) * self.difference


def _listed(trace: Trace) -> list[_Decision]:
    found, row = [], 0
    table, options = trace.decisions, trace.decision_options
    for place in range(len(table)):
        rows = range(row, row + int(table.option_count[place]))
        row = rows.stop
        node, count = int(table.node[place]), int(table.count[place])
        led = {(int(options.node[i]), int(options.token_id[i])): _led_to(trace, int(options.branch[i])) for i in rows}
        flags = int(table.flags[place])
        found.append(
            _Decision(
                place,
                node,
                tuple(range(node, node + count)),
                float(table.probability[place]),
                float(table.difference[place]),
                bool(flags & DecisionFlag.TASTE),
                led,
            )
        )
    return found


def _led_to(trace: Trace, branch: int) -> str:
    if branch < 0:
        return "not explored"
    return OUTCOME_WORDS[Outcome(int(trace.outcomes.outcome[branch]))][1] if len(trace.outcomes) else "not compared"


def _decisions(a: Trace, b: Trace, paths: SamePaths, floor: Floor) -> Iterator[Change]:
    if (a.facts.decisions is None) != (b.facts.decisions is None):
        yield Change("decision", -1, "all", *_presence(a.facts.decisions is not None))
        return
    other = paths.other
    back = {int(theirs): mine for mine, theirs in enumerate(other.tolist()) if theirs >= 0}
    ours = _listed(a)
    theirs = {decision.tokens: decision for decision in _listed(b)}
    matched: list[tuple[_Decision, _Decision]] = []
    for decision in ours:
        tokens = tuple(int(other[node]) for node in decision.tokens)
        if min(tokens) < 0:
            continue  # the outputs have parted
        counterpart = theirs.pop(tokens, None)
        if counterpart is None:
            yield Change("decision", decision.node, _named(a, decision), f"number {decision.place + 1}", "")
        else:
            matched.append((decision, counterpart))
            yield from _of_decision(a, b, decision, counterpart, back, floor)
    for decision in theirs.values():
        if all(node in back for node in decision.tokens):
            yield Change("decision", -1, _named(b, decision), "", f"number {decision.place + 1}")
    moved = _moved(matched, floor)
    for decision, counterpart in matched:
        if decision.place in moved:
            said = (f"number {decision.place + 1}", f"number {counterpart.place + 1}")
            yield Change("decision", decision.node, _named(a, decision), *said)


def _moved(matched: list[tuple[_Decision, _Decision]], floor: Floor) -> set[int]:
    """Places of the decisions that stand in another order than before, for more than rounding."""
    found = set()
    for i, (one, now) in enumerate(matched):
        for two, then in matched[i + 1 :]:
            # What was listed before the other is listed after it: rounding does that only where their scores are as good as equal.
            if now.place > then.place and (one.taste != two.taste or abs(one.score - two.score) > 4 * floor.share):
                found |= {one.place, two.place}
    return found


def _of_decision(a: Trace, b: Trace, one: _Decision, two: _Decision, back: dict[int, int], floor: Floor) -> Iterator[Change]:
    name = _named(a, one)
    if abs(one.probability - two.probability) > len(one.tokens) * floor.share:
        yield Change("decision", one.node, f"{name}: its probability", f"{one.probability:.6g}", f"{two.probability:.6g}")
    if abs(one.difference - two.difference) > 2 * floor.share:
        said = (f"{one.difference:.6g}", f"{two.difference:.6g}")
        yield Change("decision", one.node, f"{name}: how far its options lead", *said)
    if one.taste != two.taste:
        yield Change("decision", one.node, name, *("of taste" if each.taste else "not of taste" for each in (one, two)))
    now = {(back.get(node, -1), token): led for (node, token), led in two.options.items()}
    for key in [*one.options, *(key for key in now if key not in one.options)]:
        if one.options.get(key) != now.get(key):
            text = a if key in one.options else b
            shown = shortened(visible_token(text.bytes_of(key[1])), _SHOWN)
            yield Change("option", key[0], f"{name}, or “{shown}”", one.options.get(key, ""), now.get(key, ""))


def _named(trace: Trace, decision: _Decision) -> str:
    text = trace.text(np.array(decision.tokens), special=False).strip()
    return f"“{shortened(visible_line(text), _SHOWN)}”" if text else "white space"


def _syntax(a: Trace, b: Trace) -> Iterator[Change]:
    """Of the same text: grammars differ."""
    one, two = (_parsed(trace) for trace in (a, b))
    for text in sorted(one.keys() | two.keys()):
        if one.get(text) != two.get(text):
            sizes = [f"{len(each[text]):,} nodes" if text in each else "" for each in (one, two)]
            yield Change("syntax", -1, f"of text {text + 1}", *sizes)


def _parsed(trace: Trace) -> dict[int, list[tuple[object, ...]]]:
    """(kind, field, parent, start, end, flags) of the nodes of each text."""
    facts, table = trace.facts.syntax, trace.tables["syntax"]
    found: dict[int, list[tuple[object, ...]]] = {}
    if facts is None:
        return found
    for passage in facts.passages:
        if passage.branch is None:
            rows = slice(passage.first, passage.end)
            columns = [table[name][rows].tolist() for name in ("kind", "field", "parent", "start", "end", "flags")]
            nodes = [
                (facts.kinds[kind], facts.fields[field], parent - passage.first if parent >= 0 else -1, *rest)
                for kind, field, parent, *rest in zip(*columns, strict=True)
            ]
            found.setdefault(passage.text, []).extend(nodes)
    return found


def _checks(a: Trace, b: Trace, paths: SamePaths) -> Iterator[Change]:
    if a.facts.check is None or b.facts.check is None or b.facts.check.not_run is not None:  # _left_out says that
        return
    now = dict(zip(b.checks.branch.tolist(), b.checks.result.tolist(), strict=True))
    for branch, result in zip(a.checks.branch.tolist(), a.checks.result.tolist(), strict=True):
        other = -1 if branch < 0 else int(paths.branches[branch])
        if (branch < 0 or other >= 0) and now.get(other) != result:
            name = "of the output" if branch < 0 else f"of {branch_name(a, branch)}"
            said = CheckResult(now[other]).name.lower().replace("_", "-") if other in now else ""
            node = int(a.output[0]) if branch < 0 else int(a.branches.first[branch])
            yield Change("check", node, name, CheckResult(result).name.lower().replace("_", "-"), said)
