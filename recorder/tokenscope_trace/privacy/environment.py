"""Secrets of an environment: which of its values nobody else may see, and every way in which a program may print one. A mapping in, texts out.

A variable is one by its name: by detect-secrets' list of such names, and by the words below, which it has not. Or by its value: a token
of a service, an address with a password in it, a connection string.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, quote_plus

from tokenscope_trace.privacy.credential_patterns import TOKENS
from tokenscope_trace.privacy.credentials import findings

LEAST = 4  # signs of a secret
ANYWHERE = 8  # signs from which on it is one inside of a word, too, and in other spellings
_LONGEST = 10_000  # signs of a value that are looked at
# Words of a name, as `_`, `-` and capitals part them (`githubToken`, `REDIS_AUTH`); what a name ends with, or holds, written as one word.
_WORDS = frozenset({
    "auth", "authorization", "bearer", "cookie", "cookies", "cred", "creds", "credential", "credentials", "dsn", "hmac", "jwt",
    "key", "keys", "license", "otp", "pass", "pat", "pin", "psk", "pw", "sas", "sid", "sig", "signature", "ssn",
})  # fmt: skip
_ENDINGS = ("pass", "pwd", "key", "keys", "auth", "dsn", "pat", "cookie", "cookies", "creds")
_HELD = ("token", "secret", "passw", "passphrase", "passcode", "credential", "connectionstring", "connstr", "webhook")
_NO_HELD = ("tokeniz", "tokenscope")
_NO_SECRETS = ("PWD", "OLDPWD")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_WHO = re.compile(r"AUTHOR_(?:NAME|EMAIL)$|COMMITTER_(?:NAME|EMAIL)$", re.IGNORECASE)
_FIELD = re.compile(r"(?i)(?:key|password|pwd|secret|token|signature|sig)\s*=\s*([^;&\s]+)")
_PLAIN = frozenset({
    "true", "false", "none", "null", "auto", "yes", "no", "on", "off", "default", "local", "localhost", "root", "admin",
    "user", "users", "guest", "test", "tests", "development", "production", "staging", "enabled", "disabled", "always",
    "never", "info", "debug", "warning", "error", "utf-8", "file", "store", "plain", "basic", "digest", "ssh-agent",
})  # fmt: skip


@dataclass(frozen=True)
class Secret:
    """A text that may not be seen; within a word, too, or only where it stands by itself."""

    text: str
    inside: bool


def secrets_of(environment: Mapping[str, str]) -> tuple[Secret, ...]:
    """What may not be seen of it, in all spellings, the longest first."""
    return _secrets(tuple(sorted(environment.items())))


@lru_cache(maxsize=8)
def _secrets(items: tuple[tuple[str, str], ...]) -> tuple[Secret, ...]:
    found: dict[str, bool] = {}
    for name, value in items:
        for text in _hidden_of(name, value[:_LONGEST]):
            if len(text) >= LEAST and text.lower() not in _PLAIN and not os.path.exists(text):
                found[text] = len(text) >= ANYWHERE
                found |= {spelled: True for spelled in _spellings(text) if len(text) >= ANYWHERE}
    return tuple(Secret(text, inside) for text, inside in sorted(found.items(), key=lambda pair: -len(pair[0])))


def _hidden_of(name: str, value: str) -> Iterator[str]:
    """The parts of a variable's value that may not be seen."""
    parts = list(_parts_of(value))
    if parts or is_secret_name(name) or findings("", value):
        yield value
        yield value.strip()
        yield from (line.strip() for line in re.split(r"\n|\\n", value))
    yield from parts


def _parts_of(value: str) -> Iterator[str]:
    for _kind, pattern in TOKENS:
        for match in pattern.finditer(value):
            yield match[1] if pattern.groups else match[0]
    if "://" in value or ";" in value:
        yield from _FIELD.findall(value)


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret."""
    from detect_secrets.plugins.keyword import DENYLIST

    if name in _NO_SECRETS:
        return False
    parts = [part.lower() for part in _PART.findall(name)]
    joined = "".join(parts)
    for harmless in _NO_HELD:
        joined = joined.replace(harmless, "")
    return (
        bool(_WHO.search(name))
        or any(part in _WORDS or part.endswith(_ENDINGS) for part in parts)
        or any(word in joined for word in _HELD)
        or re.search("|".join(DENYLIST), name.lower()) is not None
    )


def _spellings(text: str) -> Iterator[str]:
    """How a program may print a text otherwise: in an address, in JSON, as the digits of its bytes, in base64 behind anything."""
    content = text.encode("utf-8", "surrogateescape")
    yield from (quote(text, safe="", errors="replace"), quote_plus(text, errors="replace"))
    yield from (json.dumps(text)[1:-1], repr(text)[1:-1], content.hex(), content.hex().upper())
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            code = encode(b"\0" * shift + content).decode()
            yield code[(0, 2, 3)[shift] : len(content + b"\0" * shift) // 3 * 4]


def without_secrets(text: str, secrets: Iterable[Secret], instead: str, *, cut: bool = False) -> str:
    """The text with something else `instead` of them. A text that is `cut` may begin in one of them."""
    known = list(secrets)
    rest = max((_begun(secret.text, text) for secret in known), default=0) if cut else 0
    text = instead + text[rest:] if rest else text
    for secret in known:
        if secret.inside:
            text = text.replace(secret.text, instead)
        elif secret.text in text:
            text = re.sub(rf"(?<![^\W_]){re.escape(secret.text)}(?![^\W_])", lambda _match: instead, text)
    return text


def _begun(secret: str, text: str) -> int:
    """How much of a text's begin is the end of a secret."""
    sizes = range(len(secret) - 1, LEAST - 1, -1)
    return next((size for size in sizes if text.startswith(secret[-size:])), 0)
