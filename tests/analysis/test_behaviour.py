"""Where the explored probability leads, against sums over all paths of a small tree."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.code_traces import Twig, Word, recorded

from tokenscope_trace.analysis.behaviour import explored_probability, log_masses, pass_share, pivot, probability_by_outcome
from tokenscope_trace.traces.schema import BranchEnd, CheckResult, Outcome

# Nodes: 0 prompt, 1 to 3 output, 4 and 5 a branch after 0, 6 a branch of that after 4, 7 one of the output after 1.
OUTPUT = [Word("a", 0.5, {"x": 0.3}), Word("b", 0.8, {"y": 0.2}), Word("c", 0.9)]
TWIGS = [Twig(0, ["x", "u"], [0.3, 0.6]), Twig(4, ["v"], [0.25]), Twig(1, ["y"], [0.2])]


def trace(outcomes=(), results=()):
    found = recorded(["p"], OUTPUT, TWIGS)
    tables = {}
    if outcomes:
        zeros = np.zeros(len(outcomes), np.uint32)
        tables["outcomes"] = {
            "outcome": np.array(outcomes, np.uint8),
            "scope": np.ones(len(outcomes), np.uint8),
            **dict.fromkeys(("start", "main_end", "branch_end"), zeros),
        }
    run = found.run
    if results:
        tables["checks"] = {
            "branch": np.array([branch for branch, _ in results], np.int32),
            "result": np.array([result for _, result in results], np.uint8),
            "output": np.zeros(len(results), np.uint16),
        }
        run = {**run, "check": {"command": "x", "outputs": [""], "pivot": None}}
    return found.replaced(run, tables)


def test_a_path_has_the_product_of_its_probabilities_less_what_departs_from_it():
    main, branches = log_masses(trace())
    assert np.exp(main) == pytest.approx(0.5 * 0.8 * 0.9)
    assert np.exp(branches) == pytest.approx([0.3 * (1 - 0.25), 0.3 * 0.25, 0.5 * 0.2])
    assert explored_probability(trace()) == pytest.approx(0.5 * 0.8 * 0.9 + 0.3 + 0.5 * 0.2)


def test_shares_by_outcome_add_up_and_the_output_is_the_same_text():
    shares = probability_by_outcome(trace([Outcome.RENAMED, Outcome.OTHER_CALLS, Outcome.RENAMED]))
    whole = 0.36 + 0.3 + 0.1
    assert shares == pytest.approx(
        {Outcome.SAME_TEXT: 0.36 / whole, Outcome.RENAMED: (0.225 + 0.1) / whole, Outcome.OTHER_CALLS: 0.075 / whole}
    )
    assert probability_by_outcome(trace()) == pytest.approx(
        {Outcome.SAME_TEXT: 0.36 / whole, Outcome.NOT_COMPARED: 0.4 / whole}
    )


def test_probabilities_below_what_a_float_holds_still_have_shares():
    found = recorded(["p"], [Word("a", 1e-30) for _ in range(40)], [Twig(20, ["x"], [1e-29])])
    shares = probability_by_outcome(found)
    assert shares[Outcome.NOT_COMPARED] == pytest.approx(1.0)
    assert explored_probability(found) == 0.0


def test_without_a_tree_all_that_is_explored_is_what_was_written():
    found = recorded(["p"], OUTPUT)
    assert probability_by_outcome(found) == {Outcome.SAME_TEXT: 1.0}
    assert explored_probability(found) == pytest.approx(0.36)


def test_the_pivot_is_the_token_that_moves_the_pass_share_most():
    results = [(-1, CheckResult.PASS), (0, CheckResult.FAIL), (2, CheckResult.TIME_OUT)]
    found = trace(results=results)
    assert pass_share(found) == pytest.approx(0.36 / (0.36 + 0.225 + 0.1))
    moves = pivot(found)
    assert (moves.node, moves.before, moves.after) == (1, pytest.approx(0.36 / 0.685), pytest.approx(0.36 / 0.46))
    later = pivot(trace(results=[(-1, CheckResult.PASS), (0, CheckResult.PASS), (2, CheckResult.FAIL)]))
    assert (later.node, later.before, later.after) == (2, pytest.approx(0.36 / 0.46), 1.0)


def test_no_token_moves_what_all_programs_agree_on():
    results = [(-1, CheckResult.PASS), (0, CheckResult.PASS), (1, CheckResult.PASS)]
    assert pivot(trace(results=results)) is None
    assert pass_share(trace(results=results)) == 1.0
    assert pass_share(trace()) is None


def test_a_branch_that_rejoins_keeps_its_own_mass():
    found = recorded(["p"], OUTPUT, [Twig(0, ["a", "b"][::-1], [0.1], BranchEnd.REJOINED, 2)])
    assert np.exp(log_masses(found)[1]) == pytest.approx([0.1])
