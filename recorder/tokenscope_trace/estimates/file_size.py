"""The file size of a recording, part by part: each is compressed by itself. A Trace in, bytes out; knows no model."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import zstandard

from tokenscope_trace.estimates.extrapolation import PartSizes, Work
from tokenscope_trace.traces.columns import pack_column
from tokenscope_trace.traces.container import COMPRESSION_LEVEL, Tables, encode_file, encode_payload
from tokenscope_trace.traces.schema import CODE_TABLES, TABLES
from tokenscope_trace.traces.trace import Trace

_INSIDE = ("attention_layers", "attention_rows", "attention", "lens")
_DISTINCT = ("tokens", "token_bytes", "spellings", "spelling_bytes")


def part_sizes(trace: Trace, done: Work) -> PartSizes:
    """Compressed bytes by part of a recording of the work `done`; together about the size of its file. Scored files are a prompt."""
    nodes, alternatives = trace.tables["nodes"], trace.tables["alternatives"]
    entries = np.concatenate([[0], np.cumsum(nodes["alternative_count"], dtype=np.int64)])
    read = len(trace.prompt) + len(trace.scored)
    written = read + len(trace.output)

    def of_nodes(first: int, end: int) -> int:
        rows = slice(int(entries[first]), int(entries[end]))
        packed = [pack_column(values[first:end], TABLES["nodes"][name].filters) for name, values in nodes.items()]
        return _compressed(
            [
                *packed,
                *(pack_column(values[rows], TABLES["alternatives"][name].filters) for name, values in alternatives.items()),
            ]
        )

    return PartSizes(
        done=done,
        prompt=of_nodes(0, read),
        output=of_nodes(read, written),
        inside=_of_tables(trace, _INSIDE),
        branches=of_nodes(written, len(trace.nodes)) + _of_tables(trace, ("branches",)),
        code=_of_tables(trace, CODE_TABLES),
        distinct=_of_tables(trace, _DISTINCT),
        facts=len(encode_file(encode_payload(trace.run, _without_rows(trace)))),
    )


def _of_tables(trace: Trace, names: Iterable[str]) -> int:
    return _compressed(
        pack_column(values, TABLES[name][column].filters) for name in names for column, values in trace.tables[name].items()
    )


def _without_rows(trace: Trace) -> Tables:
    return {name: {column: values[:0] for column, values in table.items()} for name, table in trace.tables.items()}


def _compressed(packed: Iterable[bytes]) -> int:
    content = b"".join(packed)
    return len(zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress(content)) if content else 0
