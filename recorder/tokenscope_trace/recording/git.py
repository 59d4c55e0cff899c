"""How git is asked: one place that says which of a user's settings and variables count. Words in, bytes out; knows no diff.

Where the repository is, is git's and the user's business. All else is pinned: no setting or variable changes an answer, and nothing that
they name runs: no hook, no file system monitor, no external diff, no pager, no transport, no filter. What is asked is plumbing, whose
answers do not follow a user's taste.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tokenscope_trace.errors import PromptError
from tokenscope_trace.text import visible_line

# Variables that say where a repository is, and whose: in a hook they are all that does.
_PLACES = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_COMMON_DIR",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CEILING_DIRECTORIES",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_PARAMETERS",
    }
)
_CONFIGURED = "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"
_VARIABLES = {
    "LC_ALL": "C",
    "LANGUAGE": "",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LITERAL_PATHSPECS": "0",
    "GIT_PAGER": "cat",
}
_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=true",
    "core.untrackedCache=keep",
    "core.safecrlf=false",
    "diff.relative=false",
    "diff.indentHeuristic=true",
    "protocol.allow=never",
    "submodule.recurse=false",
)


# What helps, by the words that git says.
_ADVICE = (
    (
        "dubious ownership",
        "it belongs to somebody else: git config --global --add safe.directory FOLDER says that you trust it",
    ),
    (
        "transport ",
        "this clone lacks a part of its history, and nothing is fetched here: git diff with the same revision fetches it",
    ),
    (
        "promisor",
        "this clone lacks a part of its history, and nothing is fetched here: git diff with the same revision fetches it",
    ),
    ("must be run in a work tree", "change to a folder of the work tree"),
)


class Refusal(PromptError):
    """Git ends with an exit code that says no; the sentence is git's own first line, with what helps."""

    def __init__(self, stderr: bytes) -> None:
        said = _words_of(stderr)
        advice = next((f"; {helps}" for words, helps in _ADVICE if words in said), "")
        super().__init__(f"git: {said or 'it failed without a word'}{advice}.")


@dataclass(frozen=True)
class Git:
    """Git in a folder. `filters` are the names of those that the user's settings have a program for: they are switched off."""

    folder: Path
    filters: tuple[str, ...] = ()

    def at(self, folder: Path) -> Git:
        """The same in another folder."""
        return replace(self, folder=folder)

    def without_filters(self) -> Git:
        """The same, where no program of the user's comes between a file and git."""
        found = self.asked("config", "--null", "--name-only", "--get-regexp", r"^filter\..*\.(clean|smudge|process)$") or b""
        names = {os.fsdecode(name).partition(".")[2].rpartition(".")[0] for name in found.split(b"\0") if name}
        return replace(self, filters=tuple(sorted(names)))

    def ask(self, *words: str | bytes, given: bytes = b"") -> bytes:
        """What git prints. Raises Refusal where it fails, PromptError where there is none."""
        try:
            done: subprocess.CompletedProcess[bytes] = subprocess.run(  # noqa: S603
                self._command(words), **self._place(), input=given, capture_output=True, check=False
            )
        except OSError as error:
            raise _absent(error) from error
        if done.returncode:
            raise Refusal(done.stderr)
        return done.stdout

    def lines(self, *words: str | bytes) -> Iterator[bytes]:
        """The lines that git prints, with their ends, one by one: all of them may be more than the memory holds. Raises as `ask`."""
        with tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(self._command(words), **self._place(), stdout=subprocess.PIPE, stderr=errors)  # noqa: S603
            except OSError as error:
                raise _absent(error) from error
            with process:
                assert process.stdout is not None
                yield from process.stdout
            if process.returncode:
                errors.seek(0)
                raise Refusal(errors.read())

    def _command(self, words: Sequence[str | bytes]) -> list[str | bytes]:
        off = [
            f"filter.{name}.{what}" for name in self.filters for what in ("clean=", "smudge=", "process=", "required=false")
        ]
        settings = [word for setting in (*_SETTINGS, *off) for word in ("-c", setting)]
        return ["git", "--no-pager", *settings, *words]

    def _place(self) -> dict[str, Any]:
        return {"cwd": self.folder, "env": _environment(os.environ)}

    def asked(self, *words: str | bytes) -> bytes | None:
        """The same in one line, without its end; None where git says no."""
        try:
            return self.ask(*words).removesuffix(b"\n")
        except Refusal:
            return None

    def filtered(self, paths: Sequence[bytes]) -> dict[bytes, str]:
        """Of these paths, from the folder, those under a filter that is switched off, with its name."""
        if not self.filters or not paths:
            return {}
        fields = self.ask("check-attr", "-z", "--stdin", "filter", given=b"\0".join(paths) + b"\0").split(b"\0")
        pairs = zip(fields[::3], map(os.fsdecode, fields[2::3]), strict=False)
        return {path: name for path, name in pairs if name in self.filters}


def _absent(error: OSError) -> PromptError:
    return PromptError(f"git cannot be run ({error.strerror or error}); --diff needs it.")


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in given.items()
        if not name.upper().startswith("GIT_") or name in _PLACES or name.startswith(_CONFIGURED)
    }
    return {**kept, **_VARIABLES}


def _words_of(stderr: bytes) -> str:
    """What git says of a failure, on one line, without what it advises."""
    lines = stderr.decode(errors="replace").strip().splitlines()
    said = next((line for line in lines if line.startswith(("fatal: ", "error: "))), lines[0] if lines else "")
    return visible_line(said.removeprefix("fatal: ").removeprefix("error: ").rstrip(". "))
