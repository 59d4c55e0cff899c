"""A trace's payload, changed so that it still looks like one: facts of other kinds, numbers at their edges, rows that come and go.

A change of plain bytes mostly breaks the msgpack; these get past it. Equal random numbers give equal changes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from random import Random
from typing import Any

import msgpack
import numpy as np

from tokenscope_trace.errors import TraceError
from tokenscope_trace.traces import columns

FACTS: tuple[Any, ...] = (
    None,
    True,
    False,
    -1,
    0,
    1,
    2,
    7,
    65536,
    2**31 - 1,
    2**31,
    2**53 + 1,
    2**63,
    2**64 - 1,
    -(2**63),
    0.5,
    -0.0,
    1e308,
    math.nan,
    math.inf,
    -math.inf,
    "",
    "-",
    "x",
    "fim",
    "scored",
    "interrupted",
    "\x00\x1b]0;\x07",
    "</script>\u202e",
    "a" * 3000,
    b"",
    b"\xff",
    [],
    {},
    [None],
    ["text"],
    [[1, 2]],
    [[1, 2], [2, 3]],
    {"node": 1},
    [[[[[]]]]],
)
WHOLE = (-2, -1, 0, 1, 2, 3, 4, 5, 7, 8, 31, 127, 255, 65535, 2**31 - 1, -(2**31), 2**32 - 1)
FLOATS = (
    math.nan,
    math.inf,
    -math.inf,
    0.0,
    -0.0,
    1.0,
    1.0000001,
    -1e-45,
    1e-45,
    -3.4e38,
    3.4e38,
    -0.5,
    -1.0,
    0.5,
    -100.0,
    -1e5,
)
TEXTS = (
    b"",
    b"\n",
    b"\r",
    b"\r\n",
    b"</script>",
    "\u202e".encode(),
    b"\xff\xfe",
    b"\xe3\x81",
    b"`" * 5,
    b"\x1b[2J",
    b"x" * 5000,
    b" ",
)
UNFIT = (TraceError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)


def mutated(payload: bytes, random: Random) -> bytes:
    """The payload with one to four changes."""
    document = msgpack.unpackb(payload, strict_map_key=False)
    for _ in range(random.choice((1, 1, 2, 4))):
        change = random.choice((_fact, _fact, _entry, _cell, _cell, _cell, _row, _row, _bytes, _stored))
        with suppress(*UNFIT):  # an earlier change left nothing that this one could be made to
            change(document, random)
    changed = msgpack.packb(document)
    if random.random() < 0.05:
        changed = bytearray(changed)
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _value(random: Random) -> Any:
    return deepcopy(random.choice(FACTS))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of everything inside of a value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _fact(document: dict[str, Any], random: Random) -> None:
    """A fact becomes another value, or a number beside it."""
    container, key = random.choice(list(_places({name: document[name] for name in ("run", "metrics")}))[1:])
    old = container[key]
    near = type(old) is int and random.random() < 0.6
    container[key] = max(-(2**63), min(2**64 - 1, old + random.choice((-1, 1, 2)))) if near else _value(random)


def _entry(document: dict[str, Any], random: Random) -> None:
    """An entry of a map or list goes, comes twice, or comes new."""
    container, key = random.choice(list(_places({"run": document["run"]})))
    what = random.randrange(3)
    if isinstance(container, dict):
        if what and key != "run":
            del container[key]
        else:
            container[random.choice(("later", "__proto__", "constructor", "kind", "branch"))] = _value(random)
    elif what == 0:
        del container[key]
    elif what == 1:
        container.insert(key, deepcopy(container[key]))
    else:
        container.insert(key, _value(random))


def _with_rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The tables that have rows, and do not claim more than there can be here."""
    tables = [table for table in document["tables"].values() if isinstance(table, dict)]
    return [table for table in tables if type(table.get("rows")) is int and 0 < table["rows"] <= 1 << 16]


def _column(document: dict[str, Any], random: Random) -> tuple[dict[str, Any], dict[str, Any], np.ndarray] | None:
    """(table, stored column, its values) of some column that has rows."""
    full = _with_rows(document)
    if not full:
        return None
    table = random.choice(full)
    stored = table["columns"][random.choice(list(table["columns"]))]
    return table, stored, column_values(table, stored)


def column_values(table: dict[str, Any], stored: dict[str, Any]) -> np.ndarray:
    """The values of a stored column."""
    return columns.unpack_column(stored["data"], stored["dtype"], tuple(stored["filters"]), table["rows"], "x").copy()


def store_values(stored: dict[str, Any], values: np.ndarray) -> None:
    """Values become the data of a stored column."""
    with np.errstate(over="ignore"):
        stored["data"] = columns.pack_column(values, tuple(stored["filters"]))


def _cell(document: dict[str, Any], random: Random) -> None:
    """A number of a column becomes one at an edge, its neighbour, or that of another row."""
    found = _column(document, random)
    if found is None:
        return
    table, stored, values = found
    row, what = random.randrange(len(values)), random.random()
    if what < 0.25:
        values[row] = values[random.randrange(len(values))]
    elif values.dtype.kind == "f":
        values[row] = random.choice(FLOATS)
    else:
        limits = np.iinfo(values.dtype)
        new = int(values[row]) + random.choice((-1, 1)) if what < 0.6 else random.choice((*WHOLE, table["rows"]))
        values[row] = min(max(new, limits.min), limits.max)
    store_values(stored, values)


def _row(document: dict[str, Any], random: Random) -> None:
    """A row of a table goes, comes twice, or changes places with another."""
    tables = _with_rows(document)
    if not tables:
        return
    table, what = random.choice(tables), random.randrange(3)
    rows = table["rows"]
    one, two = random.randrange(rows), random.randrange(rows)
    order = list(range(rows))
    if what == 0:
        del order[one]
    elif what == 1:
        order.insert(two, one)
    else:
        order[one], order[two] = two, one
    new = {name: column_values(table, stored)[order] for name, stored in table["columns"].items()}
    for name, values in new.items():
        store_values(table["columns"][name], values)
    table["rows"] = len(order)


def _bytes(document: dict[str, Any], random: Random) -> None:
    """A token's bytes become others, of another length; the lists of bytes still add up."""
    tokens, content = document["tables"]["tokens"], document["tables"]["token_bytes"]
    counts = column_values(tokens, tokens["columns"]["byte_count"])
    data = column_values(content, content["columns"]["byte"]).tobytes()
    if len(counts) == 0 or int(counts.sum()) != len(data):
        return
    row, text = random.randrange(len(counts)), random.choice(TEXTS)
    first = int(counts[:row].sum())
    data = data[:first] + text + data[first + int(counts[row]) :]
    counts[row] = len(text)
    store_values(tokens["columns"]["byte_count"], counts)
    content["rows"] = len(data)
    store_values(content["columns"]["byte"], np.frombuffer(data, np.uint8))


def _stored(document: dict[str, Any], random: Random) -> None:
    """What describes a table or a column becomes something else, or is missing."""
    container, key = random.choice(list(_places({"tables": document["tables"]})))
    if random.random() < 0.3 and key != "tables":
        del container[key]
    elif isinstance(container[key], bytes):
        container[key] = container[key][random.randrange(4) :] + bytes(random.randrange(3))
    elif key != "tables":
        container[key] = deepcopy(
            random.choice((*FACTS, "<i4", "<f4", "|u1", ["shuffle"], ["delta", "shuffle"], ["parent"], []))
        )
