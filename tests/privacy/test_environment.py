"""Secrets of an environment are known by name and by value, and go in whatever way they are printed."""

from __future__ import annotations

import base64
import json
import random
import string
from urllib.parse import quote

import pytest

from tokenscope_trace.privacy.environment import is_secret_name, secrets_of, without_secrets

NAMES = (
    "PGPASSWORD", "MYSQL_PWD", "DB_PASS", "OPENAI_KEY", "GITHUB_PAT", "ENCRYPTION_KEY", "SENTRY_DSN", "MYTOKEN", "githubToken",
    "PASSPHRASE", "REDIS_AUTH", "AZURE_STORAGE_CONNECTION_STRING", "COOKIE", "TOKENS", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY",
    "apiKey", "dbPass", "DBPASS", "ROOT_PW", "SSHKEY", "my-secret", "NPM_CONFIG__AUTH", "JWT", "CLIENT_CREDENTIALS",
    "SLACK_WEBHOOK", "GIT_AUTHOR_NAME", "GIT_COMMITTER_EMAIL", "STRIPE_SK_KEY", "kubernetesServiceAccountToken",
    "SMTP_PASSWORD2",
)  # fmt: skip
OTHERS = (
    "PATH", "HOME", "LANG", "LS_COLORS", "TOKENIZERS_PARALLELISM", "TOKENSCOPE_TEST", "KEYBOARD_LAYOUT", "MONITOR", "COMPILER", "AUTHORITY",
    "PATTERN", "PASSAGE", "PYTHONHASHSEED", "SHELL", "PWD", "OLDPWD", "SSL_CERT_FILE", "KEYNOTE_THEME",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_of_secrets(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", OTHERS)
def test_other_names(name):
    assert not is_secret_name(name)


def value(size: int = 24) -> str:
    return "".join(random.Random(size).choices(string.ascii_letters + string.digits + "+/ü", k=size))


SPELLINGS = {
    "as it is": str,
    "in a word": "x{}y".format,
    "in an address": lambda text: quote(text, safe=""),
    "in JSON": lambda text: json.dumps({"a": text}),
    "as digits": lambda text: text.encode().hex(),
    **{
        f"in base64 behind {before}": lambda text, before=before: base64.b64encode(
            (before * "u" + text + ":x").encode()
        ).decode()
        for before in range(4)
    },
    "for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_goes_in_every_spelling(spelling):
    text = value()
    printed = SPELLINGS[spelling](text)
    left = without_secrets(f"said {printed}.", secrets_of({"DB_PASS": text}), "…")
    assert "…" in left
    code = SPELLINGS[spelling](text)
    pieces = (
        {code[i : i + 8] for i in range(8, len(code) - 16)}
        if spelling not in ("in JSON", "in a word")
        else {text[:8], text[-8:]}
    )
    assert not any(piece in left for piece in pieces), left


@pytest.mark.parametrize(
    ("content", "printed", "left"),
    [
        ({"URL": "postgres://bob:hunter2x@db/app"}, "no postgres://bob:hunter2x@db/app, hunter2x", "no …, …"),
        ({"CONN": "AccountName=n;AccountKey=abcdefgh12==;Suffix=x"}, "key abcdefgh12== bad", "key … bad"),
        ({"ANYTHING": "ghp_" + "a1B2" * 9}, "got ghp_" + "a1B2" * 9, "got …"),
        ({"DB_PASS": "tulip"}, "tulip tulips (tulip)", "… tulips (…)"),
        ({"KEY": "true", "AUTH": "root", "PIN": "1"}, "true root 1", "true root 1"),
        ({"KEY": "-----BEGIN X-----\nabcdefghij\nklmnopqrst"}, "at klmnopqrst, abcdefghij", "at …, …"),
        ({"SITE": "https://example.org/a?b=c"}, "https://example.org/a?b=c", "https://example.org/a?b=c"),
    ],
)
def test_what_goes_of_a_value(content, printed, left):
    assert without_secrets(printed, secrets_of(content), "…") == left


def test_a_text_that_was_cut_may_begin_in_a_secret():
    secrets = secrets_of({"API_KEY": "abcdefghijklmnop"})
    assert without_secrets("jklmnop and more", secrets, "…", cut=True) == "… and more"
    assert without_secrets("nop and more", secrets, "…", cut=True) == "nop and more"
    assert without_secrets("jklmnop and more", secrets, "…") == "jklmnop and more"
