"""Decisions that fell otherwise: in which place what stands, and that being stopped is no decision."""

from __future__ import annotations

import pytest
from tests.comparison.test_side_by_side import PROMPT, SAME, TAIL, one
from tests.support.code_traces import END, Twig, Word, recorded

from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.comparison.flipped_decisions import place_of
from tokenscope_trace.comparison.side_by_side import compare
from tokenscope_trace.traces.schema import BranchEnd

BEGINNING = ["    best", " = ", Word("values", 0.5, {"max": 0.3}), "[0]\n", "    sort", "(best)\n"]


def cut(tokens, finish, **facts):
    """The beginning of what `one` wrote."""
    twigs = [Twig(2, ["max", "(values)\n", *TAIL], [0.3], BranchEnd.END_OF_TEXT)] if tokens > 2 else []
    return analysed(recorded(PROMPT, BEGINNING[:tokens], twigs, finish=finish, **{**SAME, **facts}))


@pytest.mark.parametrize(
    ("before", "written", "after", "instead"),
    [
        ("for k, v in second.items():", "second", "for k, v in key.items():", "key"),
        ("if a > b:", "a > b", "if a >= b:", "a >= b"),
        ("return x", "return x", "y = 2", "y = 2"),
        ("a = b", "b", "a = b", "b"),
        ("x", "y", "z", None),
        ("f(a)", "f", "f(b)", "f"),
    ],
)
def test_what_stands_in_a_place_is_found_by_words(before, written, after, instead):
    place = place_of(before, written, after)
    assert (None if place is None else after[slice(*place)]) == instead


@pytest.mark.parametrize("finish", ["length", "context", "interrupted", "stop-string", "unit"])
@pytest.mark.parametrize("tokens", [1, 2, 3, 4, 5, 6])
def test_an_output_that_merely_stopped_decided_nothing(tokens, finish):
    short = cut(tokens, finish)
    for pair, letter in (((one(), short), "B"), ((short, one()), "A")):
        found = compare(*pair)
        assert found.flips == ()
        assert found.headline == f"{letter} stopped on line {2 if tokens < 5 else 3}; up to there both are the same."
        assert found.cut.startswith(f"{letter} ")
        assert "no decision" in found.cut
        assert not any("wrote" in sentence for sentence in found.sentences)


def test_in_the_line_where_it_stopped_only_what_is_cut_is_no_decision():
    long = analysed(
        recorded(
            PROMPT,
            ["    best", " = ", Word("maximum(values)", 0.5, {"min": 0.3}), "\n", *TAIL],
            finish="end-of-text",
            **SAME,
        )
    )
    short = analysed(recorded(PROMPT, ["    best", " = ", Word("max", 0.4, {"min": 0.3})], finish="length", **SAME))
    assert compare(long, short).flips == ()
    other = analysed(recorded(PROMPT, ["    best", " = ", Word("min", 0.4, {"max": 0.3})], finish="length", **SAME))
    assert [(flip.letter, flip.instead) for flip in compare(long, other).flips] == [("A", "min"), ("B", "maximum(values)")]
    # That its model ended the text there is a decision, and so is what stands before.
    ended = analysed(
        recorded(PROMPT, ["    best", " = ", Word("max", 0.4, {"min": 0.3}), END], finish="end-of-text", **SAME)
    )
    assert [(flip.letter, flip.instead) for flip in compare(long, ended).flips] == [("A", "max"), ("B", "maximum(values)")]


def test_where_one_model_ended_the_text_and_the_other_went_on_is_a_decision():
    words = ["    best = 1\n", Word("    return best\n", 0.6, {END: 0.4}), END]
    goes_on = analysed(recorded(PROMPT, words, [Twig(1, [END], [0.4], BranchEnd.END_OF_TEXT)], finish="end-of-text", **SAME))
    ends = analysed(
        recorded(
            PROMPT,
            [words[0], Word(END, 0.4, {"    return best\n": 0.6})],
            [Twig(1, ["    return best\n", END], [0.6], BranchEnd.END_OF_TEXT)],
            finish="end-of-text",
            **SAME,
        )
    )
    found = compare(goes_on, ends)
    assert found.headline == "B ends on line 2, where A goes on."
    assert found.sentences[0] == "There A wrote “····return best↵” (60.0 %), B ended the text (40.0 %)."
    assert [(flip.letter, flip.instead_is_end, flip.is_end, flip.foreseen) for flip in found.flips] == [
        ("A", True, False, "40.0 %"),
        ("B", False, True, "60.0 %"),
    ]
    assert found.cut == ""


def test_what_was_left_out_of_a_recording_is_no_other_decision():
    trace = one()
    hidden = "\N{FULL BLOCK}"
    tokens = [
        hidden if text == "values" else text for text in ("    best", " = ", "values", "[0]\n", "    sort", "(best)\n")
    ]
    gone = analysed(recorded(PROMPT, [*tokens, *TAIL], finish="end-of-text", redacted=["strings"], **SAME))
    found = compare(trace, gone)
    assert found.flips == ()
    assert found.headline == "The recordings differ from line 2 on, where text was left out of one."
    assert f"Left out of B strings: nothing is known of what reads {hidden}." in found.sentences
    assert not any("wrote" in sentence for sentence in found.sentences)


@pytest.mark.parametrize("finish", ["length", "end-of-text", "unit"])
def test_white_space_at_the_end_is_nothing_that_was_decided(finish):
    end = [END] if finish == "end-of-text" else []
    first, second = (
        analysed(recorded(PROMPT, ["    return 1", *blank, *end], finish=finish, **SAME)) for blank in ([], ["\n", "\n"])
    )
    for found in (compare(first, second), compare(second, first)):
        assert found.headline == "Both wrote the same program, but for white space at its end."
        assert (found.flips, found.cut) == ((), "")
