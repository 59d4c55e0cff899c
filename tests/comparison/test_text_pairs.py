"""Pairs of texts: the surprisal of many spans is that of each, and what is shared is the same bytes."""

from __future__ import annotations

import numpy as np
import pytest
from tests.comparison.test_side_by_side import PROMPT, SAME, one, two
from tests.support import synthetic_traces
from tests.support.code_traces import Word, recorded

from tokenscope_trace.comparison.text_pairs import AlignedTexts, ComparedText, first_difference


@pytest.mark.parametrize("make", [one, synthetic_traces.plausible, synthetic_traces.hostile, synthetic_traces.scored])
def test_the_surprisals_of_many_spans_are_those_of_each(make):
    text = ComparedText(make().texts[0])
    size = len(text.bytes)
    spans = np.random.default_rng(1).integers(0, size + 1, (200, 2))
    spans = np.sort(np.concatenate([spans, [[0, size], [size, size], [0, 0]]]), axis=1)
    found = text.all_bits(spans[:, 0], spans[:, 1])
    each = [text.bits(int(start), int(end)) for start, end in spans]
    assert np.isnan(found).tolist() == np.isnan(each).tolist()
    assert found == pytest.approx(each, nan_ok=True)


def test_shared_spans_are_the_same_bytes_whatever_the_line_breaks():
    words = [Word("    a", 0.5), "\r\n", Word("    b", 0.5), "\r\n", "    c\n"]
    pair = AlignedTexts(
        recorded(PROMPT, words, **SAME).texts[0],
        recorded(PROMPT, ["    a\n", "    b", "\n", "    c\n"], **SAME).texts[0],
    )
    assert pair.rows.same.all()
    found = pair.shared(pair.a.token_starts, pair.a.token_ends)
    for start, end, other in zip(found.start, found.end, found.other, strict=True):
        assert pair.a.bytes[start:end] == pair.b.bytes[other : other + end - start]
    assert [pair.a.bytes[start:end] for start, end in zip(found.start, found.end, strict=True)] == [
        b"def most(values):\n",
        b"    a",
        b"    b",
        b"    c\n",
    ]


def test_a_changed_line_is_the_one_in_its_place():
    pair = AlignedTexts(one().texts[0], two().texts[0])
    assert [pair.changed_line(line, letter) for letter in "AB" for line in range(5)] == [None, 1, None, None, None] * 2


@pytest.mark.parametrize(
    ("a", "b", "place"), [(b"", b"", 0), (b"", b"x", 0), (b"abc", b"abd", 2), (b"ab", b"abc", 2), (b"x", b"y", 0)]
)
def test_texts_part_at_the_first_byte_that_differs(a, b, place):
    assert first_difference(a, b) == place
