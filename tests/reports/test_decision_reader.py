"""The words of decisions: both sides of a fork, white space as the code behind it, and what is said of a branch."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.reports.test_review import PROMPT
from tests.support import synthetic_traces
from tests.support.code_traces import END, Twig, Word, recorded

from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.reports.json_report import json_document
from tokenscope_trace.reports.page import html_page
from tokenscope_trace.reports.pull_request import comment_text, decision_comment
from tokenscope_trace.reports.review import make_review
from tokenscope_trace.reports.sarif import sarif_log
from tokenscope_trace.traces.schema import BranchEnd, CheckResult, DecisionFlag

ENDS = BranchEnd.END_OF_TEXT


def reviewed(output, twigs, **facts):
    return make_review(analysed(recorded(PROMPT, output, twigs, **{"finish": "end-of-text", **facts})))


def of_several_tokens():
    """A name of three tokens, with an option at its first and one at its last."""
    output = [
        "    return ",
        Word("most", 0.388, {"number": 0.165}),
        Word("_of", 0.9),
        Word("_all", 0.5, {"_us": 0.4}),
        "(values)\n",
        END,
    ]
    twigs = [Twig(2, ["number", "(values)\n", END], [0.165], ENDS), Twig(4, ["_us", "(values)\n", END], [0.4], ENDS)]
    return analysed(recorded(PROMPT, output, twigs, finish="end-of-text"))


def test_both_sides_of_a_fork_have_the_probability_of_one_token_and_the_product_is_a_number_of_its_own():
    trace = of_several_tokens()
    (decision,) = make_review(trace).decisions
    first, later = decision.options
    assert (first.percent, first.against_percent, first.against_text) == ("16.5 %", "38.8 %", "most")
    assert (later.percent, later.against_percent, later.against_text) == ("40.0 %", "50.0 %", "_all")
    assert (decision.fork, decision.percent) == (first.fork, "38.8 %"), "at the head stands the fork of the likelier one"
    assert decision.whole == pytest.approx(0.388 * 0.9 * 0.5)
    assert decision.remark == "all 3 tokens 17.5 %"
    assert decision.rest == "44.7 %", "of the fork: 1 - 0.388 - 0.165"
    assert later.overall == pytest.approx(0.388 * 0.9 * 0.4)


def test_every_format_says_both_sides():
    trace = of_several_tokens()
    (decision,) = make_review(trace).decisions
    text, comment, page = comment_text(trace, "p.html"), decision_comment(decision), html_page(trace)
    assert "`most_of_all` 38.8 % (all 3 tokens 17.5 %), or `number` 16.5 % (" in text
    assert "`most_of_us` 40.0 % against 50.0 % of `_all` (" in text
    assert "(38.8 %; all 3 tokens 17.5 %)" in comment
    assert "(40.0 % against 50.0 % of `_all`)" in comment
    assert 'against 50.0 % of <bdi class="token-text">_all</bdi>' in page
    message = json.loads(sarif_log(trace))["runs"][0]["results"][0]["message"]["text"]
    assert "“number” (16.5 %: " in message
    assert "“most_of_us” (40.0 % against 50.0 %: " in message
    (listed,) = json.loads(json_document(trace))["decisions"]["listed"]
    assert listed["probability"] == pytest.approx(0.388)
    assert listed["whole_probability"] == pytest.approx(0.388 * 0.9 * 0.5, rel=1e-5)
    assert [(o["probability"], o["against"]) for o in listed["options"]] == [
        (pytest.approx(0.165), pytest.approx(0.388)),
        (pytest.approx(0.4), pytest.approx(0.5)),
    ]
    assert listed["rest"] == pytest.approx(0.447, abs=1e-6)


def test_a_page_that_lacks_alternatives_says_the_same_of_its_decisions():
    output = ["    return ", Word("most", 0.4, {"x": 0.3}), Word("_of", 0.5, {"_in": 0.3}), "\n"]
    trace = analysed(recorded(PROMPT, output))
    nothing = {"alternatives": {name: values[:0] for name, values in trace.tables["alternatives"].items()}}
    counts = {"nodes": {**trace.tables["nodes"], "alternative_count": np.zeros(len(trace.nodes), np.uint16)}}
    small = make_review(trace.replaced(trace.run, {**nothing, **counts})).decisions
    for one, two in zip(make_review(trace).decisions, small, strict=True):
        assert [option.percent for option in one.options] == [option.percent for option in two.options] == ["30.0 %"] * 2
        assert one.rest == two.rest


def branching(written, other, rest=()):
    """A recording of what was written behind `best = 1`, and of a branch that begins with other white space."""
    output = ["    if values:\n        best = 1", Word(written, 0.6, {other: 0.3}), "return best\n", END]
    return analysed(recorded(PROMPT, output, [Twig(2, [other, *rest, END], [0.3], ENDS)], finish="end-of-text"))


@pytest.mark.parametrize(
    ("written", "other", "rest", "note", "text"),
    [
        ("\n        ", "\n    ", ["return best\n"], "dedented", "return best"),
        ("\n    ", "\n        ", ["return best\n"], "indented deeper", "return best"),
        ("\n    ", "\n\n    ", ["return worst\n"], "after a blank line", "return worst"),
        ("\n\n    ", "\n    ", ["return worst\n"], "without a blank line", "return worst"),
        ("\n    ", "\n\n    ", ["for i in range(3):\n        pass\n"], "after a blank line", "for i in range(3): …"),
        ("\n\t", "\n    ", ["return best\n"], "dedented", "return best"),
    ],
)
def test_white_space_shows_the_code_that_follows_it(written, other, rest, note, text):
    (option,) = make_review(branching(written, other, rest)).decisions[0].options
    assert (option.note, option.text) == (note, text)


def test_white_space_with_nothing_behind_it_is_shown_by_its_signs():
    output = ["    return 1", Word("\n", 0.6, {"\n\n": 0.3}), END]
    (decision,) = reviewed(output, [Twig(2, ["\n\n\n", END], [0.3], ENDS)]).decisions[:1] or [None]
    assert decision is None or all(option.text.strip("↵") == "" for option in decision.options)
    unexplored = make_review(analysed(recorded(PROMPT, output, finish="end-of-text"))).decisions
    assert [option.text for decision in unexplored for option in decision.options] == ["↵↵"]


def test_what_was_explored_is_shown_to_the_end_of_its_line():
    output = ["    return", Word(" values", 0.5, {" (": 0.3}), "\n", END]
    (decision,) = reviewed(output, [Twig(2, [" (", "values * 2) / 3\n", END], [0.3], ENDS)]).decisions
    assert [option.text for option in decision.options] == ["(values * 2) / 3"]


def test_the_two_spellings_of_one_token_are_one_line():
    output = ["    return ", Word("a", 0.5, {"h": 0.06, " h": 0.38}), "\n", END]
    (decision,) = reviewed(output, [Twig(2, [" h", "\n", END], [0.38], ENDS)]).decisions
    (option,) = decision.options
    assert (option.text, option.percent, option.branch) == ("h", "44.0 %", 0)
    assert decision.rest == "6.0 %"


def judged(output_result, *results):
    """A decision with three explored options, and what a check said."""
    options = {"max": 0.3, "min": 0.15, "sum": 0.1}
    output = ["    return ", Word("len", 0.4, options), "(values)\n", END]
    twigs = [Twig(2, [word, "(values)\n", END], [p], ENDS) for word, p in options.items()]
    trace = analysed(recorded(PROMPT, output, twigs, finish="end-of-text"))
    said = [(-1, output_result), *enumerate(results)]
    facts = {"command": "c {file}", "timeout": 1.0, "memory": 1, "outputs": ["", "it said so"], "pivot": None}
    table = {
        "branch": np.array([branch for branch, result in said if result], np.int32),
        "result": np.array([result for _, result in said if result], np.uint8),
        "output": np.array([int(result == CheckResult.FAIL) for _, result in said if result], np.uint16),
    }
    return trace.replaced({**trace.run, "check": facts}, {"checks": table})


PASS, FAIL = CheckResult.PASS, CheckResult.FAIL


def test_the_open_diff_is_that_of_the_option_that_passes_where_the_output_does_not():
    trace = judged(FAIL, FAIL, FAIL, PASS)
    (decision,) = make_review(trace).decisions
    assert decision.opened is decision.options[0]
    assert (decision.options[0].text, decision.options[0].check) == ("sum", "passes")
    assert "sum(values)" in comment_text(trace, "p.html").split("```diff")[1]
    page = html_page(trace)
    assert page.count('class="change opened"') == 1
    assert "sum(values)" in page.split('class="change opened"')[1].split("</pre>")[0]
    assert page.index("check passes differs") < page.index(">max<")


def test_the_open_diff_is_else_the_most_probable_one():
    for results in ((PASS, PASS, FAIL, PASS), (FAIL, FAIL, FAIL, FAIL), (PASS, PASS, PASS, PASS), (None, FAIL, FAIL, FAIL)):
        (decision,) = make_review(judged(*results)).decisions
        assert decision.opened.text == "max", results


def test_verdicts_that_are_all_alike_are_not_on_the_card():
    page = html_page(judged(FAIL, FAIL, FAIL, FAIL))
    assert 'class="check' not in page
    assert "it said so" not in page.split('id="decisions"')[1].split('id="token"')[0]
    assert "check fails" not in comment_text(judged(FAIL, FAIL, FAIL, FAIL), "p.html")
    assert html_page(judged(PASS, FAIL, PASS, PASS)).count('class="check fails differs"') == 1


def test_what_stands_behind_the_function_says_so():
    trace = judged(PASS, PASS, PASS, PASS)
    table = trace.tables["decisions"]
    behind = trace.replaced(trace.run, {"decisions": {**table, "flags": np.full(1, DecisionFlag.BEHIND, np.uint8)}})
    (decision,) = make_review(behind).decisions
    assert decision.where.endswith(", behind the function")
    assert '<h3 class="thin">Behind the function</h3>' in html_page(behind)
    assert json.loads(json_document(behind))["decisions"]["listed"][0]["behind"] is True


def test_cards_stand_in_their_order_under_headings_and_a_turning_one_under_none():
    trace = synthetic_traces.decided()
    table = trace.tables["decisions"]
    taste, behind = int(DecisionFlag.TASTE), int(DecisionFlag.BEHIND)
    flags = np.array([taste, 0, 0, taste, taste, behind, behind, behind | taste, 0, 0], np.uint8)
    groups = make_review(trace.replaced(trace.run, {"decisions": {**table, "flags": flags}})).groups
    assert [(heading, [one.number for one in group]) for heading, group in groups] == [
        ("", [1, 2, 3]),
        ("Names and taste", [4, 5]),
        ("Behind the function", [6, 7, 8]),
        ("", [9, 10]),
    ]


def test_where_hardly_anything_was_explored_there_is_a_sentence_and_no_bar():
    many = [Word(f"v{i}", 0.5, {"w": 0.001}) for i in range(8)]
    trace = analysed(recorded(PROMPT, ["    a = ", *many, "\n", END], [Twig(2, ["w", "\n", END], [0.001], ENDS)]))
    found = make_review(trace)
    assert found.shares == ()
    assert "too little to say" in found.unexplored
    page = html_page(trace)
    assert 'class="stack"' not in page
    assert found.unexplored in page
    text = comment_text(trace, "p.html")
    assert "too little to say" in text
    assert "Of the explored probability" not in text
    assert make_review(judged(PASS, PASS, PASS, PASS)).unexplored == ""


def test_a_fork_far_behind_on_its_line_is_in_sight():
    far = "    return " + " + ".join(f"values[{i}]" for i in range(9)) + " + "
    twigs = [Twig(3, ["max", "(values)\n", END], [0.3], ENDS)]
    found = reviewed([far, Word("min", 0.5, {"max": 0.3, "len": 0.1}), "(values)\n", END], twigs)
    texts = [option.text for decision in found.decisions for option in decision.options]
    assert len(texts) >= 2
    assert all(any(word in text for word in ("max", "len")) for text in texts), texts


def test_wording_is_no_taste_where_it_led_to_other_code():
    trace = judged(PASS, PASS, PASS, PASS)
    flags = {"decisions": {**trace.tables["decisions"], "flags": np.full(1, DecisionFlag.TASTE, np.uint8)}}
    comment = decision_comment(make_review(trace.replaced(trace.run, flags)).decisions[0])
    assert "names and wording only" not in comment


def test_prose_is_shown_to_the_end_of_its_line_on_both_sides():
    output = ["It is used", Word(" to", 0.5, {" in": 0.3, " as": 0.1}), " count.\nMore.\n", END]
    twigs = [Twig(2, [" in", " Python.\nMore.\n", END], [0.3], ENDS)]
    (decision,) = reviewed(output, twigs, source="a.txt").decisions
    assert (decision.written, decision.options[0].text) == ("to count.", "in Python.")
    (alone,) = reviewed(output, [], source="a.txt").decisions
    assert (alone.written, [option.text for option in alone.options]) == ("·to", ["·in", "·as"])


def test_a_diff_that_is_known_to_lead_elsewhere_is_opened_before_one_that_is_unfinished():
    output = ["    return ", Word("len", 0.4, {"max": 0.3, "min": 0.15}), "(values)\n", END]
    twigs = [Twig(2, ["max", "(values, [\n"], [0.3]), Twig(2, ["min", "(values)\n", END], [0.15], ENDS)]
    (decision,) = reviewed(output, twigs).decisions
    assert [option.key for option in decision.options] == ["unfinished", "calls"]
    assert decision.opened.text == "min(values)"
