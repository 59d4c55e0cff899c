"""Markdown around foreign text, which stays text: code spans, fences, and words without markup. Strings in, strings out."""

from __future__ import annotations

import re

from tokenscope_trace.text import shortened

_MARKUP = re.compile(r"([\\`*_\[\]<>|~&$])")
_LIST = re.compile(r"^(\d*)([-+=.)])(?=\s|$)")  # what makes a line an item or a heading
# What GitHub and GitLab make a mention, a reference, a link or a picture of, escaped or not; a word of it becomes code.
_LINKED = re.compile(
    r"[@#]|://|www\.|\bmailto:|\bxmpp:"
    r"|\b[a-z][a-z0-9_]*-\d"  # GH-2, and the keys of other trackers
    r"|[!$&%~^][\w\"']|\*iteration:"  # GitLab: merge requests, epics, snippets, milestones, labels, alerts
    r"|(?<![0-9a-z])[0-9a-f]{7,64}(?![0-9a-z])"  # commits
    r"|\[(?:vulnerability|feature_flag|issue|work_item|contact|cve|wiki|epic)"
    r"|:[a-z0-9_+-]+:",
    re.IGNORECASE,
)
LONGEST_SPAN = 400
LONGEST_LINE = 400


def code_span(text: str) -> str:
    """The text between as many backticks as it needs, on one line, shortened to LONGEST_SPAN signs."""
    line = shortened(" ".join(text[: 4 * LONGEST_SPAN].splitlines()), LONGEST_SPAN) or " "
    fence = "`" * (1 + _longest_run(line))
    pad = " " if line.startswith("`") or line.endswith("`") or line.strip() not in ("", line) else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def fenced(text: str, language: str = "") -> str:
    """The text as a block of code, each line shortened to LONGEST_LINE signs."""
    text = "\n".join(shortened(line, LONGEST_LINE) for line in text.split("\n"))
    fence = "`" * max(3, 1 + _longest_run(text))
    return f"{fence}{language}\n{text}\n{fence}"


def plain(text: str) -> str:
    """The text as words: what Markdown would read as markup is escaped, and each word is code that a forge would make a link or a mention of."""
    line = " ".join(code_span(word) if _LINKED.search(word) else _MARKUP.sub(r"\\\1", word) for word in text.split())
    return _LIST.sub(r"\1\\\2", line)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
