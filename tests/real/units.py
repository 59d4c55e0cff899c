"""The unit that a prompt began, read by Python's own parser: where it ends, and whether it is complete, unfinished or broken.

The unit of a prompt that ends inside of a function is that function; of any other, all of the text. A function ends before the first
line as far left as it is, blank lines and comments apart, at which what stands before parses. Whole comment lines as far left as it is,
of which Python thinks nothing, end it where nothing follows, or nothing that parses. Texts are bytes.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

_DEFINES = re.compile(rb"([ \t]*)(?:async[ \t]+)?def\b")
_INCOMPLETE, _NO_DEDENT = 0x4000, 0x200  # PyCF_ALLOW_INCOMPLETE_INPUT and PyCF_DONT_IMPLY_DEDENT, as codeop has them


class State(Enum):
    """What a unit is: complete; such that something could still follow that completes it; such that nothing could."""

    COMPLETE = "complete"
    UNFINISHED = "unfinished"
    BROKEN = "broken"


@dataclass(frozen=True)
class Unit:
    """The code up to the unit's end, with all before it; `end` is a byte of the text, behind the unit's last line."""

    code: bytes
    end: int
    state: State
    is_function: bool

    @property
    def tree(self) -> ast.Module:
        """What the code says; of complete ones only."""
        return _parse(self.code)


def read_unit(prompt: bytes, text: bytes, *, ended: bool) -> Unit:
    """The unit that `prompt` began and `text` goes on with; `ended` says whether the text came to its own end."""
    whole = prompt + text
    begun = open_function(prompt)
    if begun is None:
        state = _state(whole) if ended else (State.BROKEN if is_hopeless(whole) else State.UNFINISHED)
        return Unit(whole, len(whole), state, False)
    return _function(whole, len(prompt), *begun, ended=ended)


def open_function(prompt: bytes) -> tuple[int, int] | None:
    """(line, column) of the innermost function that a text ends inside of, both from 0; None for no function."""
    lines = prompt.split(b"\n")
    for number in range(len(lines) - 1, -1, -1):
        found = _DEFINES.match(lines[number])
        if found is None or not _parses(b"\n".join([*lines[:number], found[1] + b"pass"])):
            continue
        column = len(found[1])
        left = [at for at in range(number + 1, len(lines)) if _is_code(lines[at], column)]
        if not any(_parses(b"\n".join(lines[:at])) for at in left):
            return number, column
    return None


def _function(whole: bytes, written: int, line: int, column: int, *, ended: bool) -> Unit:
    lines = whole.split(b"\n")
    starts = [0]
    for content in lines:
        starts.append(starts[-1] + len(content) + 1)
    left = [at for at in range(len(lines)) if starts[at] >= written and _is_code(lines[at], column)]
    for at in left:
        if _parses(b"\n".join(lines[:at])):
            return _complete(lines, starts, line)
    if ended and _parses(whole):
        return _complete(lines, starts, line)
    hopeless = ended or is_hopeless(whole) or bool(left and not _is_open(lines[: left[-1]]))
    for at in _comments(lines, line, column):
        nothing_more = all(_indent(content) <= column for content in lines[at:] if content.strip())
        if (nothing_more or hopeless) and _parses(b"\n".join(lines[:at])):
            return _complete(lines[:at], starts, line)
    return Unit(whole, len(whole), State.BROKEN if hopeless else State.UNFINISHED, True)


def _complete(lines: list[bytes], starts: list[int], line: int) -> Unit:
    """The unit of a function that begins on a line, and is known to parse with some lines behind it, or none."""
    for count in range(len(lines), line, -1):
        head = b"\n".join(lines[:count])
        if _parses(head):
            nodes = [node for node in ast.walk(_parse(head)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
            last = next(node.end_lineno for node in nodes if node.lineno == line + 1)
            assert last is not None
            return Unit(b"\n".join(lines[:last]) + b"\n", min(starts[last], starts[-1] - 1), State.COMPLETE, True)
    raise AssertionError("no part of the function parses")


def _comments(lines: list[bytes], line: int, column: int) -> Iterator[int]:
    """The whole comment lines behind a line that stand as far left as a column, as does what follows them."""
    for at in range(line + 1, len(lines)):
        following = next((content for content in lines[at + 1 :] if content.strip()), None)
        both = [lines[at], following] if following is not None and lines[at].lstrip().startswith(b"#") else []
        if both and all(_indent(content) <= column for content in both):
            yield at


def _is_code(line: bytes, column: int) -> bool:
    """Whether a line has code as far left as a column."""
    content = line.strip()
    return bool(content) and not content.startswith(b"#") and _indent(line) <= column


def _indent(line: bytes) -> int:
    return len(line) - len(line.lstrip())


def _is_open(lines: list[bytes]) -> bool:
    """Whether lines end inside of a string or brackets, which may still be closed."""
    return not is_hopeless(b"\n".join([*lines, b""])) and not _parses(b"\n".join(lines))


def is_hopeless(text: bytes) -> bool:
    """Whether no continuation of a text that was cut off anywhere parses."""
    whole, _, rest = text.rpartition(b"\n")
    if whole and _error(whole + b"\n", _INCOMPLETE | _NO_DEDENT) not in (None, "incomplete input"):
        return True
    return bool(rest.strip()) and _fails_before_its_last_token(text)


def _fails_before_its_last_token(text: bytes) -> bool:
    """Whether the parser stumbles in the last line, and not over what might only be cut off."""
    found = _syntax_error(text, _INCOMPLETE | _NO_DEDENT)
    if isinstance(found, IndentationError):
        return True
    if found is None or found.msg != "invalid syntax":
        return found is not None and found.msg.startswith(("unmatched", "closing parenthesis"))
    last = text.decode(errors="replace").rpartition("\n")[2]
    tail = re.search(r"(?:\w+|[^\w\s]+)\s*\Z", last)
    same = found.lineno == text.count(b"\n") + 1
    return bool(same and tail and (found.offset or 0) - 1 < tail.start())


def _state(text: bytes) -> State:
    return State.COMPLETE if _parses(text) else State.BROKEN


def _parse(text: bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of strings such as "\d"
        return ast.parse(text.decode(errors="replace"))


def _parses(text: bytes) -> bool:
    return _error(text, 0) is None


def _error(text: bytes, flags: int) -> str | None:
    found = _syntax_error(text, flags)
    return None if found is None else found.msg


def _syntax_error(text: bytes, flags: int) -> SyntaxError | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text.decode(errors="replace"), "text", "exec", ast.PyCF_ONLY_AST | flags, dont_inherit=True)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError) as error:  # a zero byte; nesting without end
        return SyntaxError(str(error))
    return None
