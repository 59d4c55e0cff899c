"""The measures of benchmark B, against computations of their own."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.benchmarks.proof.reading.measures import READ, auc, bootstrap, lines_until_faulty, recall

LINES = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=30).filter(
    lambda lines: 0 < sum(wrong for _, wrong in lines) < len(lines)
)


@given(LINES)
def test_auc_is_the_share_of_pairs_in_the_right_order_with_ties_half(lines):
    values, faulty = zip(*lines, strict=True)
    pairs = [(one, other) for one, wrong in lines if wrong for other, also in lines if not also]
    counted = sum(1.0 if one > other else 0.5 if one == other else 0.0 for one, other in pairs) / len(pairs)
    assert auc(values, faulty) == pytest.approx(counted, abs=1e-12)
    assert auc([-value for value in values], faulty) == pytest.approx(1 - counted, abs=1e-12)


@given(LINES)
def test_lines_are_read_from_the_largest_and_of_equals_from_the_top(lines):
    values, faulty = zip(*lines, strict=True)
    left, read = dict(enumerate(values)), []
    while left:
        place = next(place for place, value in left.items() if value == max(left.values()))
        read.append(place)
        del left[place]
    assert lines_until_faulty(values, faulty) == 1 + [faulty[place] for place in read].index(True)
    first = read[: ceil(len(lines) / 5)]
    assert recall(values, faulty) == pytest.approx(sum(faulty[place] for place in first) / sum(faulty))
    assert recall(values, faulty, share=1) == 1


@pytest.mark.parametrize("faulty", [[True, True], [False, False]])
def test_an_auc_of_one_kind_of_line_alone_is_refused(faulty):
    with pytest.raises(ValueError, match="not"):
        auc([1.0, 2.0], faulty)


def test_the_bootstrap_is_the_same_each_time_and_covers_the_mean_of_most_samples():
    draw = np.random.default_rng(7)
    assert bootstrap([0.5] * 9) == bootstrap([0.5] * 9)
    assert (bootstrap([0.5] * 9).low, bootstrap([0.5] * 9).high) == (0.5, 0.5)
    inside = 0
    for _ in range(100):
        sample = draw.normal(0.3, 1.0, 40)
        found = bootstrap(sample, resamples=400)
        assert found == bootstrap(sample, resamples=400)
        assert found.low < found.mean < found.high
        inside += found.low <= 0.3 <= found.high
    assert inside >= 85
    assert READ == 0.2
