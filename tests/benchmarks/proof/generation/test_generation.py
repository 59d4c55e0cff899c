"""Benchmark A counts right: its figures against counts by hand, its values against programs that are known, and one case from end to end."""

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.benchmarks.proof.generation.__main__ import of_json, read, write
from tests.benchmarks.proof.generation.cases import Case, Task
from tests.benchmarks.proof.generation.figures import (
    Shares,
    at_random,
    change_at,
    empty,
    interval,
    ratio,
    repair_at,
    repairable,
)
from tests.benchmarks.proof.generation.measured import (
    Measured,
    MeasuredDecision,
    MeasuredOption,
    as_json,
    measure,
)
from tests.benchmarks.proof.generation.orders import BASELINES, checked, oracle, report
from tests.benchmarks.proof.generation.table import table
from tests.benchmarks.proof.generation.values import calls_of, values

import tokenscope_trace as ts
from tokenscope_trace.settings import TreeSettings


def decision(first, *, passes=None, changes=None, entropy=0.0, score=0.0):
    option = MeasuredOption(first, 0.3, "other_calls", passes, changes)
    return MeasuredDecision(first, first, "call", 0.5, 3, 1.0, entropy, 0.5, 0.6, 1.0, False, False, False, score, (option,))


def case(task, decisions, *, passes=False, passing=1):
    return Measured("gemma3", f"{task}-greedy", task, "v", 10, 1.0, passes, 3, 3, passing, tuple(decisions))


CASES = [
    case("a", [decision(0, passes=False, entropy=2), decision(4, passes=True, entropy=1, score=1)]),
    case(
        "b", [decision(0, passes=True, entropy=0, score=0), decision(1, entropy=1, score=2), decision(2, entropy=2, score=1)]
    ),
    case("c", [decision(0, passes=False)], passing=0),
    case("d", [decision(0, passes=False, changes=True)], passes=True),
    case("e", [], passes=True),
    case("f", [decision(0, changes=False)], passes=None, passing=0),
]


def test_only_failing_outputs_that_a_branch_repairs_count():
    assert [one.task for one in CASES if repairable(one)] == ["a", "b"]
    assert repair_at(CASES, report, 1).of.sum() == 2


@pytest.mark.parametrize(
    ("order", "shares"),
    [
        (report, [0.5, 0.5, 1.0]),
        (BASELINES["entropy"], [0, 0.5, 1]),
        (BASELINES["from the top"], [0.5, 1, 1]),
        (oracle, [1, 1, 1]),
    ],
)
def test_repair_at_k(order, shares):
    assert [repair_at(CASES, order, k).value for k in (1, 2, 3)] == shares


def test_change_at_k_is_of_the_decisions_shown():
    cases = [case("a", [decision(0, changes=True), decision(1, changes=False), decision(2)]), case("b", [], passes=True)]
    assert [change_at(cases, BASELINES["from the top"], k).value for k in (1, 2, 3, 5)] == pytest.approx(
        [1, 1 / 2, 1 / 3, 1 / 3]
    )


def test_empty_lists_are_counted_by_verdict():
    assert empty(CASES, passes=True).value == 0.5
    assert empty(CASES, passes=False).of.sum() == 4
    assert empty(CASES, passes=False).value == 0


def test_an_output_without_an_end_fails():
    assert repairable(replace(CASES[-1], passing=1))


def test_an_order_by_chance_has_the_mean_of_all_orders():
    decisions = [decision(place, passes=place == 0) for place in range(4)]
    cases = [replace(case("a", decisions), case=f"a{number}") for number in range(200)]
    assert at_random(repair_at, cases, 2).value == pytest.approx(0.5, abs=0.03)
    assert math.isclose(np.mean([any(one.first == 0 for one in way[:2]) for way in itertools.permutations(decisions)]), 0.5)


def test_resamples_draw_tasks_and_not_cases():
    shares = Shares(np.array([1.0, 1, 0, 0]), np.ones(4), np.array([0, 0, 1, 1]))
    assert set(np.unique(shares.resampled())) == {0.0, 0.5, 1.0}
    assert (shares.resampled() == shares.resampled()).all()
    assert interval(shares.resampled()) == (0.0, 1.0)


def test_a_share_is_once_its_own():
    shares = repair_at(CASES, report, 2)
    assert ratio(shares, shares)[0] == 1.0


def test_calls_are_those_with_arguments_written_out():
    tests = "def check(candidate):\n    assert candidate([1], k=2) == 3\n    assert candidate(x) == 1\n    assert other(1)\n"
    assert calls_of(tests, "f") == ["(([1],), {'k': 2})"]


@pytest.mark.parametrize(
    ("program", "given"),
    [
        ("def f(x):\n    return x / 1", ("float 2.0",)),
        ("def f(x):\n    print('x')\n    return x", ("int 2",)),
        ("def f(x):\n    return {}[x]", ("!KeyError",)),
        ("def f(x)", ("!SyntaxError",)),
        ("def g(x): pass", ("!KeyError",)),
        ("import os; os._exit(3)", ("!ended",)),
    ],
)
def test_values_of_a_program(program, given):
    assert values(program, "f", ["((2,), {})"]) == given


def test_a_case_from_end_to_end(tmp_path: Path):
    """The built-in model writes `(width, height)`; the tests want `(width, width)`, which is one of its alternatives."""
    prompt = "def area(width, height):\n    return"
    task = Task("area", prompt, "assert area(2, 3) == (2, 2)\n", "area")
    one = Case("builtin", task, 0)
    trace = ts.record(
        ts.load_model(),
        prompt,
        source="area.py",
        generation=one.generation,
        tree=TreeSettings(nodes=256),
        replay=None,
        check=one.check(),
    )
    found = measure(one, trace, "v", 1.0)
    assert repairable(found)
    assert found.finished > found.passing > 0
    assert [first.first for first in checked(found)][: len(trace.decisions)] == (
        trace.decisions.node - trace.output[0]
    ).tolist()
    passing = [option for first in found.decisions for option in first.options if option.passes]
    assert passing
    assert all(option.changes for option in passing)
    assert repair_at([found], oracle, 1).value == repair_at([found], checked, 1).value == 1
    write(tmp_path / "results.jsonl", [as_json(found)])
    assert [of_json(kept) for kept in read(tmp_path / "results.jsonl")] == [found]
    assert "1 failing outputs that an explored branch repairs" in table([found], "builtin", "own")
