"""The names and numbers of the format that the viewer knows, too -> viewer/trace/schema.js.

`make schema` runs it; tests/test_viewer_schema.py compares. What both languages must agree on stands in Python alone: tables and
their columns, enumerations with their words, limits, steps of scales.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Any

from tokenscope_trace.analysis import decisions, uncertainty
from tokenscope_trace.reports import commands
from tokenscope_trace.settings import STOP_LENGTH, STOPS
from tokenscope_trace.traces import columns, container, fact_kinds, schema, validation, work_budget

PLACE = Path(__file__).parent.parent / "viewer" / "trace" / "schema.js"
_HEAD = """\
/** What the format calls things and how large they may be. Written by recorder/viewer_schema.py (`make schema`), not by hand. */
"""
_ARRAYS = {
    "|u1": "Uint8Array",
    "<u2": "Uint16Array",
    "<u4": "Uint32Array",
    "<i4": "Int32Array",
    "<i8": "BigInt64Array",
    "<f4": "Float32Array",
    "<f8": "Float64Array",
}
_ENUMS: dict[str, type[IntEnum] | type[IntFlag]] = {
    "ORIGIN": schema.Origin,
    "END": schema.BranchEnd,
    "OUTCOME": schema.Outcome,
    "SCOPE": schema.Scope,
    "FLAG": schema.SyntaxFlag,
    "DECISION": schema.DecisionFlag,
    "CHECK": schema.CheckResult,
}
_LIMITS = {
    "payload": container.MAX_PAYLOAD,
    "rows": container.MAX_ROWS,
    "depth": container.MAX_DEPTH,
    "entries": container.MAX_ENTRIES,
    "values": container.MAX_VALUES,
    "string": container.MAX_STRING,
    "strings": container.MAX_STRINGS,
    "name": fact_kinds.MAX_NAME,
    "stops": STOPS.most,
    "stop": STOP_LENGTH.most,
    "said": validation.MAX_SAID,
    "token": work_budget.MAX_TOKEN,
    "text": work_budget.MAX_TEXT,
    "lines": work_budget.MAX_LINES,
    "turns": work_budget.MAX_TURNS,
    "decided": work_budget.MAX_DECIDED,
    "programs": work_budget.MAX_PROGRAMS,
}
_WIDTH = 140
_INDENT: dict[str, Any] = {"initial_indent": "  ", "subsequent_indent": "  ", "break_on_hyphens": False}


def written() -> str:
    """The module as text."""
    return "\n".join([_HEAD, *_file(), "", *_tables(), "", *_enums(), "", *_numbers(), "", *_commands(), ""])


def _file() -> Iterable[str]:
    yield f"export const MAGIC = Object.freeze({_list(container.MAGIC)});"
    yield f"export const MAJOR_VERSION = {schema.MAJOR_VERSION};"
    yield f"export const MINOR_VERSION = {schema.MINOR_VERSION};"
    yield _frozen("LIMITS", {name: _power(value) for name, value in _LIMITS.items()})
    yield "/** Of these tables. @type {{ readonly [table: string]: number | undefined }} */"
    yield _frozen("ROWS_OF", {name: _power(value) for name, value in container.MAX_ROWS_OF.items()})


def _tables() -> Iterable[str]:
    yield "/** How a column's numbers are stored. */"
    yield _frozen("TYPES", {f"'{dtype}'": name for dtype, name in _ARRAYS.items() if dtype in columns.COLUMN_DTYPES})
    yield "/** The columns of every table. */"
    yield "export const TABLES = Object.freeze({"
    for table, kinds in schema.TABLES.items():
        yield from _entries(f"{table}: {{", {name: _ARRAYS[column.dtype] for name, column in kinds.items()}, "},", "  ")
    yield "});"
    yield "/** A file without one of these has no rows there. @type {readonly string[]} */"
    yield "export const LATER_TABLES = Object.freeze(["
    yield from textwrap.wrap(
        _list(name for name in schema.TABLES if name in schema.LATER_TABLES)[1:-1] + ",", _WIDTH, **_INDENT
    )
    yield "]);"
    yield "/** A file without one of these measured nothing there. @type {readonly (readonly [table: string, column: string])[]} */"
    yield f"export const LATER_COLUMNS = Object.freeze({_list(map(list, sorted(schema.LATER_COLUMNS)))});"


def _enums() -> Iterable[str]:
    for name, kind in _ENUMS.items():
        yield f"/** {(kind.__doc__ or '').strip()} */"
        yield _frozen(name, {member.name.lower(): member.value for member in kind})
    yield "/** By value of OUTCOME: a key for styles and queries, and the words. @type {readonly (readonly [string, string])[]} */"
    yield "export const OUTCOME_WORDS = Object.freeze(["
    yield from (f"  {_list(schema.OUTCOME_WORDS[outcome])}," for outcome in schema.Outcome)
    yield "]);"


def _numbers() -> Iterable[str]:
    yield "/** A weight w of attention is stored as WEIGHT_STEPS times its root, what is not kept as UNKEPT_STEPS times its share. */"
    yield f"export const WEIGHT_STEPS = {schema.WEIGHT_STEPS};"
    yield f"export const UNKEPT_STEPS = {schema.UNKEPT_STEPS};"
    yield "/** Bits, where the colours of surprisal change. */"
    yield f"export const SURPRISAL_EDGES = Object.freeze({_list(schema.SURPRISAL_EDGES)});"
    yield "/** Bits of surprisal from which on a token is called uncertain. */"
    yield f"export const UNCERTAIN = {_value(uncertainty.UNCERTAIN)};"
    yield "/** The least probability of an alternative that is worth a word. */"
    yield f"export const LIKELY = {_value(decisions.LIKELY)};"


def _commands() -> Iterable[str]:
    yield "/** The program whose recorded commands may be offered, the longest of them, and the kinds of its options. */"
    yield f"export const PROGRAM = {_value(commands.PROGRAM)};"
    yield f"export const LONGEST_COMMAND = {commands.LONGEST_COMMAND};"
    names = ("FLAG", "NUMBER", "NAME", "THREE_NAMES", "TEXT", "OUTPUT", "LEFT_OUT", "LEFT_OUT_FLAG")
    yield _frozen("OPTION", {name.lower(): getattr(commands, name) for name in names})
    yield "/** @type {{ readonly [name: string]: number | undefined }} */"
    yield _frozen("OPTIONS", {f"'{name}'": kind for name, kind in commands.OPTIONS.items()})


def _frozen(name: str, values: Mapping[str, Any]) -> str:
    return "\n".join(_entries(f"export const {name} = Object.freeze({{", values, "});"))


def _entries(begin: str, values: Mapping[str, Any], end: str, indent: str = "") -> Iterable[str]:
    """Names and values between two brackets, in as many lines as they need."""
    inner = [f"{key}: {value}," for key, value in values.items()]
    line = f"{indent}{begin} {' '.join(inner).removesuffix(',')} {end}"
    if len(line) <= _WIDTH:
        return [line]
    words = " ".join(entry.replace(" ", "\0") for entry in inner)  # no line breaks inside of an entry
    lines = textwrap.wrap(words, _WIDTH - len(indent), **_INDENT)
    return [indent + begin, *(indent + line.replace("\0", " ") for line in lines), indent + end]


def _list(values: Iterable[Any]) -> str:
    return f"[{', '.join(map(_value, values))}]"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return "'" + json.dumps(value)[1:-1].replace("'", "\\'") + "'"
    if isinstance(value, list):
        return _list(value)
    return f"{value:g}"


def _power(number: int) -> str:
    """A power of two as one."""
    exponent = number.bit_length() - 1
    return f"2 ** {exponent}" if number == 1 << exponent and exponent > 9 else str(number)


if __name__ == "__main__":
    PLACE.write_text(written(), encoding="utf-8")
