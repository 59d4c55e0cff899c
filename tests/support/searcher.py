"""A searcher for what is left of secrets in a file, written without anything of the package but its format on paper.

It looks for every four signs of a secret in a row, in any case: in the file's bytes, in what they unpack to, in every text and every
column, in the text along every path of a recording and with each alternative behind it, and in what any of that says in other spellings.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

import msgpack
import numpy as np
import zstandard

SIZE = 4
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{12,}={0,2}")
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){6,}")
_LONG = 400  # signs of base64 that are no text of anybody
_NUMBERS = "numbers"  # in which four bytes may be anything: six of a secret are looked for
_BACK = 12  # bytes of a path before an alternative


def parts(secrets: Iterable[str]) -> frozenset[str]:
    """Every four signs of these in a row."""
    return frozenset(
        low[i : i + SIZE] for secret in secrets for low in [secret.casefold()] for i in range(len(low) - SIZE + 1)
    )


def left_in(data: bytes, looked_for: frozenset[str]) -> dict[str, str]:
    """The parts that a file holds still, each with a place where it stands."""
    found: dict[str, str] = {}
    longer = {
        one + two[-1] + three[-1]
        for one in looked_for
        for two in looked_for
        if one[1:] == two[:-1]
        for three in looked_for
        if two[1:] == three[:-1]
    }
    for place, content in _contents(data, "the file"):
        for view in _views(content):
            low = view.casefold()
            for part in longer if place.endswith(_NUMBERS) else looked_for:
                if part not in found and part in low:
                    found[part] = place
    return found


def _contents(data: bytes, place: str) -> Iterator[tuple[str, bytes]]:
    """Everything that a file holds, unpacked."""
    if data[:4] == b"\x89TSC":
        yield f"{place}, as numbers", data
        yield from _of_payload(zstandard.ZstdDecompressor().decompress(data[20:]), f"{place}: payload")
        return
    yield place, _BASE64.sub(lambda match: match[0] if len(match[0]) < _LONG else b"|", data)
    for match in _BASE64.finditer(data):
        if len(match[0]) < _LONG:
            continue
        packed = _unbased(match[0])
        unpacked = _unpacked(packed)
        if unpacked is None:
            continue
        if unpacked[:1] in (b"\x83", b"\x84"):
            yield from _of_payload(unpacked, f"{place}: packed payload")
        else:
            yield from _contents(unpacked, f"{place}: packed")


def _unbased(text: bytes) -> bytes:
    own = text.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    try:
        return base64.b64decode(own + b"=" * (-len(own) % 4))
    except (ValueError, binascii.Error):
        return b""


def _unpacked(data: bytes) -> bytes | None:
    for unpack in (gzip.decompress, zlib.decompress, zstandard.ZstdDecompressor().decompress):
        try:
            return unpack(data)
        except Exception:  # not packed so
            continue
    return None


def _views(content: bytes) -> Iterator[str]:
    """A text in every spelling that it may be of another."""
    text = content.decode("utf-8", "replace")
    yield text
    if not text.isascii():
        yield content.decode("latin-1")
    if b"\0" in content:
        yield content.decode("utf-16-le", "replace")
        yield content.decode("utf-16-be", "replace")
        yield content[1:].decode("utf-16-le", "replace")
    if "&" in text:
        yield html.unescape(text)
    if "\\" in text:
        yield re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text).replace("\\", "")
        yield re.sub(r"\\x([0-9a-fA-F]{2})", lambda match: chr(int(match[1], 16)), text)
    if "%" in text:
        yield unquote_to_bytes(text).decode("utf-8", "replace")
    for match in _HEX.finditer(content):
        yield bytes.fromhex(match[0].decode()).decode("utf-8", "replace")
    for match in _BASE64.finditer(content):
        if len(match[0]) < _LONG:
            for shift in range(4):
                yield _unbased(match[0][shift:]).decode("utf-8", "replace")


def _of_payload(payload: bytes, place: str) -> Iterator[tuple[str, bytes]]:
    contents = msgpack.unpackb(payload, strict_map_key=False)
    yield from _strings({key: value for key, value in contents.items() if key != "tables"}, place)
    tables = {
        name: {key: _column(column) for key, column in table["columns"].items()}
        for name, table in contents["tables"].items()
    }
    yield f"{place}, as numbers", payload
    for name, table in tables.items():
        yield f"{place}: the name of a table", name.encode()
        yield from _strings(
            [[key, *map(contents["tables"][name]["columns"][key].get, ("unit", "dtype"))] for key in table], place
        )
        for key, values in table.items():
            yield f"{place}: {name}.{key}, numbers", values.tobytes()
    yield from _of_paths(tables, place)


def _strings(value: Any, place: str) -> Iterator[tuple[str, bytes]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _strings(key, f"{place}: a key")
            yield from _strings(one, f"{place}.{key}")
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one, place)
        if value and all(isinstance(one, str) for one in value):
            yield f"{place}, joined", "".join(value).encode()
    elif isinstance(value, str | bytes):
        yield place, value if isinstance(value, bytes) else value.encode()


def _column(column: dict[str, Any]) -> Any:
    """The values of a column, with its filters undone."""
    dtype, data = np.dtype(column["dtype"]), column["data"]
    filters = list(column["filters"])
    if filters and filters[-1] == "shuffle":
        data = np.frombuffer(data, np.uint8).reshape(dtype.itemsize, -1).T.tobytes()
        filters.pop()
    values = np.frombuffer(data, dtype).copy()
    if filters == ["delta"]:
        values = np.cumsum(values, dtype=dtype)
    elif filters == ["parent"]:
        values = (np.arange(len(values)) - values).astype(dtype)
    elif filters == ["parent", "delta"]:
        values = (np.arange(len(values)) - np.cumsum(values, dtype=dtype)).astype(dtype)
    else:
        assert not filters, filters
    return values


def _split(content: bytes, counts: Any) -> list[bytes]:
    ends = np.cumsum(counts).tolist()
    return [content[end - count : end] for end, count in zip(ends, counts.tolist(), strict=True)]


def _of_paths(tables: dict[str, Any], place: str) -> Iterator[tuple[str, bytes]]:
    tokens, nodes, spellings = tables["tokens"], tables["nodes"], tables["spellings"]
    words = dict(
        zip(tokens["id"].tolist(), _split(tables["token_bytes"]["byte"].tobytes(), tokens["byte_count"]), strict=True)
    )
    for word in words.values():
        yield f"{place}: a token", word
    own = [words[i] for i in nodes["token_id"].tolist()]
    spelled = _split(tables["spelling_bytes"]["byte"].tobytes(), spellings["byte_count"])
    for node, word in zip(spellings["node"].tolist(), spelled, strict=True):
        own[node] = word
    parents = nodes["parent"].tolist()
    back: list[bytes] = []
    for node, above in enumerate(parents):
        back.append(((back[above] if above >= 0 else b"") + own[node])[-_BACK:])
    row = 0
    for node, count in enumerate(nodes["alternative_count"].tolist()):
        before = back[parents[node]] if parents[node] >= 0 else b""
        for token_id in tables["alternatives"]["token_id"][row : row + count].tolist():
            yield f"{place}: an alternative of node {node}", before + words[token_id]
        row += count
    for node in sorted(set(range(len(own))) - set(parents)):
        path = []
        while node >= 0:
            path.append(own[node])
            node = parents[node]
        yield f"{place}: a path", b"".join(reversed(path))
