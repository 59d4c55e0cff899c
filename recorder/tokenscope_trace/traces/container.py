"""The container: the trace file's bytes, with envelope, compression, msgpack, columns. FORMAT.md is the specification.

In: run facts, metric definitions and tables of numpy columns; out: bytes; and back. Knows the container's rules, not what
the columns mean (that is validation.py). Never imports torch. `decode_trace` trusts nothing: limits are checked before memory is
taken, and whatever is wrong ends in a TraceError of one sentence.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgpack
import numpy as np
import zstandard

from tokenscope_trace.errors import (
    CorruptTrace,
    NotATrace,
    OversizedTrace,
    TraceError,
    TruncatedTrace,
    UnsupportedTrace,
)
from tokenscope_trace.settings import MOST_NODES
from tokenscope_trace.text import fact_text
from tokenscope_trace.traces import columns
from tokenscope_trace.traces.columns import Array, frozen
from tokenscope_trace.traces.facts import Facts
from tokenscope_trace.traces.schema import LATER_COLUMNS, LATER_TABLES, MAJOR_VERSION, METRICS, MINOR_VERSION, TABLES, Column

MAGIC = b"\x89TSC\r\n\x1a\n"
ENVELOPE = struct.Struct("<8sHHQ")
MAX_PAYLOAD = 1 << 27
MAX_EXPANSION = 256  # bytes of payload for one of the file; recordings have 2 to 5
UNQUESTIONED = 1 << 24  # a payload up to so many bytes may expand more than that
MAX_ROWS = 1 << 28
MAX_ROWS_OF = {
    "nodes": MOST_NODES,
    "tokens": 1 << 19,
    "token_bytes": 1 << 22,
    "spelling_bytes": 1 << 22,
    "branches": 1 << 16,
    "syntax": 1 << 21,
    "decisions": 1000,
    "decision_options": 8000,
}
MAX_WINDOW_LOG = 27
MAX_DEPTH = 16
MAX_ENTRIES = 1 << 13
MAX_VALUES = 1 << 20
MAX_STRING = 1 << 16
MAX_STRINGS = 1 << 24
COMPRESSION_LEVEL = 10
_NAME = 60  # characters of a name that an error quotes
_PIECE = 1 << 10  # of compressed bytes: zstd expands a piece by 2**15 at most, so a bomb is caught within 32 MB

Tables = dict[str, dict[str, Array]]


@dataclass(frozen=True)
class StoredTrace:
    """What one file holds. `payload` is the msgpack map itself, as a report embeds it; None where there is no file yet. `minor` is the version
    within the major one that a file has, which may be newer than this program.
    """

    run: dict[str, Any]
    metrics: dict[str, Any]
    tables: Tables
    payload: bytes | None = None
    minor: int = MINOR_VERSION

    @cached_property
    def facts(self) -> Facts:
        """What `run` says, read and checked. Raises CorruptTrace."""
        return Facts.read(self.run)


def stored_trace(run: Mapping[str, Any], tables: Mapping[str, Mapping[str, Array]]) -> StoredTrace:
    """What a file of these facts and tables holds, without making one: plain facts and frozen columns, those that lack added empty.

    `tables` has tables of schema.TABLES, each a map from column name to an array of shape (rows,). Raises CorruptTrace and
    OversizedTrace as reading such a file would.
    """
    held = {name: _held_table(name, table) for name, table in tables.items()}
    for name in TABLES:
        if name not in held:
            if name not in LATER_TABLES:
                raise CorruptTrace(f"the table {name} is missing.")
            held[name] = _empty_table(name)
    return StoredTrace(plain_facts(run), definitions(), held)


def definitions() -> dict[str, Any]:
    """What every number of a trace means, as a file says it."""
    return {
        name: {"unit": metric.unit, "range": metric.range, "definition": metric.definition}
        for name, metric in METRICS.items()
    }


def plain_facts(run: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as a file gives them back: maps, lists, texts that are UTF-8, numbers, none of them shared. Raises CorruptTrace where they hold
    anything else, OversizedTrace where they are beyond the limits of a file.
    """
    count = _Count()
    found = _plain(run, count, MAX_DEPTH - 1)
    assert isinstance(found, dict)
    return found


def _plain(value: Any, count: _Count, left: int) -> Any:
    if isinstance(value, str):
        value = fact_text(value)
        if len(value) > MAX_STRING or (not value.isascii() and len(value.encode()) > MAX_STRING):
            raise OversizedTrace(f"a string in its facts has more than {MAX_STRING:,} bytes.")
        return str(value)
    if value is None or isinstance(value, bool | float | bytes):
        return value
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 64:
        return int(value)
    if left == 0:
        raise OversizedTrace(f"its facts nest deeper than {MAX_DEPTH} levels.")
    if not isinstance(value, Mapping | list | tuple):
        raise CorruptTrace(f"its facts hold a {type(value).__name__}, which no file can.")
    if len(value) > MAX_ENTRIES:
        raise OversizedTrace(f"a map or a list in its facts has more than {MAX_ENTRIES:,} entries.")
    if isinstance(value, Mapping):
        return count.map((key, _plain(one, count, left - 1)) for key, one in value.items())
    return count.sequence([_plain(one, count, left - 1) for one in value])


def _held_table(name: str, table: Mapping[str, Array]) -> dict[str, Array]:
    """A table's columns as those of a file: frozen, in the types of the schema, later ones added where they lack."""
    known = TABLES.get(name, {})
    held = {key: frozen(values, known[key].dtype if key in known else values.dtype.str) for key, values in table.items()}
    if not held:
        raise CorruptTrace(f"the table {_quoted(name)} has no column.")
    rows = len(next(iter(held.values())))
    if rows > MAX_ROWS_OF.get(name, MAX_ROWS):
        raise OversizedTrace(f"the table {_quoted(name)} has {rows:,} rows, over the limit.")
    for key, column in known.items():
        if key not in held:
            if (name, key) not in LATER_COLUMNS:
                raise CorruptTrace(f"the column {name}.{key} is missing.")
            held[key] = frozen(_unknown(rows, column), column.dtype)
    for key, values in held.items():
        assert values.shape == (rows,), f"{name}.{key} has shape {values.shape}, expected {(rows,)}"
        if values.dtype.str not in columns.COLUMN_DTYPES:
            raise CorruptTrace(f"the column {_quoted(name)}.{_quoted(key)} has the unknown dtype {values.dtype.str[:20]!a}.")
    return held


def _unknown(rows: int, column: Column) -> Array:
    """A column that a file lacks: NaN, of whole numbers the largest."""
    dtype = np.dtype(column.dtype)
    return np.full(rows, np.nan if dtype.kind == "f" else np.iinfo(dtype).max, dtype)


def encode_payload(run: Mapping[str, Any], tables: Mapping[str, Mapping[str, Array]]) -> bytes:
    """The msgpack map of a recording, as a report embeds it; deterministic in its inputs.

    `tables` has the tables of schema.TABLES, each a map from column name to an array of shape (rows,).
    """
    stored = {name: _encode_table(name, table) for name, table in tables.items()}
    payload = msgpack.packb({"run": dict(run), "metrics": definitions(), "tables": stored}, use_bin_type=True)
    assert isinstance(payload, bytes)
    return payload


def encode_file(payload: bytes) -> bytes:
    """The bytes of the file that holds a payload."""
    compressor = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL, write_checksum=True, write_content_size=True, threads=0)
    return ENVELOPE.pack(MAGIC, MAJOR_VERSION, MINOR_VERSION, len(payload)) + compressor.compress(payload)


def decode_trace(data: bytes, *, max_payload: int = MAX_PAYLOAD) -> StoredTrace:
    """The contents of a trace file's bytes.

    Raises NotATrace, UnsupportedTrace, TruncatedTrace, OversizedTrace or CorruptTrace.
    """
    try:
        return _decode(data, max_payload)
    except MemoryError as error:
        raise OversizedTrace("what it holds does not fit into memory.") from error


def _decode(data: bytes, max_payload: int) -> StoredTrace:
    payload = _decompress(data, _payload_length(data, max_payload))
    document = _unpack(payload)
    if list(document) != ["run", "metrics", "tables"]:
        raise CorruptTrace("the payload is not a map of run, metrics and tables.")
    run, metrics, tables = document["run"], document["metrics"], document["tables"]
    if not (isinstance(run, dict) and isinstance(metrics, dict) and isinstance(tables, dict)):
        raise CorruptTrace("run, metrics and tables are not all maps.")
    missing = [name for name in TABLES if name not in tables]
    for name in missing:
        if name not in LATER_TABLES:
            raise CorruptTrace(f"the table {name} is missing.")
    decoded = {name: _decode_table(name, tables.pop(name)) for name in list(tables)}  # the stored bytes go as they are read
    minor: int = ENVELOPE.unpack_from(data)[2]
    return StoredTrace(run, metrics, {**decoded, **{name: _empty_table(name) for name in missing}}, payload, minor)


def _empty_table(name: str) -> dict[str, Array]:
    return {key: np.empty(0, column.dtype) for key, column in TABLES[name].items()}


def _encode_table(name: str, table: Mapping[str, Array]) -> dict[str, Any]:
    known = TABLES.get(name, {})
    rows = len(next(iter(table.values())))
    encoded = {}
    for column_name, values in table.items():
        column = known.get(column_name, Column(values.dtype.str))
        array = np.asarray(values, dtype=column.dtype)
        assert array.shape == (rows,), f"{name}.{column_name} has shape {array.shape}, expected {(rows,)}"
        encoded[column_name] = {
            "dtype": column.dtype,
            "unit": column.unit,
            "filters": list(column.filters),
            "data": columns.pack_column(array, column.filters),
        }
    return {"rows": rows, "columns": encoded}


def check_envelope(data: bytes) -> int:
    """The payload's length, as the first bytes of a file say it. Raises NotATrace, TruncatedTrace or UnsupportedTrace."""
    if not data:
        raise TruncatedTrace("it is empty.")
    if len(data) < ENVELOPE.size:
        if data[:8] == MAGIC:
            raise TruncatedTrace(f"it ends inside the header, after {len(data)} bytes.")
        raise NotATrace("it is not a TokenScope trace (the first bytes differ).")
    magic, major, minor, length = ENVELOPE.unpack_from(data)
    if magic != MAGIC:
        raise NotATrace("it is not a TokenScope trace (the first bytes differ).")
    if major != MAJOR_VERSION:
        raise UnsupportedTrace(
            f"it has format version {major}.{minor}, this program reads version {MAJOR_VERSION}; "
            "use the TokenScope that wrote it, or a newer one."
        )
    return int(length)


def _payload_length(data: bytes, max_payload: int) -> int:
    length = check_envelope(data)
    if length > max_payload:
        raise OversizedTrace(f"it asks for {length:,} bytes of memory, the limit is {max_payload:,}.")
    if length > max(UNQUESTIONED, MAX_EXPANSION * len(data)):
        raise OversizedTrace(f"its {len(data):,} bytes would expand to {length:,}, more than a recording does.")
    return length


def _decompress(data: bytes, length: int) -> bytes:
    """The payload of exactly `length` bytes; memory grows with what the frame really yields, never with what it claims."""
    frame = memoryview(data)[ENVELOPE.size :]
    _check_frame(frame, length)
    engine = zstandard.ZstdDecompressor(max_window_size=1 << MAX_WINDOW_LOG).decompressobj()
    output = io.BytesIO()  # which hands out its bytes without a copy
    filled = position = 0
    try:
        while not engine.eof and position < len(frame):
            filled += output.write(engine.decompress(frame[position : position + _PIECE]))
            position += _PIECE
            if filled > length:
                raise CorruptTrace("the compressed frame yields more than it says.")
    except zstandard.ZstdError as error:
        raise CorruptTrace("the compressed frame is damaged (its checksum or its structure does not hold).") from error
    if not engine.eof:
        raise TruncatedTrace(f"it ends inside the compressed frame, {filled:,} of {length:,} bytes in.")
    if engine.unused_data or position < len(frame):
        raise CorruptTrace("something follows the compressed frame.")
    if filled != length:
        raise CorruptTrace("the compressed frame yields less than it says.")
    return output.getvalue()


def _check_frame(frame: memoryview, length: int) -> None:
    """Refuse a frame by what its header says."""
    try:
        parameters = zstandard.get_frame_parameters(frame)
    except zstandard.ZstdError as error:
        if len(frame) < 18:  # the longest frame header
            raise TruncatedTrace("it ends inside the compressed frame's header.") from error
        raise CorruptTrace("the compressed frame's header is damaged.") from error
    if not parameters.has_checksum:
        raise CorruptTrace("the compressed frame carries no checksum.")
    if parameters.content_size != length:
        raise CorruptTrace("the compressed frame and the header disagree on the length.")
    if parameters.window_size > 1 << MAX_WINDOW_LOG:
        raise OversizedTrace(f"its compression window of {parameters.window_size:,} bytes is over the limit.")


def _unpack(payload: bytes) -> dict[str, Any]:
    count = _Count()
    try:
        document = msgpack.unpackb(
            payload,
            raw=False,
            strict_map_key=True,
            object_pairs_hook=count.map,
            list_hook=count.sequence,
            max_str_len=MAX_STRING,
            max_bin_len=len(payload),
            max_array_len=MAX_ENTRIES,
            max_map_len=MAX_ENTRIES,
            max_ext_len=0,
        )
    except TraceError:
        raise
    except (ValueError, TypeError, OverflowError, msgpack.exceptions.UnpackException) as error:
        raise CorruptTrace(f"the payload is not the msgpack map it should be ({type(error).__name__}).") from error
    if not isinstance(document, dict):
        raise CorruptTrace("the payload is not a map.")
    _check_depth(document, MAX_DEPTH)
    return document


class _Count:
    """How many values and characters the maps and lists hold so far: each is counted when it is complete, so what a document has
    is known before more than a list's worth beyond the limit is made.
    """

    def __init__(self) -> None:
        self._values = self._characters = 0

    def map(self, pairs: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
        """The pairs as a map with distinct strings as keys."""
        entries = list(pairs)
        result = dict(entries)
        if len(result) != len(entries):
            raise CorruptTrace("a map in the payload has a key twice.")
        if not all(isinstance(key, str) for key in result):
            raise CorruptTrace("a map in the payload has a key that is not a string.")
        self._add([*result, *result.values()])
        return result

    def sequence(self, values: list[Any]) -> list[Any]:
        """The list as it is."""
        self._add(values)
        return values

    def _add(self, values: list[Any]) -> None:
        self._values += len(values)
        self._characters += sum(len(value) for value in values if isinstance(value, str))
        if self._values > MAX_VALUES:
            raise OversizedTrace(f"its maps and lists hold more than {MAX_VALUES:,} values.")
        if self._characters > MAX_STRINGS:
            raise OversizedTrace(f"its strings hold more than {MAX_STRINGS:,} characters.")


def _check_depth(value: Any, left: int) -> None:
    if left == 0:
        raise OversizedTrace(f"the payload nests deeper than {MAX_DEPTH} levels.")
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        _check_depth(child, left - 1)


def _quoted(name: str) -> str:
    """A name from a file as an error may show it: on one line, short, with nothing in it that a terminal would act upon."""
    shown = name if len(name) <= _NAME else name[: _NAME - 1] + "…"
    return shown if shown.isascii() and shown.isprintable() and shown.strip() == shown != "" else ascii(shown)


def _decode_table(table_name: str, table: Any) -> dict[str, Array]:
    name = _quoted(table_name)
    if not isinstance(table, dict) or not isinstance(table.get("columns"), dict):
        raise CorruptTrace(f"the table {name} is not a map of rows and columns.")
    rows = table.get("rows")
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 0:
        raise CorruptTrace(f"the table {name} has no row count.")
    if rows > MAX_ROWS_OF.get(table_name, MAX_ROWS):
        raise OversizedTrace(f"the table {name} has {rows:,} rows, over the limit.")
    stored = table["columns"]
    if not stored:
        raise CorruptTrace(f"the table {name} has no column.")
    decoded = {key: _decode_column(f"{name}.{_quoted(key)}", stored.pop(key), rows) for key in list(stored)}
    for key, expected in TABLES.get(table_name, {}).items():
        if (table_name, key) in LATER_COLUMNS and key not in decoded:
            decoded[key] = _unknown(rows, expected)
        if key not in decoded:
            raise CorruptTrace(f"the column {name}.{key} is missing.")
        if decoded[key].dtype.str != expected.dtype:
            raise CorruptTrace(f"the column {name}.{key} is {decoded[key].dtype.str}, expected {expected.dtype}.")
    return decoded


def _decode_column(name: str, column: Any, rows: int) -> Array:
    if not isinstance(column, dict):
        raise CorruptTrace(f"the column {name} is not a map.")
    dtype, filters, data = column.get("dtype"), column.get("filters"), column.get("data")
    if not isinstance(dtype, str) or not isinstance(data, bytes) or not isinstance(column.get("unit"), str):
        raise CorruptTrace(f"the column {name} lacks its dtype, its unit or its data.")
    if not isinstance(filters, list) or not all(isinstance(entry, str) for entry in filters):
        raise CorruptTrace(f"the column {name} has no list of filters.")
    array = columns.unpack_column(data, dtype, tuple(filters), rows, name)
    array.setflags(write=False)
    return array
