"""Hidden tokens: which of a recording are to be left out, which branches go with them, and which would tell of them elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.errors import RedactionError
from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.languages.language import Language
from tokenscope_trace.languages.literals import Literals, Range, find_literals
from tokenscope_trace.privacy.copies import Copies, words_with_digits
from tokenscope_trace.settings import Redaction
from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.programs import PathProgram
from tokenscope_trace.traces.pruning import Flags
from tokenscope_trace.traces.schema import REDACTED_ID, Origin
from tokenscope_trace.traces.texts import Text
from tokenscope_trace.traces.trace import Trace

TELLING = 3  # bytes of a token, without white space, from which on it says something of a text


LITERAL = frozenset({Redaction.STRINGS, Redaction.COMMENTS})


def listed(what: Iterable[str]) -> str:
    """Several of them, in words."""
    return " and ".join(sorted(what))


class Hidden:
    """What goes from one recording. N nodes, B branches, I ids.

    `nodes` (N,): the tokens that are redacted. `branches` (B,): those that go as a whole: they begin at a redacted token or beside
    one, or depart from or rejoin such a branch. `telling` (I,): the ids of tokens that stand in redacted text and in no text that
    remains. Raises RedactionError where a text is in no language that is known.
    """

    def __init__(self, trace: Trace, asked: frozenset[Redaction], language: Language | None) -> None:
        self._trace = trace
        self._asked = asked
        self._language = language
        self._programs = None if trace.files else trace.programs
        self._special = np.isin(trace.nodes.token_id, trace.tokens.id[trace.tokens.special != 0])
        self.nodes = self._hidden()
        self.branches = self._lost_branches()
        self.telling = self._telling_ids()

    @property
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

    def _hidden(self) -> Flags:
        trace = self._trace
        hidden = np.asarray(trace.nodes.token_id == REDACTED_ID)
        if Redaction.PROMPT in self._asked:
            hidden |= (trace.nodes.origin == Origin.PROMPT) & ~self._special
        own = [self._literals_of_text(text) for text in trace.texts]
        if self._asked & LITERAL and any(found is None for found in own):
            raise RedactionError(self._unknown(trace.texts[own.index(None)]))
        for text, found in zip(trace.texts, own, strict=True):
            self._hide(hidden, text.nodes, None, self._asked_of(found))
        branches = {branch: self._literals_of_branch(branch) for branch in range(len(trace.branches))}
        for branch, found in branches.items():
            self._hide(hidden, self.program(branch).nodes, self._trace.branch(branch), self._asked_of(found))
        copies = self._copies(hidden)
        for text, found in zip(trace.texts, own, strict=True):
            self._hide(hidden, text.nodes, None, copies.found_in(text.bytes, _all_of(found)))
        for branch, found in branches.items():
            program = self.program(branch)
            self._hide(hidden, program.nodes, self._trace.branch(branch), copies.found_in(program.whole, _all_of(found)))
        return hidden

    def _unknown(self, text: Text) -> str:
        name = "the prompt from standard input" if text.source == "-" else text.source
        return (
            f"no grammar is known for {name}, so its {listed(self._asked & LITERAL)} cannot be found; name its language when recording "
            "(--language)" + (", or leave out --redact." if self._trace.files else ", or use --redact prompt.")
        )

    def _literals_of_text(self, text: Text) -> Literals | None:
        return find_literals(
            text.bytes, text.source, self._language_of(text), conversation=text.conversation, breaks=text.breaks
        )

    def _literals_of_branch(self, branch: int) -> Literals | None:
        (main,) = self._trace.texts
        return find_literals(
            self.program(branch).whole,
            main.source,
            self._language_of(main),
            conversation=main.conversation,
            breaks=main.breaks,
        )

    def _language_of(self, text: Text) -> Language | None:
        """What was asked for, else what the recording says of a text that is one passage of code."""
        return self._language or by_name(text.language or "")

    def _asked_of(self, found: Literals | None) -> list[Range]:
        if found is None:
            return []
        strings = found.strings if Redaction.STRINGS in self._asked else ()
        return [*strings, *(found.comments if Redaction.COMMENTS in self._asked else ())]

    def _hide(self, hidden: Flags, nodes: Array, own: Array | None, ranges: Iterable[Range]) -> None:
        """Hide the tokens that touch these bytes of a program; of a branch's, only its own."""
        places = self._trace.token_places(nodes)
        for start, end in ranges:
            touched, _ = places.within(start, end)
            hidden[touched if own is None else touched[np.isin(touched, own)]] = True

    def _copies(self, hidden: Flags) -> Copies:
        """What the redacted texts would be recognised by, elsewhere."""
        runs = self._hidden_texts(hidden)
        return Copies(anywhere=[word for run in runs for word in words_with_digits(run)], in_literals=runs)

    def _hidden_texts(self, hidden: Flags) -> list[bytes]:
        """The runs of hidden text, each as it reads."""
        paths = [*(text.nodes for text in self._trace.texts), *map(self._trace.branch, range(len(self._trace.branches)))]
        found = []
        for nodes in paths:
            edges = np.flatnonzero(np.diff(np.concatenate([[0], hidden[nodes].astype(np.int8), [0]])))
            found += [self._trace.program_bytes(nodes[first:end]) for first, end in edges.reshape(-1, 2)]
        return [run for run in found if run.strip()]

    def _lost_branches(self) -> Flags:
        """The branches that begin at a redacted token or beside one, and those that depart from or rejoin a lost one."""
        nodes, table = self._trace.nodes, self._trace.branches
        beside = np.isin(nodes.parent[table.first], nodes.parent[self.nodes])
        lost = np.asarray(beside | self.nodes[table.first], dtype=bool)
        return lost if self._programs is None else self._programs.leaning_on(lost)

    def _telling_ids(self) -> NDArray[np.int32]:
        """The ids of tokens that stand in redacted text and in no text that remains."""
        trace = self._trace
        gone = b"\0".join(self._hidden_texts(self.nodes))
        remains = ~self.gone & ~self.nodes
        rest = b"\0".join(
            trace.program_bytes(nodes[remains[nodes]])
            for nodes in [
                *(text.nodes for text in trace.texts),
                *map(trace.branch, np.flatnonzero(~self.branches).tolist()),
            ]
        )
        telling = [
            token_id
            for token_id in trace.tokens.id.tolist()
            if token_id != REDACTED_ID
            and len(content := trace.bytes_of(token_id).strip()) >= TELLING
            and content in gone
            and content not in rest
        ]
        return np.array(telling, dtype=np.int32)


def _all_of(found: Literals | None) -> list[Range]:
    return [] if found is None else [*found.strings, *found.comments]
