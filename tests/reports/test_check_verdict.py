"""The verdict of the check in words, and whether the check itself may be at fault."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.tables import small_run, small_tables

from tokenscope_trace import Trace
from tokenscope_trace.reports.check_verdict import make_verdict, same_text, telling_line

PASS, FAIL, TIME_OUT = 1, 2, 3


def judged(results, outputs=("",), said=None, missing=(), **facts):
    """A trace of the small tables with these results, the first one of the output unless the branches begin at 0."""
    run, tables = small_run(), small_tables()
    said = [0] * len(results) if said is None else said
    run["check"] = {
        "command": "judge {file}",
        "timeout": 10.0,
        "memory": 64,
        "outputs": list(outputs),
        "pivot": None,
        **facts,
    }
    run["missing"] = [{"stage": "check", "reason": reason} for reason in missing]
    tables["checks"] = {
        "branch": np.arange(-1, len(results) - 1, dtype=np.int32),
        "result": np.array(results, dtype=np.uint8),
        "output": np.array(said, dtype=np.uint16),
    }
    return _Unchecked(run, tables)


class _Unchecked:
    """As much of a trace as a verdict reads: as many branches as a test likes."""

    def __init__(self, run, tables):
        from tokenscope_trace.traces.facts import Facts

        self.facts, self.files = Facts.read({**run}), ()
        self.checks = type("Checks", (), {"__len__": lambda _: len(tables["checks"]["branch"]), **tables["checks"]})()


@pytest.mark.parametrize(
    ("results", "key", "label", "begins"),
    [
        ([PASS, PASS], "passes", "passes the check", "The output passes the check; the one finished alternative does, too."),
        ([FAIL, PASS], "fails", "fails the check", "The output fails the check; the one finished alternative passes."),
        ([TIME_OUT], "times-out", "times out in the check", "The check of the output timed out."),
    ],
)
def test_the_verdict_is_that_of_the_output(results, key, label, begins):
    found = make_verdict(judged(results))
    assert (found.key, found.label, found.sentence, found.doubt) == (key, label, begins, "")


def test_a_check_that_could_not_be_run_says_why():
    found = make_verdict(judged([], not_run="there is no command “judge”", missing=["it could not be run"]))
    assert (found.key, found.sentence) == ("not-run", "The check could not be run: there is no command “judge”.")


def test_an_older_recording_and_a_redacted_one_know_no_reason():
    assert make_verdict(judged([], missing=["it could not be run"])).sentence == "The check could not be run."
    assert make_verdict(judged([], not_run="…")).sentence == "The check could not be run."


def test_what_was_not_checked_says_so():
    assert make_verdict(judged([])).sentence == "The output is not finished and was not checked."
    found = make_verdict(judged([], missing=["the recording was interrupted"]))
    assert (found.key, found.sentence) == ("unchecked", "The output was not checked: the recording was interrupted.")


def test_without_a_check_there_is_no_verdict():
    run, tables = small_run(), small_tables()
    tables["checks"] = {name: values[:0] for name, values in tables["checks"].items()}
    assert make_verdict(Trace({**run, "check": None}, tables)) is None


def test_what_was_printed_for_the_output_comes_along():
    found = make_verdict(judged([FAIL, PASS], ["one\n  two: Error\x1b[31m\nFAILED", "other"], [0, 1]))
    assert found.printed[0] == "one"
    assert found.message.startswith("two: Error")
    assert "\x1b" not in "".join(found.printed)


TRACEBACK = "Traceback (most recent call last):\n  File \"merge.py\", line {}, in <module>\n    {}\nNameError: name 'List' is not defined"
DOUBTS = {
    "a traceback at other lines": [TRACEBACK.format(n, f"x{n}: List") for n in (3, 7, 12)],
    "times": [f"Error: no input\nfinished in {n}.2{n} s" for n in range(3)],
    "milliseconds": [f"TypeError: f is not a function\n# duration_ms {n}.5" for n in range(3)],
    "addresses": [f"TypeError: <object at 0x7f{n}a8> is not callable" for n in range(3)],
    "temporary files": [f"Error: cannot read /x/tmp{n}k3_x9a/input" for n in range(3)],
    "places in code": [f"main.c:{n}:{n + 4}: error: unknown type name 'u8'" for n in range(3)],
    "a module at other lines": [f"module.go:{n}:2: undefined: helper\nFAIL\texample.com/m [build failed]" for n in range(3)],
    "dates": [f"2026-01-0{n + 1}T10:00:0{n} error: no database" for n in range(3)],
    "what came before": [f"printed {'x' * n}\nImportError: No module named 'numpy'" for n in range(3)],
    "a report of pytest": [
        f"E   ModuleNotFoundError: No module named 'shop'\n=== short test summary info ===\nERROR tests/test_a.py\n1 error in 0.{n}4s"
        for n in range(3)
    ],
}


@pytest.mark.parametrize("case", DOUBTS)
def test_the_same_message_for_all_is_said_once_as_the_check_s_own_fault(case):
    found = make_verdict(judged([FAIL] * 3, DOUBTS[case], [0, 1, 2]))
    assert found.doubt.startswith("All 3 programs fail with the same message, “"), found
    assert found.doubt.endswith("”: probably the check itself cannot work.")


OTHERS = {
    "other messages": ["NameError: name 'a' is not defined", "NameError: name 'b' is not defined"],
    "other numbers": ["AssertionError: 3 != 4", "AssertionError: 5 != 4"],
    "only that it failed": ["1 failed in 0.02s", "1 failed in 0.04s"],
    "nothing": ["", ""],
    "only that the package failed": ["FAIL\texample.com/m\t0.003s", "FAIL\texample.com/m\t0.002s"],
    "two wrong alike": ["AssertionError: wrong", "AssertionError: wrong"],
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_is_not_the_same_is_no_doubt(case):
    assert make_verdict(judged([FAIL] * 2, OTHERS[case], [0, 1])).doubt == ""


def test_a_failed_assertion_of_all_leaves_both_open():
    found = make_verdict(judged([FAIL] * 41, ["AssertionError: add(1, 2) is not 3"]))
    assert found.doubt == (
        "All 41 programs fail with the same message, “AssertionError: add(1, 2) is not 3”: they are wrong alike, or the check is."
    )


def test_one_that_passes_ends_the_doubt():
    said = DOUBTS["what came before"]
    assert make_verdict(judged([FAIL, FAIL, PASS], said, [0, 1, 2])).doubt == ""
    assert make_verdict(judged([FAIL, FAIL, TIME_OUT], said, [0, 1, 2])).doubt == ""
    assert make_verdict(judged([FAIL], said, [0])).doubt == ""


def test_both_say_so():
    found = make_verdict(judged([FAIL] * 2, ["ImportError: no numpy"]))
    assert (
        found.doubt
        == "Both programs fail with the same message, “ImportError: no numpy”: probably the check itself cannot work."
    )


def test_where_nothing_ends_in_time_the_limit_is_named():
    assert make_verdict(judged([TIME_OUT] * 4)).doubt == (
        "All 4 programs time out: probably the check itself does not come to its end within 10 s (--check-timeout)."
    )


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (("a", "ValueError: b", "c"), "ValueError: b"),
        (("E   assert 1 == 2", "FAILED tests/test_x.py::test_a - assert 1 == 2", "1 failed in 0.02s"), "E   assert 1 == 2"),
        (("TAP version 13", "  error: 'Expected 3'", "# fail 1", "# duration_ms 52"), "error: 'Expected 3'"),
        (("    add_test.go:8: got 4", "--- FAIL: TestAdd (0.00s)", "FAIL", "FAIL\tm\t0.002s"), "add_test.go:8: got 4"),
        (("1 items had no tests", "***Test Failed*** 1 failures."), "1 items had no tests"),
        (("only this",), "only this"),
        (("=====", ""), ""),
    ],
)
def test_the_line_that_says_most(lines, line):
    assert telling_line(lines) == line


def test_numbers_that_mean_something_stay():
    assert same_text("expected 3, got 4") == "expected 3, got 4"
    assert same_text("IndexError: 12 of 4") != same_text("IndexError: 13 of 4")
