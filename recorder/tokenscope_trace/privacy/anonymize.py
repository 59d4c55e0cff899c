"""Anonymous texts, without what says who ran something, and where: paths, user, machine, secrets of the environment. A text in, a text out.

For what other programs print and what a user types on a command line. Code is left as it is.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import socket
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tokenscope_trace.privacy.environment import secrets_of, without_secrets

LEFT_OUT = "…"  # in place of what is left out of a sentence or a command
SHORTEST = 3  # signs of a name that is worth looking for
# Say nothing of anybody, and stand in programs.
_ANYBODY = {
    "admin", "administrator", "build", "builder", "codespace", "container", "daemon", "debian", "default", "dev",
    "developer", "docker", "fedora", "git", "gitpod", "guest", "host", "jenkins", "jovyan", "local", "localdomain",
    "localhost", "main", "node", "nobody", "nonroot", "pi", "python", "root", "runner", "runneradmin", "server", "student",
    "sudo", "system", "tester", "ubuntu", "user", "users", "vagrant", "vscode", "worker", "workspace",
}  # fmt: skip
_PART = r"[^\s/\\'\"`:;,<>|&(){}\[\]=*?$#]"
_PATH = re.compile(
    rf"(?:(?<![\w.~/\\-])|(?<=\s-[A-Za-z]))(?:file://)?(~|/{_PART}+|[A-Za-z]:\\{_PART}+)((?:[/\\]{_PART}+)*)[/\\]?"
)
_QUOTED_PATH = re.compile(r"""(["'])((?:~|[A-Za-z]:)?[/\\][^"'\n]*)\1""")


def without_places(text: str, *, cut: bool = False) -> str:
    """The text with absolute paths reduced to their last part, and `…` for the user's name, the machine's, and secrets.

    Where its begin was `cut` off, it may begin within a secret. An absolute path is one whose first folder exists here; names such as `root` or `runner`, which say nothing, stay.
    """
    text = without_secrets(text, secrets_of(os.environ), LEFT_OUT, cut=cut)
    text = _QUOTED_PATH.sub(lambda match: match[1] + _last(match[2]) + match[1] if _is_here(match[2]) else match[0], text)
    for folder in _folders():
        text = re.sub(rf"{re.escape(folder)}/(?:{_PART}+/)*(?=[\w.-])", "", text)
    names = "|".join(re.escape(name) for name in sorted(_names(), key=len, reverse=True))
    text = re.sub(rf"(?<![^\W_])(?:{names})(?![^\W_])", LEFT_OUT, text) if names else text
    return _PATH.sub(lambda match: _last(match[1] + match[2]) if _is_here(match[1] + match[2]) else match[0], text)


def _last(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1] or path


def _is_here(path: str) -> bool:
    """Whether a path is one of this machine's, as far as its first folder tells."""
    first = re.split(r"[/\\]", path)
    if first[0] == "~" or first[0].endswith(":"):
        return len(first) > 1
    return len(first) > 1 and first[1] != "" and _exists(first[1])


@cache
def _exists(first: str) -> bool:
    return os.path.isdir(f"/{first}")


def _folders() -> list[str]:
    """Folders whose names may hold spaces, so that no pattern finds their end; the longest first."""
    places = [
        os.path.expanduser("~"),
        os.getcwd() if _has_folder() else "",
        tempfile.gettempdir(),
        sys.prefix,
        sys.base_prefix,
    ]
    found = {each.rstrip("/") for place in places if place for each in (place, os.path.realpath(place))}
    return sorted((folder for folder in found if folder.count("/") > 1), key=len, reverse=True)


def _has_folder() -> bool:
    try:
        os.getcwd()
    except OSError:  # it was removed
        return False
    return True


def _names() -> set[str]:
    """Of the user and of the machine."""
    names = {name for name in _said() if len(name) >= SHORTEST}
    return {name for name in names if name.lower() not in _ANYBODY}


def _said() -> Iterator[str]:
    for variable in ("USER", "LOGNAME", "USERNAME", "HOSTNAME", "COMPUTERNAME"):
        yield os.environ.get(variable, "")
    with contextlib.suppress(KeyError, OSError, ImportError):  # a number without a name
        yield getpass.getuser()
    yield Path(os.path.expanduser("~")).name
    host = socket.gethostname()
    yield from (host, host.partition(".")[0])
