"""Names of files in a trace: each is of one file, tells which, and says no more of where it lies than that takes. Paths in, names out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tokenscope_trace.errors import PromptError
from tokenscope_trace.recording.git import Git
from tokenscope_trace.text import told_apart


def file_names(paths: Sequence[str], root: str) -> list[str]:
    """The names of different files: the way from a folder, of one outside of it the last part.

    Where several would have one name, the folder that they have in common is left away and the rest stays. `-` is standard input.
    """
    places = [None if path == "-" else _place(path) for path in paths]
    names = ["-" if place is None else _below(root, place) or os.path.basename(place) for place in places]
    count = Counter(names)
    for name in [name for name, number in count.items() if number > 1]:
        alike = [place for place, own in zip(places, names, strict=True) if own == name and place is not None]
        common = os.path.commonpath([os.path.dirname(place) for place in alike])
        names = [
            os.path.relpath(place, common) if own == name and place is not None and _below(root, place) != name else own
            for place, own in zip(places, names, strict=True)
        ]
    return told_apart(["./-" if name == "-" and place else name for name, place in zip(names, places, strict=True)])


def root_of_names() -> str:
    """The folder from which files are named: the repository's, as in `--diff`, so that a name leads to a file; else this one."""
    try:
        top = Git(Path.cwd()).asked("rev-parse", "--show-toplevel")
    except PromptError:  # there is no git
        top = None
    return os.path.realpath(os.fsdecode(top) if top else os.getcwd())


def distinct(paths: Sequence[str]) -> list[str]:
    """The paths, those that lead to one file in different words once."""
    found: dict[str, str] = {}
    for path in paths:
        found.setdefault(path if path == "-" else _place(path), path)
    return list(found.values())


def _place(path: str) -> str:
    """The absolute path; the last part may be a link, and is what the user calls the file."""
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(folder), name)


def _below(root: str, place: str) -> str:
    """The way from a folder to a place in it, empty where it is not."""
    return place.removeprefix(root).lstrip("/") if place.startswith(root.rstrip("/") + "/") else ""
