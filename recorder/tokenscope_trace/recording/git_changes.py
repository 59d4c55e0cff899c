"""Changes of a git work tree since a revision: the files as they are now, and which of their lines are new.

Asks git itself, whose answers are read with care: nothing of the user's configuration runs (no external diff, no text
conversion), names are taken as bytes between zeros, and only regular UTF-8 files are read. Knows no model.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenscope_trace.errors import PromptError

_HUNK = re.compile(rb"^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all")


@dataclass(frozen=True)
class ChangedFile:
    """A file as it is now: its path from the work tree's top, its text, and its new lines as (first, last) from 1."""

    path: str
    text: str
    changed: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Changes:
    """`revision` as asked for and the `commit` it is; `skipped` are pairs of path and reason; `untracked` counts new files."""

    revision: str
    commit: str
    files: tuple[ChangedFile, ...]
    skipped: tuple[tuple[str, str], ...]
    untracked: int


def changes_since(revision: str, paths: Sequence[str] = (), folder: Path | None = None) -> Changes:
    """The files that differ between a revision and the work tree around `folder`, limited to `paths` if there are any.

    `main...` means: since the work tree's history left `main`, as a pull request counts. Raises PromptError where git is missing,
    the folder is in no work tree, the revision does not exist, or nothing changed that can be read.
    """
    folder = folder or Path.cwd()
    top = Path(os.fsdecode(_git(folder, "rev-parse", "--show-toplevel").rstrip(b"\n")))
    commit = _commit(folder, revision)
    listed = _git(
        folder, "diff", *_PLAIN, "--name-status", "-z", "-M", "--diff-filter=ACMRT", commit, "--", *map(_limit, paths)
    )
    files, skipped = [], []
    for old, new in _entries(listed):
        name = os.fsdecode(new)
        text, reason = _text(top / name)
        if text is None:
            skipped.append((name, reason))
            continue
        diff = _git(
            top, "diff", *_PLAIN, "-U0", "-M", commit, "--", *(b":(top,literal)" + path for path in {old: 0, new: 0})
        )
        files.append(ChangedFile(name, text, tuple(_new_lines(diff))))
    if not files:
        why = f" ({skipped[0][0]}: {skipped[0][1]})" if skipped else ""
        raise PromptError(f"no file that can be read differs from {revision}{why}; name an earlier revision.")
    untracked = _git(folder, "ls-files", "--others", "--exclude-standard", "-z", "--", *map(_limit, paths))
    return Changes(revision, commit, tuple(files), tuple(skipped), untracked.count(b"\0"))


def _commit(folder: Path, revision: str) -> str:
    base = revision.removesuffix("...")
    try:
        commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", base + "^{commit}")
        if base != revision:
            commit = _git(folder, "merge-base", commit.decode().strip(), "HEAD")
    except PromptError as error:
        raise PromptError(f"git knows no revision {revision!r} here; name a branch, a tag or a commit.") from error
    return commit.decode().strip()


def _entries(listed: bytes) -> list[tuple[bytes, bytes]]:
    """(old path, new path) of each file in the answer of `--name-status -z`."""
    fields = iter(listed.split(b"\0")[:-1])
    entries = []
    for status in fields:
        old = next(fields)
        entries.append((old, next(fields) if status[:1] in b"RC" else old))
    return entries


def _new_lines(diff: bytes) -> list[tuple[int, int]]:
    """(first, last) new line of each hunk that has any, of a diff of one file without context."""
    ranges = []
    for match in _HUNK.finditer(diff):
        first, count = int(match[1]), int(match[2] or 1)
        if count:
            ranges.append((first, first + count - 1))
    return ranges


def _text(path: Path) -> tuple[str | None, str]:
    """(text, "") of a regular UTF-8 file, else (None, why not)."""
    if path.is_symlink():
        return None, "a symbolic link"
    if not path.is_file():
        return None, "no regular file"
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        return None, error.strerror or "cannot be read"
    except UnicodeDecodeError:
        return None, "not UTF-8 text"
    if "\0" in text:
        return None, "binary"
    return (text, "") if text else (None, "empty")


def _limit(path: str) -> bytes:
    return b":(literal)" + os.fsencode(path)


def _git(folder: Path, *words: str | bytes) -> bytes:
    """What git prints. Raises PromptError with git's own first line where it fails."""
    environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, env=environment, check=False)  # noqa: S603, S607
    except OSError as error:
        raise PromptError(f"git cannot be run ({error.strerror or error}); --diff needs it.") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise PromptError(f"git: {said[0].removeprefix('fatal: ') if said else 'it failed without a word'}.")
    return done.stdout
