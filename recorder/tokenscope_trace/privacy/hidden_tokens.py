"""Hidden tokens: which of a recording are to be left out, which branches go with them, and what would tell of them elsewhere. Pure.

The work is in proportion to the tokens, and to the bytes of the branches' programs, of which so many are read as MAX_READ allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.errors import RedactionError
from tokenscope_trace.languages.branched_literals import BranchedLiterals
from tokenscope_trace.languages.byte_ranges import Range, ranges_between
from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.languages.language import Language
from tokenscope_trace.languages.literals import Literals, find_literals
from tokenscope_trace.privacy.copies import Copies, quoted
from tokenscope_trace.privacy.likeness import FIGURES, Grams
from tokenscope_trace.settings import Redaction
from tokenscope_trace.text import shortened, visible_line
from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.programs import PathProgram
from tokenscope_trace.traces.pruning import SIGN, Flags
from tokenscope_trace.traces.schema import REDACTED_ID, Origin
from tokenscope_trace.traces.texts import Text
from tokenscope_trace.traces.trace import Trace

LITERAL = frozenset({Redaction.STRINGS, Redaction.COMMENTS})
_CONTEXT = 16  # bytes before a token with which it makes a word
_NONE = Literals((), ())


def listed(what: Iterable[str]) -> str:
    """Several of them, in words."""
    return " and ".join(sorted(what))


class Hidden:
    """What goes from one recording. N nodes, B branches, A alternatives, L tokens of the lens, O options of decisions.

    `nodes` (N,): the tokens that are redacted. `branches` (B,): those that go as a whole: they begin at a redacted token or beside
    one, were typed by the user, or depart from or rejoin such a branch. `alternatives` (A,), `lens` (L,), `options` (O,): what names a
    token that tells of redacted text. With `whole` all text goes but control tokens. Raises RedactionError where a text is in no language that is known.
    """

    def __init__(self, trace: Trace, asked: frozenset[Redaction], language: Language | None, *, whole: bool = False) -> None:
        self._trace = trace
        self._asked = asked
        self._language = language
        self._programs = None if trace.files else trace.programs
        self._special = np.isin(trace.nodes.token_id, trace.tokens.id[trace.tokens.special != 0])
        self._texts = [self._reading(text) for text in trace.texts]
        self._branches: dict[int, tuple[int, Literals | None]] = {}  # by number: where its own bytes begin, and its literals
        self.nodes = ~self._special if whole else self._asked_for()
        self.copies = self._copies()
        self._hide_copies()
        self.branches = self._lost_branches()
        self.alternatives, self.lens, self.options = self._telling()

    @cached_property
    def gone(self) -> Flags:
        """(N,): the tokens of branches that go."""
        gone = np.zeros(len(self._trace.nodes), dtype=bool)
        for branch in np.flatnonzero(self.branches).tolist():
            gone[self._trace.branch(branch)] = True
        return gone

    def program(self, branch: int) -> PathProgram:
        """The program that a branch writes."""
        assert self._programs is not None
        return self._programs.of_branch(branch)

    # What is asked for

    def _asked_for(self) -> Flags:
        trace = self._trace
        hidden = np.array(trace.nodes.token_id == REDACTED_ID)
        if Redaction.PROMPT in self._asked:
            hidden |= (trace.nodes.origin == Origin.PROMPT) & ~self._special
        if not self._asked & LITERAL:
            return hidden
        for text, reading in zip(trace.texts, self._texts, strict=True):
            if reading.found is None:
                raise RedactionError(self._unknown(text))
            self._hide(hidden, text.nodes, self._asked_of(reading.found))
        nodes, own = self._own_file
        self._hide(hidden, nodes, self._asked_of(own))
        for branch in self._each_branch(hidden):
            self._hide_own(hidden, branch, self._asked_of(self._branches[branch][1] or _NONE))
        return hidden

    def _unknown(self, text: Text) -> str:
        name = "the prompt from standard input" if text.source == "-" else shortened(visible_line(text.source), 60)
        return (
            f"no grammar is known for {name}, so its {listed(self._asked & LITERAL)} cannot be found; name its language when recording "
            "(--language)" + (", or leave out --redact." if self._trace.files else ", or use --redact prompt.")
        )

    def _reading(self, text: Text) -> BranchedLiterals:
        language = self._language_of(text)
        return BranchedLiterals(text.bytes, text.source, language, conversation=text.conversation, breaks=text.breaks)

    @cached_property
    def _own_file(self) -> tuple[Array, Literals]:
        """(the nodes of the file around a hole as its author wrote it, its literals): what is written in there may read them otherwise."""
        trace = self._trace
        if trace.facts.prompt.kind != "fim" or trace.files:
            return np.empty(0, dtype=np.int32), _NONE
        (text,) = trace.texts
        nodes = text.nodes[trace.nodes.origin[text.nodes] == Origin.PROMPT]
        found = find_literals(trace.program_bytes(nodes), text.source, self._language_of(text))
        return nodes, found or _NONE

    def _language_of(self, text: Text) -> Language | None:
        """What was asked for, else what the recording says of a text that is one passage of code."""
        asked = self._trace.facts.asked
        return self._language or by_name(text.language or (asked.language if asked is not None else None) or "")

    def _each_branch(self, hidden: Flags) -> Iterator[int]:
        """The branches of a generation, each with its literals found; those for which no work is left are hidden as a whole."""
        trace, programs = self._trace, self._programs
        if programs is None:
            return
        (reading,) = self._texts
        for branch in range(len(trace.branches)):
            if branch not in self._branches:
                if reading.spent:
                    hidden[trace.branch(branch)] = True
                    continue
                program = self.program(branch)
                found = reading.of_branch(program.whole, (program.own_start, program.own_end))
                self._branches[branch] = (program.own_start, found)
            yield branch

    def _asked_of(self, found: Literals) -> list[Range]:
        strings = found.strings if Redaction.STRINGS in self._asked else ()
        return [*strings, *(found.comments if Redaction.COMMENTS in self._asked else ())]

    def _hide(self, hidden: Flags, nodes: Array, ranges: Iterable[Range]) -> None:
        """Hide the tokens that touch these bytes of a program."""
        places = self._trace.token_places(nodes)
        for start, end in ranges:
            hidden[places.within(start, end)[0]] = True

    def _hide_own(self, hidden: Flags, branch: int, ranges: Iterable[Range]) -> None:
        """Hide the tokens of a branch that touch these bytes of its program."""
        begin = self._branches[branch][0]
        self._hide(hidden, self._trace.branch(branch), [(start - begin, end - begin) for start, end in ranges])

    # What repeats it

    def _copies(self) -> Copies:
        """What the redacted texts would be recognised by, elsewhere."""
        trace, hidden = self._trace, self.nodes
        runs = self._hidden_texts(hidden)
        typed = [trace.program_bytes(nodes) for nodes in self._typed()]
        said: list[bytes] = []
        visible: list[bytes] = []
        for text, reading in zip(trace.texts, self._texts, strict=True):
            places, content = trace.token_places(text.nodes), text.bytes
            shown = _ranges_of(places.start, places.end, ~hidden[text.nodes])
            literals = _all_of(reading.found)
            if literals is None:  # then all that is hidden may be one
                said += [content[start:end] for start, end in _ranges_of(places.start, places.end, hidden[text.nodes])]
                literals = quoted(content, 0, len(content))
            code = ranges_between(literals, 0, len(content))
            numbers = [match.span() for one, two in code for match in FIGURES.finditer(content, one, two)]
            shown = _within(shown, ranges_between([*literals, *numbers], 0, len(content)))
            said += self._gone_of(places.start, places.end, hidden[text.nodes], content, [*literals, *numbers])
            visible += [content[start:end] for start, end in shown]
        nodes, own = self._own_file
        if len(nodes):
            places, content = trace.token_places(nodes), trace.program_bytes(nodes)
            said += self._gone_of(places.start, places.end, hidden[nodes], content, [*own.strings, *own.comments])
        if self._asked & LITERAL:
            said += [text for branch in range(len(trace.branches)) for text in self._runs(trace.branch(branch), hidden)]
        said = [text.replace(SIGN, b"") for text in said]
        return Copies([*runs, *typed], [*said, *typed], visible)

    def _gone_of(self, start: Array, end: Array, hidden: Flags, content: bytes, literals: Iterable[Range]) -> list[bytes]:
        """Those of these ranges of a text that touch hidden tokens: whole where all of it is hidden."""
        runs = _ranges_of(start, end, hidden)
        return [content[one:two] for one, two in _within(sorted(set(literals)), runs)]

    def _typed(self) -> list[Array]:
        """The tokens that the user forced, where what the user typed is left out."""
        trace = self._trace
        if Redaction.PROMPT not in self._asked:
            return []
        table = trace.branches
        return [trace.branch(branch)[: int(table.forced[branch])] for branch in np.flatnonzero(table.asked).tolist()]

    def _hide_copies(self) -> None:
        trace = self._trace
        for text, reading in zip(trace.texts, self._texts, strict=True):
            self._hide(self.nodes, text.nodes, self.copies.found_in(text.bytes, _all_of(reading.found)))
        for branch in self._each_branch(self.nodes) if self.copies.any else ():
            program = self.program(branch)
            literals = _all_of(self._branches[branch][1])
            found = self.copies.found_in(program.whole, literals, program.own_start, program.own_end)
            self._hide_own(self.nodes, branch, found)

    def _hidden_texts(self, hidden: Flags) -> list[bytes]:
        """The runs of hidden text, each as it reads."""
        paths = [*(text.nodes for text in self._trace.texts), *map(self._trace.branch, range(len(self._trace.branches)))]
        return [run for nodes in paths for run in self._runs(nodes, hidden)]

    def _runs(self, nodes: Array, hidden: Flags) -> Iterator[bytes]:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], hidden[nodes].astype(np.int8), [0]])))
        for first, end in edges.reshape(-1, 2):
            run = self._trace.program_bytes(nodes[first:end]).replace(SIGN, b"")
            if run.strip():
                yield run

    def _lost_branches(self) -> Flags:
        """The branches that begin at a redacted token or beside one, or that the user typed, and those that depart from or rejoin a lost one."""
        trace = self._trace
        nodes, table = trace.nodes, trace.branches
        if self._programs is None:
            return np.ones(len(table), dtype=bool)
        beside = np.isin(nodes.parent[table.first], nodes.parent[self.nodes])
        lost = np.asarray(beside | self.nodes[table.first], dtype=bool)
        if Redaction.PROMPT in self._asked:
            lost |= np.asarray(table.asked, dtype=bool)
        return self._programs.leaning_on(lost)

    # What tells of it

    def _telling(self) -> tuple[Flags, Flags, Flags]:
        """Which alternatives, tokens of the lens and options name a token that shares something with redacted text and with none that
        remains.
        """
        trace = self._trace
        owner = np.repeat(np.arange(len(trace.nodes)), trace.nodes.alternative_count)
        lens, options = trace.tables["lens"]["token_id"], trace.decision_options
        facts = trace.facts.lens
        places = np.arange(facts.first, facts.first + facts.count) if facts is not None else np.empty(0, dtype=np.int64)
        of_lens = np.resize(places, len(lens)) if len(places) else np.zeros(len(lens), dtype=np.int64)
        secret = Grams([*self._hidden_texts(self.nodes), *map(trace.program_bytes, self._typed())], named=True)
        secret = secret.without(Grams(self._visible_texts(), named=False))
        flags = [
            self._tells(secret, nodes, ids)
            for nodes, ids in (
                (owner, trace.alternatives.token_id),
                (of_lens, lens),
                (options.node, options.token_id),
            )
        ]
        return flags[0], flags[1], flags[2]

    def _tells(self, secret: Grams, nodes: Array, ids: Array) -> Flags:
        """Whether tokens tell of it where they stand in the place of these nodes."""
        trace, before = self._trace, self._before
        found = np.zeros(len(ids), dtype=bool)
        if not secret.short:
            return found
        known: dict[tuple[bytes, int], bool] = {}
        for place, (node, token_id) in enumerate(zip(nodes.tolist(), ids.tolist(), strict=True)):
            case = (before[node], token_id)
            if case not in known:
                known[case] = token_id != REDACTED_ID and secret.tell(trace.bytes_of(token_id), before[node])
            found[place] = known[case]
        return found

    @cached_property
    def _before(self) -> list[bytes]:
        """The visible part of the word that each token goes on with, as far as _CONTEXT bytes hold it."""
        trace, hidden = self._trace, self.nodes.tolist()
        pieces, found = trace.program_pieces, [b""] * len(trace.nodes)
        for node, above in enumerate(trace.nodes.parent.tolist()):
            if above >= 0 and not hidden[above]:
                found[node] = (found[above] + pieces[above])[-_CONTEXT:]
        return found

    def _visible_texts(self) -> Iterator[bytes]:
        trace, shown = self._trace, ~self.nodes & ~self.gone
        paths = [*(text.nodes for text in trace.texts), *map(trace.branch, np.flatnonzero(~self.branches).tolist())]
        for nodes in paths:
            edges = np.flatnonzero(np.diff(np.concatenate([[0], shown[nodes].astype(np.int8), [0]])))
            for first, end in edges.reshape(-1, 2):
                begin = self._before[int(nodes[first])] if first == 0 else b""
                yield begin + trace.program_bytes(nodes[first:end])


def _all_of(found: Literals | None) -> list[Range] | None:
    return None if found is None else sorted({*found.strings, *found.comments})


def _ranges_of(start: NDArray[np.int64], end: NDArray[np.int64], flags: Flags) -> list[Range]:
    """The bytes of runs of tokens that are flagged."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))).reshape(-1, 2)
    return [(int(start[first]), int(end[last - 1])) for first, last in edges if end[last - 1] > start[first]]


def _within(ranges: list[Range], others: list[Range]) -> list[Range]:
    """What of these ranges lies in the others; both ascending by their begin, the others apart."""
    found: list[Range] = []
    first = 0
    for start, end in ranges:
        while first < len(others) and others[first][1] <= start:
            first += 1
        place = first
        while place < len(others) and others[place][0] < end:
            low, high = max(start, others[place][0]), min(end, others[place][1])
            if low < high:
                found.append((low, high))
            place += 1
    return found
