"""Changes of a git work tree since a revision: the files as they are now, and which of their lines are new.

Names are taken as bytes between zeros, lines from one diff of all files, and only regular UTF-8 files are read. Knows no model.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenscope_trace.errors import PromptError
from tokenscope_trace.models.prompts import LONGEST_TEXT
from tokenscope_trace.recording.git import Git, Refusal
from tokenscope_trace.text import visible_line

_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}
# Each says what a setting, an attribute or a variable of the user's could say otherwise.
_PINNED = (
    "--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--ignore-submodules=all", "-O/dev/null", "-M50%", "-l1000",
    "--diff-filter=ACMRT",
)  # fmt: skip
_LINES = ("-p", "-U0", "--inter-hunk-context=0", "--diff-algorithm=myers", "--text", "--src-prefix=a/", "--dst-prefix=b/")
_FETCH = (
    "this clone is shallow and has not all of the history: git fetch --unshallow gets the rest (git fetch origin BRANCH a branch that it "
    "lacks), on GitHub fetch-depth: 0 of actions/checkout all of it"
)


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


@dataclass(frozen=True)
class _Entry:
    """A file that differs: its path now, and whether git says of it more than that its time is another."""

    new: bytes
    is_sure: bool


def changes_since(revision: str, paths: Sequence[str] = (), folder: Path | None = None) -> Changes:
    """The files that differ between a revision and the work tree around `folder`, limited to `paths` if there are any.

    `main...` means: since the work tree's history left `main`, as a pull request counts; `main...HEAD` is the same. Raises PromptError
    where git is missing, the folder is in no work tree, the revision does not exist, or nothing changed that can be read.
    """
    git = Git(folder or Path.cwd())
    top = Path(os.fsdecode(git.ask("rev-parse", "--show-toplevel").removesuffix(b"\n")))
    git = git.without_filters()
    commit = _commit(git, revision)
    limits = [b":(literal)" + os.fsencode(path) for path in paths]
    entries = _entries(git.ask("diff-index", *_PINNED, "--raw", "-z", "--no-abbrev", commit, "--", *limits))
    lines = _new_lines(git.lines("diff-index", *_PINNED, *_LINES, commit, "--", *limits))
    filtered = git.at(top).filtered([entry.new for entry in entries])
    files, skipped = [], []
    for entry in entries:
        if not entry.is_sure and entry.new not in lines:
            continue
        name = os.fsdecode(entry.new)
        text, reason = _text(top / name)
        if entry.new in filtered:
            text, reason = (
                None,
                f"what git keeps of it comes from the filter {visible_line(filtered[entry.new])}, which is not run",
            )
        if text is None:
            skipped.append((name, reason))
        else:
            files.append(ChangedFile(name, text, tuple(lines.get(entry.new, ()))))
    if not files:
        why = f" ({skipped[0][0]}: {skipped[0][1]})" if skipped else ""
        among = " of those that were named" if paths else ""
        raise PromptError(f"no file{among} that can be read differs from {revision}{why}; name an earlier revision.")
    untracked = git.ask("ls-files", "--others", "--exclude-standard", "-z", "--", *limits)
    new = [
        name for name in untracked.split(b"\0") if name and not name.endswith(b".tsc")
    ]  # recordings of such changes lie beside them
    return Changes(revision, commit, tuple(files), tuple(skipped), len(new))


def _commit(git: Git, revision: str) -> str:
    """The commit that a revision is, or where the history left it."""
    base, dots, end = revision.rpartition("...")
    left = bool(dots) and end in ("", "HEAD", "@")
    name = (base or "HEAD") if left else revision
    try:
        commit = git.ask("rev-parse", "--verify", "--end-of-options", name + "^{commit}").decode().strip()
    except Refusal as error:
        raise PromptError(_unknown(git, revision, name, str(error))) from error
    if not commit.isalnum():  # ^REVISION is all but one
        raise PromptError(_unknown(git, revision, name, "git: it names what to leave out"))
    if not left:
        return commit
    found = git.asked("merge-base", commit, "HEAD")
    if found is None:
        helps = _FETCH if _is_shallow(git) else f"name a revision of this history, or {name} itself"
        raise PromptError(f"git finds no commit that {name} and HEAD have in common; {helps}.")
    return found.decode()


def _unknown(git: Git, revision: str, name: str, said: str) -> str:
    """Why a revision is none, and what to do."""
    if ".." in name and git.asked("rev-parse", "--quiet", "--end-of-options", name) is not None:
        return f"{revision!r} names two commits, and the work tree is compared with one; name one, or BRANCH... for where it was left."
    helps = _FETCH if _is_shallow(git) else "name a branch, a tag or a commit"
    if git.asked("rev-parse", "--verify", "--quiet", "--end-of-options", f"origin/{name}^{{commit}}") is not None:
        helps = f"origin/{name} is one"
    words = said.removeprefix("git: ").rstrip(".")
    told = f" ({words})" if words not in ("Needed a single revision", "it failed without a word") else ""
    return f"git knows no revision {revision!r} here{told}; {helps}."


def _is_shallow(git: Git) -> bool:
    return git.asked("rev-parse", "--is-shallow-repository") == b"true"


def _entries(listed: bytes) -> list[_Entry]:
    """The files in the answer of `--raw -z`: of each `:MODE MODE ID ID STATUS`, its path, and the new one where it has another."""
    fields = iter(listed.split(b"\0")[:-1])
    entries = []
    for head in fields:
        before, after, old, new, status = head.removeprefix(b":").split(b" ")
        path = next(fields)
        path = next(fields) if status[:1] in b"RC" else path
        is_known = new.strip(b"0") != b"" and new != old
        entries.append(_Entry(path, is_sure=status != b"M" or before != after or is_known))
    return entries


def _new_lines(diff: Iterable[bytes]) -> dict[bytes, list[tuple[int, int]]]:
    """By path, (first, last) new line of each hunk that has any, of a diff without context; files that have no hunk are not in it."""
    found: dict[bytes, list[tuple[int, int]]] = {}
    path, left = b"", 0  # lines of the hunk that are still to come
    for line in diff:
        if left and line[:1] in b"+-":
            left -= 1
        elif line.startswith(b"+++ "):
            path = _path(line[4:].removesuffix(b"\n"))
        elif hunk := _HUNK.match(line):
            first, count = int(hunk[2]), int(hunk[3] or 1)
            left = int(hunk[1] or 1) + count
            ranges = found.setdefault(path, [])
            if count:
                ranges.append((first, first + count - 1))
    return found


def _path(shown: bytes) -> bytes:
    """The path of a `+++` line: behind `b/`, in quotes with escapes where it is an odd one, with a tab behind it where it holds blanks."""
    shown = shown.removesuffix(b"\t")
    if shown.startswith(b'"'):
        shown = _ESCAPE.sub(_unescaped, shown[1:-1])
    return shown.removeprefix(b"b/")


def _unescaped(escape: re.Match[bytes]) -> bytes:
    sign = escape[1]
    return bytes([int(sign, 8)]) if len(sign) == 3 else _ESCAPES.get(sign, sign)


def _text(path: Path) -> tuple[str | None, str]:
    """(text, "") of a regular UTF-8 file, else (None, why not)."""
    if path.is_symlink():
        return None, "a symbolic link"
    if not path.is_file():
        return None, "no regular file"
    try:
        if path.stat().st_size > LONGEST_TEXT:
            return None, f"more than {LONGEST_TEXT:,} bytes"
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        return None, error.strerror or "cannot be read"
    except UnicodeDecodeError:
        return None, "not UTF-8 text"
    if "\0" in text:
        return None, "binary"
    return (text, "") if text else (None, "empty")
