"""A back end of five tokens records, and its tree is the enumeration of its paths: numbers, order of growth, ends, mass."""

from __future__ import annotations

import heapq
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path as File

import numpy as np
import pytest
from tests.support.toy_backend import AFTER, WORDS, ToyBackend

from tokenscope_trace.analysis.behaviour import explored_probability, log_masses
from tokenscope_trace.errors import ModelError
from tokenscope_trace.estimates.dry_run import estimate_generation
from tokenscope_trace.estimates.forecast import forecast_generation
from tokenscope_trace.models.backend import Backend
from tokenscope_trace.models.prompts import Prompt, Segment
from tokenscope_trace.progress import Watcher
from tokenscope_trace.recording.documents import Document
from tokenscope_trace.recording.recorder import record
from tokenscope_trace.recording.scorer import score
from tokenscope_trace.session.display import Silent
from tokenscope_trace.session.jobs import generation_job, scoring_job
from tokenscope_trace.session.recorded_settings import recorded_request
from tokenscope_trace.session.repetition import repetition_job
from tokenscope_trace.session.runner import Plan, perform
from tokenscope_trace.settings import (
    GenerationSettings,
    PromptText,
    ReplaySettings,
    TreeSettings,
    parse_forced_text,
    parse_forced_token,
)
from tokenscope_trace.traces.schema import BranchEnd

PROMPT = Prompt([1, 4], "text", "-", (Segment("text", 0, 2),), exact=True)
MAIN = [1, 4, 1, 2, 1, 2, 1]  # the best token of each row, five times
WHOLE = TreeSettings(nodes=10_000, width=4, depth=2, length=4, extra=0, min_prob=0.0)


@dataclass(frozen=True)
class Path:
    """A branch as it must be: the ids of its whole path, where it forks, and why it ends."""

    ids: tuple[int, ...]
    fork: int
    weight: float
    level: int
    end: BranchEnd
    left: tuple[tuple[tuple[int, ...], int], ...]  # the paths that were left on the way, and where


def recorded(tree, width=1, **more):
    settings = GenerationSettings(max_new_tokens=5, temperature=0)
    return record(ToyBackend(width), PROMPT, settings, tree=tree, **more)


def changed(**bounds):
    return TreeSettings(**(vars(WHOLE) | bounds))


def p(ids, place):
    return AFTER[ids[place - 1]][ids[place]]


def text(ids):
    return b"".join(WORDS[token] for token in ids)


def written(ids, fork, weight, level, left, most, bound):
    """The branch that begins with the last of `ids`, with the best token after each."""
    while True:
        own = [text(ids[at:]) for _, at in left]
        if ids[-1] == 0:
            end = BranchEnd.END_OF_TEXT
        elif any(
            text(path[at:cut]) == mine
            for (path, at), mine in zip(left, own, strict=True)
            for cut in range(at + 1, len(path) + 1)
        ):
            end = BranchEnd.REJOINED
        elif len(ids) - fork == most:
            end = bound
        else:
            ids = (*ids, int(np.argmax(AFTER[ids[-1]])))
            continue
        return Path(ids, fork, weight, level, end, left)


def enumerated(nodes=10_000, depth=2, length=4):
    """All branches, the likeliest fork that is known first, those of the main path before all others, until so many nodes are written."""
    heap, age, found = [], 0, []

    def offer(path, first, weight, level, left):
        nonlocal age
        for place in range(first, len(path)):
            for token in sorted(range(5), key=lambda token: -AFTER[path[place - 1]][token]):
                if token != path[place]:
                    ids = (*path[:place], token)
                    likely = weight * float(np.exp(float(np.float32(np.log(p(ids, place))))))  # as it is recorded
                    rank = level > 1 or likely < 0.05  # the likely ones of the main path come first
                    heapq.heappush(heap, (rank, -likely, age, ids, place, level, (*left, (path, place))))
                    age += 1

    offer(tuple(MAIN), len(PROMPT.ids), 1.0, 1, ())
    while heap and nodes:
        _, weight, _, ids, place, level, left = heapq.heappop(heap)
        bound = BranchEnd.LENGTH if nodes >= length else BranchEnd.NODES
        branch = written(ids, place, -weight, level, left, min(length, nodes), bound)
        found.append(branch)
        nodes -= len(branch.ids) - place
        if level < depth:
            offer(branch.ids, place + 1, -weight, level + 1, left)
    return found


def branches_of(trace):
    """(ids of the whole path, where it forks, its end) of each branch, in the order in which they began."""
    ids, table = trace.nodes.token_id, trace.branches
    paths = [trace.path(first + count - 1) for first, count in zip(table.first.tolist(), table.count.tolist(), strict=True)]
    return [
        (tuple(ids[path].tolist()), len(path) - count, end)
        for path, count, end in zip(paths, table.count.tolist(), table.end.tolist(), strict=True)
    ]


def test_the_toy_is_a_back_end():
    assert isinstance(ToyBackend(), Backend)
    assert all(sum(row) == pytest.approx(1) for row in AFTER.values())


def test_every_number_is_that_of_the_table():
    trace = recorded(WHOLE)
    assert trace.nodes.token_id[trace.main].tolist() == MAIN
    assert trace.run["finish"] == "length"
    assert len(trace.nodes) > 300
    for node in range(1, len(trace.nodes)):
        path = trace.nodes.token_id[trace.path(node)].tolist()
        row, own = np.array(AFTER[path[-2]]), p(path, len(path) - 1)
        best = sorted(row, reverse=True)
        assert trace.nodes.logprob[node] == pytest.approx(np.log(own), abs=1e-6)
        assert trace.nodes.entropy[node] == pytest.approx(-(row * np.log2(row)).sum(), abs=1e-6)
        assert trace.nodes.margin[node] == pytest.approx(best[0] - best[1], abs=1e-6)
        assert trace.nodes.gap[node] == pytest.approx(np.log(best[0] / own), abs=1e-6)
        assert trace.nodes.rank[node] == 1 + (row > own).sum()
        rows = trace.alternatives_of(node)
        assert np.exp(trace.alternatives.logprob[rows]) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("nodes", [1, 7, 30, 100, 2000])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_tree_is_the_enumeration_in_its_order_to_its_last_node(nodes, depth):
    trace, expected = recorded(changed(nodes=nodes, depth=depth)), enumerated(nodes, depth)
    assert branches_of(trace) == [(path.ids, path.fork, path.end) for path in expected]
    whole = trace.run["tree"]["finish"] == "complete"
    assert whole == (sum(len(path.ids) - path.fork for path in expected) < nodes)


def test_branches_that_advance_together_are_the_same_ones_in_another_order():
    one, many = recorded(WHOLE), recorded(WHOLE, width=8)
    assert {path for path, _, _ in branches_of(one)} == {path for path, _, _ in branches_of(many)}
    assert branches_of(one) != branches_of(many)


def test_all_ways_to_end_are_among_them():
    ends = {path.end for path in enumerated(100)}
    assert ends == {BranchEnd.END_OF_TEXT, BranchEnd.REJOINED, BranchEnd.LENGTH, BranchEnd.NODES}


@pytest.mark.parametrize("nodes", [7, 30, 100, 2000])
def test_the_mass_of_what_was_explored_is_that_of_the_enumeration(nodes):
    trace, expected = recorded(changed(nodes=nodes)), enumerated(nodes)
    main, branches = log_masses(trace)

    def begun(ids):
        return np.prod([p(ids, place) for place in range(len(PROMPT.ids), len(ids))])

    below = [
        sum(begun(other.ids[: other.fork + 1]) for other in expected if other.left[-1][0] == path.ids) for path in expected
    ]
    own = [begun(path.ids[: path.fork + 1]) for path in expected]
    assert np.exp(main) == pytest.approx(begun(MAIN), rel=1e-6)
    assert np.exp(branches) == pytest.approx(np.array(own) - below, abs=1e-6)
    first = sum(mass for mass, path in zip(own, expected, strict=True) if path.level == 1)
    assert explored_probability(trace) == pytest.approx(begun(MAIN) + first, abs=1e-6)
    if nodes == 2000:  # every token at every place of the output: all there is
        assert explored_probability(trace) == pytest.approx(1.0, abs=1e-6)


def test_paths_that_are_asked_for_are_forced():
    asked = changed(nodes=0, forced=(parse_forced_token("2:4,4:3"), parse_forced_text("3:ba")))
    trace = recorded(asked)
    assert [(path[2:], fork - 1) for path, fork, _ in branches_of(trace)] == [
        ((1, 4, 1, 2, 1), 2),
        ((1, 4, 1, 3, 4, 1, 2), 4),
        ((1, 2, 2, 1, 2, 1), 3),
    ]
    assert trace.branches.asked.tolist() == [1, 1, 1]
    assert trace.branches.forced.tolist() == [1, 1, 2]


def test_what_a_back_end_cannot_do_is_missing_with_its_reason():
    told = []
    trace = recorded(WHOLE, replay=ReplaySettings(), watcher=Watcher(on_missing=lambda missing, _: told.append(missing)))
    assert trace.run["missing"] == [{"stage": "replay", "reason": "it shows nothing of its inside"}]
    assert [missing.stage for missing in told] == ["replay"]
    assert len(trace.branches) == len(enumerated())


def test_code_that_exists_is_scored():
    trace = score(ToyBackend(), [Document("a.txt", "ab\nb"), Document("b.txt", "ba")])
    ids = trace.nodes.token_id.tolist()
    assert ids == [1, 2, 4, 2, 2, 1]
    expected = [np.nan, 0.43, 0.26, 0.07, np.nan, 0.47]
    assert np.exp(trace.nodes.logprob) == pytest.approx(expected, abs=1e-6, nan_ok=True)


def performed(job):
    """The trace of a job, by all that stands between a command line and a model."""
    plan = Plan(None, False, "toy", ToyBackend, None, None, 8, None, [], keep=False)
    trace, _ = perform(job, plan, Silent())
    return trace


def test_a_whole_session_runs_and_runs_again():
    settings = GenerationSettings(max_new_tokens=5, temperature=0)
    trace = performed(generation_job(PromptText("a\n", "a.txt"), settings, changed(nodes=99)))
    again = performed(repetition_job(trace, recorded_request(trace), File("a.tsc")))
    assert branches_of(trace) == branches_of(again) == [(path.ids, path.fork, path.end) for path in enumerated(99)]
    scored = performed(scoring_job([Document("a.txt", "ab\nb")], 5))
    assert scored.run["finish"] == "scored"


def test_nothing_of_it_needs_torch():
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "from tests.recording import test_backends as tests\n"
        "tests.test_a_whole_session_runs_and_runs_again()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_it_takes_is_not_known_and_not_guessed():
    watcher = Watcher()
    assert forecast_generation(watcher, ToyBackend(), 2, GenerationSettings(), None, None) is watcher
    with pytest.raises(ModelError, match="without --dry-run"):
        estimate_generation(ToyBackend(), PROMPT, GenerationSettings())
