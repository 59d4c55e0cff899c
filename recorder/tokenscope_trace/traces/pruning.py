"""Pruning: what remains of a recording's tables where tokens lose their text or branches go as a whole. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.container import Tables
from tokenscope_trace.traces.programs import PathProgram
from tokenscope_trace.traces.schema import ALL, REDACTED_ID, TABLES, UNKEPT_STEPS, BranchEnd
from tokenscope_trace.traces.syntax import TokenPlaces
from tokenscope_trace.traces.trace import Trace

SIGN = "█".encode()
Flags = NDArray[np.bool_]
Offsets = NDArray[np.int64]


class Losses(Protocol):
    """What goes from a recording. N nodes, B branches, A alternatives, L tokens of the lens, O options of decisions."""

    @property
    def nodes(self) -> Flags:
        """(N,): the tokens that lose their text."""

    @property
    def branches(self) -> Flags:
        """(B,): the branches that go as a whole; with a branch all that depart from or rejoin it."""

    @property
    def alternatives(self) -> Flags:
        """(A,): those that are not named any more; they are part of the tail."""

    @property
    def lens(self) -> Flags:
        """(L,): those that are not named any more."""

    @property
    def options(self) -> Flags:
        """(O,): those that are not named any more."""

    @property
    def gone(self) -> Flags:
        """(N,): the tokens of those branches."""

    def program(self, branch: int) -> PathProgram:
        """The program that a branch writes."""


def remaining(
    trace: Trace, losses: Losses, keeps: Callable[[str], bool] = lambda _kind: False
) -> tuple[Tables, dict[str, Any]]:
    """(the tables, `run.syntax` and `run.program`) of the recording without what goes; all other facts are as they were.

    Tokens without their text have one id, one sign and the line breaks that they had, no numbers and no alternatives. The mass of
    alternatives that go is part of the tail. An alternative of a decision whose branch goes is one that was not explored. Syntax whose
    tokens all lose their text goes, but for nodes of the kinds that `keeps` names.
    """
    return _Remainder(trace, losses, keeps).tables()


def without_layers(trace: Trace, part: str) -> Trace:
    """The recording without its `attention`, or without its `lens`."""
    names = {"attention": ("attention_layers", "attention_rows", "attention"), "lens": ("lens",)}[part]
    empty = {name: {key: values[:0] for key, values in trace.tables[name].items()} for name in names}
    return trace.replaced({**trace.run, part: None}, empty)


class _Remainder:
    """N nodes, B branches."""

    def __init__(self, trace: Trace, losses: Losses, keeps: Callable[[str], bool]) -> None:
        self._trace = trace
        self._keeps = keeps
        self._tables = trace.tables
        self._goes = losses
        self._hidden, self._lost = losses.nodes, losses.branches
        self._kept = ~losses.gone
        self._place = np.where(self._kept, np.cumsum(self._kept) - 1, -1).astype(np.int32)  # of each node from now on
        self._branch_place = np.where(self._lost, -1, np.cumsum(~self._lost) - 1).astype(np.int32)
        self._moved: dict[int, ByteMove] = {}

    def tables(self) -> tuple[Tables, dict[str, Any]]:
        tables: Tables = {name: dict(self._tables[name]) for name in TABLES if name in self._tables}
        tables = {name: {key: table[key] for key in table if key in TABLES[name]} for name, table in tables.items()}
        tables |= self._nodes_and_alternatives()
        tables["branches"] = self._branches()
        tables["attention"], tables["attention_rows"] = self._attention()
        tables["lens"] = self._lens()
        tables["syntax"], passages, places = self._syntax()
        tables["outcomes"] = self._outcomes()
        tables["decisions"], tables["decision_options"] = self._decisions(places)
        tables["checks"] = self._checks()
        tables |= self._texts(tables)
        facts, tables["syntax"] = _named(self._trace.run.get("syntax"), passages, tables["syntax"])
        return tables, {"syntax": facts, **self._program()}

    # What remains of each table

    def _nodes_and_alternatives(self) -> Tables:
        nodes, alternatives = self._trace.nodes, self._trace.alternatives
        owner = np.repeat(np.arange(len(nodes)), nodes.alternative_count)
        telling = self._goes.alternatives
        stays = self._kept[owner] & ~self._hidden[owner] & ~telling
        table = {name: np.array(getattr(nodes, name)) for name in TABLES["nodes"] if name in nodes}
        for tail, logprob in (("tail", "logprob"), ("sampled_tail", "sampled_logprob")):
            mass = np.exp(getattr(alternatives, logprob).astype(np.float64))
            gone = np.bincount(owner[telling], np.nan_to_num(mass[telling]), minlength=len(nodes))
            table[tail] = np.minimum(table[tail] + gone, 1).astype(np.float32)
        table["token_id"][self._hidden] = REDACTED_ID
        table["rank"][self._hidden] = 0
        for name, column in TABLES["nodes"].items():
            if column.dtype == "<f4" and name in table:
                table[name][self._hidden] = np.nan
        table["alternative_count"] = np.bincount(owner[stays], minlength=len(nodes)).astype(np.uint16)
        table["parent"] = np.where(table["parent"] < 0, -1, self._place[table["parent"]])
        return {
            "nodes": {name: values[self._kept] for name, values in table.items()},
            "alternatives": {name: getattr(alternatives, name)[stays] for name in TABLES["alternatives"]},
        }

    def _branches(self) -> dict[str, Array]:
        table = {
            name: values[~self._lost] for name, values in self._tables["branches"].items() if name in TABLES["branches"]
        }
        table["first"] = self._place[table["first"]]
        joins = table["end"] == BranchEnd.REJOINED
        table["rejoined"] = np.where(joins, self._place[np.where(joins, table["rejoined"], 0)], -1).astype(np.int32)
        return table

    def _attention(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """The rows of redacted tokens keep nothing; as sources they stay, by their place."""
        entries, rows = (dict(self._tables[name]) for name in ("attention", "attention_rows"))
        facts = self._trace.facts.attention
        if facts is None:
            return entries, rows
        heads = self._tables["attention_layers"]["heads"].tolist()
        queries = self._hidden[: facts.queries]
        blank = np.concatenate([np.empty(0, dtype=bool), *(np.repeat(queries, count) for count in heads)])
        unkept, node, weight = np.array(rows["unkept"]), np.array(entries["node"]), np.array(entries["weight"])
        unkept[blank] = UNKEPT_STEPS
        node.reshape(-1, facts.top)[blank] = 0
        weight.reshape(-1, facts.top)[blank] = 0
        return {"node": node, "weight": weight}, {"unkept": unkept}

    def _lens(self) -> dict[str, Array]:
        table = {name: np.array(values) for name, values in self._tables["lens"].items() if name in TABLES["lens"]}
        facts = self._trace.facts.lens
        if facts is None or not len(table["rank"]):
            return table
        own = np.tile(self._hidden[facts.first : facts.first + facts.count], len(facts.layers))
        unnamed = own | self._goes.lens
        table["token_id"][unnamed] = REDACTED_ID
        table["probability"][unnamed] = np.nan
        table["rank"][own] = 0
        table["logprob"][own] = np.nan
        return table

    def _outcomes(self) -> dict[str, Array]:
        table = {name: np.array(values) for name, values in self._tables["outcomes"].items() if name in TABLES["outcomes"]}
        if not len(table["outcome"]):
            return table
        if not self._hidden.any():  # then no byte moves
            return {name: values[~self._lost] for name, values in table.items()}
        main = self._move(-1)
        table["start"], table["main_end"] = main.starts(table["start"]), main.ends(table["main_end"])
        for branch in np.flatnonzero(~self._lost):
            move = self._move(int(branch))
            for name in ("branch_end", "kept"):
                if table[name][branch] != ALL:  # which is no byte, and would say how many went
                    table[name][branch] = move.ends(table[name][branch : branch + 1])[0]
        return {name: values[~self._lost] for name, values in table.items()}

    def _syntax(self) -> tuple[dict[str, Array], list[dict[str, Any]], NDArray[np.int32]]:
        """(the table, its passages, the place of each of its nodes from now on, -1 for none): what is wholly redacted has no syntax
        but for what `keeps` names.
        """
        table = {name: np.array(values) for name, values in self._tables["syntax"].items() if name in TABLES["syntax"]}
        stays = np.zeros(len(table["kind"]), dtype=bool)
        found: list[dict[str, Any]] = []
        facts: dict[str, Any] = self._trace.run.get("syntax") or {"kinds": [], "passages": []}
        kinds, after = np.array([self._keeps(kind) for kind in facts["kinds"]], dtype=bool), 0
        for passage in facts["passages"]:
            rows = slice(passage["first"], passage["first"] + passage["count"])
            branch = passage.get("branch")
            if branch is not None and self._lost[branch]:
                continue
            stays[rows] = True
            if self._hidden.any():  # else no byte moves
                moved = self._move(-1 if branch is None else branch, passage["text"])
                start, end = table["start"][rows].astype(np.int64), table["end"][rows].astype(np.int64)
                kept = kinds[table["kind"][rows]].tolist()
                stays[rows] = _standing(table["parent"][rows] - rows.start, moved.hides(start, end), kept)
                table["start"][rows], table["end"][rows] = moved.starts(start), moved.ends(end)
                table["end"][rows] = np.where(start == end, table["start"][rows], table["end"][rows])
            if stays[rows.start]:
                owner = {} if branch is None else {"branch": int(self._branch_place[branch])}
                count = int(stays[rows].sum())
                found.append({**passage, **owner, "first": after, "count": count})
                after += count
        places = np.where(stays, np.cumsum(stays) - 1, -1).astype(np.int32)
        table["parent"] = np.where(table["parent"] < 0, -1, places[table["parent"]]).astype(np.int32)
        return {name: values[stays] for name, values in table.items()}, found, places

    def _decisions(self, syntax: NDArray[np.int32]) -> tuple[dict[str, Array], dict[str, Array]]:
        decisions = {n: v for n, v in self._tables["decisions"].items() if n in TABLES["decisions"]}
        options = {n: v for n, v in self._tables["decision_options"].items() if n in TABLES["decision_options"]}
        owner = np.repeat(np.arange(len(decisions["node"])), decisions["option_count"])
        branch = options["branch"]
        keep = ~self._hidden[options["node"]] & ~self._goes.options
        spans = zip(decisions["node"].tolist(), decisions["count"].tolist(), strict=True)
        shown = np.array([not self._hidden[first : first + count].any() for first, count in spans], dtype=bool)
        counts = np.bincount(owner[keep], minlength=len(shown))
        shown &= counts > 0
        keep &= shown[owner]
        place = np.where(decisions["syntax"] < 0, -1, syntax[decisions["syntax"]]) if len(syntax) else decisions["syntax"]
        changed: dict[str, Array] = {"syntax": place.astype(np.int32), "option_count": counts.astype(np.uint16)}
        places = np.where(branch < 0, -1, self._branch_place[branch]) if len(self._lost) else branch
        return (
            {name: values[shown] for name, values in {**decisions, **changed}.items()},
            {name: values[keep] for name, values in {**options, "branch": places.astype(np.int32)}.items()},
        )

    def _checks(self) -> dict[str, Array]:
        table = {name: values for name, values in self._tables["checks"].items() if name in TABLES["checks"]}
        stays = np.array([branch < 0 or not self._lost[branch] for branch in table["branch"].tolist()], dtype=bool)
        table = {name: values[stays] for name, values in table.items()}
        places = [branch if branch < 0 else self._branch_place[branch] for branch in table["branch"].tolist()]
        return {**table, "branch": np.array(places, dtype=np.int32)}

    def _texts(self, tables: Tables) -> Tables:
        """The bytes of each id that occurs still, and of the nodes that are spelled otherwise."""
        trace = self._trace
        used = [tables[name]["token_id"] for name in ("nodes", "alternatives", "lens", "decision_options")]
        ids = np.unique(np.concatenate([*used, [REDACTED_ID]])).astype(np.int32)
        words = [SIGN if token_id == REDACTED_ID else trace.bytes_of(token_id) for token_id in ids.tolist()]
        special = [token_id != REDACTED_ID and trace.is_special(token_id) for token_id in ids.tolist()]
        spelled = {
            int(self._place[node]): content
            for node in np.flatnonzero(self._kept).tolist()
            if (content := self._content(node))
            != (SIGN if self._hidden[node] else trace.bytes_of(trace.nodes.token_id[node]))
            or (trace.is_typed(node) and not self._hidden[node])
        }
        return {
            "tokens": {
                "id": ids,
                "special": np.array(special, dtype=np.uint8),
                "byte_count": np.array([len(word) for word in words], dtype=np.uint32),
            },
            "token_bytes": {"byte": np.frombuffer(b"".join(words), dtype=np.uint8)},
            "spellings": {
                "node": np.array(list(spelled), dtype=np.int32),
                "byte_count": np.array([len(content) for content in spelled.values()], dtype=np.uint32),
            },
            "spelling_bytes": {"byte": np.frombuffer(b"".join(spelled.values()), dtype=np.uint8)},
        }

    def _program(self) -> dict[str, Any]:
        facts = self._trace.run.get("program")
        if not isinstance(facts, dict):
            return {}
        if not self._hidden.any():
            return {"program": facts}
        moved = {name: facts[name] for name in ("kept", "repeats") if isinstance(facts.get(name), int)}
        places = self._move(-1).ends(np.array(list(moved.values()), dtype=np.int64))
        return {"program": {**facts, **dict(zip(moved, places.tolist(), strict=True))}}

    # Small things

    def _content(self, node: int) -> bytes:
        """What a node spells from now on."""
        content = self._trace.token_bytes(node)
        return SIGN + b"\n" * content.count(b"\n") if self._hidden[node] else content

    @cached_property
    def _sizes(self) -> NDArray[np.int64]:
        """How many bytes of a program each node has from now on, (N,)."""
        sizes = np.array(self._trace.program_sizes)
        for node in np.flatnonzero(self._hidden).tolist():
            sizes[node] = len(self._content(node)) if self._trace.in_program(node) else 0
        return sizes

    def _move(self, branch: int, text: int = 0) -> ByteMove:
        """How bytes of a program move: that of a branch, or for -1 of a text."""
        key = branch if branch >= 0 else -1 - text
        if key not in self._moved:
            for other in [other for other in self._moved if other >= 0]:
                del self._moved[other]  # one at a time: thousands of branches may have a long beginning
            nodes = self._goes.program(branch).nodes if branch >= 0 else self._trace.texts[text].nodes
            self._moved[key] = ByteMove.of(self._trace.token_places(nodes), self._sizes[nodes], self._hidden[nodes])
        return self._moved[key]


def _standing(parent: Array, gone: Flags, keeps: Sequence[bool]) -> Flags:
    """Of a passage's nodes those that stay: what is not gone, and what is to be kept and does not lie in what is gone."""
    stays: list[bool] = []
    inside: list[bool] = []  # of something that is gone
    for above, is_gone, is_kept in zip(parent.tolist(), gone.tolist(), keeps, strict=True):
        within = above >= 0 and inside[above]
        inside.append(within or is_gone)
        stays.append(not within and (not is_gone or is_kept))
    return np.array(stays, dtype=bool)


def _named(facts: Any, passages: list[dict[str, Any]], table: dict[str, Array]) -> tuple[Any, dict[str, Array]]:
    """`run.syntax` and its table, with the names that occur still."""
    if facts is None or not passages:
        return None, table
    table, named = dict(table), {}
    for column, key in (("kind", "kinds"), ("field", "fields")):
        used, table[column] = np.unique(table[column], return_inverse=True)
        table[column] = table[column].astype(np.uint16)
        named[key] = [facts[key][name] for name in used.tolist()]
    return {**facts, **named, "passages": passages}, table


@dataclass(frozen=True)
class ByteMove:
    """Tokens before and after: their bytes [start, end) then and their begin now, (T + 1,) with the text's end; which are hidden."""

    start: Offsets  # (T,)
    end: Offsets  # (T,)
    now: Offsets  # (T + 1,)
    hidden: NDArray[np.bool_]  # (T,)

    @classmethod
    def of(cls, places: TokenPlaces, sizes: Array, hidden: Array) -> ByteMove:
        """From the places that were, and the sizes in bytes that are."""
        now = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)
        return cls(places.start, places.end, now, np.asarray(hidden, dtype=bool))

    def starts(self, values: Array) -> NDArray[np.uint32]:
        """Where what began at these bytes begins: within a hidden token, at its begin."""
        token, within = self._within(values)
        return (self.now[token] + np.where(self._is_hidden(token), 0, within)).astype(np.uint32)

    def ends(self, values: Array) -> NDArray[np.uint32]:
        """Where what ended at these bytes ends: within a hidden token, at its end."""
        token, within = self._within(values)
        end = np.where(within > 0, self.now[np.minimum(token + 1, len(self.now) - 1)], self.now[token])
        return np.where(self._is_hidden(token), end, self.now[token] + within).astype(np.uint32)

    def hides(self, start: Array, end: Array) -> NDArray[np.bool_]:
        """Whether hidden tokens alone hold the bytes [start, end), or what has no bytes lies within one."""
        first = np.searchsorted(self.end, start, side="right")
        last = np.searchsorted(self.start, end, side="left")
        shown = np.concatenate([[0], np.cumsum(~self.hidden & (self.end > self.start))])
        hides: NDArray[np.bool_] = (first < last) & (shown[np.maximum(first, last)] == shown[first])
        return hides

    def _within(self, values: Array) -> tuple[Offsets, Offsets]:
        """(the token that holds each byte, T at the text's end; how far it lies behind the token's begin)."""
        values = np.asarray(values, dtype=np.int64)
        token = np.searchsorted(self.end, values, side="right")
        begin = np.append(self.start, self.end[-1] if len(self.end) else 0)
        return token.astype(np.int64), np.maximum(values - begin[token], 0)

    def _is_hidden(self, token: Offsets) -> NDArray[np.bool_]:
        return np.append(self.hidden, False)[token]
