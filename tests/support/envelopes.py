"""Trace files around any payload, right or wrong: the checksum holds, so a reader sees what is inside."""

from __future__ import annotations

import struct
from typing import Any

import msgpack
import zstandard

from tokenscope_trace.traces import container


def packed(document: Any, *, length: int | None = None, checksum: bool = True, version: tuple[int, int] = (1, 0)) -> bytes:
    """A file around any msgpack document, or around these bytes."""
    payload = document if isinstance(document, bytes) else msgpack.packb(document)
    frame = zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=True).compress(payload)
    return struct.pack("<8sHHQ", container.MAGIC, *version, len(payload) if length is None else length) + frame
