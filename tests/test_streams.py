"""Standard streams that are closed, full, left, or of another encoding: real processes of both commands."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import synthetic_traces

from tokenscope_trace import Trace

BIN = Path(sys.executable).parent
CLOSINGS = ["".join(parts) for n in range(4) for parts in itertools.combinations([" <&-", " >&-", " 2>&-"], n)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    synthetic_traces.plausible().save("trace.tsc")
    Path("prompt.py").write_text("def f(x):\n")
    return tmp_path


def shell(line, **environment):
    """(exit code, stdout, stderr) of a line of bash with both commands in reach."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, env={**os.environ, "PATH": path, **environment}, check=False
    )
    assert b"Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


@pytest.mark.parametrize("closing", CLOSINGS)
@pytest.mark.parametrize("command", ["tokenscope-record", "tokenscope-html"])
def test_whatever_is_closed_help_mistakes_and_files_end_as_they_do_otherwise(folder, command, closing):
    code, out, _ = shell(f"{command} --version{closing}")
    assert (code, out.startswith(command)) == (0, ">&-" not in closing.replace("2>&-", ""))
    code, _, said = shell(f"{command} --no-such-option{closing}")
    assert (code, "error: " in said) == (2, "2>&-" not in closing)
    if command == "tokenscope-html":
        assert shell(f"tokenscope-html trace.tsc --force{closing}")[0] == 0
        assert Path("trace.html").read_bytes().startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        ("tokenscope-record - -o t.tsc <&-", 3, "cannot read the prompt stdin: it is closed."),
        ("tokenscope-record prompt.py -o - >&-", 5, "standard output is closed; name a file with -o."),
        ("tokenscope-record --replay trace.tsc -o - >&-", 5, "standard output is closed; name a file with -o."),
        ("tokenscope-record prompt.py --dry-run >&-", 5, "standard output is closed; name a file with -o."),
        ("tokenscope-html trace.tsc -o - >&-", 5, "standard output is closed; name a file with -o."),
        ("tokenscope-html trace.tsc -o - >/dev/full", 5, "cannot write to standard output: No space left on device."),
        ("tokenscope-record --help >/dev/full", 5, "cannot write to standard output: No space left on device."),
    ],
)
def test_what_needs_a_stream_that_is_not_there_is_refused_before_the_work(folder, line, code, sentence):
    found, out, said = shell(line)
    assert (found, out) == (code, "")
    assert said.count("\n") == 1
    assert sentence in said


def test_a_recording_with_closed_streams_is_written_and_nothing_else_gets_its_bytes(folder):
    options = "--max-new-tokens 2 --tree-nodes 0 --no-attention"
    assert shell(f"tokenscope-record prompt.py {options} -o t.tsc <&- >&- 2>&-")[0] == 0
    assert len(Trace.load("t.tsc").output) == 2


def test_a_reader_who_has_gone_ends_nothing(folder):
    for line in ("tokenscope-record --help", "tokenscope-html --help", "tokenscope-html trace.tsc -o -"):
        code, out, said = shell(f"set -o pipefail; {line} | head -1")
        assert (code, said, out.count("\n")) == (0, "", 1), line


def test_a_dry_run_takes_any_encoding_any_width_and_half_a_reader(folder):
    line = "tokenscope-record prompt.py --max-new-tokens 2 --tree-nodes 0 --no-attention -q --dry-run"
    code, out, said = shell(line, PYTHONIOENCODING="cp932", COLUMNS="1")
    assert (code, said) == (0, "")
    assert r"\u2013" in out
    Path("prompt.tsc").write_bytes(b"precious")
    assert shell(f"set -o pipefail; {line} | head -1")[:2] == (0, "This recording would take, at most:\n")
    assert Path("prompt.tsc").read_bytes() == b"precious"
    assert "A recording would not begin: prompt.tsc exists already" in shell(line.replace(" -q", ""))[2]
