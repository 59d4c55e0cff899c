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

from tokenscope_trace.privacy import credentials
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


@pytest.mark.parametrize("end", ["\f", "\v", "\x1c", "\x85", "\u2028", "\r"])
def test_a_line_is_what_the_report_counts_as_one(end):
    assert findings("app.py", f"x = 1{end}\n{CREDENTIALS['password or key']}") == [Finding("app.py", 2, "password or key")]


IN_FILES = {
    "values.yaml": "db:\n  password: Tr0ub4dor&3xyz",
    "docker-compose.yml": "    environment:\n      - POSTGRES_PASSWORD=Tr0ub4dor3",
    ".env": "A=1\nDB_PASSWORD=Tr0ub4dor3xyz",
    ".env.production": "A=1\nSECRET=hunter2hunter2",
    "prod.env": "A=1\nAPI_TOKEN=9fQ2zX7pLm41TtRb",
    "app.ini": "[db]\npassword = Tr0ub4dor&3",
    "app.properties": "a=b\ndb.password=Tr0ub4dor3",
    "config.toml": "[db]\nauth_token = 9fQ2zX7pLm41TtRb",
    "run.sh": "#!/bin/sh\nexport API_TOKEN=ghp_9fQ2zX7pLm41TtRb",
    "Dockerfile": "FROM x\nENV PASSWORD=Tr0ub4dor3xyz",
    ".netrc": "machine example.com\n  login me password Tr0ub4dor3",
    ".pgpass": "# hosts\nhost:5432:db:user:Tr0ub4dor3",
    "pom.xml": "<server>\n<password>uMvxiZOXA0GK</password>",
    "notes.md": "```yaml\npassword: Tr0ub4dor&3xyz",
    "-": "x\nDATABASE_URL=postgres://u:9fQ2zX7p@h/db",
    "get.sh": "#!/bin/sh\ncurl -u admin:Tr0ub4dor3 http://x",
    "main.go": 'x\npassword := "E6xdRjNF4IMq"',
    "app.rb": "x\npassword: 'Tr0ub4dor3'",
    "Db.cs": 'x\nvar c = "Data Source=db:1521/x;User ID=svc;Password=svcacctpass;";',
    "view.tsx": "x\n  // password: dY5Ke76gdSiF9",
    "list.yml": "env:\n  ANODOT_TOKEN: uvqcblfxi1d3ohvwjftgb59e3mba1x98",
    "deploy.yml": "room: x\npassword: eytgdtewqy",
    "quoted.yaml": "user: x\npassword: 'my own password'",
    "app.ts": "x\nconst authToken: string = 'PbS89Rd0nO7Sis4jLzjM'",
}


@pytest.mark.parametrize("name", IN_FILES)
def test_in_files_of_settings_a_value_needs_no_quotes(name):
    assert [one.line for one in findings(name, IN_FILES[name])] == [2]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("run.sh", 'password="$1"'),
        ("run.sh", "PASSWORD=$(pass show x)"),
        ("a.yml", "password: ${DB_PASSWORD}"),
        ("a.yml", "password: {{ vault }}"),
        ("a.yml", "token: true"),
        ("a.py", "max_tokens = 1024"),
        ("a.md", "The token: a word of the model, as in token_type: bearer."),
        ("a.py", "hf_model_name_or_path_of_the_thing = 1"),
        ("a.py", 'key = "sk-ant-xxxxxxxxxxxxxxxxxxxxxxxx"'),
        ("a.sh", "git clone https://user:password@example.com/x"),
    ],
)
def test_places_of_secrets_and_examples_are_none(name, line):
    assert findings(name, line) == []


TOKENS = {
    "Hugging Face Token": f"hf_{letters(34)}",
    "Anthropic API Key": f"sk-ant-api03-{letters(90)}",
    "OpenAI Token": f"sk-proj-{letters(60)}",
    "GitHub Token": f"github_pat_{letters(22)}_{letters(59)}",
    "GitLab Token": f"glpat-{letters(20)}",
    "Slack Token": f"xoxb-123456789012-1234567890123-{letters(24)}",
    "AWS Access Key": f"ASIA{letters(16, 'ABCDEFGHIJ234567')}",
    "Google API Key": f"AIza{letters(35)}",
    "Groq API Key": f"gsk_{letters(52)}",
    "npm Token": f"npm_{letters(36)}",
    "PyPI Token": f"pypi-{letters(80)}",
    "DigitalOcean Token": f"dop_v1_{letters(64, string.hexdigits.lower())}",
    "Docker Hub Token": f"dckr_pat_{letters(27)}",
    "Vault Token": f"hvs.{letters(30)}",
    "JSON Web Token": f"eyJ{letters(30)}.eyJ{letters(60)}.{letters(40)}",
}


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize(
    "place",
    ["x = '{}'", "# {}", "{}", "--token={}", '{{"a": ["{}"]}}', "x" * 4100 + " = '{}'", "é" * 999 + "'{}'" + "b" * 5000],
)
def test_tokens_of_today_are_known_by_themselves_wherever_they_stand(kind, place):
    assert findings("any.txt", "\n" + place.format(TOKENS[kind])) == [Finding("any.txt", 2, kind)]


def test_a_line_takes_time_in_proportion_to_its_length(monkeypatch):
    """Counted in what is looked at, not in seconds: windows of one length, each once, that leave nothing out."""
    looked = []
    monkeypatch.setattr(credentials, "_kinds", lambda _plugins, _suffix, line: looked.append(line) or [])
    line = letters(100_000)
    findings("a.js", line)
    step = credentials.LINE_WINDOW - credentials.OVERLAP
    assert all(line[place * step :].startswith(window) for place, window in enumerate(looked))
    assert max(map(len, looked)) == credentials.LINE_WINDOW
    assert (len(looked) - 1) * step + len(looked[-1]) == len(line)
