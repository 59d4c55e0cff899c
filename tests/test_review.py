"""Decisions in words: where, what, what else, what that led to; and the same as Markdown."""

from __future__ import annotations

import re

import numpy as np
import pytest
from markdown_it import MarkdownIt
from tests import synthetic_traces
from tests.code_traces import END, Twig, Word, recorded

from tokenscope_trace.analysis import analysed
from tokenscope_trace.pull_request import LINES, markdown
from tokenscope_trace.review import DIFF_LINES, review
from tokenscope_trace.schema import BranchEnd

PROMPT = ["def most(values):\n", '    """The largest."""\n']
OUTPUT = [
    "    best",
    " = ",
    Word("values", 0.5, {"max": 0.3, "0": 0.1}),
    "[0]\n",
    "    for value in values:\n",
    "        if value",
    Word(" >", 0.6, {" >=": 0.35}),
    " best:\n",
    "            best = value\n",
    Word("    return", 0.9, {"    raise": 0.02}),
    " best\n",
    END,
]
REST = [
    "    for value in values:\n",
    "        if value",
    " > best:\n",
    "            best = value\n",
    "    return best\n",
    END,
]
TWIGS = [
    Twig(3, ["max", "(values)\n", "    return best\n", END], [0.3], BranchEnd.END_OF_TEXT),
    Twig(7, [" >=", " best:\n", "            best = value\n", "    return best\n", END], [0.35], BranchEnd.END_OF_TEXT),
]


@pytest.fixture(scope="module")
def trace():
    return analysed(recorded(PROMPT, OUTPUT, TWIGS, finish="end-of-text"))


@pytest.fixture(scope="module")
def found(trace):
    return review(trace)


def test_a_decision_says_where_and_what(found):
    first, second = found.decisions
    assert (first.number, first.line, first.where, first.written, first.percent) == (
        1,
        3,
        "subscript, right of assignment, in most",
        "values[0]",
        "50.0 %",
    )
    assert (second.line, second.where, second.written) == (
        5,
        "comparison operator, condition of if statement, in most",
        "value > best",
    )
    assert found.found == 2
    assert not first.taste
    assert not first.coin_flip


def test_alternatives_say_what_they_are_and_what_they_led_to(found):
    first, second = found.decisions
    assert [(o.text, o.percent, o.branch, o.outcome, o.key) for o in first.options] == [
        ("max(values)", "30.0 %", 0, "other calls or imports", "calls"),
        ("0", "10.0 %", -1, "not explored", "unknown"),
    ]
    (option,) = second.options
    assert (option.text, option.outcome, option.key) == ("value >= best", "another expression or literal", "expression")
    assert first.options[0].node == 14
    assert first.options[1].node == 4


def test_the_diff_is_small(found):
    lines = [line.sign + line.text for line in found.decisions[1].options[0].diff]
    assert lines == [
        "     for value in values:",
        "-        if value > best:",
        "+        if value >= best:",
        "             best = value",
    ]
    assert found.decisions[1].options[0].diff_left_out == 0


def test_a_long_diff_is_cut_and_says_so():
    long = [f"    x{i} = {i}\n" for i in range(40)]
    trace = analysed(
        recorded(PROMPT, ["    a", Word(" = 1\n", 0.5, {" = 2\n": 0.5}), "    return a\n", END],
                 [Twig(2, [" = 2\n", *long, "    return a\n", END], [0.5], BranchEnd.END_OF_TEXT)], finish="end-of-text")
    )  # fmt: skip
    option = review(trace).decisions[0].options[0]
    assert len(option.diff) == DIFF_LINES
    assert option.diff_left_out == 2 + 1 + 40 + 1 - DIFF_LINES


def test_shares_add_up_and_name_every_outcome(found):
    assert {share.key for share in found.shares} == {"same", "calls", "expression"}
    assert sum(share.share for share in found.shares) == pytest.approx(1)
    assert found.explored.endswith("%")


def test_the_comment_is_markdown_with_the_first_diff(found):
    text = found.decisions[1].markdown
    assert text.startswith(
        "**Line 5**, comparison operator, condition of if statement, in most\nThe model wrote `value > best` (60.0 %)."
    )
    assert "- or `value >= best` (35.0 %): another expression or literal" in text
    assert "```diff\n" in text
    assert "+        if value >= best:" in text


def test_foreign_text_stays_text_in_markdown():
    hostile = "`</details>`<script>alert(1)</script>@octocat\n```\n"
    trace = analysed(
        recorded(["x"], [Word("a", 0.5, {hostile: 0.5}), "b"], [Twig(0, [hostile, "c"], [0.5])], source="@a [b](c).txt")
    )
    text = markdown(trace, "a.html")
    assert "`@a [b](c).txt`" in text
    page = MarkdownIt("commonmark").render(text)
    assert "alert(1)" in page
    assert not re.search(r"<(?!/?(h3|p|ol|li|strong|code|pre|br)\b)", page)


def test_the_markdown_is_short_and_says_what_to_attach(trace):
    text = markdown(trace, "most.html")
    assert len(text.splitlines()) <= LINES < 60
    assert "Attach `most.html`" in text
    assert "1. **Line 3**" in text
    many = [Word(f"v{i}", 0.5, {f"w{i}": 0.4}) for i in range(0, 90)]
    output = [word for pair in zip(many, ["\n"] * len(many), strict=True) for word in pair]
    twigs = [Twig(2 * i, [f"w{i}", "\n", "x\n", "y\n"], [0.4]) for i in range(90)]
    long = markdown(analysed(recorded(["\n"], output, twigs)), "p.html")
    assert len(long.splitlines()) <= LINES
    assert "The first 10 of 90 decisions." in long
    assert "```diff" in long


def test_markdown_of_what_has_no_decisions():
    scored = markdown(analysed(synthetic_traces.scored()), "s.html")
    assert scored.startswith("### How expected")
    assert "- **" in scored
    sure = markdown(analysed(recorded(PROMPT, ["    pass\n"])), "p.html")
    assert "No token has a surprisal of 1 bit or more." in sure


def test_older_recordings_and_scored_code_have_no_review():
    assert review(synthetic_traces.plausible()) is None
    assert review(analysed(synthetic_traces.scored())) is None


def test_hostile_tokens_are_visible_and_short():
    found = review(analysed(synthetic_traces.hostile_branches()))
    for decision in found.decisions:
        assert len(decision.written) <= 60
        for text in (decision.written, decision.where, *(option.text for option in decision.options)):
            assert "\u202e" not in text
            assert "\n" not in text


def test_a_method_is_named_with_its_class():
    trace = analysed(
        recorded(["class Stack:\n", "    def push(self):\n"], ["        return", Word(" 1", 0.5, {" 2": 0.4}), "\n"])
    )
    assert review(trace).decisions[0].where == "integer, in Stack.push"


@pytest.mark.parametrize(
    ("source", "prompt", "name"),
    [
        ("a.c", "int most(int a) {\n", "most"),
        ("a.cpp", "int *most(int a) {\n", "most"),
        ("a.js", "function most(a) {\n", "most"),
        ("A.java", "class A { int most(int a) {\n", "A.most"),
        ("a.go", "package p\nfunc most(a int) int {\n", "most"),
        ("a.rs", "fn most(a: i32) -> i32 {\n", "most"),
    ],
)
def test_functions_are_named_in_every_language(source, prompt, name):
    end = "}\n}\n" if source == "A.java" else "}\n"
    trace = analysed(recorded([prompt], ["  return", Word(" 1", 0.5, {" 2": 0.4}), ";\n", end], source=source))
    assert review(trace).decisions[0].where.endswith(f"in {name}")


def test_numbers_of_the_tables_are_those_of_the_words(trace, found):
    assert trace.decisions.node.tolist() == [decision.node for decision in found.decisions]
    assert np.allclose(trace.decisions.probability, [0.5, 0.6])
