"""The options of a card: which are one, what tells two apart that read the same, verdicts that are worth ink, and the order."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from tokenscope_trace.reports.decision_entries import OptionEntry
from tokenscope_trace.reports.option_lists import Candidate, as_shown, reading
from tokenscope_trace.text import percent


def option(text, p=0.2, *, token=None, fork=5, branch=-1, key="unknown", note="", check="", is_end=False, against="·x"):
    token = token or text
    return Candidate(
        OptionEntry(
            text=text,
            note=note,
            fork=fork,
            probability=p,
            percent=percent(p),
            against=0.5,
            against_percent="50.0 %",
            against_text=against,
            overall=p,
            branch=branch,
            node=fork,
            outcome=key,
            key=key,
            is_end=is_end,
            check=check,
            said=("bad",) if check else (),
            diff=(),
            diff_left_out=0,
        ),
        token,
        token.startswith("·"),
    )


def shown(*options, written="x", check="", fork=5):
    return as_shown(written, check, fork, options)


def test_what_differs_in_a_blank_alone_is_one_option_with_both_probabilities_and_the_better_branch():
    for given in permutations([option("h", 0.025, token="h"), option("h", 0.382, token="·h", branch=3, key="expression")]):
        _, (one,) = shown(*given)
        assert (one.probability, one.percent, one.branch, one.note) == (pytest.approx(0.407), "40.7 %", 3, "")
        assert one.overall == pytest.approx(0.407)


def test_a_finished_branch_is_better_than_an_unfinished_one():
    for given in permutations(
        [option("f()", 0.3, branch=1, key="unfinished"), option("f ()", 0.1, branch=2, key="calls"), option("f( )", 0.2)]
    ):
        _, (one,) = shown(*given)
        assert (one.branch, one.key, one.probability) == (2, "calls", pytest.approx(0.6))


def test_those_that_lead_elsewhere_or_stand_elsewhere_are_told_apart():
    other_outcome = [option("h", token="h", branch=1, key="calls"), option("h", token="·h", branch=2, key="broken")]
    other_fork = [option("(", token="(", fork=5), option("(", token="(", fork=7, against="·h")]
    other_verdict = [
        option("h", token="h", branch=1, key="calls", check="passes"),
        option("h", token="·h", branch=2, key="calls", check="fails"),
    ]
    for options, notes in (
        (other_outcome, {"without a blank", "with a blank"}),
        (other_fork, {"from “(” on", "in place of “·h”"}),
        (other_verdict, {"without a blank", "with a blank"}),
    ):
        for given in permutations(options):
            _, found = shown(*given)
            assert len(found) == 2
            if options is not other_fork:
                assert {one.note for one in found} == notes
            assert len({(one.note, one.text) for one in found}) == 2


def test_what_reads_as_what_was_written_says_how_it_differs():
    _, (one,) = shown(option("x", token="x"), written="x")
    assert one.note == "without a blank"
    _, (two,) = shown(option("return l", note="dedented"), written="return l")
    assert two.note == "dedented"


def test_dedented_code_is_no_spelling_of_the_same():
    _, found = shown(
        option("return l", note="dedented", branch=1, key="unfinished"),
        option("return l", note="after a blank line", branch=2, key="same"),
        written="return l",
    )
    assert {one.note for one in found} == {"dedented", "after a blank line"}


def test_no_two_ever_read_the_same_whatever_they_are():
    kinds = [
        {"branch": 1, "key": "calls"}, {"branch": 2, "key": "broken"}, {"branch": 3, "key": "control"},
        {"branch": 4, "key": "calls", "fork": 6}, {"branch": 5, "key": "calls", "note": "dedented"}, {"is_end": True},
    ]  # fmt: skip
    for given in permutations(kinds, 5):
        _, found = shown(*(option("a", token="a", **one) for one in given), written="a")
        lines = [(one.note, reading(one.text)) for one in found]
        assert len(set(lines)) == len(lines)
        assert ("", "a") not in lines


def test_white_space_alone_still_reads_as_what_it_is():
    assert reading("↵↵") == "↵↵" != reading("↵")
    _, found = shown(option("↵"), option("↵↵"))
    assert [one.text for one in found] == ["↵", "↵↵"]


def test_verdicts_are_shown_only_where_they_differ():
    fails = [option("a", branch=1, key="calls", check="fails"), option("b", branch=2, key="calls", check="fails")]
    check, found = shown(*fails, check="fails")
    assert (check, [(one.check, one.said) for one in found]) == ("", [("", ())] * 2)
    assert [one.check for one in shown(*fails, check="")[1]] == ["", ""], "the output was not judged, and all are alike"
    check, found = shown(*fails, check="passes")
    assert (check, [one.check for one in found]) == ("passes", ["fails", "fails"])
    assert shown(option("a"), check="fails")[0] == "", "nothing else was judged"


def test_another_verdict_than_the_outputs_comes_first_and_a_pass_before_it():
    options = [
        option("a", 0.4, branch=1, key="calls", check="fails"),
        option("b", 0.3),
        option("c", 0.2, branch=2, key="calls", check="times out"),
        option("d", 0.1, branch=3, key="calls", check="passes"),
    ]
    for given in permutations(options):
        check, found = shown(*given, check="fails")
        assert (check, [one.text for one in found]) == ("fails", ["d", "c", "a", "b"])
    alone = [replace(options[3], entry=replace(options[3].entry, check="passes")), options[1]]
    assert [one.text for one in shown(*alone, check="")[1]] == ["d", "b"], "the output is not finished, this one passes"


def test_options_of_the_decisions_own_fork_come_before_others():
    _, found = shown(option("a", 0.5, fork=9), option("b", 0.1, fork=5), option("c", 0.2, fork=5))
    assert [one.text for one in found] == ["c", "b", "a"]
