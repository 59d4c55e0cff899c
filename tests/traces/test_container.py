"""The container: round trips, determinism, and each kind of refusal by name."""

from __future__ import annotations

import resource
import struct
import time
import tracemalloc

import msgpack
import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.envelopes import packed
from tests.support.tables import UNREAD, any_tables, small_run, small_tables

from tokenscope_trace import Trace
from tokenscope_trace.errors import (
    CorruptTrace,
    NotATrace,
    OversizedTrace,
    TraceError,
    TruncatedTrace,
    UnsupportedTrace,
)
from tokenscope_trace.traces import container


def small_file() -> bytes:
    return container.encode_file(container.encode_payload(small_run(), small_tables()))


def document() -> dict:
    return msgpack.unpackb(container.encode_payload(small_run(), small_tables()))


def same(left, right) -> None:
    assert left.keys() == right.keys()
    for table in left:
        assert left[table].keys() == right[table].keys()
        for column in left[table]:
            np.testing.assert_array_equal(left[table][column], right[table][column], strict=True)


@settings(max_examples=150, deadline=None)
@given(tables=any_tables())
def test_tables_come_back_as_they_were(tables):
    contents = container.decode_trace(
        container.encode_file(container.encode_payload(small_run(main_leaf=0, **UNREAD), tables))
    )
    same(contents.tables, tables)
    assert contents.run == small_run(main_leaf=0, **UNREAD)


@settings(max_examples=60, deadline=None)
@given(tables=any_tables())
def test_a_trace_comes_back_byte_for_byte(tables):
    leaf = int(np.flatnonzero(tables["nodes"]["origin"] != 2)[-1])
    run = small_run(main_leaf=leaf, prompt={"segments": []}, **UNREAD)
    data = Trace(run, tables).to_bytes()
    assert Trace.from_bytes(data).to_bytes() == data


def test_equal_recordings_give_equal_bytes_but_for_the_clock():
    assert small_file() == small_file()
    later = container.encode_file(
        container.encode_payload(small_run(clock={"created": "2027-01-01T00:00:00Z"}), small_tables())
    )
    assert later != small_file()
    scrubbed = [container.decode_trace(data).run | {"clock": {}} for data in (later, small_file())]
    assert scrubbed[0] == scrubbed[1]


def test_unknown_tables_and_columns_are_kept():
    later = document()
    later["tables"]["later"] = {
        "rows": 1,
        "columns": {"layer": {"dtype": "<u2", "unit": "", "filters": [], "data": b"\1\0"}},
    }
    later["tables"]["nodes"]["columns"]["colour"] = {
        "dtype": "<f8",
        "unit": "nats",
        "filters": ["shuffle"],
        "data": bytes(40),
    }
    trace = Trace.from_bytes(packed(later, version=(1, 7)))
    assert trace.nodes.colour.tolist() == [0.0] * 5
    again = container.decode_trace(trace.to_bytes()).tables
    assert again["later"]["layer"].tolist() == [1]
    assert again["nodes"]["colour"].dtype == np.float64


def test_another_kind_of_file_is_refused():
    for data in (b"PK\3\4" + bytes(100), b"\x89PNG\r\n\x1a\n" + bytes(100), b"hello", bytes(1000)):
        with pytest.raises(NotATrace):
            Trace.from_bytes(data)


def test_line_ends_that_were_rewritten_are_noticed():
    with pytest.raises(NotATrace):
        Trace.from_bytes(small_file().replace(b"\r\n", b"\n", 1))


def test_a_file_from_the_future_names_both_versions():
    with pytest.raises(UnsupportedTrace, match=r"version 2\.0, this program reads version 1"):
        Trace.from_bytes(packed(document(), version=(2, 0)))


def test_every_truncation_is_refused():
    data = small_file()
    for length in range(len(data)):
        with pytest.raises((TruncatedTrace, NotATrace) if length < 8 else TruncatedTrace):
            Trace.from_bytes(data[:length])


def test_bytes_after_the_frame_are_refused():
    for extra in (b"x", bytes(100_000), small_file()):
        with pytest.raises(CorruptTrace, match="follows"):
            Trace.from_bytes(small_file() + extra)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_a_flipped_byte_is_refused_or_harmless(data):
    original = small_file()
    place = data.draw(st.integers(0, len(original) - 1))
    flip = data.draw(st.integers(1, 255))
    damaged = bytearray(original)
    damaged[place] ^= flip
    try:
        trace = Trace.from_bytes(bytes(damaged))
    except TraceError:
        return
    # A newer minor version, or one of the bits that zstd itself ignores: the contents are the same.
    assert trace.to_bytes() == original


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_flipped_byte_inside_a_valid_frame_does_nothing_else(data):
    """The checksum holds, so the reader sees the damage itself: it refuses it by name or reads other values."""
    payload = bytearray(container.encode_payload(small_run(), small_tables()))
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        trace = Trace.from_bytes(packed(bytes(payload)))
    except TraceError:
        return
    trace.text(trace.main)
    [trace.alternatives.token_id[trace.alternatives_of(node)] for node in range(len(trace.nodes))]


@settings(max_examples=200, deadline=None)
@given(junk=st.binary(max_size=300))
def test_random_bytes_do_nothing_else(junk):
    for data in (junk, container.MAGIC + junk, packed(junk)):
        with pytest.raises(TraceError):
            Trace.from_bytes(data)


def test_a_length_over_the_limit_is_refused_before_memory_is_taken():
    data = packed(document(), length=1 << 40)
    tracemalloc.start()
    with pytest.raises(OversizedTrace, match="1,099,511,627,776"):
        Trace.from_bytes(data)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_decompression_bomb_stops_at_what_it_claims():
    bomb = zstandard.ZstdCompressor(write_checksum=True, write_content_size=False).compress(bytes(1 << 28))
    claims = struct.pack("<8sHHQ", container.MAGIC, 1, 0, 1000)
    with pytest.raises(CorruptTrace, match="disagree"):
        Trace.from_bytes(claims + bomb)


def test_a_frame_that_lies_about_its_size_is_refused():
    frame = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(bytes(300)))
    header = frame.index(struct.pack("<H", 300 - 256))
    frame[header : header + 2] = struct.pack("<H", 100)
    with pytest.raises(CorruptTrace):
        Trace.from_bytes(struct.pack("<8sHHQ", container.MAGIC, 1, 0, 356) + bytes(frame))


def test_a_frame_without_checksum_is_refused():
    with pytest.raises(CorruptTrace, match="no checksum"):
        Trace.from_bytes(packed(document(), checksum=False))


def test_claims_of_huge_lists_take_no_memory():
    """Nested array headers that each claim four billion entries."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    for header in (b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff"):
        with pytest.raises(CorruptTrace):
            Trace.from_bytes(packed(header * 400))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes
    assert time.perf_counter() - begin < 30  # not a speed test: a hang


def test_deep_nesting_is_refused():
    deep: object = 1
    for _ in range(40):
        deep = [deep]
    with pytest.raises(OversizedTrace, match="nests deeper"):
        Trace.from_bytes(packed(document() | {"run": {"x": deep}}))
    with pytest.raises(TraceError):
        Trace.from_bytes(packed(b"\x91" * 100_000))


def test_a_key_twice_is_refused():
    twice = b"\x82\xa3run\x80\xa3run\x80"
    with pytest.raises(CorruptTrace, match="twice"):
        Trace.from_bytes(packed(twice))


@pytest.mark.parametrize("key", [b"\x81\x01\x02", b"\x81\xc4\x01a\x02"])
def test_keys_that_are_no_strings_are_refused(key):
    with pytest.raises(CorruptTrace):
        Trace.from_bytes(packed(key))


def test_a_string_that_is_not_utf_8_is_refused():
    with pytest.raises(CorruptTrace):
        Trace.from_bytes(packed(b"\x81\xa1\xff\x01"))


def test_something_after_the_map_is_refused():
    with pytest.raises(CorruptTrace):
        Trace.from_bytes(packed(msgpack.packb(document()) + b"\x00"))


def test_extension_types_are_refused():
    with pytest.raises(CorruptTrace):
        Trace.from_bytes(packed(document() | {"run": msgpack.ExtType(5, b"x")}))


BREAKAGES = {
    "no map": lambda d: d.update(run=[]),
    "run, metrics and tables": lambda d: d.pop("metrics"),
    "table nodes is not": lambda d: d["tables"].update(nodes=3),
    "the table alternatives is missing": lambda d: d["tables"].pop("alternatives"),
    "has no row count": lambda d: d["tables"]["nodes"].update(rows=-1),
    "no row count": lambda d: d["tables"]["nodes"].update(rows=True),
    "over the limit": lambda d: d["tables"]["nodes"].update(rows=1 << 25),
    "where 6 rows": lambda d: d["tables"]["nodes"].update(rows=6),
    "column nodes.rank is missing": lambda d: d["tables"]["nodes"]["columns"].pop("rank"),
    "unknown dtype": lambda d: d["tables"]["nodes"]["columns"]["rank"].update(dtype="|O8"),
    "is <f4, expected <i4": lambda d: d["tables"]["nodes"]["columns"]["rank"].update(dtype="<f4"),
    "unknown filter": lambda d: d["tables"]["nodes"]["columns"]["rank"].update(filters=["zip"]),
    "repeats a filter": lambda d: d["tables"]["nodes"]["columns"]["rank"].update(filters=["shuffle", "shuffle"]),
    "shuffles before": lambda d: d["tables"]["nodes"]["columns"]["rank"].update(filters=["shuffle", "delta"]),
    "integer filter": lambda d: d["tables"]["nodes"]["columns"]["gap"].update(filters=["delta"]),
    "no list of filters": lambda d: d["tables"]["nodes"]["columns"]["gap"].update(filters=[3]),
    "lacks its dtype": lambda d: d["tables"]["nodes"]["columns"]["gap"].update(data="text"),
    "is not a map": lambda d: d["tables"]["nodes"]["columns"].update(gap=[]),
}


@pytest.mark.parametrize("why", BREAKAGES)
def test_a_broken_container_is_refused_by_its_reason(why):
    broken = document()
    BREAKAGES[why](broken)
    with pytest.raises(TraceError, match="not all maps" if why == "no map" else why):
        Trace.from_bytes(packed(broken))


def test_delta_wraps_as_the_format_says():
    from tokenscope_trace.traces import columns

    values = np.array([-(2**31), 2**31 - 1, 0, -5], dtype="<i4")
    for filters in (("delta",), ("delta", "shuffle"), ("shuffle",), ("parent", "shuffle"), ()):
        with np.errstate(over="ignore"):
            data = columns.pack_column(values, filters)
        np.testing.assert_array_equal(columns.unpack_column(data, "<i4", filters, 4, "x"), values)


def test_shuffle_writes_the_bytes_that_the_format_says():
    from tokenscope_trace.traces import columns

    assert columns.pack_column(np.array([0x0201, 0x0403], dtype="<u2"), ("shuffle",)) == b"\1\3\2\4"
    assert columns.pack_column(np.array([-1, 0, 1], dtype="<i4"), ("parent", "shuffle")) == b"\1\1\1" + bytes(9)
