"""Markdown around foreign text, which stays text: code spans, fences, and words without markup. Strings in, strings out."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"([\\`*_\[\]<>|~&$])")
_LIST = re.compile(r"^(\d*)([-+=.)])(?=\s|$)")  # what makes a line an item or a heading
_LINKED = re.compile(r"[@#]|://|www\.", re.IGNORECASE)  # what a forge makes a mention or a link of, escaped or not


def code_span(text: str) -> str:
    """The text between as many backticks as it needs, on one line."""
    line = " ".join(text.splitlines()) or " "
    fence = "`" * (1 + _longest_run(line))
    pad = " " if line.startswith("`") or line.endswith("`") or line.strip() not in ("", line) else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def fenced(text: str, language: str = "") -> str:
    """The text as a block of code."""
    fence = "`" * max(3, 1 + _longest_run(text))
    return f"{fence}{language}\n{text}\n{fence}"


def plain(text: str) -> str:
    """The text as words: what Markdown would read as markup is escaped; as code where it holds a mention or a link."""
    line = " ".join(text.split())
    return code_span(line) if _LINKED.search(line) else _LIST.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", line))


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
