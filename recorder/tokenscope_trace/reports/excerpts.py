"""Excerpts of the program that a recording shows: its passages, rows of lines, what is left out. Knows no numbers and no markup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tokenscope_trace.text import visible_parts, visible_text
from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.trace import Trace

EXCERPT_LINES = 40
CONTEXT_LINES = 3  # beside a changed line
OUTPUT_BYTES = 20_000


@dataclass(frozen=True)
class ExcerptPart:
    """A piece of the program as text; `node` names the token where it is one of the least certain."""

    text: str
    node: int | None = None


@dataclass(frozen=True)
class ExcerptRow:
    """A line of scored code; `before` says how many lines are left out above it."""

    number: int
    changed: bool
    passages: tuple[ExcerptPart, ...]
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


def excerpt_parts(trace: Trace, nodes: Array, marked: set[int]) -> Iterator[ExcerptPart]:
    """The text in pieces that begin and end with whole characters."""
    parts: list[tuple[bytes, int | None]] = []
    waiting = b""
    for node in nodes.tolist():
        if not trace.in_program(node):
            continue
        content = trace.token_bytes(node)
        if node in marked and _is_whole(waiting) and _is_whole(content):
            parts += [(waiting, None)] * bool(waiting)
            parts.append((content, node))
            waiting = b""
        else:
            waiting += content
    parts += [(waiting, None)] * bool(waiting)
    for shown, (_, name) in zip(visible_parts([content for content, _ in parts]), parts, strict=True):
        yield ExcerptPart(shown, name)


def excerpt_rows(parts: Iterable[ExcerptPart], changed: Callable[[int], bool]) -> tuple[list[ExcerptRow], int]:
    """The first changed lines of a file with their context, or its first lines; and how many lines are not among them."""
    lines = _lines(parts)
    near = {
        n
        for line in range(1, len(lines) + 1)
        if changed(line)
        for n in range(line - CONTEXT_LINES, line + CONTEXT_LINES + 1)
    }
    found, last = [], 0
    for number, content in enumerate(lines, 1):
        if not near or number in near:
            found.append(ExcerptRow(number, changed(number), tuple(content), number - last - 1))
            last = number
    return found[:EXCERPT_LINES], len(lines) - len(found[:EXCERPT_LINES])


def numbered_rows(parts: Iterable[ExcerptPart], first: int) -> list[ExcerptRow]:
    """The lines of a text whose first one has this number."""
    return [ExcerptRow(number, False, tuple(content), 0) for number, content in enumerate(_lines(parts), first)]


def _lines(parts: Iterable[ExcerptPart]) -> list[list[ExcerptPart]]:
    """Passages by line, without line breaks but where one is marked."""
    lines: list[list[ExcerptPart]] = [[]]
    for passage in parts:
        for i, text in enumerate(passage.text.split("\n")):
            if i > 0:
                lines.append([])
            node, shown = passage.node if i == 0 else None, text.removesuffix("\r")
            if shown or node is not None:
                lines[-1].append(ExcerptPart(shown or "↵", node))
    if not lines[-1]:
        lines.pop()
    return lines


def _is_whole(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
