"""The budget that nobody gave: by the output's length, and by the model's speed."""

from __future__ import annotations

from tokenscope_trace.tree.budget import FEWEST, LEAST, MOST, TIMES, default_nodes


def test_it_follows_the_length_between_its_bounds_in_powers_of_two():
    found = [default_nodes(tokens) for tokens in (0, 1, 8, 20, 64, 100, 10_000)]
    assert found == sorted(found)
    assert found[0] == LEAST
    assert found[-1] == MOST
    assert all(nodes & (nodes - 1) == 0 for nodes in found)


def test_it_takes_at_most_a_multiple_of_the_outputs_time():
    for seconds, per_node in ((2.0, 0.1), (10.0, 0.25), (300.0, 0.9)):
        assert default_nodes(64, seconds, per_node) * per_node <= TIMES * seconds
    assert default_nodes(64, 0.001, 5.0) == FEWEST
    assert default_nodes(64, 1000.0, 0.001) == default_nodes(64)
