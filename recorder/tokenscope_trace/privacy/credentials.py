"""Credentials: where a text looks as if it held one. A text in, lines and kinds out, never the credential itself.

detect-secrets looks, by its patterns of known services, of keys, and of names such as `password` to which a text is assigned; its
measures of entropy, which take hashes and test data for secrets, are left out, and so is its asking of services, which would need the
network. Imported when a text is there to look at.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# All of its detectors but those of entropy and of public addresses.
_DETECTORS = (
    "ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector", "CloudantDetector",
    "DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector", "IbmCloudIamDetector", "IbmCosHmacDetector",
    "JwtTokenDetector", "KeywordDetector", "MailchimpDetector", "NpmDetector", "OpenAIDetector", "PrivateKeyDetector",
    "PypiTokenDetector", "SendGridDetector", "SlackDetector", "SoftlayerDetector", "SquareOAuthDetector", "StripeDetector",
    "TelegramBotTokenDetector", "TwilioKeyDetector",
)  # fmt: skip
# Its pure rules against false alarms; none reads a file or asks a service.
_FILTERS = (
    "is_sequential_string", "is_potential_uuid", "is_likely_id_string", "is_templated_secret", "is_not_alphanumeric_string",
    "is_indirect_reference",
)  # fmt: skip
_WORDS = {"Secret Keyword": "password or key", "Basic Auth Credentials": "password in an address"}
LONGEST = 4000  # signs of a line: longer ones are data, and patterns are slow on them


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
    """What a text looks as if it held, line by line."""
    shows = warnings.showwarning
    from detect_secrets.core.scan import scan_line
    from detect_secrets.settings import transient_settings

    if warnings.showwarning is not shows:  # it sends all warnings of the process to a log that nobody reads
        logging.captureWarnings(False)

    settings = {
        "plugins_used": [{"name": name} for name in _DETECTORS],
        "filters_used": [{"path": f"detect_secrets.filters.heuristic.{name}"} for name in _FILTERS],
    }
    with transient_settings(settings):
        return [
            Finding(source, number, kind)
            for number, line in enumerate(text.splitlines(), 1)
            for kind in _kinds(secret.type for secret in scan_line(line[:LONGEST]))
        ]


def _kinds(types: Iterable[str]) -> list[str]:
    """The kinds, each once; what is known by its service needs no word on the name it was given."""
    kinds = list(dict.fromkeys(_WORDS.get(name, name) for name in types))
    return [kind for kind in kinds if len(kinds) == 1 or kind != _WORDS["Secret Keyword"]]


def warning(found: Sequence[Finding], advice: str) -> str:
    """One sentence on the first of them; `advice` says what leaves it out."""
    more = len(found) - 1
    others = "" if more == 0 else f" (and {more} more line{'' if more == 1 else 's'})"
    return f"{found[0]}{others}; {advice}"
