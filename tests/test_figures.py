"""Numbers as text."""

from __future__ import annotations

from tokenscope_trace.figures import decimal, file_size, percent


def test_numbers_never_read_as_what_they_are_not():
    assert [percent(p) for p in (0, 1e-9, 0.541, 0.9999, 1)] == ["0 %", "<0.1 %", "54.1 %", ">99.9 %", "100 %"]
    assert [decimal(v, "bits") for v in (0, 1e-9, 1.234, float("inf"), float("nan"))] == [
        "0.00 bits",
        "<0.01 bits",
        "1.23 bits",
        "infinite bits",
        "–",
    ]


def test_sizes_keep_their_order_of_magnitude():
    assert [file_size(count) for count in (0, 9_999, 10_000, 131_000, 1_500_000)] == [
        "0 bytes",
        "9,999 bytes",
        "10 kB",
        "131 kB",
        "1.5 MB",
    ]
