"""Fences: where code stands in Markdown, as CommonMark has it. Bytes in, lines of bytes out; knows no language.

markdown-it-py decides what a fence is: in list items, behind `>`, of tildes, unclosed up to the end of what holds it. What stands before
a fence's lines belongs to what holds it and is none of the code. It is asked of lines only, so that no byte can shift.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_NAME = re.compile(r"[\s{]*\.?([\w+#.-]*)")  # what an info string begins with: `python title="x"`, `{python}`, `{.python}`
_MOST_FENCES = 100_000


@dataclass(frozen=True)
class FencedLine:
    """One line of code in a fence: bytes [start, end) of the text, its line end among them. `blanks` stand before it: what is left of a
    tab that what holds the fence takes a part of.
    """

    start: int
    end: int
    blanks: int = 0


_BEGUN_LINE = re.compile(r"(?:\A|[\r\n])[ \t>]+\Z")  # white space, from which a line may go on
_HELD = "\x02"


@dataclass(frozen=True)
class Fence:
    """A fenced block: the name of its language, empty for none, and its lines. It is `closed` where nothing more can stand in it."""

    name: str
    lines: tuple[FencedLine, ...]
    start: int  # byte behind its opening line
    closed: bool


def find_fences(text: bytes, breaks: Sequence[int] = ()) -> list[Fence]:
    """The fenced blocks of a text, in order; at each of `breaks` (ascending bytes) a Markdown document of its own begins. Linear time."""
    edges = [0, *(byte for byte in breaks if 0 < byte < len(text)), len(text)]
    found: list[Fence] = []
    for start, end in pairwise(edges):
        found += _of_document(text, start, end)
    return found[:_MOST_FENCES]


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark")
    reader.core.ruler.enableOnly(["normalize", "block"])
    return reader


def _of_document(text: bytes, start: int, end: int) -> Iterator[Fence]:
    if b"```" not in text[start:end] and b"~~~" not in text[start:end]:
        return
    lines = [(start + found.start(), start + found.end()) for found in _LINE.finditer(text[start:end]) if found[0]]
    source = text[start:end].replace(b"\0", b"\x01").decode("utf-8", "surrogateescape")
    if _BEGUN_LINE.search(source):
        source += _HELD  # else the last line is none for the parser, and a fence seems to end before it
    for token in _reader().parse(source):
        if token.type == "fence" and token.map is not None:
            yield _fence(text, token, lines)


def _fence(text: bytes, token: Token, lines: Sequence[tuple[int, int]]) -> Fence:
    """A fence by its token, whose map counts lines; `lines` are the bytes of each."""
    assert token.map is not None
    first, last = token.map
    content = [line.encode("utf-8", "surrogateescape") for line in token.content.split("\n")]
    if content[-1] == b"":
        content.pop()
    elif content[-1].endswith(_HELD.encode()) and first + len(content) == len(lines) - 1:
        content[-1] = content[-1].removesuffix(_HELD.encode())
    found = []
    for number, code in enumerate(content, start=first + 1):
        start, end = lines[number]
        body = text[start:end].rstrip(b"\r\n").replace(b"\0", b"\x01")
        shown = code if body.endswith(code) else code.lstrip(b" ")
        found.append(FencedLine(start + len(body) - len(shown), end, len(code) - len(shown)))
    closed = last - first - 1 > len(content) or (last < len(lines))
    name = _NAME.match(token.info)
    return Fence(name[1] if name else "", tuple(found), lines[first][1], closed)
