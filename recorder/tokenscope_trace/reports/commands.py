"""A recorded command as it may be offered to a reader: one line that he can paste, and that is harmless to. Words of a stranger in.

Only a command of ours is offered, without what runs code or replaces a file, in a length that an eye takes in, with nothing in it that a
terminal would act upon. viewer/reading/rerun_command.js holds the same rule for the page.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Sequence

_PROGRAM = "tokenscope-record"
LONGEST_COMMAND = 2000  # characters
_WITH_VALUE = ("--check", "--check-folder", "--check-timeout", "--check-memory", "--differences")
_FLAGS = ("--trust-remote-code", "--allow-pickle", "--force")
_OUTPUT = ("-o", "--output")
_TEXTS = ("--stop", "--system", "--fim-marker", "--force-text")  # whose value may look like an option
_CONTROLS = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
_PLACE = re.compile(r"[/\\]|^-")


def offered_command(words: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """(the command for a POSIX shell, the options that are left out of it); empty where there is none to offer."""
    if not words or words[0] != _PROGRAM:
        return "", ()
    kept, left = [], []
    rest = iter(words[1:])
    for word in rest:
        name, _, value = word.partition("=")
        if name in _FLAGS:
            left.append(name)
        elif name in _WITH_VALUE:
            left.append(name)
            if word == name:
                next(rest, "")
        elif name in _OUTPUT:
            value = value if word != name else next(rest, "")
            kept += [] if _PLACE.search(value) else [name, value]
        elif name in _TEXTS and word == name:
            kept += [word, next(rest, "")]
        else:
            kept.append(word)
    words = [_PROGRAM, *kept]
    line = " ".join(map(_quoted, words))
    if len(line) > LONGEST_COMMAND or any(map(_is_unseen, "".join(words))):
        return "", ()
    return line, tuple(dict.fromkeys(left))


def _is_unseen(sign: str) -> bool:
    return sign not in _CONTROLS and unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _quoted(word: str) -> str:
    if not any(sign in word for sign in _CONTROLS):
        return shlex.quote(word)
    return "$'" + "".join(_CONTROLS.get(sign, f"\\{sign}" if sign in "\\'" else sign) for sign in word) + "'"
