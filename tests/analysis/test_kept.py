"""Where programs end: before the stop string, with what only closes something, with the unit that the prompt began."""

from __future__ import annotations

import pytest
from tests.support.code_traces import END, Twig, Word, recorded

from tokenscope_trace.analysis.decisions import find_decisions
from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.analysis.runnable import finished_programs
from tokenscope_trace.analysis.structure import Code
from tokenscope_trace.traces.schema import ALL, BranchEnd, Outcome, Scope

PROMPT = ["def add(x, y):\n"]
BODY = ["    return", " x", " +", " y"]


def made(output, twigs=(), stop=("\ndef ",), prompt=PROMPT, finish="stop-string", **facts):
    return analysed(recorded(prompt, output, twigs, finish=finish, stop=stop, **facts))


def program(trace):
    return trace.programs.main.text.decode()


STOPS = {  # the output's tokens, the stop strings, the program's written part, and why
    "a function": ([*BODY, "\n\n", "def", " sub"], ("\ndef ",), "    return x + y\n", "stop-string"),
    "a class": ([*BODY, "\n", "class", " A"], ("\nclass ",), "    return x + y", "stop-string"),
    "a call": ([*BODY, "\n", "print("], ("\nprint(",), "    return x + y", "stop-string"),
    "a brace": (["  return 1;", "\n", "}"], ("\n}",), "  return 1;\n}", "stop-string-kept"),
    "a brace, and more in its token": (["  return 1;", "\n", "}\n\nint g"], ("\n}",), "  return 1;\n}", "stop-string-kept"),
    "an end": (["  1", "\n", "end x"], ("\nend",), "  1\nend", "stop-string-kept"),
    "no end": (["  1", "\n", "ending"], ("\nend",), "  1\nend", "stop-string-kept"),
    "white space": ([*BODY, "\n\n\n"], ("\n\n",), "    return x + y\n\n", "stop-string-kept"),
    "inside of a token": ([*BODY, "\n\ndef sub"], ("\ndef ",), "    return x + y\n", "stop-string"),
    "the earliest of two": ([*BODY, "\n#", " def"], (" def", "\n#"), "    return x + y\n#", "stop-string"),
    "from the prompt on": (["def ", "f"], ("\ndef f",), "", "stop-string"),
    "a fence": ([*BODY, "\n", "```"], ("```",), "    return x + y\n", "stop-string"),
    "unknown text": ([*BODY, "\n"], ("nowhere",), "    return x + y\n", "all"),
}


@pytest.mark.parametrize("name", STOPS)
def test_a_program_ends_before_its_stop_string_or_with_what_closes(name):
    output, stop, written, why = STOPS[name]
    trace = made(output, stop=stop, source="p.txt")
    assert program(trace) == "".join(PROMPT) + written
    assert trace.run["program"]["why"] == why
    assert trace.run["program"]["kept"] == len("".join(PROMPT) + written)
    assert trace.programs.main.whole.decode() == "".join([*PROMPT, *output])


def test_what_stands_behind_is_neither_program_nor_outcome_nor_decision():
    output = [
        *BODY[:3],
        Word(" y", 0.8, {" x": 0.1}),
        "\n\n",
        Word("def", 0.6, {"class": 0.2}),
        Word(" sub", 0.5, {" mul": 0.4}),
    ]
    twigs = [
        Twig(0, ["    return (", "x + y)", "\n\n", "def", " sub"], [0.2], BranchEnd.STOP_STRING),
        Twig(3, [" x", "\n\n", "def", " f"], [0.1], BranchEnd.STOP_STRING),
        Twig(5, ["class", " A"], [0.2], BranchEnd.LENGTH),
        Twig(6, [" mul"], [0.4], BranchEnd.STOP_STRING),
        Twig(0, ["    return x + y\n", END], [0.1], BranchEnd.END_OF_TEXT),
    ]
    trace = made(output, twigs)
    assert [Outcome(one) for one in trace.outcomes.outcome] == [
        Outcome.SAME_PROGRAM,
        Outcome.OTHER_EXPRESSION,
        Outcome.NOT_COMPARED,
        Outcome.NOT_COMPARED,
        Outcome.SAME_TEXT,
    ]
    assert {trace.token_bytes(decision.first) for decision in find_decisions(trace)} <= {b" y", b"    return"}
    texts = {one.branch: one.text.decode() for one in finished_programs(trace, Code(trace, None))}
    assert texts == {
        -1: "def add(x, y):\n    return x + y\n",
        0: "def add(x, y):\n    return (x + y)\n",
        1: "def add(x, y):\n    return x + x\n",
        4: "def add(x, y):\n    return x + y\n",
    }


@pytest.mark.parametrize("stop", ["\ndef ", "\nprint(", "\nclass "])
def test_two_programs_that_leave_the_same_remnant_are_judged_without_it(stop):
    rest = ["\n", stop[1:], "more"]
    trace = made([*BODY, *rest], [Twig(0, ["    return (x", " + y)", *rest], [0.3], BranchEnd.STOP_STRING)], stop=(stop,))
    assert trace.outcomes.outcome.tolist() == [Outcome.SAME_PROGRAM]
    assert trace.outcomes.scope.tolist() == [Scope.WHOLE]


def test_a_branch_that_rejoins_ends_where_the_main_path_does():
    output = [*BODY, "\n\n", "def", " sub"]
    trace = made(output, [Twig(1, [" ", "x"], [0.2], BranchEnd.REJOINED, 2)])
    assert trace.programs.of_branch(0).text == trace.programs.main.text
    assert trace.outcomes.kept.tolist() == [trace.run["program"]["kept"]]


def test_the_unit_that_was_asked_for_ends_programs_whatever_ended_their_text():
    output = [*BODY, "\n\n", "def", " sub"]
    facts = {"finish": "unit", "stop": (), "program": {"until": "function"}}
    twigs = [
        Twig(0, ["    return y", "\n", "\n", "x"], [0.3], BranchEnd.UNIT),
        Twig(0, ["    return 0\n", END], [0.2], BranchEnd.END_OF_TEXT),
        Twig(0, ["    return 1"], [0.1], BranchEnd.LENGTH),
    ]
    trace = made(output, twigs, **facts)
    assert program(trace) == "def add(x, y):\n    return x + y"
    assert trace.run["program"]["why"] == "unit"
    assert [trace.programs.of_branch(branch).text.decode()[15:] for branch in range(3)] == [
        "    return y",
        "    return 0",
        "    return 1",
    ]
    assert trace.outcomes.scope.tolist()[:2] == [Scope.WHOLE, Scope.WHOLE]


def test_a_hole_keeps_what_stands_behind_it():
    parts = [{"role": "prefix", "first": 0, "end": 1}, {"role": "suffix", "first": 1, "end": 2}]
    trace = recorded(["a = ", "\nb = 2\n"], ["1", "\n", "#x"], finish="stop-string", stop=("#",))
    trace = analysed(trace.replaced({**trace.run, "prompt": {**trace.run["prompt"], "kind": "fim", "segments": parts}}, {}))
    assert program(trace) == "a = 1\n\nb = 2\n"
    assert trace.programs.main.whole == b"a = 1\n#x\nb = 2\n"


def test_an_older_recording_keeps_all_that_it_wrote():
    trace = recorded(PROMPT, [*BODY, "\n"], [Twig(0, ["    return 1"], [0.2])])
    assert "program" not in trace.run
    assert trace.programs.main.written == trace.programs.main.reach
    assert analysed(trace).outcomes.kept.tolist() != [ALL]


def test_what_repeats_itself_is_said_and_decides_nothing():
    line = "    # TODO: write this\n"
    output = [Word(line, 0.3, {"    return 1\n": 0.2}), *([Word(line, 0.5, {"    return 1\n": 0.3})] * 5)]
    trace = made(output, finish="length", stop=())
    begin = len(PROMPT[0] + line)
    assert abs(trace.run["program"]["repeats"] - begin) <= 4
    assert {decision.first for decision in find_decisions(trace)} <= {1, 2}
