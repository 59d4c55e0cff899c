"""What looks like a credential is warned of: by detect-secrets, without a network, and seldom in plain code."""

from __future__ import annotations

import random
import socket
import string
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tokenscope_trace.privacy.credentials import Finding, findings, warning


def letters(count: int, among: str = string.ascii_letters + string.digits) -> str:
    return "".join(random.Random(3).choices(among, k=count))


CREDENTIALS = {
    "AWS Access Key": f'key = "AKIA{letters(16, string.ascii_uppercase + string.digits)}"',
    "GitHub Token": f"# gh{'p'}_{letters(36)}",
    "Stripe Access Key": f"stripe = 'sk_{'live'}_{letters(24)}'",
    "password in an address": "db = connect('postgres://app:" + letters(12) + "@db.example.com/x')",
    "Private Key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "password or key": f'password = "{letters(14)}"',
}


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_each_kind_is_found_on_its_line_without_a_network(kind, monkeypatch):
    def refuse(*_words, **_more):
        raise AssertionError("asked for a network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    found = findings("app.py", f"import os\n\n{CREDENTIALS[kind]}\nx = 1\n")
    assert found == [Finding("app.py", 3, kind)]


def test_a_warning_names_the_line_and_never_the_credential():
    found = findings("app.py", "\n".join(CREDENTIALS.values()))
    said = warning(found, "--redact prompt leaves it out of the trace.")
    assert said == (
        "app.py, line 1, looks like an AWS Access Key (and 5 more lines); --redact prompt leaves it out of the trace."
    )
    assert letters(12) not in said


@pytest.mark.parametrize("name", ["json/decoder.py", "argparse.py", "http/client.py", "hashlib.py", "getpass.py"])
def test_plain_code_is_not_warned_of(name):
    source = Path(sysconfig.get_paths()["stdlib"], name).read_text()
    assert findings(name, source) == []


@pytest.mark.parametrize(
    "line",
    [
        'password = os.environ["PASSWORD"]',
        "token = get_token()",
        'password = "${PASSWORD}"',
        'secret = ""',
        "key = password",
    ],
)
def test_where_a_secret_comes_from_is_none(line):
    assert findings("app.py", line) == []


def test_warnings_go_where_they_went():
    """The package that knows the patterns sends all warnings of a process to a log, when it is imported."""
    code = (
        "import warnings; before = warnings.showwarning; from tokenscope_trace.privacy.credentials import findings; "
        "findings('a.py', 'x = 1'); assert warnings.showwarning is before; import detect_secrets.core.scan; "
        "findings('a.py', 'x = 1'); assert warnings.showwarning is before"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr == ""
