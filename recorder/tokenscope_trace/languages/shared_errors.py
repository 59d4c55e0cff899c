"""Shared errors: what is broken in two programs alike, and what is broken in one alone. Two Programs in, programs and bytes out.

A shared error is nobody's: `%timeit` in a cell of Python, a template's `{% if %}`, the mark of a merge conflict, a macro
that only its preprocessor knows. Where such a line confuses the parser, so that it stumbles elsewhere in the one than in the other,
it is taken out of both, and both are read again.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import tree_sitter

from tokenscope_trace.languages.incomplete import errors
from tokenscope_trace.languages.indentation import misindented
from tokenscope_trace.languages.own_parser import ParserVerdict, own_verdict
from tokenscope_trace.languages.units import Program

_ROUNDS = 4  # of taking lines out: what is taken out may have hidden an error behind it
_REFUSALS = 12  # lines that a language's own parser refuses, one after the other
_MASKS = (b"0", b"")  # in a language of indented blocks: a statement, or nothing at all
_LONG = 1000  # bytes of a line: a longer one is like no other
_WORDS = re.compile(rb"\w+")


@dataclass(frozen=True)
class Stretch:
    """What is looked at of two programs: bytes [start, main_end) of one, [start, branch_end) of the other."""

    start: int
    main_end: int
    branch_end: int


class _Lines:
    """The lines of a text: their begins, and what they say."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._begins = [0, *(found.end() for found in re.finditer(rb"\n", text))]

    def begin(self, byte: int) -> int:
        """Where the line of a byte begins."""
        return self._begins[bisect_right(self._begins, byte) - 1]

    def begins_in(self, start: int, end: int) -> list[int]:
        """The begins in [start, end)."""
        return self._begins[bisect_left(self._begins, start) : bisect_left(self._begins, end)]

    def line(self, byte: int) -> bytes:
        """What the line of a byte says, without its end; nothing of a long one."""
        number = bisect_right(self._begins, byte) - 1
        end = self._begins[number + 1] - 1 if number + 1 < len(self._begins) else len(self._text)
        start = self._begins[number]
        return self._text[start:end].rstrip(b"\r") if end - start <= _LONG else b""


@dataclass(frozen=True)
class Alike:
    """Two programs without the broken lines that both have: their bytes count as before. `words` stood in what was taken out."""

    main: Program
    branch: Program
    words: frozenset[bytes] = frozenset()


def without_shared_errors(main: Program, branch: Program, fork: int) -> Alike:
    """The two as they read best without the lines on which main has errors and that both have: before the fork's line, in the common
    end, or between the two with the same words.
    """
    best, fewest = Alike(main, branch), _error_count(main)
    if fewest and branch.root.has_error:
        for alike in _without_shared_lines(main, branch, fork):
            count = _error_count(alike.main)
            if count < fewest:
                best, fewest = alike, count
            if not count:
                break
    return best


def without_shared_refusals(alike: Alike, fork: int) -> Alike:
    """Two complete programs without the lines, too, that the language's own parser refuses in main and that both have; as they were if
    it refuses main all the same.
    """
    found = alike
    for _ in range(_REFUSALS):
        verdict = own_verdict(found.main.text, found.main.language, found.main.root)
        if verdict is None:
            return alike
        if verdict.refused_at is None:
            return found
        pairs = list(_shared_lines(found.main.text, found.branch.text, fork, [verdict.refused_at]))
        if not pairs:
            return alike
        found = _taken_out(found, pairs, _MASKS[0])
    return alike


def verdict_on_written(program: Program, begun: int) -> ParserVerdict | None:
    """What the language's own parser says of a complete program, of the lines in which something was written: those around are taken out
    where it refuses them. None where it says nothing.
    """
    text, seen = program.text, -1
    for _ in range(_REFUSALS):
        verdict = own_verdict(text, program.language, program.root)
        if verdict is None or verdict.refused_at is None:
            return verdict
        byte = verdict.refused_at
        if byte == seen or text.rfind(b"\n", 0, begun) + 1 <= byte < max(program.written, begun + 1):
            return verdict if byte != seen else None
        text, seen = _masked(text, [byte], _MASKS[0]), byte
    return None


def own_errors(main: Program, branch: Program, fork: int, span: Stretch) -> list[int]:
    """The bytes within a span at which the branch has errors that main lacks, with which it has the bytes before `fork` in common: at
    the same byte before the fork, as far from the end behind it, or in a line that reads the same.
    """
    shifted = own_indentation(main, branch, fork, span)
    theirs = _within(branch, span.start, span.branch_end)
    if not theirs:
        return shifted
    mine = _within(main, span.start, span.main_end)
    lines, other_lines = _Lines(main.text), _Lines(branch.text)
    moved = len(branch.text) - len(main.text)
    tail = len(branch.text) - _common_end(main.text, branch.text, fork)
    before = {node.start_byte for node in mine if node.start_byte < fork}
    behind = {(node.start_byte + moved, node.type) for node in mine}
    between = Counter(_key(main, lines, node) for node in mine if node.start_byte >= fork)
    own = []
    for node in theirs:
        if node.start_byte in before or (node.start_byte >= tail and (node.start_byte, node.type) in behind):
            continue
        key = _key(branch, other_lines, node)
        if node.start_byte >= fork and key[2] and between[key] > 0:
            between[key] -= 1
        else:
            own.append(node.start_byte)
    return own + shifted


def own_indentation(main: Program, branch: Program, fork: int, span: Stretch) -> list[int]:
    """The bytes within a span at which the branch's indentation is wrong and main's is not likewise."""
    theirs = [one for one in misindented(branch) if span.start <= one[0] < max(span.branch_end, span.start + 1)]
    mine = list(misindented(main)) if theirs else []
    moved = len(branch.text) - len(main.text)
    tail = len(branch.text) - _common_end(main.text, branch.text, fork)
    before = {byte for byte, _ in mine if byte < fork}
    behind = {byte + moved for byte, _ in mine}
    between = Counter(about for _, about in mine)
    own = []
    for byte, about in theirs:
        if byte in before or (byte >= tail and byte in behind):
            continue
        if between[about] > 0:
            between[about] -= 1
        else:
            own.append(byte)
    return own


def is_shared(main: Program, branch: Program, byte: int) -> bool:
    """Whether the line on which the branch has an error is one on which main has an error, too."""
    lines, line = _Lines(main.text), _Lines(branch.text).line(byte)
    return _WORDS.search(line) is not None and any(lines.line(error.start_byte) == line for error in _all_errors(main.root))


def _within(program: Program, start: int, end: int) -> list[tree_sitter.Node]:
    return [
        node
        for node in errors(program.root)
        if start <= node.start_byte < end
        or (node.start_byte == end == node.end_byte)
        or node.start_byte < start < node.end_byte
    ]


def _key(program: Program, lines: _Lines, node: tree_sitter.Node) -> tuple[str, bytes, bytes]:
    return node.type, program.text[node.start_byte : node.end_byte], lines.line(node.start_byte)


def _all_errors(root: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """The ERROR and MISSING nodes, those within others too."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            yield node
        if node.has_error:
            waiting.extend(node.children)


# Lines taken out of both


def _error_count(program: Program) -> int:
    return sum(1 for _ in _all_errors(program.root)) if program.root.has_error else 0


def _without_shared_lines(main: Program, branch: Program, fork: int) -> Iterator[Alike]:
    """The two without these lines, in each way of finding a line and of taking it out, and with ever more of them."""
    masks = _MASKS if main.language.rules.units.indented else _MASKS[1:]
    for found, mask in product((_begins, _signs), masks):
        alike = Alike(main, branch)
        for _ in range(_ROUNDS):
            first, second = alike.main, alike.branch
            pairs = list(_shared_lines(first.text, second.text, fork, found(first.root)))
            if not pairs:
                break
            alike = _taken_out(alike, pairs, mask)
            yield alike


def _taken_out(alike: Alike, pairs: Sequence[tuple[int, int]], mask: bytes) -> Alike:
    """The two without the lines that begin at these bytes of each."""
    lines = _Lines(alike.main.text)
    return Alike(
        replace(alike.main, text=_masked(alike.main.text, (one for one, _ in pairs), mask)),
        replace(alike.branch, text=_masked(alike.branch.text, (one for _, one in pairs), mask)),
        alike.words | {word for start, _ in pairs for word in _WORDS.findall(lines.line(start))},
    )


def _begins(root: tree_sitter.Node) -> Iterator[int]:
    """Where errors begin."""
    return (node.start_byte for node in _all_errors(root))


def _signs(root: tree_sitter.Node) -> Iterator[int]:
    """Where errors begin, and the signs in them that are part of nothing."""
    for node in _all_errors(root):
        yield node.start_byte
        yield from (child.start_byte for child in node.children if not child.is_named)


def _shared_lines(main: bytes, branch: bytes, fork: int, wrong: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(begin in main, begin in the branch) of the lines of some bytes of main that both have, in order."""
    lines, others = _Lines(main), _Lines(branch)
    first, moved = lines.begin(fork), len(branch) - len(main)
    tail = len(main) - _common_end(main, branch, fork)
    between: dict[bytes, deque[int]] = {}
    for start in others.begins_in(fork, tail + moved):
        between.setdefault(others.line(start), deque()).append(start)
    last = -1
    for start in sorted({lines.begin(byte) for byte in wrong}):
        line = lines.line(start)
        if line.strip() in (b"", _MASKS[0]):
            continue
        if start < first:
            yield start, start
        elif start > tail:
            yield start, start + moved
        elif _WORDS.search(line):
            places = between.get(line, deque())
            while places and places[0] <= last:
                places.popleft()
            if places:
                last = places.popleft()
                yield start, last


def _masked(text: bytes, begins: Iterable[int], mask: bytes) -> bytes:
    """The text with the lines at some bytes blank but for `mask`, as long as before."""
    lines, changed = _Lines(text), bytearray(text)
    for start in begins:
        line = lines.line(start)
        indent = len(line) - len(line.lstrip())
        changed[start : start + len(line)] = line[:indent] + mask.ljust(len(line) - indent)
    return bytes(changed)


def _common_end(main: bytes, branch: bytes, fork: int) -> int:
    """How many bytes at their ends two texts have in common, none of them before the fork."""
    most = min(len(main), len(branch)) - fork
    low, high = 0, max(most, 0)
    while low < high:
        middle = (low + high + 1) // 2
        if main[len(main) - middle :] == branch[len(branch) - middle :]:
            low = middle
        else:
            high = middle - 1
    return low
