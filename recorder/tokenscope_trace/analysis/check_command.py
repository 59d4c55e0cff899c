"""A check's command: whether it can be run, known beforehand as far as that goes, and else from how it ended. Text in, a reason out.

A check that cannot be run judges nothing. What says so must be about the command itself: the shell that reads it, or a program that it
names, misses something that stands in it. What a checked program does, whatever its exit status, is a verdict.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FILE = "{file}"
SHELL = "/bin/sh"
ENVIRONMENT = "pyvenv.cfg"  # lies in a virtual environment of Python
CANNOT_EXECUTE, NOT_FOUND = 126, 127  # exit statuses of shells, env, timeout, nice, xargs
_RELATIVE = "the check runs in a temporary folder: write the whole path, or name the folder with --check-folder"
_BEFORE = frozenset({"!", "{", "if", "while", "until", "then", "do", "else", "elif", "time"})  # stand before a command
_COMPOUND = frozenset({"for", "case", "select", "function"})  # what follows them is no command
_OPERATOR = re.compile(r"[();<>|&]+")
_EXPANDED = re.compile(r"[$`*?\[~]")  # the shell makes another word of it
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_SHELL_QUOTED = re.compile(r"""\\.|'[^']*'?|"(?:[^"\\]|\\.)*"?""", re.DOTALL)
_MISSED = re.compile(  # what shells, interpreters and tools say of something that is not there, or is not theirs to use
    r"not found|no such file|(?:can't|cannot|could not|couldn't|unable to) (?:open|find|create|cd|execute|access|run|load)|no module named|"
    r"permission denied|no rule to make target|failed to run command|does not exist|is a directory|not a directory|bad interpreter|"
    r"exec format error|error while loading shared libraries",
    re.IGNORECASE,
)
_THERE = re.compile(
    r"permission denied|cannot execute|is a directory|bad interpreter|exec format|shared libraries", re.IGNORECASE
)
_LOADER = re.compile(
    r"error while loading shared libraries: .*: failed to map|cannot allocate memory in static TLS", re.IGNORECASE
)


@dataclass(frozen=True)
class _Simple:
    """A simple command of a command line: its words, the files that it is connected with, and the operator behind it."""

    words: tuple[str, ...]
    files: tuple[str, ...]
    then: str

    @property
    def named(self) -> tuple[str, ...]:
        """All words."""
        return self.words + self.files


@dataclass(frozen=True)
class Fault:
    """Why a command could not be run. One that is `certain` is known from this run alone; else all runs have to say so."""

    reason: str
    certain: bool


def names_file(command: str) -> bool:
    """Whether the command says where the program's path belongs."""
    return FILE in command


def names_file_in_quotes(command: str) -> bool:
    """Whether {file} stands anywhere within quotes, or in a text that the command gives to another (a here-document)."""
    outside = _SHELL_QUOTED.sub("", command)
    return outside.count(FILE) < command.count(FILE) or "<<" in outside


def fault_beforehand(command: str, folder: str | None) -> str:
    """Why the command cannot be run, as far as that is known without a program; empty for nothing. `folder` is where it will run, None
    for a temporary one that holds the program alone.

    Its syntax is asked of the shell, and whether there is a program that its first word names.
    """
    try:
        return _fault_of(command, folder)
    except OSError as error:
        return f"the shell cannot be started ({error.strerror or error})"


def _fault_of(command: str, folder: str | None) -> str:
    done = subprocess.run(  # noqa: S603
        [SHELL, "-n", "-c", command.replace(FILE, "program"), "check"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [""]
        return f"the shell cannot read the command ({re.sub(r'^check: (?:-c: )?(?:line )?[0-9]+: ', '', said[0])})"
    first = next(_simple(command), None)
    if first is None or first.then == "||" or any(word.startswith("PATH=") for word in first.words):
        return ""
    word = _program(first)
    if word is None or FILE in word:
        return ""
    above = word.split("/")[:-1] if folder is not None and not word.startswith("/") else []
    if any(os.path.exists(os.path.join(folder or "", *above[:end], ENVIRONMENT)) for end in range(1, len(above) + 1)):
        return f"“{word}” is in a virtual environment, which is not in the copy of the folder: write its whole path"
    return _unresolved(word, folder, is_temporary=folder is None)


def fault_afterwards(
    command: str, status: int, lines: Sequence[str], *, name: str, folder: str, file: str, is_temporary: bool
) -> Fault | None:
    """Why the command could not be run, None where it was: it ended with this exit status and printed these lines in this folder, where
    the program is `file` (a path) and the shell calls itself `name`.
    """
    simples = list(_simple(command.replace(FILE, shlex.quote(file))))
    own = re.compile(rf"{re.escape(name)}: (?:-c: )?(?:line )?[0-9]+: (.*)")
    for line in lines:
        match = own.fullmatch(line.strip())
        if match is None or not _MISSED.search(match[1]):
            continue
        word, simple = _subject(simples, match[1])
        if simple is None or (
            word == file and "denied" not in match[1]
        ):  # a program may name an interpreter that is not there
            continue
        return None if simple.then == "||" else Fault(_with_hint(match[1], simple, folder, is_temporary=is_temporary), True)
    if status == 0:
        return None
    if status in (CANNOT_EXECUTE, NOT_FOUND):
        for simple in simples:
            program = _program(simple)
            if (
                program is not None
                and simple.then != "||"
                and (reason := _unresolved(program, folder, is_temporary=is_temporary))
            ):
                return Fault(reason, True)
    place = re.compile(rf"{re.escape(os.path.basename(file))}(?:[\"']?, line |:)[0-9]")
    if any(place.search(line) for line in lines):  # the program was read, or ran
        return None
    return _others_fault(simples, status, lines, own, folder=folder, file=file, is_temporary=is_temporary)


def _others_fault(
    simples: Sequence[_Simple],
    status: int,
    lines: Sequence[str],
    own: re.Pattern[str],
    *,
    folder: str,
    file: str,
    is_temporary: bool,
) -> Fault | None:
    """What an interpreter or a tool says that misses something which the command names, and which is not the program's."""
    for line in lines:
        if status == NOT_FOUND and _LOADER.search(line):
            return Fault(line.strip(), False)
        if not _MISSED.search(line) or own.match(line.strip()):
            continue
        for simple in simples:
            for place, word in enumerate(simple.named):
                for part in dict.fromkeys([word, *word.split()]):
                    if (
                        part != file
                        and _is_missed(part, simple.named[:place], status, line, folder)
                        and _stands_in(part, line)
                    ):
                        return Fault(_with_hint(line.strip(), simple, folder, is_temporary=is_temporary), False)
    return None


def _is_missed(part: str, before: Sequence[str], status: int, line: str, folder: str) -> bool:
    """Whether a word of the command is one that can be missed: a path, a module, a command of a command, a target."""
    is_path = "/" in part or re.search(r"\w\.\w+$", part) is not None
    names = is_path or status in (CANNOT_EXECUTE, NOT_FOUND) or "make target" in line or before[-1:] == ("-m",)
    return len(part) > 1 and names and (_THERE.search(line) is not None or not os.path.exists(os.path.join(folder, part)))


def _with_hint(message: str, simple: _Simple, folder: str, *, is_temporary: bool) -> str:
    """What was said, and what helps against a relative path."""
    paths = [word for word in simple.named if "/" in word and not word.startswith(("/", "-")) and _stands_in(word, message)]
    gone = any(not os.path.exists(os.path.join(folder, path)) for path in paths)
    return f"{message}; {_RELATIVE}" if is_temporary and gone else message


def _subject(simples: Sequence[_Simple], message: str) -> tuple[str, _Simple | None]:
    """(the longest word that stands in a message of the shell, the command that it is of); None where there is none."""
    found = [(word, simple) for simple in simples for word in simple.named if _stands_in(word, message)]
    return max(found, key=lambda each: len(each[0]), default=("", None))


def _stands_in(word: str, line: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(word.removeprefix('./'))}(?![\w-])", line) is not None


def _simple(command: str) -> Iterator[_Simple]:
    """The simple commands of a command line, as far as they can be told without a shell; none where they cannot."""
    command = re.sub(r"^\s*#.*$", "", command.replace("\\\n", " "), flags=re.MULTILINE).replace("\n", " ; ")
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    connected: list[str] = []
    is_file = False
    try:
        tokens = list(lexer)
    except ValueError:
        return
    for token in [*tokens, ";"]:
        if not _OPERATOR.fullmatch(token):
            (connected if is_file else words).append(token)
            is_file = False
        elif "<" in token or ">" in token:  # what follows is a file, what stands before may be its number
            words = words[:-1] if words and words[-1].isdigit() else words
            is_file = True
        else:
            if words or connected:
                yield _Simple(tuple(words), tuple(connected), token)
            words, connected, is_file = [], [], False


def _program(simple: _Simple) -> str | None:
    """The word that names the program of a simple command, None where that cannot be told."""
    words = list(simple.words)
    while words and (words[0] in _BEFORE or _ASSIGNMENT.match(words[0])):
        words.pop(0)
    if not words or words[0] in _COMPOUND or simple.then.startswith("(") or _EXPANDED.search(words[0]):
        return None
    return words[0]


def _unresolved(word: str, folder: str | None, *, is_temporary: bool) -> str:
    """Why a word names no program that can be executed; empty where it does. `folder` None is one that holds nothing yet."""
    if "/" not in word:
        found = subprocess.run(  # noqa: S603
            [SHELL, "-c", 'command -v -- "$1"', SHELL, word],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            cwd=folder or "/",
        )
        return f"there is no command “{word}”" if found.returncode else ""
    path = os.path.join(folder or "", word)
    if not os.path.exists(path) or (folder is None and not os.path.isabs(path)):
        return f"there is no file “{word}”" + (f"; {_RELATIVE}" if is_temporary and not word.startswith("/") else "")
    if os.path.isdir(path):
        return f"“{word}” is a folder"
    return "" if os.access(path, os.X_OK) else f"“{word}” cannot be executed; chmod +x makes it a program"
