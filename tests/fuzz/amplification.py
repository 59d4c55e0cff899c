"""A trace's payload made large where a reader may have to work: more of what is there, so that it stays a recording.

Few bytes become many branches, deep nesting, long texts, many files, many options. Equal random numbers give equal changes.
"""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from random import Random
from typing import Any

import msgpack
import numpy as np
from tests.fuzz.mutation import UNFIT, column_values, store_values

from tokenscope_trace.traces.schema import BranchEnd, Origin

_NEW = 1 << 24  # ids of tokens that are added
_PATTERNS = (
    b"x",
    b"\n",
    b" ",
    "я".encode(),
    "xя".encode(),
    b"\xff",
    b"\x00",
    b"`",
    b"(",
    b"'",
    b"x\n",
    "é".encode(),
    b"<",
    b"\r\n",
)
_SIZES = (1, 7, 64, 500, 4096)


def amplified(payload: bytes, random: Random, most: int = 2000) -> bytes:
    """The payload with one to three things made as many as `most`, or fewer."""
    document = msgpack.unpackb(payload, strict_map_key=False)
    for _ in range(random.choice((1, 2, 3))):
        change = random.choice((_tokens, _path, _branches, _branches, _options, _files, _syntax, _facts, _alternatives))
        with suppress(*UNFIT):  # where an earlier change left nothing that this one could be made to
            change(document, random, random.choice((most // 50, most // 5, most)))
    return bytes(msgpack.packb(document))


def _table(document: dict[str, Any], name: str) -> dict[str, np.ndarray]:
    table = document["tables"][name]
    return {key: column_values(table, stored) for key, stored in table["columns"].items()}


def _put(document: dict[str, Any], name: str, columns: dict[str, np.ndarray]) -> None:
    table = document["tables"][name]
    for key, values in columns.items():
        store_values(table["columns"][key], values)
    table["rows"] = len(next(iter(columns.values())))


def _taken(columns: dict[str, np.ndarray], rows: Any) -> dict[str, np.ndarray]:
    return {key: values[rows] for key, values in columns.items()}


def _joined(*parts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _tokens(document: dict[str, Any], random: Random, most: int) -> None:
    """Tokens become long, all of one pattern."""
    tokens, content = _table(document, "tokens"), _table(document, "token_bytes")["byte"].tobytes()
    pattern, size = random.choice(_PATTERNS), random.choice(_SIZES)
    ends, words = np.cumsum(tokens["byte_count"].astype(int)).tolist(), []
    for end, count in zip(ends, tokens["byte_count"].tolist(), strict=True):
        is_long = random.random() < 0.3 and len(words) < most
        words.append((pattern * size)[:4096] if is_long else content[end - count : end])
    tokens["byte_count"] = np.array([len(word) for word in words], dtype=np.uint32)
    _put(document, "tokens", tokens)
    _put(document, "token_bytes", {"byte": np.frombuffer(b"".join(words), np.uint8)})


def _added(document: dict[str, Any], like: np.ndarray) -> np.ndarray:
    """New nodes that are as some that there are, without alternatives, behind all others; their rows."""
    nodes = _table(document, "nodes")
    first = len(nodes["parent"])
    more = _taken(nodes, like)
    more["alternative_count"] = np.zeros_like(more["alternative_count"])
    _put(document, "nodes", _joined(nodes, more))
    return np.arange(first, first + len(like))


def _set(document: dict[str, Any], name: str, column: str, rows: np.ndarray, values: Any) -> None:
    table = _table(document, name)
    table[column][rows] = values
    _put(document, name, table)


def _path(document: dict[str, Any], random: Random, most: int) -> None:
    """The output goes on with tokens that stand in it already."""
    leaf = document["run"]["main_leaf"]
    nodes = _table(document, "nodes")
    if document["run"].get("files") or nodes["origin"][leaf] != Origin.MAIN or leaf < 1:
        return
    rows = _added(document, np.array([random.randrange(1, leaf + 1) for _ in range(most)]))
    _set(document, "nodes", "origin", rows, Origin.MAIN)
    _set(document, "nodes", "parent", rows, [leaf, *rows[:-1]])
    document["run"]["main_leaf"] = int(rows[-1])


def _branches(document: dict[str, Any], random: Random, most: int) -> None:
    """Branches, beside each other, or behind each other, or such that rejoin."""
    if document["run"].get("files"):
        return
    count, length, nests, joins = most // 4 or 1, random.choice((1, 1, 5, 40)), random.random() < 0.4, random.random() < 0.3
    known = _table(document, "nodes")
    ids = _new_tokens(document, count, random)
    total = count * length
    rows = _added(document, np.full(total, len(known["parent"]) - 1))
    first = rows[::length]
    parent = rows - 1
    departs = [random.randrange(len(known["parent"])) for _ in range(count)]
    if nests:
        departs = [departs[0], *(first[:-1] + length - 1).tolist()]
        departs = [departs[0] if place % 200 == 0 else above for place, above in enumerate(departs)]
    parent[::length] = departs
    _set(document, "nodes", "origin", rows, Origin.BRANCH)
    _set(document, "nodes", "parent", rows, parent)
    _set(document, "nodes", "token_id", rows, np.repeat(ids, length))
    where = np.array([random.randrange(int(one)) for one in first]) if joins else np.full(count, -1)
    _put(
        document,
        "branches",
        _joined(
            _table(document, "branches"),
            {
                "first": first.astype(np.int32),
                "count": np.full(count, length, np.uint32),
                "forced": np.ones(count, np.uint16),
                "asked": np.array([random.randrange(2) for _ in range(count)], np.uint8),
                "end": np.full(count, BranchEnd.REJOINED if joins else random.randrange(3), np.uint8),
                "rejoined": where.astype(np.int32),
            },
        ),
    )
    document["run"]["tree"] = document["run"].get("tree") or {}
    outcomes = _table(document, "outcomes")
    if len(outcomes["outcome"]):
        rows = [random.randrange(len(outcomes["outcome"])) for _ in range(count)]
        _put(document, "outcomes", _joined(outcomes, _taken(outcomes, rows)))


def _new_tokens(document: dict[str, Any], count: int, random: Random) -> np.ndarray:
    """Ids of new tokens, with a text each."""
    tokens, content = _table(document, "tokens"), _table(document, "token_bytes")
    first = max(_NEW, int(tokens["id"].max(initial=0)) + 1)
    words = [random.choice((b"v%d " % i, b"\n", b"if x:\n", "я".encode(), b'"s')) for i in range(count)]
    added = {
        "id": np.arange(first, first + count, dtype=np.int32),
        "special": np.zeros(count, np.uint8),
        "byte_count": np.array([len(word) for word in words], dtype=np.uint32),
    }
    _put(document, "tokens", _joined(tokens, added))
    _put(document, "token_bytes", _joined(content, {"byte": np.frombuffer(b"".join(words), np.uint8)}))
    return added["id"]


def _options(document: dict[str, Any], random: Random, most: int) -> None:
    """Decisions, and options of them, again and again."""
    decisions, options = _table(document, "decisions"), _table(document, "decision_options")
    if not len(decisions["node"]) or not len(options["node"]):
        return
    rows, each = random.choice(((1, min(8000, most)), (min(1000, most), 1), (min(100, most), 20)))
    chosen = np.array([random.randrange(len(options["node"])) for _ in range(rows * each)])
    more = _taken(options, chosen)
    branches = document["tables"]["branches"]["rows"]
    if branches:
        more["branch"] = np.array([random.randrange(-1, branches) for _ in range(rows * each)], np.int32)
    found = _taken(decisions, np.array([random.randrange(len(decisions["node"])) for _ in range(rows)]))
    found["option_count"] = np.full(rows, each, np.uint16)
    _put(document, "decisions", found)
    _put(document, "decision_options", more)
    document["run"]["decisions"] = {"found": max(rows, (document["run"].get("decisions") or {}).get("found", 0))}


def _files(document: dict[str, Any], random: Random, most: int) -> None:
    """Files of one token each, behind those that there are; many of one name."""
    files = document["run"].get("files")
    if not files:
        return
    nodes = _table(document, "nodes")
    rows = _added(document, np.array([random.randrange(len(nodes["parent"])) for _ in range(most)]))
    _set(document, "nodes", "parent", rows, -1)
    _set(document, "nodes", "origin", rows, Origin.SCORED)
    name = random.choice(("a.py", "a/b.md", "x" * 300))
    for number, row in enumerate(rows.tolist()):
        files.append(
            {"source": name if random.random() < 0.7 else f"{number}.py", "first": row, "end": row + 1, "exact": True}
        )


def _syntax(document: dict[str, Any], random: Random, most: int) -> None:
    """Nodes within each other, or beside each other; passages of their own."""
    facts = document["run"].get("syntax")
    syntax = _table(document, "syntax")
    if not facts or not len(syntax["kind"]):
        return
    first = len(syntax["kind"])
    row = random.randrange(first)
    more = _taken(syntax, np.full(most, row))
    place = np.arange(most)
    more["parent"] = {0: first + place - 1, 1: np.where(place > 0, first, -1)}[random.randrange(2)].astype(np.int32)
    more["parent"][0] = -1
    passage = {**facts["passages"][-1], "first": first, "count": most}
    if random.random() < 0.3:
        more["parent"] = np.full(most, -1, np.int32)
        passages = [{**passage, "first": first + one, "count": 1} for one in range(most)]
    else:
        passages = [passage]
    _put(document, "syntax", _joined(syntax, more))
    facts["passages"] += passages


def _facts(document: dict[str, Any], random: Random, most: int) -> None:
    """A text becomes long, a list of texts has many."""
    text = (random.choice(_PATTERNS).decode("utf-8", "replace") * 65536)[: random.choice((most, 1000, 16000, 30000))]
    run = document["run"]
    where = random.randrange(6)
    if where == 0:
        run["notes"] = [text] * min(most, 200)
    elif where == 1:
        run["prompt"]["source"] = text[:16000]
    elif where == 2:
        run["command"] = ["tokenscope-record", *[text[:3000]] * min(most, 500)]
    elif where == 3:
        run["sampling"] = {**run["sampling"], "stop": [text[:1000]] * 100}
    elif where == 4 and run.get("check"):
        run["check"] = {**run["check"], "outputs": [text] * len(run["check"]["outputs"])}
    else:
        path = [{"position": place + 1, "tokens": [1]} for place in range(most)]
        run["asked"] = {**(run.get("asked") or {}), "forced": [deepcopy(path) for _ in range(random.choice((1, 20)))]}


def _alternatives(document: dict[str, Any], random: Random, most: int) -> None:
    """One node has many alternatives."""
    nodes, table = _table(document, "nodes"), _table(document, "alternatives")
    if not len(table["logprob"]):
        return
    row = random.randrange(len(nodes["parent"]))
    more = min(most, 65535 - int(nodes["alternative_count"][row]))
    at = int(nodes["alternative_count"][: row + 1].sum())
    one = _taken(table, np.full(more, random.randrange(len(table["logprob"]))))
    nodes["alternative_count"][row] += more
    _put(document, "nodes", nodes)
    _put(document, "alternatives", _joined(_taken(table, slice(0, at)), one, _taken(table, slice(at, None))))
