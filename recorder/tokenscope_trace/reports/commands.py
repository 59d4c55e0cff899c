"""A recorded command as it may be offered to a reader: one line that he can paste, and that is harmless to. Words of a stranger in.

Only a command of ours is offered, read as the program itself reads it and put together anew from options that are known: without what runs code,
writes or replaces a file, in a length that an eye takes in, with nothing in it that a terminal would act upon or that does not show as what it
is. viewer/reading/rerun_command.js holds the same rule for the page, with the same list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from tokenscope_trace.text import visible_line

PROGRAM = "tokenscope-record"
LONGEST_COMMAND = 1000  # characters
FLAG, NUMBER, NAME, THREE_NAMES, TEXT, OUTPUT, LEFT_OUT, LEFT_OUT_FLAG = range(8)
"""Kinds of options: none but NUMBER and TEXT may have a value that begins like an option; those left out have a value, or are a flag."""
OPTIONS: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(("--chat", "--fim", "--score", "--no-attention", "--lens", "--dry-run", "--quiet", "-q", "--version"), FLAG)
    | dict.fromkeys(
        (
            "--max-new-tokens", "--temperature", "--top-p", "--top-k", "--min-p", "--seed", "--top-alternatives", "--attention-top",
            "--tree-nodes", "--tree-width", "--tree-depth", "--tree-length", "--tree-extra", "--tree-min-prob", "--tree-temperature",
            "--decisions",
        ),
        NUMBER,
    )
    | dict.fromkeys(
        (
            "--model", "--revision", "--device", "--device-map", "--dtype", "--fim-order", "--diff", "--until", "--language", "--redact",
            "--attention-layers", "--lens-layers",
        ),
        NAME,
    )
    | {"--fim-tokens": THREE_NAMES}
    | dict.fromkeys(("--system", "--stop", "--fim-marker", "--force-text", "--force-token"), TEXT)
    | dict.fromkeys(("--output", "-o"), OUTPUT)
    | dict.fromkeys(("--check", "--check-folder", "--check-timeout", "--check-memory", "--differences", "--replay"), LEFT_OUT)
    | dict.fromkeys(("--trust-remote-code", "--allow-pickle", "--force"), LEFT_OUT_FLAG)
)  # fmt: skip
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_OUTPUT_NAME = re.compile(r"\w[\w .-]*\.tsc", re.ASCII)
_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
_CONTROLS = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
_WITHIN = {**_CONTROLS, "\\": "\\\\", "'": "\\'", "!": "\\041"}  # a shell may look for the last before it looks for quotes


def offered_command(words: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """(the command for a POSIX shell, the options that are left out of it); empty where there is none to offer."""
    found = offered_words(words)
    if found is None:
        return "", ()
    kept, left = found
    line = " ".join(map(_quoted, kept))
    return (line, left) if len(line) <= LONGEST_COMMAND else ("", ())


def offered_words(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """(the words, the options that are left out); None where there is nothing to offer."""
    if not words or words[0] != PROGRAM or not all(map(_is_seen, words)):
        return None
    kept, left, files = [], [], []
    rest = list(words[1:])[::-1]
    while rest:
        word = rest.pop()
        if word == "--":
            files += rest[::-1]
            break
        if word == "-" or not word.startswith("-"):
            files.append(word)
            continue
        option = _option(word, rest)
        if option is None:
            return None
        name, kind, values = option
        if kind in (LEFT_OUT, LEFT_OUT_FLAG):
            left.append(name)
        elif kind != OUTPUT or _OUTPUT_NAME.fullmatch(values[0]):
            kept += [name, *values]
    if not all(map(_is_name, files)):
        return None
    isolated = any(file.startswith("-") and file != "-" for file in files)
    return (PROGRAM, *([*kept, "--", *files] if isolated else [*files, *kept])), tuple(dict.fromkeys(left))


def _option(word: str, rest: list[str]) -> tuple[str, int, list[str]] | None:
    """(name, kind, values) of one option; None where it is none of ours, or has no value or another than it takes.

    `rest` are the words that follow, the next one last: values are taken from it.
    """
    name, value = _split(word)
    kind = OPTIONS.get(name)
    is_flag = kind in (FLAG, LEFT_OUT_FLAG)
    missing = (0 if is_flag else 3 if kind == THREE_NAMES else 1) - (value is not None)
    if kind is None or missing < 0 or missing > len(rest):
        return None
    values = [*([] if value is None else [value]), *(rest.pop() for _ in range(missing))]
    return (name, kind, values) if kind >= OUTPUT or all(_fits(kind, one) for one in values) else None


def _split(word: str) -> tuple[str, str | None]:
    """(name, value within the same word or None) of an option as the program reads it: `--name=value`, `-oNAME`."""
    if word.startswith("--"):
        name, sign, value = word.partition("=")
        return name, value if sign else None
    return word[:2], word[2:] or None


def _fits(kind: int, value: str) -> bool:
    if kind == NUMBER:
        return _NUMBER.fullmatch(value) is not None
    return kind == TEXT or (_is_name(value) and not value.startswith("-"))


def _is_name(value: str) -> bool:
    return value != "" and not any(sign in value for sign in _CONTROLS)


def _is_seen(word: str) -> bool:
    """Whether everything in it but line breaks and tabs shows as what it is."""
    plain = "".join(" " if sign in _CONTROLS else sign for sign in word)
    return visible_line(plain) == plain


def _quoted(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    if not any(sign in word for sign in _CONTROLS):
        return "'" + word.replace("'", "'\\''") + "'"
    return "$'" + "".join(_WITHIN.get(sign, sign) for sign in word) + "'"
