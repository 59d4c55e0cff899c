"""Documents to be scored, code that exists: files that were named, or those that changed in a git work tree. Knows no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tokenscope_trace.models.prompts import read_text
from tokenscope_trace.recording.git_changes import changes_since


@dataclass(frozen=True)
class Document:
    """A file to score: its name, its text, and which of its lines changed as (first, last) from 1, None where nobody asked."""

    source: str
    text: str
    changed: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True)
class Compared:
    """What the changed lines were found against: the revision as asked for, and its commit."""

    revision: str
    commit: str


def named_documents(sources: Sequence[str]) -> list[Document]:
    """The files as they were named, each once. Raises PromptError where one cannot be read."""
    return [Document(_shown(source), read_text(source, "file")[0]) for source in dict.fromkeys(sources)]


def changed_documents(revision: str, paths: Sequence[str]) -> tuple[list[Document], Compared, list[str]]:
    """The files that differ from a revision, what that is, and sentences about what was left out. Raises PromptError."""
    found = changes_since(revision, paths)
    documents = [Document(PurePosixPath(file.path).as_posix(), file.text, file.changed) for file in found.files]
    notes = []
    if found.skipped:
        listed = ", ".join(f"{path} ({reason})" for path, reason in found.skipped[:3])
        more = f" and {len(found.skipped) - 3} more" if len(found.skipped) > 3 else ""
        notes.append(f"Changed and not read: {listed}{more}.")
    if found.untracked:
        files = (
            "1 file that git does not know is"
            if found.untracked == 1
            else f"{found.untracked} files that git does not know are"
        )
        notes.append(f"{files} not among the changes; git add makes them known.")
    return documents, Compared(found.revision, found.commit), notes


def _shown(source: str) -> str:
    """A path below this folder as it is, of any other its name: where that lies is nobody's business."""
    path = Path(source)
    return source if source == "-" else path.name if path.is_absolute() or ".." in path.parts else path.as_posix()
