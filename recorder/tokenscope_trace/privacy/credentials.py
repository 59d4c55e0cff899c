"""Credentials: where a text looks as if it held one. A text and the name of its file in, lines and kinds out, never the credential itself.

detect-secrets looks, by its patterns of known services, of keys, and of names such as `password` to which a text is assigned; its
measures of entropy, which take hashes and test data for secrets, are left out, and so is its asking of services, which would need the
network. Beside it stand tokens that it does not know, by the prefixes that their services document, and words that it does not look for.
In files of settings, by their names, a value needs no quotes. Imported when a text is there to look at.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from tokenscope_trace.privacy.credential_patterns import (
    BARE,
    BY_FILE,
    COMMENT,
    ELEMENT,
    MIXED,
    NO_VALUE,
    QUOTED,
    SETTINGS_FILES,
    TOKENS,
)

# All of its detectors but those of entropy, of public addresses, and of what TOKENS has.
_DETECTORS = (
    "ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "CloudantDetector",
    "DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector", "IbmCloudIamDetector", "IbmCosHmacDetector",
    "KeywordDetector", "MailchimpDetector", "NpmDetector", "PypiTokenDetector", "SendGridDetector", "SlackDetector",
    "SoftlayerDetector", "SquareOAuthDetector", "StripeDetector", "TelegramBotTokenDetector", "TwilioKeyDetector",
)  # fmt: skip
_NAMES = {"Secret Keyword": "password or key"}
LINE_WINDOW = 1000  # signs that are looked at together
OVERLAP = 250  # of two of them, which is more than a token takes
_WORD_SIGNS = re.compile(r"(\w{80})\w+")


@dataclass(frozen=True)
class Finding:
    """A line, from 1, of a text that `source` names, and what it looks as if it held, such as `AWS Access Key`."""

    source: str
    line: int
    kind: str

    def __str__(self) -> str:
        article = "an" if self.kind[0] in "AEIOU" else "a"
        return f"{self.source}, line {self.line:,}, looks like {article} {self.kind}"


def findings(source: str, text: str) -> list[Finding]:
    """What a text looks as if it held, line by line, as the report counts lines; `source` is the name of its file."""
    shows = warnings.showwarning
    from detect_secrets.core.plugins.initialize import from_plugin_classname
    from detect_secrets.settings import transient_settings

    if warnings.showwarning is not shows:  # it sends all warnings of the process to a log that nobody reads
        logging.captureWarnings(False)

    with transient_settings({"plugins_used": [{"name": name} for name in _DETECTORS], "filters_used": []}):
        plugins: list[Any] = [from_plugin_classname(name) for name in _DETECTORS]
        look = cache(lambda line: _kinds_of_line(plugins, _kind_of_file(source), line))  # many lines are alike
        return [
            Finding(source, number, kind)
            for number, line in enumerate(text.split("\n"), 1)
            if line.strip()
            for kind in look(line)
        ]


def _kind_of_file(source: str) -> str:
    """A suffix that says what kind of file it is: `.env.local` and `prod.env` are both environments, a `Dockerfile` is one by its name."""
    name = PurePosixPath(source).name.lower()
    parts = [f".{part}" for part in name.split(".") if part]
    return next(
        (SETTINGS_FILES[part] for part in reversed(parts) if part in SETTINGS_FILES), parts[-1] if len(parts) > 1 else ""
    )


def _kinds_of_line(plugins: Sequence[Any], suffix: str, line: str) -> list[str]:
    """The kinds, each once; what is known by its service needs no word on the name it was given."""
    found: dict[str, None] = {}
    for window in _windows(line):
        found |= dict.fromkeys(_kinds(plugins, suffix, window))
    others = [kind for kind in found if kind != _NAMES["Secret Keyword"]]
    return others or list(found)


def _windows(line: str) -> Iterator[str]:
    for start in range(0, max(1, len(line) - OVERLAP), LINE_WINDOW - OVERLAP):
        yield line[start : start + LINE_WINDOW]


def _kinds(plugins: Sequence[Any], suffix: str, line: str) -> Iterator[str]:
    for kind, pattern in TOKENS:
        if any(not _is_made_up(found.groupdict().get("value") or found[0]) for found in pattern.finditer(line)):
            yield kind
    short = _WORD_SIGNS.sub(r"\1", line)  # no name is longer, and patterns are slow on such
    for plugin in plugins:
        for secret in plugin.analyze_line(filename=f"file{suffix}", line=short, line_number=0):
            if not _is_none(secret.secret_value or "", short, plugin):
                yield _NAMES.get(secret.type, secret.type)
    for pattern in (QUOTED, ELEMENT, *(BY_FILE.get(suffix) or ([BARE] if COMMENT.match(short) else []))):
        for found in pattern.finditer(short):
            if MIXED.match(found["value"]) and not NO_VALUE.search(found["value"]):
                yield _NAMES["Secret Keyword"]


def _is_made_up(token: str) -> bool:
    """Whether a token is one of an example: of one sign again and again, or a word that says so."""
    return len(set(token[-12:])) < 3 or bool(
        re.search(r"x{6}|\*{4}|example|your[_-]|<|^(?:pass(?:word)?|pwd|secret)$", token, re.I)
    )


def _is_none(secret: str, line: str, plugin: Any) -> bool:
    """The pure rules of detect-secrets against false alarms; none reads a file or asks a service."""
    from detect_secrets.filters import heuristic

    rules: tuple[Callable[[], bool], ...] = (
        lambda: heuristic.is_sequential_string(secret),
        lambda: heuristic.is_potential_uuid(secret),
        lambda: heuristic.is_likely_id_string(secret, line, plugin),
        lambda: heuristic.is_templated_secret(secret),
        lambda: heuristic.is_prefixed_with_dollar_sign(secret),
        lambda: heuristic.is_not_alphanumeric_string(secret),
        lambda: heuristic.is_indirect_reference(line),
    )
    return not secret or any(rule() for rule in rules)


def warning(found: Sequence[Finding], advice: str) -> str:
    """One sentence on the first of them; `advice` says what leaves it out."""
    more = len(found) - 1
    others = "" if more == 0 else f" (and {more} more line{'' if more == 1 else 's'})"
    return f"{found[0]}{others}; {advice}"
