"""Small diffs of branches: each is made once, within bounded work, and what is too long is not called different."""

from __future__ import annotations

import pytest
from tests.support.code_traces import END, Twig, Word, recorded

from tokenscope_trace.alignment import WORK
from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.reports import small_diffs
from tokenscope_trace.reports.decision_entries import DiffLine
from tokenscope_trace.reports.review import make_review
from tokenscope_trace.reports.small_diffs import SmallDiffs
from tokenscope_trace.traces.schema import BranchEnd

PROMPT = ["def f():\n"]


def branching(lines, *instead):
    twigs = [Twig(1, words, [0.4], BranchEnd.END_OF_TEXT) for words in instead]
    return recorded(PROMPT, ["    a = 1\n", *lines], twigs, finish="end-of-text")


def test_a_diff_is_made_once():
    diffs = SmallDiffs(branching(["    b\n"], ["    c\n"]))
    assert diffs.of_branch(0) is diffs.of_branch(0)
    assert diffs.of_branch(0) == ((DiffLine("-", "    b"), DiffLine("+", "    c")), 0)


@pytest.mark.parametrize(
    "lines",
    [[f"    x{i} = {i}\n" for i in range(3000)], ["    " + "y" * 3000 + f"{i}\n" for i in range(100)]],
)
def test_what_is_too_long_is_compared_up_to_what_is_in_common_last(lines):
    shown, more = SmallDiffs(branching(["    old\n", *lines], ["    new\n", "    more\n", *lines])).of_branch(0)
    assert [line for line in shown if line.sign != " "] == [
        DiffLine("-", "    old"),
        DiffLine("+", "    new"),
        DiffLine("+", "    more"),
    ]
    assert shown[-1] == DiffLine(" ", "…")
    assert more == 0


def test_all_branches_share_what_is_looked_at_and_the_work(monkeypatch):
    others = {f"{number}\n": 0.03 for number in range(2, 22)}
    twigs = [Twig(1, [other, "    return a\n", END], [0.03], BranchEnd.END_OF_TEXT) for other in others]
    words = ["    a = ", Word("1\n", 0.4, others), "    return a\n", END]
    trace = analysed(recorded(PROMPT, words, twigs, finish="end-of-text"))
    allowed: list[int] = []
    align = small_diffs.align

    def noted(a, b, work):
        allowed.append(work)
        return align(a, b, work)

    monkeypatch.setattr(small_diffs, "align", noted)
    options = [option for decision in make_review(trace).decisions for option in decision.options]
    assert len(options) == len(allowed) > 4
    assert sum(allowed) <= WORK
    monkeypatch.setattr(small_diffs, "_ALL_BYTES", 8 * len(options))
    assert SmallDiffs(trace).of_branch(0) == ((DiffLine(" ", "…"),), 0), "8 bytes are the head of the line"
