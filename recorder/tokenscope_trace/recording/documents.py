"""Documents to be scored, code that exists: files that were named, or those that changed in a git work tree. Knows no model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tokenscope_trace.errors import PromptError
from tokenscope_trace.models.prompts import LONGEST_TEXT, read_text
from tokenscope_trace.recording.git_changes import changes_since
from tokenscope_trace.recording.naming import distinct, file_names, root_of_names
from tokenscope_trace.text import told_apart
from tokenscope_trace.traces.container import MAX_ENTRIES as MOST_ENTRIES

MOST_CHANGES = 100_000  # places that changed, in all files
SAID = 3  # files of which a note says that not all of it is marked


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
    """The files that were named, each once. Raises PromptError where one cannot be read, or they are more than a trace holds."""
    check_count(len(sources))
    paths = distinct(sources)
    texts = [read_text(path, "file")[0] for path in paths]
    return checked([Document(name, text) for name, text in zip(file_names(paths, root_of_names()), texts, strict=True)])


def texts_as_documents(texts: Mapping[str, str]) -> list[Document]:
    """Texts by their names, from Python. Raises PromptError where they are more than a trace holds."""
    check_count(len(texts))
    names = file_names([name or "-" for name in texts], os.getcwd())
    return checked([Document(name, text) for name, text in zip(names, texts.values(), strict=True)])


def changed_documents(revision: str, paths: Sequence[str]) -> tuple[list[Document], Compared, list[str]]:
    """The files that differ from a revision, what that is, and sentences about what was left out. Raises PromptError."""
    found = changes_since(revision, paths)
    check_count(len(found.files))
    names = told_apart([file.path for file in found.files])
    documents, notes, left = [], [], MOST_CHANGES
    for name, file in zip(names, found.files, strict=True):
        changed = file.changed[: min(MOST_ENTRIES, left)]
        left -= len(changed)
        documents.append(Document(name, file.text, changed))
        if len(changed) < len(file.changed):
            notes.append(
                f"Of the {len(file.changed):,} places in {name} that changed, the first {len(changed):,} are marked: a trace holds no more."
            )
    del notes[SAID:]
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
    return checked(documents), Compared(found.revision, found.commit), notes


def check_count(files: int) -> None:
    """Raises PromptError where files are more than a trace holds."""
    if files > MOST_ENTRIES:
        raise PromptError(f"there are {files:,} files, and a trace holds at most {MOST_ENTRIES:,}; name fewer of them.")


def checked(documents: list[Document]) -> list[Document]:
    """Raises PromptError where what they hold together is more than a trace holds."""
    size = sum(len(document.text) for document in documents)
    if size > LONGEST_TEXT:
        raise PromptError(
            f"the files hold {size:,} characters, and a trace holds at most {LONGEST_TEXT:,}; name fewer of them."
        )
    return documents
