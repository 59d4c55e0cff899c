"""Sequences aligned: what is equal is equal, short ones are difflib's, and no input makes it do much."""

from __future__ import annotations

import difflib
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenscope_trace.alignment import WORK, align, difflib_work, hunks

few = st.lists(st.sampled_from("abcdef"), max_size=14)


def assert_whole(a, b, blocks):
    x = y = 0
    for place, (kind, a1, a2, b1, b2) in enumerate(blocks):
        assert (a1, b1) == (x, y)
        assert kind == ("equal" if a[a1:a2] == b[b1:b2] else "insert" if a1 == a2 else "delete" if b1 == b2 else "replace")
        assert place == 0 or "equal" in (kind, blocks[place - 1].kind)
        assert a1 < a2 or b1 < b2
        x, y = a2, b2
    assert (x, y) == (len(a), len(b))


@given(few, few)
def test_short_sequences_are_aligned_as_difflib_does(a, b):
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    found = align(a, b)
    assert [tuple(block) for block in found.blocks] == matcher.get_opcodes()
    assert not found.rough


@given(few, few, st.integers(0, 3))
def test_hunks_are_those_of_a_unified_diff(a, b, context):
    found = [[tuple(block) for block in hunk] for hunk in hunks(align(a, b).blocks, context)]
    groups = difflib.SequenceMatcher(None, a, b, autojunk=False).get_grouped_opcodes(context) if a != b else ()
    assert found == [[block for block in group if block[1] < block[2] or block[3] < block[4]] for group in groups]


@given(few, few, st.integers(0, 60))
def test_whatever_the_work_allowed_all_of_both_is_in_the_blocks(a, b, work):
    assert_whole(a, b, align(a, b, work).blocks)


def test_lines_that_stand_once_divide_long_texts():
    ours = [line for i in range(3000) for line in (f"a{i}", "", "end")]
    theirs = [*ours[:600], "new", *ours[600:3000], "other", *ours[3001:]]
    assert difflib_work([hash(line) for line in ours], [hash(line) for line in theirs]) > WORK
    found = align(ours, theirs)
    assert_whole(ours, theirs, found.blocks)
    assert [block.kind for block in found.blocks] == ["equal", "insert", "equal", "replace", "equal"]
    assert not found.rough


HARD = {
    "wholly different": lambda n: ([f"a{i}" for i in range(n)], [f"b{i}" for i in range(n)]),
    "all alike": lambda n: (["x", *["p"] * n], [*["p"] * (n - 7), "y", *["p"] * 9]),
    "every second alike": lambda n: tuple([s for i in range(n // 2) for s in (f"{letter}{i}", "")] for letter in "ab"),
    "two kinds": lambda n: ([i % 2 for i in range(n)], [i // 2 % 2 for i in range(n)]),
    "forty kinds": lambda n: tuple(np.random.default_rng(seed).integers(0, 40, n).tolist() for seed in (1, 2)),
    "shuffled": lambda n: (list(range(n)), np.random.default_rng(1).permutation(n).tolist()),
    "reversed": lambda n: (list(range(n)), list(range(n))[::-1]),
    "taken apart": lambda n: (list(range(n)), [*range(0, n, 2), *range(1, n, 2)]),
}


def steps(a, b, work):
    """How many functions of C an alignment calls: difflib calls one for each pair that it compares."""
    count = 0

    def note(_frame, event, _argument):
        nonlocal count
        count += event == "c_call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        found = align(a, b, work)
    finally:
        sys.setprofile(before)
    assert_whole(a, b, found.blocks)
    return count


@pytest.mark.parametrize("make", HARD.values(), ids=HARD)
def test_work_grows_with_the_length_and_stays_within_what_is_allowed(make):
    allowed = 100_000
    small, large = (steps(*make(n), allowed) for n in (1000, 8000))
    assert small < 60 * 1000 + allowed
    assert large < 60 * 8000 + allowed


def test_what_cannot_be_looked_into_is_said():
    a, b = HARD["every second alike"](2000)
    found = align(a, b)
    assert found.rough
    assert sum(block.a2 - block.a1 for block in found.blocks if block.kind == "equal") == 1000
