"""The trace: a recording in memory, as numpy columns, the paths through them, and their exact text.

    from tokenscope_trace import Trace
    t = Trace.load("trace.tsc")
    t.nodes.surprisal[t.main]      # float32, bits, one per node of the main path
    t.text(t.output).decode()      # what the model wrote

Never imports torch. Axis letters: N nodes, A alternatives, T distinct tokens.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.errors import OversizedTrace, TraceError
from tokenscope_trace.files import write_atomically
from tokenscope_trace.text import told_apart
from tokenscope_trace.traces import container, validation
from tokenscope_trace.traces.columns import Array, Indices
from tokenscope_trace.traces.facts import Facts, FileFacts
from tokenscope_trace.traces.layers import LayerAttention, LayerLens, read_attention, read_lens
from tokenscope_trace.traces.programs import KeptBytes, Programs
from tokenscope_trace.traces.schema import ALL, Origin
from tokenscope_trace.traces.syntax import Syntax, TokenPlaces
from tokenscope_trace.traces.table import (
    Alternatives,
    Branches,
    Checks,
    DecisionOptions,
    Decisions,
    Nodes,
    Outcomes,
    Tokens,
)
from tokenscope_trace.traces.texts import Text
from tokenscope_trace.traces.token_table import tabulate_tokens

# What is known of the paths through a recording, and what it is known from: a changed recording keeps it where that stays.
_PATHS = [
    "main",
    "prompt",
    "output",
    "scored",
    "suffix",
    "is_suffix",
    "_is_main",
    "_marks",
    "_alternative_offsets",
    "_token_bytes",
    "_special_ids",
    "_spellings",
    "program_pieces",
    "program_sizes",
    "_program_text",
    "_begins",
]
_PATH_TABLES = ("nodes", "tokens", "token_bytes", "spellings", "spelling_bytes")
_PATH_FACTS = ("main_leaf", "prompt")


class Trace:
    """One recording. Make it with `Trace.load`, or with `Trace(run, tables)` from columns as in schema.TABLES.

    Attributes: `run` (facts of the run, FORMAT.md), `metrics` (unit, range and definition of each number), `nodes`,
    `alternatives`, `tokens`, `branches`, `outcomes`, `decisions`, `decision_options`, `checks` (tables).
    """

    def __init__(self, run: Mapping[str, Any], tables: Mapping[str, Mapping[str, Array]]) -> None:
        """Facts and columns are copied where somebody could change them. Raises CorruptTrace or OversizedTrace where they break the
        format's rules.
        """
        self._hold(container.stored_trace(run, tables), None)

    @classmethod
    def _of(cls, contents: container.StoredTrace, before: container.StoredTrace | None = None) -> Trace:
        """A trace of what a file holds; of what another one holds, too, only what is different is checked."""
        trace = cls.__new__(cls)
        trace._hold(contents, before)
        return trace

    def _hold(self, contents: container.StoredTrace, before: container.StoredTrace | None) -> None:
        validation.check(contents, before)
        self._contents: container.StoredTrace = contents
        self.run: dict[str, Any] = contents.run
        self.metrics: dict[str, Any] = contents.metrics
        self.nodes = Nodes(contents.tables["nodes"])
        self.alternatives = Alternatives(contents.tables["alternatives"])
        self.tokens = Tokens(contents.tables["tokens"])
        self.branches = Branches(contents.tables["branches"])
        self.outcomes = Outcomes(contents.tables["outcomes"])
        self.decisions = Decisions(contents.tables["decisions"])
        self.decision_options = DecisionOptions(contents.tables["decision_options"])
        self.checks = Checks(contents.tables["checks"])

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, max_payload: int = container.MAX_PAYLOAD) -> Trace:
        """Read a trace file. Raises TraceError (see errors.py) where the file is missing, damaged or foreign."""
        try:
            size = os.stat(path).st_size
            if size > max_payload:
                raise OversizedTrace(f"cannot read {path}: it has {size:,} bytes, the limit is {max_payload:,}.")
            data = Path(path).read_bytes()
        except OSError as error:
            raise TraceError(f"cannot read {path}: {error.strerror or error}.") from error
        return cls.from_bytes(data, name=str(path), max_payload=max_payload)

    @classmethod
    def check(cls, path: str | os.PathLike[str]) -> None:
        """Look at the first bytes of a file. Raises TraceError where they are not those of a trace, or cannot be read."""
        try:
            with open(path, "rb") as file:
                data = file.read(container.ENVELOPE.size)
            container.check_envelope(data)
        except OSError as error:
            raise TraceError(f"cannot read {path}: {error.strerror or error}.") from error
        except TraceError as error:
            raise type(error)(f"cannot read {path}: {error}") from error

    @classmethod
    def from_bytes(cls, data: bytes, *, name: str = "the trace", max_payload: int = container.MAX_PAYLOAD) -> Trace:
        """A trace from a file's bytes; `name` names it in errors. Raises TraceError."""
        try:
            trace = cls._of(container.decode_trace(data, max_payload=max_payload))
            validation.check_work(trace._contents)
            return trace
        except TraceError as error:
            raise type(error)(f"cannot read {name}: {error}") from error

    def to_bytes(self) -> bytes:
        """The file's bytes; equal inputs give equal bytes. Raises OversizedTrace where no reader would take them."""
        validation.check_work(self._contents)
        return container.encode_file(container.encode_payload(self.run, self._contents.tables))

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the file in one step. Raises OutputError where it exists already (without `force`) or cannot be written."""
        write_atomically(Path(path), self.to_bytes(), force=force)

    @cached_property
    def payload(self) -> bytes:
        """The msgpack map as it stands in the file, uncompressed; that of a trace that was read is the file's own."""
        return self._contents.payload or container.encode_payload(self.run, self._contents.tables)

    @property
    def minor_version(self) -> int:
        """The version of the format within the major one, as the file has it that was read."""
        return self._contents.minor

    @property
    def facts(self) -> Facts:
        """The facts of the run by name and kind; `run` has the same as it stands in the file."""
        return self._contents.facts

    @property
    def tables(self) -> Mapping[str, Mapping[str, Array]]:
        """All tables as they stand in the file, those that this version does not know, too."""
        return self._contents.tables

    def table(self) -> dict[str, Array]:
        """One row a token as columns, (N,) each, which `pandas.DataFrame`, `polars.DataFrame` and numpy take as they are.

        `node`, `parent` (-1 for none), `origin` (prompt, main, branch, scored), `branch` (-1 for none), `token_id`, `text`, `kind` (of
        syntax), `file`, `line` (from 1); the metrics, NaN where not measured; `verdict` of the user's check on the token's program.
        """
        return tabulate_tokens(self)

    def path(self, leaf: int) -> Indices:
        """Indices of the nodes from the root to `leaf`, (length,)."""
        node, parts = int(leaf), []
        while node >= 0 and not self._is_main[node]:
            first = int(self._begins[node])
            parts.append(np.arange(first, node + 1, dtype=np.int32))
            node = int(self.nodes.parent[first])
        parts.append(self.main[: int(np.searchsorted(self.main, node)) + 1] if node >= 0 else self.main[:0])
        return np.concatenate(parts[::-1])

    @cached_property
    def _begins(self) -> Indices:
        """(N,): the first of the nodes that stand one after the other up to each one, none of them on the main path but where it is."""
        place, parent = np.arange(len(self.nodes), dtype=np.int32), self.nodes.parent
        begins = (parent != place - 1) | ((parent >= 0) & self._is_main[parent])
        return np.maximum.accumulate(np.where(begins, place, 0))

    @cached_property
    def main(self) -> Indices:
        """The main path: prompt, then output."""
        parent, node, found = self.nodes.parent.tolist(), self.facts.main_leaf, []
        while node >= 0:
            found.append(node)
            node = parent[node]
        return np.array(found[::-1], dtype=np.int32)

    @cached_property
    def _is_main(self) -> NDArray[np.bool_]:
        found = np.zeros(len(self.nodes), dtype=bool)
        found[self.main] = True
        return found

    @cached_property
    def prompt(self) -> Indices:
        """The prompt's part of the main path."""
        return self._main_of(Origin.PROMPT)

    @cached_property
    def output(self) -> Indices:
        """What the model wrote on the main path."""
        return self._main_of(Origin.MAIN)

    def _main_of(self, origin: Origin) -> Indices:
        main: Indices = self.main[self.nodes.origin[self.main] == origin]
        return main

    @cached_property
    def scored(self) -> Indices:
        """Every token of code that the model did not write, file after file; empty in a recording of a generation."""
        return np.flatnonzero(self.nodes.origin == Origin.SCORED).astype(np.int32)

    @cached_property
    def attention(self) -> list[LayerAttention]:
        """What each recorded layer looked at, lowest layer first; `run["attention"]["absent"]` says why others are not here."""
        return read_attention(self.facts.attention, self._contents.tables)

    @cached_property
    def lens(self) -> list[LayerLens]:
        """What each recorded layer would have said, lowest layer first."""
        return read_lens(self.facts.lens, self._contents.tables)

    @cached_property
    def texts(self) -> list[Text]:
        """The texts that the recording shows, which is what `syntax` numbers: the files that were scored; else prompt and output as
        one, in a fill-in-the-middle recording with the suffix after the output.
        """
        if self.facts.files:
            names = told_apart(file.source for file in self.facts.files)
            return [
                self._file(number, file, name)
                for number, (file, name) in enumerate(zip(self.facts.files, names, strict=True))
            ]
        is_suffix = self.is_suffix[self.main]
        nodes = np.concatenate([self.main[~is_suffix], self.main[is_suffix]])
        return [Text(self, 0, self.facts.prompt.source or "-", nodes)]

    def _file(self, number: int, file: FileFacts, name: str) -> Text:
        return Text(self, number, name, np.arange(file.first, file.end, dtype=np.int32), file.changed)

    @property
    def files(self) -> list[Text]:
        """The texts that are files that were scored; empty in a recording of a generation."""
        return self.texts if self.facts.files else []

    @cached_property
    def programs(self) -> Programs:
        """The programs that the paths of a generation write, each up to its end as the analysis found it."""
        facts, outcomes = self.facts.program, self.outcomes
        kept = outcomes.kept if len(outcomes) else np.full(len(self.branches), ALL, dtype=np.uint32)
        return Programs(self, KeptBytes(ALL if facts is None or facts.kept is None else facts.kept, kept))

    def branch(self, number: int) -> Indices:
        """The nodes of a branch, first to last."""
        first = int(self.branches.first[number])
        return np.arange(first, first + int(self.branches.count[number]), dtype=np.int32)

    @cached_property
    def suffix(self) -> Indices:
        """The prompt's nodes that stand after the output in the file: of a fill-in-the-middle recording; empty in others."""
        if self.facts.prompt.kind != "fim":
            return np.empty(0, dtype=np.int32)
        parts = [np.arange(one.first, one.end) for one in self.facts.prompt.segments if one.role == "suffix"]
        return np.concatenate([np.empty(0, dtype=np.int32), *parts]).astype(np.int32)

    @cached_property
    def is_suffix(self) -> NDArray[np.bool_]:
        """Which nodes are of that, (N,)."""
        found = np.zeros(len(self.nodes), dtype=bool)
        found[self.suffix] = True
        return found

    @cached_property
    def syntax(self) -> Syntax | None:
        """The syntax of the main path or of the files; None where no text was in a language that is known."""
        facts = self.facts.syntax
        return None if facts is None else Syntax(facts, self._contents.tables["syntax"])

    @cached_property
    def breaks(self) -> tuple[int, ...]:
        """The bytes of a chat's program at which a message begins, or what its template puts between two, ascending; none of others.

        They are where the prompt says so by its segments, where a control token stands in it, and where the output begins.
        """
        if self.facts.prompt.kind != "chat":
            return ()
        begins = {one.first for one in self.facts.prompt.segments}
        found, at = [], 0
        for node in self.main.tolist():
            written = self.nodes.origin[node] != Origin.PROMPT
            if written or node in begins or not self.in_program(node):
                found.append(at)
            if written:
                break
            at += len(self.program_pieces[node])
        return tuple(sorted({byte for byte in found if byte}))

    def in_program(self, node: int) -> bool:
        """Whether a node's bytes belong to the program: control tokens do not, nor what marks the parts around a hole."""
        return not self.is_control(node) and not self._marks[node]

    def is_control(self, node: int) -> bool:
        """Whether a node is a control token and no text: one that its author wrote is text, and has a spelling of its own."""
        return int(self.nodes.token_id[node]) in self._special_ids and int(node) not in self._spellings

    def is_typed(self, node: int) -> bool:
        """Whether a node is a control token that its author wrote."""
        return int(self.nodes.token_id[node]) in self._special_ids and int(node) in self._spellings

    @cached_property
    def _marks(self) -> NDArray[np.bool_]:
        """Which nodes mark the parts around a hole, (N,)."""
        found = np.zeros(len(self.nodes), dtype=bool)
        for segment in self.facts.prompt.segments if self.facts.prompt.kind == "fim" else ():
            found[segment.first : segment.end] = segment.role == "control"
        return found

    def token_places(self, nodes: Array) -> TokenPlaces:
        """Where these nodes' tokens stand in the program they spell: what syntax nodes are matched with."""
        return TokenPlaces.of(nodes, self.program_sizes[nodes])

    def replaced(self, run: Mapping[str, Any], tables: Mapping[str, Mapping[str, Array]]) -> Trace:
        """The same recording with other facts and with these tables in place of its own; all others are shared. Raises CorruptTrace."""
        found = Trace._of(container.stored_trace(run, {**self._contents.tables, **tables}), self._contents)
        if validation.are_same(found.tables, self.tables, _PATH_TABLES) and validation.are_equal(
            found.facts, self.facts, _PATH_FACTS
        ):
            found.__dict__.update({name: self.__dict__[name] for name in _PATHS if name in self.__dict__})
        return found

    def alternatives_of(self, node: int) -> slice:
        """The rows of `alternatives` that belong to a node, most probable first."""
        return slice(int(self._alternative_offsets[node]), int(self._alternative_offsets[node + 1]))

    def bytes_of(self, token_id: int) -> bytes:
        """The bytes of a token inside a text. Raises KeyError for an id that does not occur in the trace."""
        return self._token_bytes[int(token_id)]

    def is_special(self, token_id: int) -> bool:
        """Whether the id is a control token. Raises KeyError for an id that does not occur in the trace."""
        self.bytes_of(token_id)
        return int(token_id) in self._special_ids

    def token_bytes(self, node: int) -> bytes:
        """The exact bytes of a node's token, where it stands."""
        spelled = self._spellings.get(int(node))
        return self._token_bytes[int(self.nodes.token_id[node])] if spelled is None else spelled

    def text(self, nodes: Array, *, special: bool = True) -> bytes:
        """The exact bytes of these nodes, joined; without those of control tokens where `special` is false."""
        return b"".join(self.token_bytes(node) for node in nodes if special or not self.is_control(node))

    @cached_property
    def program_pieces(self) -> list[bytes]:
        """The exact bytes of each node as far as they belong to a program, (N)."""
        return [self.token_bytes(node) if self.in_program(node) else b"" for node in range(len(self.nodes))]

    @cached_property
    def program_sizes(self) -> NDArray[np.int64]:
        """How many bytes of each node belong to a program, (N,)."""
        return np.array([len(piece) for piece in self.program_pieces], dtype=np.int64)

    def program_bytes(self, nodes: Array) -> bytes:
        """The exact bytes of these nodes, joined, as far as they belong to a program."""
        if not len(nodes):
            return b""
        content, offsets = self._program_text
        edges = np.flatnonzero(np.diff(nodes) != 1) + 1  # of the runs of nodes that stand one after the other
        begins, ends = offsets[nodes[np.append(0, edges)]], offsets[nodes[np.append(edges, len(nodes)) - 1] + 1]
        return b"".join(content[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True))

    @cached_property
    def _program_text(self) -> tuple[bytes, NDArray[np.int64]]:
        """(all pieces of programs, joined in the order of the nodes, where each of them begins: (N + 1,))."""
        return b"".join(self.program_pieces), _offsets(self.program_sizes)

    @cached_property
    def _alternative_offsets(self) -> NDArray[np.int64]:
        return _offsets(self.nodes.alternative_count)

    @cached_property
    def _token_bytes(self) -> dict[int, bytes]:
        tables = self._contents.tables
        return dict(zip(self.tokens.id.tolist(), _split(tables["token_bytes"]["byte"], self.tokens.byte_count), strict=True))

    @cached_property
    def _special_ids(self) -> frozenset[int]:
        return frozenset(self.tokens.id[self.tokens.special != 0].tolist())

    @cached_property
    def _spellings(self) -> dict[int, bytes]:
        tables = self._contents.tables
        spelled = tables["spellings"]
        return dict(
            zip(spelled["node"].tolist(), _split(tables["spelling_bytes"]["byte"], spelled["byte_count"]), strict=True)
        )

    def __reduce__(self) -> tuple[type[Trace], tuple[dict[str, Any], container.Tables]]:
        return Trace, (self.run, self._contents.tables)  # pickled and copied by what it holds, and checked again

    def __repr__(self) -> str:
        return f"<Trace of {self.facts.model.id}: {len(self.prompt)} prompt and {len(self.output)} output tokens, {len(self.nodes)} nodes>"


def _offsets(counts: Array) -> NDArray[np.int64]:
    """Running sum of list lengths, shape (len + 1,): list i is [offsets[i], offsets[i + 1])."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def _split(values: Array, counts: Array) -> list[bytes]:
    data, offsets = values.tobytes(), _offsets(counts).tolist()
    return [data[first:end] for first, end in itertools.pairwise(offsets)]
