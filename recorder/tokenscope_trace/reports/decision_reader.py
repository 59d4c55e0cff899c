"""The reader of decisions: puts each decision of a trace into words. A Trace in, entries out; knows no markup.

What stands in the place of a decision is the code that begins there, of what was written as of every option: where a token is only white
space, the code that follows it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.reports.decision_entries import END, DecisionEntry, OptionEntry
from tokenscope_trace.reports.option_lists import DEDENTED, INDENTED, Candidate, as_shown
from tokenscope_trace.reports.small_diffs import SmallDiffs
from tokenscope_trace.reports.syntax_words import place_in_words
from tokenscope_trace.text import percent, shortened, visible_line, visible_token
from tokenscope_trace.traces.columns import Indices
from tokenscope_trace.traces.facts import PassageFacts
from tokenscope_trace.traces.programs import PathProgram
from tokenscope_trace.traces.schema import OUTCOME_WORDS, BranchEnd, DecisionFlag, Outcome, Scope, SyntaxFlag
from tokenscope_trace.traces.syntax import Syntax
from tokenscope_trace.traces.trace import Trace

TEXT_LENGTH = 60  # of what was written, in characters
_LEAD = 40  # bytes before a fork on its line: behind more of them the difference would be out of sight
# What is looked at of code that a stranger's recording may make as large as it likes; ordinary code stays far below.
_ABOVE, _AROUND, _DECLARATORS = 4096, 8, 16  # nodes above a decision, named blocks around it, declarators within each other
_CHILDREN = 1000  # of a block, among which its name is looked for
_EXCERPT = 4096  # bytes of what was written
_LOOKED_AT = 4 * (TEXT_LENGTH + 1)  # bytes of a token: a character has at most four

_SCOPES = {Scope.STATEMENT: "(this statement)", Scope.FUNCTION: "", Scope.WHOLE: "", Scope.NONE: ""}

Verdicts = Mapping[
    int, tuple[str, tuple[str, ...]]
]  # by branch, -1 the output: what a check said, and the last lines that it printed


class DecisionReader:
    """Puts the decisions of one trace into words."""

    def __init__(self, trace: Trace, verdicts: Verdicts) -> None:
        self._trace = trace
        self._syntax = trace.syntax
        self._programs = trace.programs
        self._verdicts = verdicts
        self._ends = _end_tokens(trace)
        self._diffs = SmallDiffs(trace)

    @cached_property
    def _main(self) -> PathProgram:
        return self._programs.main

    @cached_property
    def _start(self) -> dict[int, int]:
        places = self._trace.token_places(self._main.nodes)
        return dict(zip(self._main.nodes.tolist(), places.start.tolist(), strict=True))

    def line_of(self, node: int) -> int:
        """The line, from 1, on which a token of the main path begins to show."""
        return self._line(self._place(node, 1, -1)[0])

    def _line(self, byte: int) -> int:
        """The line of the program, from 1, of a byte."""
        return 1 + int(np.searchsorted(self._breaks, byte))

    @cached_property
    def _breaks(self) -> NDArray[np.int64]:
        """Where the line breaks of the program stand."""
        return np.flatnonzero(np.frombuffer(self._main.text, np.uint8) == 10)

    def _place(self, node: int, count: int, syntax: int) -> tuple[int, int]:
        """Bytes [start, end) that tokens decided: from their first sign that is no white space, or from the syntax node on where that
        begins on this line or behind it.
        """
        text, start = self._main.text, self._start[node]
        last = node + count - 1
        end = max(start, self._start[last] + self._size(last))
        signs = text[start:end]
        if signs.strip():
            start, end = start + len(signs) - len(signs.lstrip()), end - (len(signs) - len(signs.rstrip()))
        if syntax >= 0 and self._syntax is not None:
            begin, stop = int(self._syntax.start[syntax]), int(self._syntax.end[syntax])
            if begin > start or text.find(b"\n", begin, start) < 0:
                start = begin
            return start, max(start, stop)
        return start, end

    def _size(self, node: int) -> int:
        """Bytes of a token in the program."""
        return len(self._trace.token_bytes(node)) if self._trace.in_program(node) else 0

    def decisions(self) -> Iterator[DecisionEntry]:
        """All that are listed, in order."""
        table, first = self._trace.decisions, 0
        for row in range(len(table)):
            last = first + int(table.option_count[row])
            yield self._decision(row, range(first, last))
            first = last

    def _decision(self, row: int, options: Sequence[int]) -> DecisionEntry:
        table = self._trace.decisions
        node, count, syntax = int(table.node[row]), int(table.count[row]), int(table.syntax[row])
        is_end = int(self._trace.nodes.token_id[node]) in self._ends
        if not self._trace.in_program(node):  # a control token stands for nothing that follows it in a file
            syntax = -1
        start, end = self._place(node, count, syntax)
        fork = self._fork(node, options)
        probability, whole = self._chance(fork, 1), self._chance(node, count)
        flags = int(table.flags[row])
        found = DecisionEntry(
            number=row + 1,
            node=node,
            count=count,
            line=self._line(start),
            start=start,
            end=end,
            where=self._where(syntax, behind=bool(flags & DecisionFlag.BEHIND) and not is_end),
            written=END if is_end else self._written(node, count, syntax, bool((self._branches(options) >= 0).any())),
            is_end=is_end,
            fork=fork,
            fork_text=_token(self._trace.token_bytes(fork)),
            probability=probability,
            percent=percent(probability),
            whole=whole,
            whole_percent=percent(whole),
            drawn=self._drawn(node, count),
            check="",
            coin_flip=bool(flags & DecisionFlag.COIN_FLIP),
            taste=bool(flags & DecisionFlag.TASTE),
            behind=bool(flags & DecisionFlag.BEHIND),
            options=(),
        )
        verdict = self._verdicts[-1][0] if -1 in self._verdicts else ""
        check, entries = as_shown(found.written, verdict, fork, [self._option(option, found, syntax) for option in options])
        return replace(found, check=check, options=entries)

    def _branches(self, options: Sequence[int]) -> Indices:
        return self._trace.decision_options.branch[np.array(options, dtype=np.int64)]

    def _fork(self, node: int, options: Sequence[int]) -> int:
        """Where the first option that was explored departs, else the first; of a decision that begins with `node`."""
        table = self._trace.decision_options
        first = next((row for row in options if table.branch[row] >= 0), next(iter(options), None))
        return node if first is None else int(table.node[first])

    def _option(self, row: int, decision: DecisionEntry, syntax: int) -> Candidate:
        table = self._trace.decision_options
        node, branch, token_id = int(table.node[row]), int(table.branch[row]), int(table.token_id[row])
        key, outcome = ("unknown", "not explored") if branch < 0 else self._outcome(branch)
        diff, left_out = ((), 0) if branch < 0 else self._diffs.of_branch(branch)
        is_end = token_id in self._ends
        before = self._chance(decision.node, node - decision.node)
        probability, against = self._beside(row, before), self._chance(node, 1)
        text, note = (END, "") if is_end else self._instead(node, token_id, branch, decision, syntax)
        check, said = self._verdicts.get(branch, ("", ())) if branch >= 0 else ("", ())
        token = self._trace.bytes_of(token_id)
        entry = OptionEntry(
            text=text,
            note=note,
            fork=node,
            probability=probability,
            percent=percent(probability),
            against=against,
            against_percent=percent(against),
            against_text=_token(self._trace.token_bytes(node)),
            overall=probability * before,
            branch=branch,
            node=node if branch < 0 else int(self._trace.branches.first[branch]),
            outcome=outcome,
            key=key,
            is_end=is_end,
            check=check,
            said=said,
            diff=diff,
            diff_left_out=left_out,
        )
        return Candidate(entry, _token(token), token[:1].isspace())

    def _chance(self, node: int, count: int) -> float:
        """The product of the probabilities of tokens of the main path."""
        return math.exp(float(self._trace.nodes.logprob[node : node + count].sum(dtype=np.float64)))

    def _beside(self, row: int, before: float) -> float:
        """The probability of an option's token where it departs, behind tokens of the decision that have the probability `before`."""
        trace, table = self._trace, self._trace.decision_options
        node, token_id, branch = int(table.node[row]), int(table.token_id[row]), int(table.branch[row])
        rows = trace.alternatives_of(node)
        found = np.flatnonzero(trace.alternatives.token_id[rows] == token_id)
        if len(found):
            logprob = float(trace.alternatives.logprob[rows][found[0]])
        else:
            logprob = float(trace.nodes.logprob[trace.branches.first[branch]]) if branch >= 0 else math.nan
        if not math.isnan(logprob):
            return math.exp(logprob)
        whole = float(table.probability[row])  # the alternative is left out, as of a page that has to be small
        return min(1.0, whole / before) if before > 0 else whole

    def _drawn(self, node: int, count: int) -> str:
        """The rank of the least likely of a decision's tokens, where it was sampled and is not 1."""
        ranks = self._trace.nodes.rank[node : node + count]
        most = int(ranks.max()) if self._trace.facts.sampling.do_sample else 0
        return f"{_ordinal(most)} choice" if most > 1 else ""

    def _outcome(self, branch: int) -> tuple[str, str]:
        outcomes = self._trace.outcomes
        if not len(outcomes):
            return OUTCOME_WORDS[Outcome.NOT_COMPARED]
        key, words = OUTCOME_WORDS[Outcome(int(outcomes.outcome[branch]))]
        scope = _SCOPES[Scope(int(outcomes.scope[branch]))]
        return key, f"{words} {scope}".rstrip()

    def _where(self, syntax: int, *, behind: bool) -> str:
        """The kind of a syntax node, its part in the node above, and the function around it; or that it stands behind the function.

        Where the text ends nobody can say on which side that is.
        """
        table, words, around = self._syntax, "", ""
        if syntax >= 0 and table is not None:
            above, around = int(table.parent[syntax]), self._around(table, syntax)
            kind, field = (
                (str(table.kind[syntax]) if table.flags[syntax] & SyntaxFlag.NAMED else ""),
                str(table.field[syntax]),
            )
            stands = field and above >= 0 and not table.flags[above] & SyntaxFlag.ERROR
            words = place_in_words(kind, field if stands else "", str(table.kind[above]) if stands else "")
        parts = words, f"in {around}" if around else "", "behind the function" if behind else ""
        return visible_line(", ".join(part for part in parts if part))

    def _around(self, table: Syntax, node: int) -> str:
        """The names of the blocks around a node, outermost first: `Stack.push`."""
        names: list[str] = []
        node = int(table.parent[node])
        for _ in range(_ABOVE):
            if node < 0 or len(names) == _AROUND:
                break
            if table.flags[node] & SyntaxFlag.BLOCK and (name := self._name(table, node)):
                names.append(name)
            node = int(table.parent[node])
        return ".".join(names[::-1])

    def _name(self, table: Syntax, block: int) -> str:
        """What a block is called: its field `name`, in C that of its declarator."""
        node = block
        for _ in range(_DECLARATORS):
            children = table.children(node)[:_CHILDREN]
            named = {str(table.field[child]): int(child) for child in children.tolist()}
            if "name" in named:
                text = _excerpt(self._main, table, named["name"])
                return shortened(visible_line(text), TEXT_LENGTH)
            if "declarator" not in named:
                text = _excerpt(self._main, table, node)
                return shortened(visible_line(text), TEXT_LENGTH) if node != block else ""
            node = named["declarator"]
        return ""

    def _written(self, node: int, count: int, syntax: int, explored: bool) -> str:
        """What was written: the code of a syntax node, else tokens, or their line from there on where that of an option is shown, too."""
        if syntax >= 0 and self._syntax is not None and (text := _excerpt(self._main, self._syntax, syntax)).strip():
            return _shown(text)
        text = b"".join(self._trace.token_bytes(one) for one in range(node, node + count))
        following = _written_from(self._main, self._start[node])
        is_line = following.strip() and (explored or not text.strip())
        return _first_line(following) if is_line else _token(text)

    def _instead(self, node: int, token_id: int, branch: int, decision: DecisionEntry, syntax: int) -> tuple[str, str]:
        """(what stands in the place of a decision, how its white space differs where that is all that does).

        Of a branch's syntax what begins there, else its line from there on; of what was not explored the tokens up to the other one.
        """
        token = self._trace.bytes_of(token_id)
        fork = self._start[node]
        first = int(self._syntax.start[syntax]) if syntax >= 0 and self._syntax is not None else self._start[decision.node]
        before = self._main.text[max(first, fork - _EXCERPT) : fork]
        lead = "…" if b"\n" not in before and len(before) > _LEAD else ""
        before = b"" if lead or b"\n" in before else before
        if branch < 0:
            return lead + self._shown_token(before + token, syntax), ""
        program = self._programs.of_branch(branch)
        if not (lead or before.strip() or token.strip()):
            following = _written_from(program, fork)
            if not following.strip():
                return self._shown_token(token, -1), ""
            here, there = (_written_from(one, fork, before=_EXCERPT) for one in (self._main, program))
            return _first_line(following), _layout(here, there, min(fork, _EXCERPT))
        if syntax >= 0 and self._syntax is not None:
            other = self._counterpart(self._syntax, syntax, branch)
            is_whole = other >= 0 and self._syntax.flags[other] & SyntaxFlag.NAMED  # a sign alone says little
            text = _excerpt(program, self._syntax, other) if is_whole else b""
            if text.strip() and _shown(text) != decision.written:
                return _shown(text), ""
        following = _written_from(program, fork - len(before))
        if following.strip():
            return lead + _first_line(following), ""
        return lead + self._shown_token(before + token, syntax), ""

    def _shown_token(self, text: bytes, syntax: int) -> str:
        """Tokens up to one that nobody explored."""
        if syntax < 0:
            return _token(text)
        shown = visible_token((text.strip() or text)[:_LOOKED_AT])
        return shortened(shown + "…" * _is_cut(text), TEXT_LENGTH)

    def _counterpart(self, table: Syntax, node: int, branch: int) -> int:
        """The node of a branch that begins where this one does and stands as deep, or else the deepest that begins there."""
        found = -1
        for passage in self._passages.get(branch, ()):
            rows = slice(passage.first, passage.end)
            begins = (table.start[rows] == table.start[node]) & (table.parent[rows] >= 0)
            deep = np.flatnonzero(begins & (table.depth[rows] == table.depth[node]))
            if len(deep):
                return passage.first + int(deep[0])
            if begins.any():
                found = passage.first + int(np.flatnonzero(begins)[-1])
        return found

    @cached_property
    def _passages(self) -> dict[int, list[PassageFacts]]:
        """The passages of each branch."""
        found: dict[int, list[PassageFacts]] = {}
        for passage in self._syntax.of_branches if self._syntax is not None else ():
            found.setdefault(passage.branch if passage.branch is not None else -1, []).append(passage)
        return found


def _end_tokens(trace: Trace) -> frozenset[int]:
    """The control tokens that ended a text of this recording."""
    table, found = trace.branches, []
    if trace.facts.finish == "end-of-text" and len(trace.output):
        found.append(int(trace.output[-1]))
    found += (table.first + table.count - 1)[table.end == BranchEnd.END_OF_TEXT].tolist()
    ids = {int(trace.nodes.token_id[node]) for node in found}
    return frozenset(token_id for token_id in ids if trace.is_special(token_id))


def _ordinal(number: int) -> str:
    """Such as 1st, 2nd, 13th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def _excerpt(program: PathProgram, table: Syntax, node: int) -> bytes:
    """The beginning of what a syntax node spans."""
    start, end = int(table.start[node]), int(table.end[node])
    return program.text[start : min(end, start + _EXCERPT)]


def _written_from(program: PathProgram, byte: int, before: int = 0) -> bytes:
    """The beginning of what stands in a program from a byte on, up to where it was written; with what stands before it, so much at most."""
    return program.text[max(byte - before, 0) : min(byte + _EXCERPT, program.written)]


def _layout(main: bytes, branch: bytes, fork: int) -> str:
    """How the white space around byte `fork`, up to which both are the same, differs in the branch."""
    start = len(main[:fork].rstrip())
    here, there = (text[start : len(text) - len(text[start:].lstrip())] for text in (main, branch))
    if b"\n" in here and b"\n" in there:
        own, other = (len(blank.rsplit(b"\n", 1)[1].expandtabs()) for blank in (here, there))
        if own != other:
            return DEDENTED if other < own else INDENTED
        lines = here.count(b"\n"), there.count(b"\n")
        return "" if lines[0] == lines[1] else "after a blank line" if lines[0] < lines[1] else "without a blank line"
    if b"\n" in there:
        return "on a line of its own"
    return "on the same line" if b"\n" in here else ""


def _shown(text: bytes) -> str:
    """The first line of a piece of code, marked where there is more."""
    lines = text.strip().splitlines() or [b""]
    line = " ".join(visible_line(lines[0]).split())
    return shortened(line, TEXT_LENGTH) if len(lines) == 1 else f"{shortened(line, TEXT_LENGTH - 2)} …"


def _first_line(text: bytes) -> str:
    """The first line of a text that goes on, marked where it is a head with more below it."""
    line = text.strip().splitlines()[0].rstrip()
    return _shown(line + b"\n.") if line.endswith((b":", b"{", b"(", b"[", b",")) else _shown(line)


def _token(content: bytes) -> str:
    return shortened(visible_token(content[:_LOOKED_AT]), TEXT_LENGTH)


def _is_cut(text: bytes) -> bool:
    """Whether a piece of code ends within a string, as far as its quotes say."""
    return any(text.count(quote) % 2 for quote in (b'"', b"'", b"`"))
