"""Nothing of the user, the machine and its folders gets into what is written; the command line leaves out what it is told to."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.remains import pieces

from tokenscope_trace import Trace
from tokenscope_trace.cli.html_command import main as html
from tokenscope_trace.cli.record_command import main as record
from tokenscope_trace.models.loading import builtin_folder

CANARY = "canary"
PROMPT = (
    'def merge(first, second):\n    """Merge two dictionaries."""\n    result = {}\n    for key, value in first.items():\n'
)
SECRET = "sk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc"
CHECK = """#!/bin/sh
echo "$USER $LOGNAME $HOSTNAME $HOME $PWD $0 $1 $HF_TOKEN $TMPDIR"
hostname; env; ls -d "$HOME"
echo "Traceback: File \\"$HOME/lib/x.py\\", line 3, in $HOME" >&2
exit 1
"""


def run(command, *words):
    """(exit code, stderr) of a command in this process."""
    result = CliRunner().invoke(command, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stderr


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home, a user, a machine, folders and an environment with a name that nothing else has."""
    home = tmp_path / f"home {CANARY}"
    for folder in ("work", "models", "lib", "cache"):
        (home / folder).mkdir(parents=True)
    for name, value in {
        "HOME": home, "USER": f"{CANARY}user", "LOGNAME": f"{CANARY}user", "HOSTNAME": f"{CANARY}host", "HF_HOME": home / "cache",
        "HF_TOKEN": f"hf_{CANARY}_value", "XDG_CACHE_HOME": home / "cache", "GIT_AUTHOR_NAME": f"{CANARY}author",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(socket, "gethostname", lambda: f"{CANARY}host.local")
    monkeypatch.chdir(home / "work")
    Path("merge.py").write_text(PROMPT)
    return home


def assert_no_canary(trace: Path) -> None:
    for kind in ("html", "markdown", "json", "sarif"):
        code, said = run(html, trace, "--format", kind, "--force", "-o", f"report.{kind}")
        assert code == 0, said
    for path in [trace, *Path().glob("report.*")]:
        for place, content in pieces(path.read_bytes()):
            assert CANARY.encode() not in content.lower(), (path, place)


def test_a_recording_does_not_say_who_made_it_and_where(home):
    model = home / "models" / "code-model"
    shutil.copytree(builtin_folder(), model)
    check = home / "lib" / "check.sh"
    check.write_text(CHECK)
    check.chmod(0o700)
    code, said = run(
        record, home / "work" / "merge.py", "--model", model, "-o", home / "work" / "trace.tsc", "--max-new-tokens", 40,
        "--tree-nodes", 40, "--check", f"'{check}' {{file}}", "--no-attention", "-q",
    )  # fmt: skip
    assert code == 0, said
    trace = Trace.load("trace.tsc")
    assert trace.run["model"]["id"] == "code-model"
    assert trace.run["prompt"]["source"] == "merge.py"
    assert trace.run["check"]["command"] == "'check.sh' {file}"
    assert len(trace.checks), "the check has run"
    assert 'File "x.py", line 3' in trace.run["check"]["outputs"][0]
    assert_no_canary(Path("trace.tsc"))


def test_scored_files_say_no_more_than_their_names(home):
    git = ["git", "-c", f"user.name={CANARY}", "-c", f"user.email={CANARY}@example.org"]
    for words in (["init", "-q"], ["add", "merge.py"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    Path("merge.py").write_text(PROMPT + "        result[key] = value\n    return result\n")
    code, said = run(record, "--diff", "HEAD", home / "work" / "merge.py", "-o", "trace.tsc", "-q")
    assert code == 0, said
    assert_no_canary(Path("trace.tsc"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text(f'KEY = "{SECRET}"\n\n\ndef connect(url):\n')
    return tmp_path


SMALL = ("--max-new-tokens", 8, "--tree-nodes", 20, "--no-attention", "-q")


def test_a_credential_is_warned_of_before_anything_is_written_and_redaction_leaves_it_out(folder):
    code, said = run(record, "app.py", *SMALL)
    assert code == 0
    assert "app.py, line 1, looks like a Stripe Access Key; --redact prompt leaves it out of the trace." in said
    assert SECRET not in said
    assert SECRET in Trace.load("app.tsc").text(Trace.load("app.tsc").main).decode()
    code, said = run(record, "app.py", *SMALL, "--redact", "strings", "-o", "redacted.tsc", "--force-text", f'2: "{SECRET}"')
    assert (code, "looks like" in said) == (0, False)
    for what in (("--redact", "strings"), ("--redact", "prompt", "--redact", "comments")):
        for kind in ("html", "markdown", "json", "sarif"):
            assert run(html, "app.tsc", *what, "--format", kind, "--force", "-o", f"app.{kind}")[0] == 0
        for path in [Path("redacted.tsc"), *(Path(f"app.{kind}") for kind in ("html", "markdown", "json", "sarif"))]:
            for place, content in pieces(path.read_bytes()):
                assert SECRET.encode() not in content, (path, place)
    code, _ = run(html, "app.tsc", "redacted.tsc", "--redact", "strings", "-o", "both.html")
    assert code == 0
    assert SECRET not in Path("both.html").read_text()


def test_what_cannot_be_redacted_is_refused_before_the_model_runs(folder):
    Path("notes.xyz").write_text("text")
    code, said = run(record, "notes.xyz", "--redact", "strings", "--model", "/nowhere")
    assert code == 3
    assert "no grammar is known for notes.xyz" in said
    code, said = run(record, "--score", "app.py", "--redact", "prompt", "--model", "/nowhere")
    assert code == 2
    assert "there is no prompt" in said
    assert not list(Path().glob("*.tsc"))
