"""What of a secret a finished file holds still: every byte of a trace or a report, looked through by hand."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Iterator
from typing import Any

import msgpack
import numpy as np

from tokenscope_trace import Trace

IDS = (
    ("nodes", "token_id"),
    ("alternatives", "token_id"),
    ("lens", "token_id"),
    ("decision_options", "token_id"),
    ("tokens", "id"),
)


def remains(data: bytes, secret: bytes, before: Trace, public: bytes, *, least: int = 4) -> list[str]:
    """Where a trace file or a page still holds the secret, a token of it of `least` bytes and more that does not stand in `public`
    text, or such a token's id. `before` is the recording as it was.
    """
    found = []
    for place, content in pieces(data):
        if secret in content or any(code in content for code in _encoded(secret)):
            found.append(f"{place}: the secret")
    traces = [_trace(data)] if data[:4] == b"\x89TSC" else [Trace.from_bytes(_file(payload)) for payload in _payloads(data)]
    for trace in traces:
        found += _tokens(trace, secret, before, public, least)
    return found


def page_payload(page: str) -> bytes:
    """The recording that a page carries, unpacked."""
    packed = re.search(r'<script type="text/plain" id="trace"[^>]*>([^<]*)</script>', page)
    assert packed is not None
    return gzip.decompress(base64.b64decode(packed[1]))


def _tokens(trace: Trace, secret: bytes, before: Trace, public: bytes, least: int) -> Iterator[str]:
    def tells(content: bytes) -> bool:
        own = content.strip()
        return len(own) >= least and own in secret and own not in public

    for token_id in trace.tokens.id.tolist():
        if tells(trace.bytes_of(token_id)):
            yield f"tokens: {trace.bytes_of(token_id)!r}"
    for nodes in [
        *(text.nodes for text in trace.texts),
        trace.main,
        *(trace.path(first + count - 1) for first, count in _branches(trace)),
    ]:
        if secret in trace.text(nodes):
            yield "a path: the secret"
    known = {token_id for token_id in before.tokens.id.tolist() if tells(before.bytes_of(token_id))}
    for table, column in IDS:
        if known & set(trace.tables[table][column].tolist()):
            yield f"{table}.{column}: an id"


def _branches(trace: Trace) -> Iterator[tuple[int, int]]:
    return zip(trace.branches.first.tolist(), trace.branches.count.tolist(), strict=True)


def pieces(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Every text and every column of a file, and the file itself."""
    yield "the file", data
    if data[:4] == b"\x89TSC":
        yield from _pieces_of_payload(_trace(data).payload)
    for payload in _payloads(data) if data[:4] != b"\x89TSC" else []:
        yield from _pieces_of_payload(payload)


def _pieces_of_payload(payload: bytes) -> Iterator[tuple[str, bytes]]:
    yield "the payload", payload
    yield from _strings(msgpack.unpackb(payload, strict_map_key=False), "payload")
    trace = Trace.from_bytes(_file(payload))
    for name, table in trace.tables.items():
        for column, values in table.items():
            yield f"{name}.{column}", np.ascontiguousarray(values).tobytes()


def _strings(value: Any, place: str) -> Iterator[tuple[str, bytes]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{place}: a key", str(key).encode()
            yield from _strings(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, place)
    elif isinstance(value, str | bytes):
        yield place, value if isinstance(value, bytes) else value.encode()


def _payloads(data: bytes) -> list[bytes]:
    return [page_payload(data.decode())] if b'<script type="text/plain" id="trace"' in data else []


def _trace(data: bytes) -> Trace:
    return Trace.from_bytes(data)


def _file(payload: bytes) -> bytes:
    """A trace file around a payload."""
    import zstandard

    from tokenscope_trace.traces.container import ENVELOPE, MAGIC
    from tokenscope_trace.traces.schema import MAJOR_VERSION, MINOR_VERSION

    frame = zstandard.ZstdCompressor(write_checksum=True, write_content_size=True).compress(payload)
    return ENVELOPE.pack(MAGIC, MAJOR_VERSION, MINOR_VERSION, len(payload)) + frame


def _encoded(secret: bytes) -> list[bytes]:
    """The base64 of the secret wherever it stands in what was encoded: without the signs that its neighbours share."""
    codes = []
    for shift in range(3):
        code = base64.b64encode(b"\0" * shift + secret).rstrip(b"=")
        codes.append(code[4 if shift else 0 : len(code) - 2])
    return codes
