"""What is said of the output's program: how it ended, what is no part of it, that it repeats itself or does not parse."""

from __future__ import annotations

import pytest
from tests.reports.test_code import ending
from tests.reports.test_review import PROMPT
from tests.support.code_traces import recorded

from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.reports.page import html_page
from tokenscope_trace.reports.program_words import is_cut_in_function
from tokenscope_trace.reports.pull_request import comment_text
from tokenscope_trace.reports.summary import summarise

RETURN = "    return 1\n"


def said(trace):
    return " ".join(summarise(trace).sentences)


@pytest.mark.parametrize(
    ("kept", "why", "finish", "words"),
    [
        (13, "unit", "unit", "It ends with the function that the prompt began (line 3)."),
        (13, "stop-string", "stop-string", "It stopped at a stop string, which is not part of the program."),
        (
            17,
            "stop-string-kept",
            "stop-string",
            "It stopped at a stop string, which is part of the program: it closes something.",
        ),
        (17, "all", "stop-string", "It stopped at a stop string."),
        (17, "all", "end-of-text", "The model ended the text itself."),
        (
            13,
            "unit",
            "end-of-text",
            "What was written behind the function that the prompt began (line 3) is not part of the program.",
        ),
    ],
)
def test_how_it_ended(kept, why, finish, words):
    trace = ending(kept, why, output=[RETURN, "\ndef"], finish=finish)
    assert words in said(trace)
    assert ("behind the end of the program" in said(trace)) == (kept == 13)


def test_other_units_have_their_name():
    assert "It ends with the statement that the prompt began (line 3)." in said(
        ending(13, "unit", output=[RETURN], finish="unit", until="statement")
    )
    assert "It ends with the file (line 3)." in said(ending(13, "unit", output=[RETURN], finish="unit", until="file"))


def test_a_loop_and_broken_code_are_said_once_in_every_format():
    start = len("".join(PROMPT))
    trace = ending(39, "all", output=[RETURN] * 3, finish="length", repeats=start + 13, broken=True)
    for text in (said(trace), comment_text(trace, "p.html"), html_page(trace)):
        assert text.count("From line 4 on the output repeats itself.") == 1
        assert text.count("The output itself does not parse.") == 1
    assert "raise --max-new-tokens" not in said(trace), "more of the same helps nobody"
    assert "It stopped at the limit of 3 tokens." in said(trace)


@pytest.mark.parametrize(
    ("source", "prompt", "output", "inside"),
    [
        ("a.py", "def f(x):\n", "    if x:\n        y = 1\n", True),
        ("a.py", "def f(x):\n", "    return 1\n\nx = 2\n", False),
        ("a.py", "x = [\n", "  1,\n", False),
        ("a.js", "function f(x) {\n", "  if (x) {\n    y();\n  }\n", True),
        ("a.js", "function f(x) {\n", "  if (x) {\n    y();\n  }\n}\n", False),
        ("A.java", "class A {\n  int f() {\n", "    return 1;\n", True),
        ("a.txt", "def f(x):\n", "    if x:\n", False),
    ],
)
def test_a_text_that_was_cut_off_inside_of_a_function_says_what_to_raise(source, prompt, output, inside):
    trace = analysed(recorded([prompt], [output], source=source))
    assert is_cut_in_function(trace) == inside
    sentence = "It was cut off inside of a function after 1 token; raise --max-new-tokens."
    assert (sentence in said(trace)) == inside
    assert (sentence in comment_text(trace, "p.html").replace("\\", "")) == inside
    assert ("It stopped at the limit of 1 token." in said(trace)) != inside


def test_older_recordings_say_what_they_said():
    assert "It stopped at a stop string." in said(recorded(PROMPT, [RETURN], finish="stop-string"))
