"""Decisions in words: where, what, what else, what that led to; and the same as Markdown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from markdown_it import MarkdownIt
from tests.support import synthetic_traces
from tests.support.code_traces import END, Twig, Word, recorded

from tokenscope_trace import Trace
from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.reports.json_report import json_document
from tokenscope_trace.reports.page import html_page
from tokenscope_trace.reports.pull_request import MOST_LINES, comment_text, decision_comment
from tokenscope_trace.reports.review import make_review
from tokenscope_trace.reports.sarif import sarif_log
from tokenscope_trace.reports.small_diffs import DIFF_LINES
from tokenscope_trace.traces.schema import BranchEnd

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.tsc"))

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
    return make_review(trace)


def test_a_decision_says_where_and_what(found):
    first, second = found.decisions
    assert (first.number, first.line, first.where, first.written, first.percent) == (
        1,
        3,
        "value of the assignment, in most",
        "values[0]",
        "50.0 %",
    )
    assert (second.line, second.where, second.written) == (
        5,
        "comparison, condition of the if statement, in most",
        "value > best",
    )
    assert found.found == 2
    assert not first.taste
    assert not first.coin_flip


def test_alternatives_say_what_they_are_and_what_they_led_to(found):
    first, second = found.decisions
    assert [(o.text, o.percent, o.branch, o.outcome, o.key) for o in first.options] == [
        ("max(values)", "30.0 %", 0, "other calls", "calls"),
        ("0", "10.0 %", -1, "not explored", "unknown"),
    ]
    (option,) = second.options
    assert (option.text, option.outcome, option.key) == ("value >= best", "another expression", "expression")
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
    option = make_review(trace).decisions[0].options[0]
    assert len(option.diff) == DIFF_LINES
    assert option.diff_left_out == 2 + 1 + 40 + 1 - DIFF_LINES


def test_shares_add_up_and_name_every_outcome(found):
    assert {share.key for share in found.shares} == {"same", "calls", "expression"}
    assert sum(share.share for share in found.shares) == pytest.approx(1)
    assert found.explored.endswith("%")


def test_the_comment_is_markdown_with_the_first_diff(found):
    text = decision_comment(found.decisions[1])
    assert text.startswith(
        "**Line 5**, comparison, condition of the if statement, in most\nThe model wrote `value > best` (60.0 %; at `·>`)."
    )
    assert "- or `value >= best` (35.0 %): another expression\n- or anything else (5.0 %)\n" in text
    assert "```diff\n" in text
    assert "+        if value >= best:" in text


def test_foreign_text_stays_text_in_markdown():
    hostile = "`</details>`<script>alert(1)</script>@octocat\n```\n"
    trace = analysed(
        recorded(["x"], [Word("a", 0.5, {hostile: 0.5}), "b"], [Twig(0, [hostile, "c"], [0.5])], source="@a [b](c).txt")
    )
    text = comment_text(trace, "a.html")
    assert "`@a [b](c).txt`" in text
    page = MarkdownIt("commonmark").render(text)
    assert "alert(1)" in page
    assert not re.search(r"<(?!/?(h3|p|ol|li|strong|code|pre|br)\b)", page)


def test_the_markdown_is_short_and_says_what_to_attach(trace):
    text = comment_text(trace, "most.html")
    assert len(text.splitlines()) <= MOST_LINES < 60
    assert "Attach `most.html`" in text
    assert "1. **Line 3**" in text
    names = [f"v{chr(97 + i // 10)}{chr(97 + i % 10)}" for i in range(90)]  # numbers would count, as a loop does
    many = [Word(name, 0.5, {f"w{name}": 0.4}) for name in names]
    output = [word for pair in zip(many, ["\n"] * len(many), strict=True) for word in pair]
    twigs = [Twig(2 * i, [f"w{names[i]}", "\n", "x\n", "y\n"], [0.4]) for i in range(90)]
    long = comment_text(analysed(recorded(["\n"], output, twigs)), "p.html")
    assert len(long.splitlines()) <= MOST_LINES
    assert "The first 10 of 90 decisions." in long
    assert "```diff" in long


def test_markdown_of_what_has_no_decisions():
    scored = comment_text(analysed(synthetic_traces.scored()), "s.html")
    assert scored.startswith("### How expected")
    assert "- **" in scored
    sure = comment_text(analysed(recorded(PROMPT, ["    pass\n"])), "p.html")
    assert "No token has a surprisal of 1 bit or more." in sure


def test_older_recordings_and_scored_code_have_no_review():
    assert make_review(synthetic_traces.plausible()) is None
    assert make_review(analysed(synthetic_traces.scored())) is None


def test_hostile_tokens_are_visible_and_short():
    found = make_review(analysed(synthetic_traces.hostile_branches()))
    for decision in found.decisions:
        assert len(decision.written) <= 60
        for text in (decision.written, decision.where, *(option.text for option in decision.options)):
            assert "\u202e" not in text
            assert "\n" not in text


def test_a_method_is_named_with_its_class():
    trace = analysed(
        recorded(["class Stack:\n", "    def push(self):\n"], ["        return", Word(" 1", 0.5, {" 2": 0.4}), "\n"])
    )
    assert make_review(trace).decisions[0].where == "number, in Stack.push"


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
    assert make_review(trace).decisions[0].where.endswith(f"in {name}")


def test_numbers_of_the_tables_are_those_of_the_words(trace, found):
    assert trace.decisions.node.tolist() == [decision.node for decision in found.decisions]
    assert np.allclose(trace.decisions.probability, [0.5, 0.6])


def hole(output):
    """A hole in a method: prefix, suffix, then what was written there and the end of the text."""
    trace = recorded(
        ["class Stack:\n    def push(self, item):\n", "\n    def pop(self):\n        return 1\n"],
        [*output, Word(END, 0.6, {"\n": 0.3})],
        [Twig(1 + len(output), ["\n", "        item()\n", END], [0.3], BranchEnd.END_OF_TEXT)],
        finish="end-of-text",
    )
    segments = [{"role": "prefix", "first": 0, "end": 1}, {"role": "suffix", "first": 1, "end": 2}]
    return trace.replaced({**trace.run, "prompt": {**trace.run["prompt"], "kind": "fim", "segments": segments}}, {})


def test_the_end_of_a_hole_is_no_code_and_stands_where_the_output_ends():
    trace = analysed(hole(["        item.push", "()"]))
    (decision,) = make_review(trace).decisions
    assert (decision.line, decision.where, decision.written, decision.is_end) == (3, "", "the end of the text", True)
    assert "def pop" not in decision_comment(decision).split("```diff")[0]
    assert decision_comment(decision).startswith("**Line 3**\nThe model ended the text here (60.0 %).")
    assert not decision.taste, "it may have called something more"
    assert trace.decisions.syntax.tolist() == [-1]


def test_an_older_recording_of_such_an_end_is_read_as_one():
    trace = analysed(hole(["        item.push", "()"]))
    table = trace.tables["decisions"]
    inside = np.flatnonzero((trace.syntax.kind == "function_definition") & (trace.syntax.start > 50))[:1].astype(np.int32)
    older = trace.replaced(trace.run, {"decisions": {**table, "syntax": inside}})
    (decision,) = make_review(older).decisions
    assert (decision.line, decision.where, decision.written) == (3, "", "the end of the text")


def test_ending_a_comment_is_no_decision():
    output = [Word("# ready", 0.9), Word(END, 0.6, {" now": 0.3})]
    twigs = [Twig(2, [" now", END], [0.3], BranchEnd.END_OF_TEXT)]
    trace = analysed(recorded(PROMPT, ["    return 1\n", *output][1:], twigs, finish="end-of-text"))
    assert make_review(trace).decisions == ()
    output = [Word("# ready", 0.9), Word(END, 0.6, {" now\nx = 1\n": 0.3})]
    twigs = [Twig(2, [" now\nx = 1\n", END], [0.3], BranchEnd.END_OF_TEXT)]
    (decision,) = make_review(analysed(recorded(["y = 2\n", "\n"], output, twigs, finish="end-of-text"))).decisions
    assert not decision.taste, "it went on with code"


def test_the_line_is_where_what_was_decided_begins_to_show():
    output = ["    best = 1", Word("\n    ", 0.5, {" + 2\n    ": 0.4}), "return best\n", END]
    twigs = [Twig(2, [" + 2\n    ", "return best\n", END], [0.4], BranchEnd.END_OF_TEXT)]
    trace = analysed(recorded(PROMPT, output, twigs, finish="end-of-text"))
    (decision,) = make_review(trace).decisions
    text = trace.text(trace.main, special=False)
    assert decision.written.startswith(text[decision.start : decision.end].decode().split("\n")[0])
    assert decision.line == text[: decision.start].count(b"\n") + 1
    log = json.loads(sarif_log(trace))
    region = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]
    document = json.loads(json_document(trace))
    assert region["startLine"] == document["decisions"]["listed"][0]["line"] == decision.line == 3
    assert f"1. **Line {decision.line}**" in comment_text(trace, "p.html")
    assert f"<b>line {decision.line}</b>" in html_page(trace)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_lines_of_every_format_agree(path):
    trace = Trace.load(path)
    found = make_review(trace)
    if found is None:
        return
    text, page, document = comment_text(trace, "p.html"), html_page(trace), json.loads(json_document(trace))
    results = json.loads(sarif_log(trace))["runs"][0]["results"]
    for decision, listed, note in zip(found.decisions, document["decisions"]["listed"], results, strict=True):
        assert f"{decision.number}. **Line {decision.line}**" in text
        assert f'<span class="badge">{decision.number}</span> <span class="card-where"><b>line {decision.line}</b>' in page
        assert listed["line"] == decision.line
        if trace.facts.prompt.kind == "chat":  # whose answer is in no file
            assert note["message"]["text"].startswith(f"Line {decision.line} of the conversation: ")
        else:
            assert note["locations"][0]["physicalLocation"]["region"]["startLine"] == decision.line


def test_what_is_not_listed_is_said_and_all_adds_up(trace, found):
    assert [decision.rest for decision in found.decisions] == ["10.0 %", "5.0 %"]
    page = html_page(trace)
    assert page.count('<span class="outcome unexplored">anything else</span>') == 2
    assert "anything else 20.0 %" in comment_text(trace, "p.html"), "it lists what was explored, and not the 10 % of 0"
    for listed in json.loads(json_document(trace))["decisions"]["listed"]:
        total = listed["probability"] + listed["rest"] + sum(option["probability"] for option in listed["options"])
        assert total == pytest.approx(1, abs=1e-6)
    complete = analysed(recorded(PROMPT, ["    return", Word(" 1", 0.6, {" 2": 0.398}), "\n"]))
    assert make_review(complete).decisions[0].rest == ""
    assert "anything else" not in html_page(complete)


@pytest.mark.parametrize(("rank", "sampled", "words"), [(8, True, "8th choice"), (2, True, "2nd choice"), (13, True, "13th choice"), (1, True, ""), (8, False, "")])  # fmt: skip
def test_what_was_drawn_by_chance_says_so(rank, sampled, words):
    trace = recorded(PROMPT, ["    return", Word(" 1", 0.05, {" 2": 0.6}), "\n"])
    ranks = trace.tables["nodes"]["rank"].copy()
    ranks[3] = rank
    run = {**trace.run, "sampling": {**trace.run["sampling"], "do_sample": sampled}}
    trace = analysed(trace.replaced(run, {"nodes": {**trace.tables["nodes"], "rank": ranks}}))
    (decision,) = make_review(trace).decisions
    assert decision.drawn == words
    assert (f"drawn by chance, {words}" in html_page(trace)) == bool(words)
    assert (f"(drawn by chance, {words})" in comment_text(trace, "p.html")) == bool(words)
    assert (f"It was drawn by chance, the {words}." in decision_comment(decision)) == bool(words)


def test_a_statement_that_was_compared_alone_says_so(found):
    output = ["    best = ", Word("values", 0.5, {"max": 0.3}), "(1)\n", "    for value in best:\n", "        pass\n"]
    trace = analysed(recorded(PROMPT, output, [Twig(2, ["max", "(1)\n", "    for x"], [0.3])]))
    assert make_review(trace).decisions[0].options[0].outcome == "other calls (this statement)"


def test_a_text_that_is_cut_within_a_string_ends_in_an_ellipsis():
    trace = analysed(recorded(PROMPT, ["    return", Word(" 1", 0.5, {' "a': 0.4}), "\n"]))
    assert [option.text for option in make_review(trace).decisions[0].options] == ['"a…']
