import os
import pty
import subprocess
import sys

import pytest
from click.testing import CliRunner
from tests.support import synthetic_traces
from tests.support.code_traces import END, Twig, Word, recorded

from tokenscope_trace import CheckSettings, Trace
from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.cli.html_command import main
from tokenscope_trace.reports.code import kept_code
from tokenscope_trace.traces.schema import BranchEnd


@pytest.fixture
def trace_file(tmp_path):
    path = tmp_path / "trace.tsc"
    synthetic_traces.plausible().save(path)
    return path


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def error_of(result):
    """The one sentence on stderr."""
    assert result.stderr.startswith("tokenscope-html: error: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    return result.stderr


def test_the_report_is_written_beside_the_trace(trace_file):
    result = run(trace_file)
    assert result.exit_code == 0
    page = trace_file.with_suffix(".html")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert str(page) in result.stderr
    assert "kB" in result.stderr
    assert result.stdout == ""


def test_another_name_and_a_title(trace_file, tmp_path):
    assert run(trace_file, "-o", tmp_path / "review.html", "--title", "My review").exit_code == 0
    assert "<title>My review" in (tmp_path / "review.html").read_text(encoding="utf-8")


def test_standard_output(trace_file):
    result = run(trace_file, "-o", "-")
    assert result.exit_code == 0
    assert result.stdout.startswith("<!doctype html>")
    assert not trace_file.with_suffix(".html").exists()


def test_markdown_for_a_pull_request(trace_file, tmp_path):
    result = run(trace_file, "--format", "markdown")
    assert result.exit_code == 0
    text = trace_file.with_suffix(".md").read_text(encoding="utf-8")
    assert text.startswith("### How the model wrote")
    assert "Attach `trace.html`" in text
    assert len(text.splitlines()) < 60
    assert "paste it into the pull request" in result.stderr
    assert run(trace_file, "--format", "markdown", "-o", "-").stdout == text
    assert run(trace_file, "--format", "pdf").exit_code == 2


@pytest.mark.parametrize(
    ("kind", "begins", "words"),
    [("json", '{\n "format": "tokenscope-report"', "report.schema.json"), ("sarif", '{\n "$schema"', "code scanning")],
)
def test_json_and_sarif_for_other_programs(trace_file, kind, begins, words):
    result = run(trace_file, "--format", kind, "--title", "Mein Überblick")
    assert result.exit_code == 0
    text = trace_file.with_suffix(f".{kind}").read_text(encoding="utf-8")
    assert text.startswith(begins)
    assert '"title": "Mein Überblick"' in text
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert run(trace_file, "--format", kind, "--title", "Mein Überblick", "-o", "-").stdout == text
    assert run(trace_file, "--format", kind).exit_code == 5


def test_the_program_byte_for_byte(trace_file, tmp_path):
    trace = Trace.load(trace_file)
    result = run(trace_file, "--format", "code")
    assert result.exit_code == 0
    assert trace_file.with_suffix(".code").read_bytes() == kept_code(trace) == trace.text(trace.main, special=False)
    assert result.stderr.count("\n") == 1
    assert run(trace_file, "--format", "code", "-o", "-").stdout_bytes == kept_code(trace)
    odd = synthetic_traces.make([b"a = '"], [b"\xff\xfe", b"\xe3", b"'\r\n"])
    odd.save(tmp_path / "odd.tsc")
    assert run(tmp_path / "odd.tsc", "--format", "code").exit_code == 0
    assert (tmp_path / "odd.code").read_bytes() == b"a = '\xff\xfe\xe3'\r\n"


def test_the_program_of_what_has_none_or_not_all_of_it(trace_file, tmp_path):
    synthetic_traces.scored().save(tmp_path / "scored.tsc")
    refused = run(tmp_path / "scored.tsc", "--format", "code")
    assert (refused.exit_code, "the model wrote nothing" in error_of(refused)) == (3, True)
    redacted = run(trace_file, "--format", "code", "--redact", "prompt", "-o", tmp_path / "r.py")
    assert redacted.exit_code == 0
    assert "Note: left out of this recording, as it says: prompt; █ stands in the code" in redacted.stderr
    assert "█" in (tmp_path / "r.py").read_text(encoding="utf-8")


def test_two_traces_make_one_page(trace_file, tmp_path):
    other = tmp_path / "after.tsc"
    synthetic_traces.sampled().save(other)
    result = run(trace_file, other)
    assert result.exit_code == 0, result.output
    page = (tmp_path / "trace-after.html").read_text(encoding="utf-8")
    assert "The recordings part on line" in page or "the same text" in page
    assert "<script" not in page
    twice = run(trace_file, trace_file)
    assert (twice.exit_code, "both are the same file" in twice.stderr) == (2, True)
    assert "trace-after" not in run(trace_file, other, "-o", "-").stderr
    assert "trace.tsc" in page
    assert "after.tsc" in page
    hole = tmp_path / "hole.tsc"
    synthetic_traces.fill_in_the_middle().save(hole)
    assert "Note: The prompts differ." in run(trace_file, hole).stderr
    assert run(trace_file, other, other).exit_code == 2
    assert run(trace_file, other, "--format", "json").exit_code == 2
    assert run().exit_code == 2
    synthetic_traces.scored().save(tmp_path / "scored.tsc")
    refused = run(trace_file, tmp_path / "scored.tsc", "--force")
    assert (refused.exit_code, "compare two of one sort" in error_of(refused)) == (6, True)


def test_what_the_checks_said_of_two_is_told(tmp_path):
    for name, command in (("a", "true {file}"), ("b", "false {file}")):
        twig = Twig(0, ["2\n", END], [0.4], BranchEnd.END_OF_TEXT)
        trace = recorded(["x = "], [Word("1", 0.5, {"2\n": 0.4}), "\n", END], [twig], finish="end-of-text")
        analysed(trace, check=CheckSettings(command)).save(tmp_path / f"{name}.tsc")
    assert "A passes the check, B fails the check.\n" in run(tmp_path / "a.tsc", tmp_path / "b.tsc").stderr


def test_an_existing_file_is_kept_without_force(trace_file):
    page = trace_file.with_suffix(".html")
    page.write_text("mine", encoding="utf-8")
    result = run(trace_file)
    assert result.exit_code == 5
    assert "--force" in error_of(result)
    assert page.read_text(encoding="utf-8") == "mine"
    assert run(trace_file, "--force").exit_code == 0
    assert page.read_text(encoding="utf-8") != "mine"


def test_the_trace_is_never_its_own_report(tmp_path):
    path = tmp_path / "trace.html"
    synthetic_traces.plausible().save(path)
    before = path.read_bytes()
    for extra in ([], ["--force"]):
        result = run(path, *extra)
        assert result.exit_code == 5
        assert "-o" in error_of(result)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda data: b"hello", "not a TokenScope trace"),
        (lambda data: b"", "empty"),
        (lambda data: data[:-20], "ends inside"),
        (lambda data: data[:8] + b"\x09\x00" + data[10:], "version 9."),
        (lambda data: data[:-3] + bytes([data[-3] ^ 1]) + data[-2:], "checksum"),
    ],
)
def test_a_trace_that_cannot_be_read_is_refused_by_reason(trace_file, spoil, words):
    trace_file.write_bytes(spoil(trace_file.read_bytes()))
    result = run(trace_file)
    assert result.exit_code == 6
    assert words in error_of(result)
    assert trace_file.name in result.stderr
    assert not trace_file.with_suffix(".html").exists()


def test_a_missing_trace_says_how_to_make_one(tmp_path):
    result = run(tmp_path / "none.tsc")
    assert result.exit_code == 6
    assert "tokenscope-record" in error_of(result)


def test_a_folder_that_cannot_be_written_is_named(trace_file, tmp_path):
    result = run(trace_file, "-o", tmp_path / "missing" / "x.html")
    assert result.exit_code == 5
    assert "missing" in error_of(result)
    result = run(trace_file, "-o", tmp_path)
    assert result.exit_code == 5
    assert "folder" in error_of(result)


def test_a_wrong_command_line_has_its_own_code():
    assert run().exit_code == 2
    assert run("trace.tsc", "--beauty").exit_code == 2


def test_a_report_is_not_named_as_a_trace(trace_file, tmp_path):
    result = run(trace_file, "-o", tmp_path / "x.tsc", "--force")
    assert result.exit_code == 2
    assert result.stderr.startswith("main: error: -o ")
    assert not (tmp_path / "x.tsc").exists()


def test_help_shows_examples_and_exit_codes():
    result = run("--help")
    assert result.exit_code == 0
    for words in ("tokenscope-html trace.tsc", "-o review.html", "Exit codes", "--force", "--title", "--version"):
        assert words in result.stdout


def test_the_version_is_told():
    result = run("--version")
    assert result.stdout.startswith("tokenscope-html")


def test_nothing_heavy_is_imported():
    program = (
        "import sys, tokenscope_trace.cli.html_command as c, tokenscope_trace.reports.page;"
        "print([m for m in ('torch', 'transformers', 'safetensors', 'playwright') if m in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


@pytest.mark.parametrize("wants", [True, False])
def test_the_verdict_of_the_check_is_said_in_colour_on_a_terminal_alone(tmp_path, monkeypatch, wants):
    path = tmp_path / "trace.tsc"
    synthetic_traces.decided().save(path)
    sentence = "The output passes the check; 4 of 7 finished alternatives do."
    monkeypatch.delenv("NO_COLOR", raising=False)
    if not wants:
        monkeypatch.setenv("NO_COLOR", "1")
    assert run(path, "--force").stderr.splitlines()[1] == sentence
    leader, follower = pty.openpty()
    code = "from tokenscope_trace.cli.html_command import main; main()"
    subprocess.run([sys.executable, "-c", code, str(path), "--force"], stderr=follower, check=True)
    shown = os.read(leader, 65536).decode()
    os.close(follower)
    os.close(leader)
    assert sentence in shown
    assert ("\x1b[32m\x1b[1m" in shown) is wants
    assert ("\x1b" in shown) is wants
