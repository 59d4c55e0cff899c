"""Files of settings: what in them is a value, where there is no grammar and values have no quotes. Names and bytes in, ranges out.

All of a line is a value but the name that it begins with. So a line of which that is not known, as an instruction or an item of a list,
is one; a remark counts as one, too.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_Range = tuple[int, int]
_SUFFIXES = frozenset({
    ".env", ".envrc", ".ini", ".cfg", ".cnf", ".conf", ".cf", ".properties", ".toml", ".yml", ".yaml", ".eyaml", ".mk", ".makefile", ".tfvars",
    ".service", ".npmrc", ".pypirc", ".netrc", ".pgpass", ".editorconfig", ".gitconfig", ".credentials", ".dockerfile", ".containerfile",
})  # fmt: skip
_NAMES = ("makefile", "gnumakefile", "dockerfile", "containerfile", "procfile", ".env", "config", "credentials")
_LINE = re.compile(
    rb"(?P<name>[ \t]*(?:export[ \t]+|-[ \t]+)?[A-Za-z_][\w.-]*[ \t]*(?::=|\?=|\+=|[:=]))(?P<value>[^\r\n]*)"
    rb"|(?P<section>\[{1,2}[\w.-]+\]{1,2}[ \t]*$)|(?P<rest>[^\r\n]+)",
    re.MULTILINE,
)
_REMARK = re.compile(rb"(?:^|(?<=\s))[#;]|//")


def is_settings_file(source: str) -> bool:
    """Whether a file of this name holds settings: by its suffix, or as `Makefile`, `Dockerfile` and `.env.local` by how it is called."""
    name = PurePosixPath(source.replace("\\", "/")).name.lower()
    return (
        PurePosixPath(name).suffix in _SUFFIXES
        or name in _SUFFIXES
        or name.split(".")[0] in _NAMES
        or name.startswith(".env.")
    )


def settings_literals(text: bytes, start: int = 0, end: int | None = None) -> tuple[tuple[_Range, ...], tuple[_Range, ...]]:
    """(the values, the remarks) in lines [start, end) of a text."""
    values: list[_Range] = []
    remarks: list[_Range] = []
    for line in _LINE.finditer(text, start, len(text) if end is None else end):
        for part in ("value", "rest"):
            if line[part]:
                values.append(line.span(part))
                sign = _REMARK.search(line[part])
                if sign:
                    remarks.append((line.start(part) + sign.start(), line.end(part)))
    return tuple(values), tuple(remarks)
