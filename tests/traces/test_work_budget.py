"""The work budget: counted as the programs are, and every limit taken where it is reached and refused beyond it."""

from __future__ import annotations

import numpy as np
import pytest
from tests.attacks.make import decided, long_program, twigs
from tests.fuzz import seeds
from tests.support.envelopes import packed

from tokenscope_trace import Trace
from tokenscope_trace.errors import OversizedTrace
from tokenscope_trace.traces.work_budget import MAX_TEXT, MAX_TURNS, count_work, path_sizes


@pytest.mark.parametrize("name", seeds.payloads())
def test_programs_are_counted_as_they_are_spelled(name):
    trace = Trace.from_bytes(packed(seeds.payloads()[name]))

    def size(nodes):
        return sum(1 + len(trace.token_bytes(node)) for node in nodes)

    own = [size(trace.programs.of_branch(branch).nodes) for branch in range(len(trace.branches))]
    main = size(trace.path(trace.facts.main_leaf))
    options = [own[branch] if branch >= 0 else main for branch in trace.decision_options.branch.tolist()]
    found = count_work(trace.tables, trace.facts.main_leaf)
    assert found.programs == main * (1 + len(trace.decisions)) + sum(own) + sum(options)
    spelled = [trace.token_bytes(node) for node in range(len(trace.nodes))]
    assert found.text == sum(map(len, spelled))
    assert found.lines == sum(word.count(b"\n") for word in spelled)


def test_sizes_of_paths_are_sums_along_them():
    random = np.random.default_rng(3)
    parent = np.array([int(random.integers(-1, node)) if random.random() < 0.4 else node - 1 for node in range(300)])
    size = random.integers(0, 9, 300)
    expected = []
    for node, above in enumerate(parent.tolist()):
        expected.append(int(size[node]) + (expected[above] if above >= 0 else 0))
    assert path_sizes(parent, size).tolist() == expected


def test_what_reaches_a_limit_is_taken():
    longest = Trace.from_bytes(long_program(MAX_TEXT >> 12, 1 << 12))
    assert count_work(longest.tables, longest.facts.main_leaf).text == MAX_TEXT
    behind = np.concatenate([[0], 2 + np.arange(MAX_TURNS - 1)])
    deepest = Trace.from_bytes(long_program(2, 1, branches=twigs(2, MAX_TURNS, behind)))
    assert count_work(deepest.tables, deepest.facts.main_leaf).turns == MAX_TURNS


def test_what_no_reader_would_take_is_not_written():
    whole = Trace.from_bytes(long_program(1000, 1, **decided(1000, 500, 0)))
    table = {**whole.tables["decisions"], "count": np.full(1000, 600)}
    with pytest.raises(OversizedTrace, match="its decisions have 600,000 tokens, the limit is 524,288"):
        whole.replaced(whole.run, {"decisions": table}).to_bytes()
