"""What the terminal says of a trace."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from tests.reports.test_code import ending
from tests.reports.test_decision_reader import FAIL, PASS, branching, judged
from tests.support import synthetic_traces

from tokenscope_trace import Trace
from tokenscope_trace.analysis.uncertainty import surprised
from tokenscope_trace.cli.console import print_summary
from tokenscope_trace.reports.review import make_review


def said(trace):
    stream = io.StringIO()
    print_summary(Console(file=stream, width=200, highlight=False), trace, Path("t.tsc"), 12_345)
    return stream.getvalue()


def timed(trace, **seconds):
    return Trace({**trace.run, "clock": {**trace.run["clock"], **seconds}}, trace._contents.tables)


def test_scored_code_is_summed_up_by_files_and_its_changed_lines_come_first():
    trace = synthetic_traces.changed()
    text = said(timed(trace, decode_seconds=None, prefill_seconds=None, replay_seconds=2.0))
    found, measured = surprised(trace.nodes.surprisal[trace.scored])
    assert f"{len(trace.scored)} in 2 files\n" in text.replace("  ", "").replace(" \n", "\n")
    assert f"0.4 s loading, 2.0 s scoring, {len(trace.scored) / 2:.1f} tokens/s" in text
    assert f"{found} of {measured} tokens had a probability of a half or less" in text
    assert "tokens in 6 changed lines" in text
    lines = [line for line in text.splitlines() if " bits: " in line]
    assert all("(changed)" in line for line in lines)
    assert lines[0].startswith("most surprising  durations.py line ")
    assert "expected" in text
    assert "output" not in text
    assert "generat" not in text


@pytest.mark.parametrize(("result", "colour"), [(1, "32"), (2, "31"), (3, "31")])
def test_the_verdict_of_the_check_comes_first_in_its_colour(monkeypatch, result, colour):
    trace = synthetic_traces.decided()
    checks = {name: values.copy() for name, values in trace._contents.tables["checks"].items()}
    checks["result"][0] = result
    trace = trace.replaced(trace.run, {"checks": checks})
    monkeypatch.delenv("NO_COLOR", raising=False)
    for wants in (True, False):
        if not wants:
            monkeypatch.setenv("NO_COLOR", "1")
        stream = io.StringIO()
        console = Console(file=stream, width=200, highlight=False, force_terminal=True, color_system="standard")
        print_summary(console, trace, None, 1)
        first, second = stream.getvalue().splitlines()[:2]
        assert first.startswith("check ")
        assert (f"\x1b[1;{colour}mThe " in first) is wants
        assert "It printed “4 passed”." in second
    assert f"\x1b[{colour}m" not in said(trace)


@pytest.mark.parametrize("seconds", [None, 0.0])
def test_a_clock_that_tells_nothing_is_no_error(seconds):
    trace = synthetic_traces.scored({"a.py": synthetic_traces.OUTPUT})
    text = said(timed(trace, decode_seconds=None, replay_seconds=seconds))
    assert ("not noted" in text) == (seconds is None)
    assert "in one file" in text
    assert "changed" not in text


def test_a_generation_is_summed_up_as_before():
    text = said(synthetic_traces.branching())
    for words in (
        "of prompt",
        "of output; the limit of new tokens was reached",
        "nearly certain",
        "least certain  line",
        "t.tsc (12 kB)",
    ):
        assert words in text


def test_decisions_take_two_lines_each_without_signs_for_spaces_and_the_tree_is_counted_plainly():
    trace = synthetic_traces.decided()
    text = said(trace)
    for decision in make_review(trace).decisions[:3]:
        row = next(line for line in text.splitlines() if f"line {decision.line}, {decision.where}: " in line)
        assert decision.percent in row
        assert "·" not in row
        assert " or " not in row
    assert len(re.findall(r"\n +or ", text)) == 3
    branches = next(line for line in text.splitlines() if line.startswith("branches"))
    tokens = int(trace.branches.count.sum())
    assert branches.removeprefix("branches").strip().startswith(f"{len(trace.branches)} branches, {tokens} tokens (")
    narrow = io.StringIO()
    print_summary(Console(file=narrow, width=60, highlight=False), trace, Path("t.tsc"), 12_345)
    decisions = narrow.getvalue().split("decisions")[1].split("and 31 more")[0]
    assert len(decisions.splitlines()) <= 7, "one line each, cut at the edge"


def test_the_alternative_that_passes_where_the_output_does_not_is_the_one_that_is_shown():
    assert re.search(r"\n +or sum 10\.0 %: [\w ]+, passes the check", said(judged(FAIL, FAIL, FAIL, PASS)))
    text = said(judged(FAIL, FAIL, FAIL, FAIL))
    assert re.search(r"\n +or max 30\.0 %: [\w ]+\n", text), "a verdict that all have needs no ink"


def test_an_alternative_of_white_space_is_the_code_that_follows():
    text = said(branching("\n        ", "\n    ", ["return best\n"]))
    assert re.search(r"\n +or dedented: return best 30\.0 %", text)


def test_what_is_the_matter_with_an_output_is_said_and_what_stands_behind_it_is_not_counted():
    trace = ending(13, "stop-string", output=["    return 1\n", "\ndef", " sub"], broken=True, repeats=60)
    text = said(timed(trace, decode_seconds=None))
    assert "2 of prompt, 3 of output (2 of them behind the program); a stop string came" in text
    assert re.search(r"\nprogram +The output itself does not parse\.", text)
    assert "on the output repeats itself." in text
    assert "1 of 1 output tokens nearly certain" in text
