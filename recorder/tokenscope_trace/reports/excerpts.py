"""Excerpts of the program that a recording shows: its passages, rows of lines, what is left out. Knows no numbers and no markup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tokenscope_trace.text import visible_text
from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.trace import Trace

EXCERPT_LINES = 40
CONTEXT_LINES = 3  # beside a changed line
OUTPUT_BYTES = 20_000


@dataclass(frozen=True)
class Passage:
    """A piece of the program as text; `node` names the token where it is one of the least certain."""

    text: str
    node: int | None = None


@dataclass(frozen=True)
class Row:
    """A line of scored code; `before` says how many lines are left out above it."""

    number: int
    changed: bool
    passages: tuple[Passage, ...]
    before: int


def excerpt(program: bytes, *, last: bool) -> tuple[str, int]:
    """The lines next to the output, and how many more there are."""
    lines = program.splitlines(keepends=True)
    kept = lines[-EXCERPT_LINES:] if last else lines[:EXCERPT_LINES]
    return visible_text(b"".join(kept)), len(lines) - len(kept)


def capped(trace: Trace, output: Array) -> tuple[Array, int]:
    """The first tokens of the output within a bound of bytes, and how many more there are."""
    sizes = np.cumsum([len(trace.token_bytes(node)) for node in output])
    kept = int(np.count_nonzero(sizes <= OUTPUT_BYTES))
    return output[:kept], len(output) - kept


def passages(trace: Trace, nodes: Array, marked: set[int]) -> Iterator[Passage]:
    """The text in pieces that begin and end with whole characters."""
    waiting = b""
    for node in nodes.tolist():
        if not trace.in_program(node):
            continue
        content = trace.token_bytes(node)
        if node in marked and _is_whole(waiting) and _is_whole(content):
            if waiting:
                yield Passage(visible_text(waiting))
            yield Passage(visible_text(content), node)
            waiting = b""
        else:
            waiting += content
    if waiting:
        yield Passage(visible_text(waiting))


def rows(passages: Iterable[Passage], changed: Callable[[int], bool]) -> tuple[list[Row], int]:
    """The first changed lines of a file with their context, or its first lines; and how many lines are not among them."""
    lines = _lines(passages)
    near = {
        n
        for line in range(1, len(lines) + 1)
        if changed(line)
        for n in range(line - CONTEXT_LINES, line + CONTEXT_LINES + 1)
    }
    found, last = [], 0
    for number, content in enumerate(lines, 1):
        if not near or number in near:
            found.append(Row(number, changed(number), tuple(content), number - last - 1))
            last = number
    return found[:EXCERPT_LINES], len(lines) - len(found[:EXCERPT_LINES])


def numbered(passages: Iterable[Passage], first: int) -> list[Row]:
    """The lines of a text whose first one has this number."""
    return [Row(number, False, tuple(content), 0) for number, content in enumerate(_lines(passages), first)]


def _lines(passages: Iterable[Passage]) -> list[list[Passage]]:
    """Passages by line, without line breaks but where one is marked."""
    lines: list[list[Passage]] = [[]]
    for passage in passages:
        for i, text in enumerate(passage.text.split("\n")):
            if i > 0:
                lines.append([])
            node, shown = passage.node if i == 0 else None, text.removesuffix("\r")
            if shown or node is not None:
                lines[-1].append(Passage(shown or "↵", node))
    if not lines[-1]:
        lines.pop()
    return lines


def _is_whole(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
