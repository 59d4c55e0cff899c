"""What is known of a recording's code: the programs that can be run, and what the user's own command says of them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console
from tests.support import synthetic_traces
from tests.support.code_traces import END, Twig, Word, recorded

from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.analysis.runnable import file_name, finished_programs
from tokenscope_trace.analysis.structure import Code
from tokenscope_trace.cli.console import print_summary
from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.reports.pull_request import comment_text, decision_comment
from tokenscope_trace.reports.review import make_review
from tokenscope_trace.reports.summary import summarise
from tokenscope_trace.settings import CheckSettings
from tokenscope_trace.traces.schema import BranchEnd, CheckResult

PROMPT = ["def double(x):\n"]
OUTPUT = ["    return x", Word(" *", 0.6, {" +": 0.3}), Word(" 2", 0.7, {" 3": 0.2}), "\n", END]
TWIGS = [
    Twig(1, [" +", " x", "\n", END], [0.3], BranchEnd.END_OF_TEXT),
    Twig(2, [" 3", "\n", END], [0.2], BranchEnd.END_OF_TEXT),
    Twig(2, [" 3.5", "\n", "   "], [0.1]),
]
CHECK = CheckSettings(
    "test -s {file} && python3 -c 'import double; assert double.double(4) == 8, double.double(4)'", timeout=60
)


def double(**options):
    return recorded(PROMPT, OUTPUT, TWIGS, source="double.py", finish="end-of-text", **options)


def programs(trace, language=None):
    trace = analysed(trace, language)
    return [(program.branch, program.text.decode()) for program in finished_programs(trace, Code(trace, language))]


def test_texts_that_came_to_their_end_are_finished_as_they_stand():
    assert programs(double()) == [
        (-1, "def double(x):\n    return x * 2\n"),
        (0, "def double(x):\n    return x + x\n"),
        (1, "def double(x):\n    return x * 3\n"),
    ]


def test_of_a_text_that_was_cut_the_last_unfinished_part_is_left_away():
    output = ["    return 1\n", "\n\n", "def g(", "a"]
    twigs = [Twig(0, ["    return 2\n", "\n\n", "def h", "("]), Twig(0, ["    return", " 3"])]
    assert programs(recorded(["def f():\n"], output, twigs)) == [
        (-1, "def f():\n    return 1\n"),
        (0, "def f():\n    return 2\n"),
    ]


def test_a_method_is_finished_when_its_function_is():
    output = ["        return 1\n", "\n", "    def g(", "self"]
    twigs = [Twig(0, ["        return 2\n", "\n", "    def", " h"])]
    assert programs(recorded(["class A:\n    def f(self):\n"], output, twigs)) == [
        (-1, "class A:\n    def f(self):\n        return 1\n"),
        (0, "class A:\n    def f(self):\n        return 2\n"),
    ]


def test_what_was_cut_within_a_brace_is_not_finished():
    output = ["    return 1;\n", "  }\n", "  int g("]
    assert programs(recorded(["class A {\n  int f() {\n"], output, source="A.java")) == []
    whole = recorded(
        ["int f() {\n"], ["  return 1;\n", "}\n", "int g("], [Twig(0, ["  return 2;\n", "}\n", "int"])], source="a.c"
    )
    assert programs(whole) == [(-1, "int f() {\n  return 1;\n}\n"), (0, "int f() {\n  return 2;\n}\n")]


def test_of_an_answer_in_a_chat_the_code_is_the_program():
    answer = ["Sure:\n", "```python\n", "x = ", Word("1", 0.5, {"2": 0.4}), "\n```\n", "Bye"]
    trace = recorded(["Hi\n"], answer, [Twig(3, ["2", "\n```\n", "Bye"], [0.4])], source="a.md")
    assert programs(trace) == [(-1, "x = 1\n"), (0, "x = 2\n")]
    assert file_name(trace, Code(trace, None)) == "a.py"


def test_files_are_named_by_the_prompt_and_the_language():
    for source, language, name in (
        ("double.py", None, "double.py"),
        ("notes", "python", "notes.py"),
        ("-", "rust", "program.rs"),
        ("-", None, "program"),
        ("a.txt", None, "a.txt"),
    ):
        trace = recorded(PROMPT, OUTPUT, source=source)
        assert file_name(trace, Code(trace, by_name(language or ""))) == name


def test_the_check_judges_the_output_and_its_branches():
    trace = analysed(double(), check=CHECK)
    assert trace.checks.branch.tolist() == [-1, 0, 1]
    assert trace.checks.result.tolist() == [CheckResult.PASS, CheckResult.PASS, CheckResult.FAIL]
    facts = trace.run["check"]
    assert (facts["command"], facts["timeout"], facts["memory"]) == (CHECK.command, 60, 4096)
    assert facts["outputs"][0] == ""
    assert "AssertionError: 12" in facts["outputs"][trace.checks.output[2]]
    assert facts["pivot"]["node"] == 3
    assert facts["pivot"]["before"] == pytest.approx(0.42 / 0.54)
    assert facts["pivot"]["after"] == 1.0


def test_the_review_tells_what_the_check_says():
    found = make_review(analysed(double(), check=CHECK))
    assert found.checks == (
        "The output passes the check; 1 of 2 finished alternatives does.",
        f"The check runs “{CHECK.command}” on each finished program.",
        "What moves it most is “2” on line 2: of the checked probability 77.8 % passes before it is written, 100 % after.",
    )
    verdicts = {option.branch: option.check for decision in found.decisions for option in decision.options}
    assert verdicts == {0: "passes", 1: "fails", 2: ""}, "in the card of 2 all pass, the output, too"
    said = {option.branch: option.said for decision in found.decisions for option in decision.options}
    assert (said[0], said[1][-1], said[2]) == ((), "AssertionError: 12", ())


def test_the_markdown_shows_the_command_as_code():
    text = comment_text(analysed(double(), check=CHECK), "double.html")
    assert text.splitlines()[0].startswith("### ✅ How the model wrote `")
    assert text.splitlines()[0].endswith("`: passes the check")
    assert text.splitlines()[2] == "**The output passes the check; 1 of 2 finished alternatives does.**"
    assert f"The check runs `{CHECK.command}` on each finished program." in text
    assert "What moves it most is `2` on line 2:" in text


def test_the_verdict_is_the_headline_of_the_page_and_comes_first_on_the_terminal():
    trace = analysed(double(), check=CHECK)
    trace = trace.replaced({**trace.run, "clock": {"decode_seconds": None}}, {})
    assert summarise(trace).headline == "The output passes the check; 1 of 2 finished alternatives does."
    stream = io.StringIO()
    print_summary(Console(file=stream, width=300, highlight=False), trace, None, 1)
    first = stream.getvalue().split("\n")[0]
    assert " ".join(first.split()) == "check The output passes the check; 1 of 2 finished alternatives does."


def test_a_copied_comment_says_that_the_output_passes_where_an_alternative_was_checked():
    trace = analysed(double(), check=CHECK)
    for decision in make_review(trace).decisions:
        checked = any(option.check for option in decision.options)
        assert ("The output passes the check." in decision_comment(decision)) == checked
        assert ("; the check fails" in decision_comment(decision)) == any(
            option.check == "fails" for option in decision.options
        )


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ({-1: 1, 0: 1, 1: 2, 2: 3}, "The output passes the check; 1 of 3 finished alternatives does."),
        ({-1: 2, 0: 1, 1: 1}, "The output fails the check; 2 of 2 finished alternatives pass."),
        ({-1: 3, 0: 2, 1: 2}, "The check of the output timed out; none of 2 finished alternatives passes."),
        ({-1: 1, 0: 1}, "The output passes the check; the one finished alternative does, too."),
        ({-1: 1, 0: 2}, "The output passes the check; the one finished alternative does not."),
        ({-1: 1}, "The output passes the check."),
        ({0: 1, 1: 2}, "The output is not finished and was not checked; 1 of 2 finished alternatives passes."),
    ],
)
def test_every_verdict_has_its_sentence(results, words):
    trace = analysed(double(), check=CHECK)
    rows = sorted(results.items())
    table = {
        "branch": np.array([branch for branch, _ in rows], np.int32),
        "result": np.array([result for _, result in rows], np.uint8),
        "output": np.zeros(len(rows), np.uint16),
    }
    facts = {**trace.run["check"], "pivot": None}
    assert make_review(trace.replaced({**trace.run, "check": facts}, {"checks": table})).checks[0] == words


def test_without_a_check_nothing_runs_and_nothing_is_said():
    trace = analysed(double())
    assert trace.run.get("check") is None
    assert len(trace.checks) == 0
    assert make_review(trace).checks == ()


def test_a_stop_leaves_programs_unchecked_and_says_so():
    done = []
    trace = analysed(double(), check=CHECK, should_stop=lambda: bool(done), on_check=lambda *counts: done.append(counts))
    assert trace.checks.branch.tolist() == [-1]
    assert done == [(1, 3)]
    assert any("interrupted" in note for note in trace.run["notes"])


def test_a_recording_without_finished_programs_says_so():
    trace = analysed(recorded(PROMPT, ["    return", " x"], source="double.py"), check=CHECK)
    assert any("no program" in note and "raise --max-new-tokens" in note for note in trace.run["notes"])
    assert trace.run["check"]["outputs"] == []
    assert make_review(trace).checks == ("The output is not finished and was not checked.",)


def test_scored_code_is_not_run():
    trace = analysed(synthetic_traces.scored(), check=CHECK)
    assert trace.run.get("check") is None


def test_attention_and_lens_stay():
    before = synthetic_traces.looking(synthetic_traces.branching())
    after = analysed(before)
    assert len(after.attention) == len(before.attention) > 0
    assert after.run["attention"] == before.run["attention"]
    assert len(after.lens) == len(before.lens)
    assert len(after.decisions) > 0
