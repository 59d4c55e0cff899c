"""The rule by which forks become decisions and rank, on constructed recordings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support import synthetic_traces
from tests.support.code_traces import END, Twig, Word, recorded

from tokenscope_trace.analysis.decisions import (
    DIFFERENCE,
    UNKNOWN,
    Decision,
    Option,
    add_decisions,
    difference,
    find_decisions,
    ranked,
)
from tokenscope_trace.analysis.structure import add_structure
from tokenscope_trace.traces.schema import BranchEnd, DecisionFlag, Outcome

CODE = ["def f(a):\n", "    return"]


def with_outcomes(trace, *outcomes):
    """The trace with its syntax, and with these outcomes in place of the compared ones."""
    trace = add_structure(trace)
    table = {name: getattr(trace.outcomes, name).copy() for name in trace.outcomes}
    table["outcome"][:] = outcomes
    return trace.replaced(trace.run, {"outcomes": table})


def decision(first=0, *, p=0.5, options=(), taste=False):
    listed = tuple(Option(first, 1, q, q, 0 if outcome is not None else -1, outcome) for q, outcome in options)
    return Decision(first, first, -1, p, listed, coin_flip=False, taste=taste)


def text(trace, node):
    """The text of a syntax node of the main path."""
    return trace.text(trace.main)[trace.syntax.start[node] : trace.syntax.end[node]].decode()


def test_the_difference_is_the_mean_of_the_explored_weighted_by_probability():
    options = decision(options=[(0.3, Outcome.OTHER_CALLS), (0.1, Outcome.SAME_PROGRAM), (0.2, None)]).options
    assert difference(options) == pytest.approx(0.3 / 0.4)
    assert difference(decision(options=[(0.2, None)]).options) == UNKNOWN
    assert difference(()) == UNKNOWN


def test_a_larger_difference_weighs_more_and_every_outcome_has_one():
    assert set(DIFFERENCE) == set(Outcome)
    order = [
        Outcome.SAME_PROGRAM,
        Outcome.RENAMED,
        Outcome.OTHER_EXPRESSION,
        Outcome.OTHER_CONTROL_FLOW,
        Outcome.OTHER_CALLS,
    ]
    assert [DIFFERENCE[outcome] for outcome in order] == sorted({DIFFERENCE[outcome] for outcome in order})


def test_decisions_rank_by_how_much_leads_how_far():
    sure = decision(0, options=[(0.1, Outcome.OTHER_CALLS)])
    unsure = decision(1, options=[(0.5, Outcome.OTHER_EXPRESSION), (0.2, Outcome.SAME_PROGRAM)])
    surer = decision(2, options=[(0.4, Outcome.OTHER_EXPRESSION)])
    twin = decision(3, options=[(0.25, Outcome.OTHER_EXPRESSION), (0.25, Outcome.OTHER_EXPRESSION)])
    assert [d.first for d in ranked([twin, sure, surer, unsure])] == [1, 3, 2, 0]


def test_what_the_check_tells_apart_comes_first_and_what_follows_the_code_last():
    likely = decision(0, options=[(0.5, Outcome.OTHER_CALLS)])
    turning = replace(decision(1, options=[(0.1, Outcome.OTHER_EXPRESSION)]), turns=True)
    behind = replace(decision(2, options=[(0.9, Outcome.OTHER_CALLS)]), behind=True)
    taste = decision(3, options=[(0.9, Outcome.RENAMED)], taste=True)
    assert [d.first for d in ranked([behind, taste, likely, turning])] == [1, 0, 3, 2]


def test_names_chosen_by_taste_sink_to_the_end_however_unsure():
    name = decision(0, p=0.01, options=[(0.9, Outcome.RENAMED)], taste=True)
    doubt = decision(1, p=0.95, options=[(0.05, Outcome.OTHER_EXPRESSION)])
    assert [d.first for d in ranked([name, doubt])] == [1, 0]


def test_several_uncertain_tokens_of_one_name_are_one_decision():
    output = [
        Word(" to", 0.5, {" su": 0.4}),
        Word("tal", 0.8, {"p": 0.2}),
        Word("_of", 1.0),
        Word("_a", 0.5, {"_b": 0.5}),
        "\n",
    ]
    trace = add_structure(recorded(CODE, output, [Twig(1, [" su", "m", "\n"], [0.4])]))
    (found,) = find_decisions(trace)
    assert (found.first, found.last) == (2, 5)
    assert found.probability == pytest.approx(0.5 * 0.8 * 0.5)
    assert [(o.node, o.branch, pytest.approx(o.probability)) for o in found.options] == [
        (2, 0, pytest.approx(0.4)),
        (5, -1, pytest.approx(0.5 * 0.8 * 0.5)),
        (3, -1, pytest.approx(0.5 * 0.2)),
    ]
    assert text(trace, found.syntax) == "total_of_a"


def test_sure_tokens_decide_nothing_unless_an_alternative_was_explored():
    output = [Word(" a", 0.96, {" b": 0.04}), "\n"]
    assert find_decisions(add_structure(recorded(CODE, output))) == []
    explored = with_outcomes(recorded(CODE, output, [Twig(1, [" b", "\n"], [0.04])]), Outcome.OTHER_EXPRESSION)
    assert len(find_decisions(explored)) == 1


@pytest.mark.parametrize(
    ("output", "twig", "kind", "words"),
    [
        ([Word(" a", 0.5, {" b": 0.5}), "\n"], [" b", "\n"], "identifier", "a"),
        ([" a", Word(" <", 0.5, {" >": 0.5}), " 3", "\n"], None, "comparison_operator", "a < 3"),
        ([" g", "(", Word("a", 0.5, {"b": 0.5}), ")\n"], None, "identifier", "a"),
        ([Word(" g", 0.5, {" 3": 0.5}), "(a)\n"], [" 3", "\n"], "call", "g(a)"),
        ([Word(" a", 0.5, {" b": 0.5}), " + 1\n"], [" b", " - 1\n"], "identifier", "a"),
        ([Word(" a", 0.5, {" not": 0.5}), " + 1\n"], [" not", " a\n"], "binary_operator", "a + 1"),
        ([' "', Word("yes", 0.5, {"no": 0.5}), '\\n"', "\n"], None, "string", '"yes\\n"'),
    ],
)
def test_a_fork_is_lifted_to_the_syntax_node_it_decides(output, twig, kind, words):
    place = next(i for i, word in enumerate(output) if isinstance(word, Word))
    twigs = [] if twig is None else [Twig(place + 1, twig, [0.5])]
    trace = add_structure(recorded(CODE, output, twigs))
    (found,) = find_decisions(trace)
    assert trace.syntax.kind[found.syntax] == kind
    assert text(trace, found.syntax) == words


def test_leaves_that_decide_the_same_node_are_one_decision():
    output = [
        "    for",
        Word(" key", 0.5, {" i": 0.4}),
        Word(",", 0.8, {" in": 0.2}),
        " value",
        " in a:\n",
        "        pass\n",
    ]
    twigs = [Twig(1, [" i", " in a:\n", "        pass\n"], [0.4]), Twig(2, [" in", " a:\n", "        pass\n"], [0.2])]
    trace = add_structure(recorded(["def f(a):\n"], output, twigs))
    (found,) = find_decisions(trace)
    assert (found.first, found.last, found.probability) == (2, 3, pytest.approx(0.4))
    assert text(trace, found.syntax) == "key, value"
    assert [(o.branch, pytest.approx(o.probability)) for o in found.options] == [(0, 0.4), (1, pytest.approx(0.1))]


def test_a_keyword_decides_its_statement():
    output = [Word("    return", 0.5, {"    raise": 0.4}), " a\n"]
    trace = add_structure(recorded(["def f(a):\n"], output, [Twig(0, ["    raise", " a\n"], [0.4])]))
    (found,) = find_decisions(trace)
    assert trace.syntax.kind[found.syntax] == "return_statement"


def test_comments_documentation_and_prose_are_taste():
    for output in (
        ["    # ", Word("sum", 0.5, {"add": 0.5}), "\n"],
        ['    """', Word("Sum", 0.5, {"Add": 0.5}), '"""\n'],
    ):
        (found,) = find_decisions(add_structure(recorded(["def f(a):\n"], [*output, "    return a\n"])))
        assert found.taste
    prose = [Word("Here", 0.5, {"Sure": 0.5}), ":\n", "```python\n", "x = ", Word("1", 0.5, {"2": 0.5}), "\n```\n"]
    chat = add_structure(recorded(["Hi\n"], prose, source="a.md"))
    assert [(d.first, d.taste) for d in find_decisions(chat)] == [(5, False), (1, True)]


def test_renamed_only_is_taste_and_the_same_text_is_no_decision():
    output = [Word(" a", 0.5, {" b": 0.3, " c": 0.2}), "\n"]
    trace = recorded(CODE, output, [Twig(1, [" b", "\n"], [0.3]), Twig(1, [" c", "\n"], [0.2])])
    assert find_decisions(with_outcomes(trace, Outcome.RENAMED, Outcome.SAME_PROGRAM))[0].taste
    assert not find_decisions(with_outcomes(trace, Outcome.RENAMED, Outcome.UNFINISHED))[0].taste
    assert not find_decisions(with_outcomes(trace, Outcome.RENAMED, Outcome.NOT_COMPARED))[0].taste
    assert find_decisions(with_outcomes(trace, Outcome.SAME_TEXT, Outcome.SAME_TEXT)) == []


@pytest.mark.parametrize(("noise", "flips"), [(None, False), (0.0, False), (0.01, False), (0.05, True)])
def test_a_tie_within_the_noise_is_a_coin_flip(noise, flips):
    trace = add_structure(recorded(CODE, [Word(" a", 0.50, {" b": 0.49}), "\n"], noise=noise))
    assert find_decisions(trace)[0].coin_flip is flips


def test_without_syntax_every_uncertain_token_is_a_decision():
    trace = add_structure(
        recorded(["Roses"], [Word(" are", 0.5, {" were": 0.4}), Word(" red", 0.7, {" blue": 0.2})], source="a.txt")
    )
    assert trace.syntax is None
    assert [(d.first, d.syntax, d.taste) for d in find_decisions(trace)] == [(1, -1, False), (2, -1, False)]


def test_the_table_lists_the_first_ones_and_says_how_many_there_are():
    output = [Word(f" v{i}", 0.5, {f" w{i}": 0.3 + i / 100}) for i in range(12)]
    trace = add_decisions(add_structure(recorded(["Roses"], output, source="a.txt")), 3)
    assert trace.run["decisions"] == {"found": 12}
    assert trace.decisions.node.tolist() == [12, 11, 10]
    assert trace.decisions.option_count.tolist() == [1, 1, 1]
    assert trace.decision_options.node.tolist() == [12, 11, 10]
    assert trace.decisions.difference.tolist() == [0.5] * 3
    assert add_decisions(trace, 100).decisions.count.tolist() == [1] * 12


def test_flags_and_branches_are_in_the_table():
    output = [Word(" a", 0.5, {" b": 0.5}), "\n"]
    found = add_decisions(with_outcomes(recorded(CODE, output, [Twig(1, [" b", "\n"], [0.5])], noise=1.0), Outcome.RENAMED))
    assert found.decisions.flags.tolist() == [DecisionFlag.COIN_FLIP | DecisionFlag.TASTE]
    assert found.decision_options.branch.tolist() == [0]
    assert np.allclose(found.decisions.difference, DIFFERENCE[Outcome.RENAMED])


def test_code_that_was_not_generated_has_no_decisions():
    trace = synthetic_traces.scored()
    assert add_decisions(trace) is trace


def test_the_rule_does_not_ask_for_branches():
    assert all(d.difference == UNKNOWN for d in find_decisions(add_structure(synthetic_traces.plausible())))


def about(trace):
    """(the text of the syntax node, the texts of the options) of each decision, in the order of the program."""
    found = sorted(find_decisions(trace), key=lambda one: one.first)
    return [
        (
            text(trace, one.syntax) if one.syntax >= 0 else "",
            sorted(trace.bytes_of(o.token_id).decode() for o in one.options),
        )
        for one in found
    ]


HEAD = ["def f(x):\n"]


def test_what_goes_on_where_a_line_ends_is_about_the_leaf_that_ends_there():
    output = [
        "    # by",
        " hand",
        Word("\n", 0.534, {" and": 0.191, "\n\n": 0.1}),
        Word("    if", 0.5, {"    for": 0.3}),
        " x:\n        return 1\n",
    ]
    trace = add_structure(recorded(HEAD, output))
    decisions = about(trace)
    assert ("# by hand", [" and"]) in decisions
    assert all(" and" not in options for written, options in decisions if written != "# by hand")
    comment = next(one for one in find_decisions(trace) if one.syntax >= 0 and text(trace, one.syntax) == "# by hand")
    assert comment.taste
    assert [option.there for option in comment.options] == [pytest.approx(0.191)]


@pytest.mark.parametrize(
    ("output", "written", "option"),
    [
        (["    return x", Word("\n", 0.6, {" + 1": 0.3}), "\n"], "x", " + 1"),
        (["    x = f(", "x)", Word("\n\n", 0.6, {".y": 0.3}), "    return x\n"], "(x)", ".y"),
        (["    x = 1", Word("\r\n", 0.6, {"0": 0.3}), "    return x\n"], "1", "0"),
        (['    x = "a"', Word("\n", 0.6, {' "b"': 0.3}), "    return x\n"], '"a"', ' "b"'),
    ],
)
def test_that_is_so_of_every_leaf(output, written, option):
    found = about(add_structure(recorded(HEAD, output)))
    assert [node for node, options in found if option in options] == [written]


def test_nodes_of_one_statement_that_lie_within_each_other_are_one_card():
    output = [
        Word("    return", 0.6, {"    if": 0.2}),
        Word(" n", 0.5, {" sum": 0.3}),
        Word(" %", 0.5, {" //": 0.3}),
        Word(" 2", 0.5, {" 3": 0.3}),
        "\n",
    ]
    twigs = [
        Twig(0, ["    if", " n:\n", "        return 1\n", END], [0.2], BranchEnd.END_OF_TEXT),
        Twig(1, [" sum", "(n)\n", END], [0.3], BranchEnd.END_OF_TEXT),
        Twig(2, [" //", " 2\n", END], [0.3], BranchEnd.END_OF_TEXT),
        Twig(3, [" 3", "\n", END], [0.3], BranchEnd.END_OF_TEXT),
    ]
    trace = add_structure(recorded(["def f(n):\n"], [*output, END], twigs, finish="end-of-text"))
    (decision,) = find_decisions(trace)
    assert text(trace, decision.syntax) == "return n % 2"
    assert [option.branch for option in decision.options] == [0, 1, 2, 3]
    assert [round(option.there, 3) for option in decision.options] == [0.2, 0.3, 0.3, 0.3]


def test_statements_within_a_block_stay_cards_of_their_own():
    output = [
        Word("    for", 0.6, {"    while": 0.3}),
        " y in x:\n",
        Word("        g", 0.5, {"        h": 0.4}),
        "(y)\n",
        END,
    ]
    twigs = [
        Twig(0, ["    while", " x:\n", "        g(x)\n", END], [0.3], BranchEnd.END_OF_TEXT),
        Twig(2, ["        h", "(y)\n", END], [0.4], BranchEnd.END_OF_TEXT),
    ]
    trace = add_structure(recorded(HEAD, output, twigs, finish="end-of-text"))
    assert [len(decision.options) for decision in find_decisions(trace)] == [1, 1]


def test_a_comment_against_code_is_no_taste_and_against_a_comment_it_is():
    output = [Word("    # later", 0.5, {"    return": 0.2, "    # soon": 0.2}), "\n", "    return x\n", END]
    assert not find_decisions(add_structure(recorded(HEAD, output, finish="end-of-text")))[0].taste
    explored = [Twig(0, ["    return", " 1\n", END], [0.2], BranchEnd.END_OF_TEXT)]
    assert not find_decisions(add_structure(recorded(HEAD, output, explored, finish="end-of-text")))[0].taste
    words = [Word("    # later", 0.5, {"    # soon": 0.4}), *output[1:]]
    assert find_decisions(add_structure(recorded(HEAD, words, finish="end-of-text")))[0].taste


def test_what_follows_the_function_comes_last_and_is_marked():
    output = [Word("    return x", 0.6, {"    return 1": 0.3}), "\n\n\n", Word("y = 1", 0.5, {"y = 2": 0.45}), "\n", "z"]
    found = find_decisions(add_structure(recorded(HEAD, output)))
    assert [decision.behind for decision in found] == [False, True]
    plain = find_decisions(add_structure(recorded(["x = 1\n"], output[2:])))
    assert [decision.behind for decision in plain] == [False]


def test_an_answers_second_code_is_behind_its_first():
    output = [
        "```python\n",
        "def f():\n",
        Word("    return 1\n", 0.6, {"    return 2\n": 0.3}),
        "```\nSo:\n```python\n",
        Word("f()", 0.5, {"g()": 0.4}),
        "\n```\n",
    ]
    trace = recorded(["Hi\n"], output)
    trace = add_structure(trace.replaced({**trace.run, "prompt": {**trace.run["prompt"], "kind": "chat"}}, {}))
    assert [decision.behind for decision in find_decisions(trace)] == [False, True]
