"""Units of a program: the functions and statements around a byte, and whether they are complete. A Program in; nodes, bytes, a Scope
out. Knows no second program.

A unit is complete where nothing that follows could still become part of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import tree_sitter

from tokenscope_trace.languages.incomplete import Reading, first_text, read, read_cut
from tokenscope_trace.languages.language import Language, kinds
from tokenscope_trace.traces.schema import Scope

_WORD = re.compile(rb"\w+")
_ENDS = (b")", b"]", b"}", b";", b",")


@dataclass(frozen=True)
class Program:
    """A program: `ended` if its text came to its own end, else it was cut. What was generated ends at byte `written`; behind it
    stands the rest of a file whose hole was filled.
    """

    text: bytes
    language: Language
    ended: bool
    written: int

    @cached_property
    def reading(self) -> Reading:
        """Its tree; of a program that was cut, the tree of what was written."""
        return read(self.text, self.language) if self.ended else read_cut(self.text[: self.written], self.language)

    @property
    def tree(self) -> tree_sitter.Tree:
        """Its tree, which behind `reading.known` is not the text's own."""
        return self.reading.tree

    @property
    def root(self) -> tree_sitter.Node:
        """The tree's root."""
        return self.tree.root_node


def complete_scope(program: Program, fork: int) -> Scope:
    """The largest unit around a byte that is known to be complete."""
    if program.ended:
        return Scope.WHOLE
    functions = around(program, fork, function=True)
    if functions and is_complete(program, functions[0], function=True):
        return Scope.FUNCTION
    statements = around(program, fork, function=False)
    return Scope.STATEMENT if statements and is_complete(program, statements[0], function=False) else Scope.NONE


def inside_function(program: Program, fork: int) -> bool:
    """Whether a function is around a byte, complete or not."""
    return bool(around(program, fork, function=True))


# What is around a byte


def around(program: Program, fork: int, *, function: bool) -> list[tree_sitter.Node]:
    """The units that hold the first text from the fork on, of statements the first code; innermost first."""
    start = first_text(program.text[: program.reading.known], fork) if function else behind_comments(program, fork)
    last = fork if function else max(start, fork)
    return [
        node for node in upwards(program, start) if node.start_byte <= last and _is_unit(program, node, function=function)
    ]


def unit_at(program: Program, start: int, *, function: bool) -> tree_sitter.Node | None:
    """The outermost unit that begins at a byte."""
    found = None
    for node in upwards(program, start):
        if node.start_byte < start:
            break
        if _is_unit(program, node, function=function):
            found = node
    return found


def upwards(program: Program, start: int) -> Iterator[tree_sitter.Node]:
    """The nodes that hold a byte, innermost first."""
    if start >= program.reading.known:
        return
    node = program.root.descendant_for_byte_range(start, start + 1)
    while node is not None:
        yield node
        node = node.parent


def _is_unit(program: Program, node: tree_sitter.Node, *, function: bool) -> bool:
    language = program.language
    if not function:
        return node.type in kinds(language, language.statements)
    if node.type not in kinds(language, language.rules.units.functions):
        return False
    body = node.child_by_field_name("body")
    return body is not None and body.type not in kinds(language, language.expressions)


# Completeness


def is_complete(program: Program, node: tree_sitter.Node, *, function: bool) -> bool:
    """Whether nothing that follows could still become part of a unit."""
    if program.ended:
        return True
    units = program.language.rules.units
    end = node.end_byte
    if end > program.reading.known or _is_open(program, node):
        return False
    if not units.indented and program.text[end - 1 : end] == b"}" and (function or _is_closed(program, node)):
        return True
    ends = bool(node.children) and node.children[-1].type == ";" and not node.children[-1].is_missing
    if not function and (ends or (units.line_ends and not _holds_block(program, node) and _line_ends(program, node))):
        return True
    return _is_followed(program, node) or (function and _is_commented_out(program, node))


def _is_open(program: Program, node: tree_sitter.Node) -> bool:
    """Whether a unit was never closed: its end was added by the parser, or blocks were opened in it that nothing closes."""
    language = program.language
    pairs = language.rules.units.closers.split()
    if any(last.is_missing and last.type in pairs[1::2] for last in _last_ones(node)):
        return True
    if not node.has_error or language.rules.units.indented:
        return False
    counts = Counter(token.type for token in _leaves(node) if not token.is_missing)
    blocks = [
        (opener, closer) for opener, closer in zip(pairs[::2], pairs[1::2], strict=True) if closer.isalpha() or closer == "}"
    ]
    return any(sum(counts[one] for one, end in blocks if end == closer) > counts[closer] for _, closer in blocks)


def _leaves(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if one.child_count:
            waiting.extend(one.children)
        else:
            yield one


def _last_ones(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """A node, its last child, that one's last child and so on."""
    last: tree_sitter.Node | None = node
    while last is not None:
        yield last
        last = last.children[-1] if last.children else None


def _is_closed(program: Program, node: tree_sitter.Node) -> bool:
    """Whether a statement ends with a block's brace and can take no further clause."""
    language = program.language
    continued = kinds(language, language.rules.units.continued)
    blocks = kinds(language, language.blocks) | kinds(language, language.rules.units.functions)
    return node.type in blocks and not any(last.type in continued for last in _last_ones(node))


def _holds_block(program: Program, node: tree_sitter.Node) -> bool:
    language = program.language
    blocks = kinds(language, language.blocks) | kinds(language, language.rules.units.continued)
    return any(last.type in blocks for last in _last_ones(node))


def _line_ends(program: Program, node: tree_sitter.Node) -> bool:
    """Whether a line break follows, but for a comment."""
    text = program.text[: program.written]
    start = behind_comments(program, node.end_byte)
    between = text[node.end_byte : start]
    return b"\n" in between or (start == len(text) and b"\n" in text[node.end_byte :])


def behind_comments(program: Program, start: int) -> int:
    """The first text from a byte on that is no comment."""
    text, known = program.text[: program.written], program.reading.known
    comments = kinds(program.language, program.language.rules.notation.comments)
    start = first_text(text, start)
    while start < known:
        node = program.root.descendant_for_byte_range(start, start + 1)
        if node is None or node.type not in comments:
            break
        start = first_text(text, max(node.end_byte, start + 1))
    return start


def _is_followed(program: Program, node: tree_sitter.Node) -> bool:
    """Whether what follows a unit shows that it has ended: text that is no comment, begins no clause, and is not cut off itself."""
    units = program.language.rules.units
    text = program.text[: program.written]
    start = behind_comments(program, node.end_byte)
    if start >= len(text):
        return False
    known = start < program.reading.known
    new_line = b"\n" in text[node.end_byte : start]
    if units.indented and new_line:
        deeper = _column(text, start) - _column(text, node.start_byte)
        may_go_on = node.type in kinds(program.language, units.continued)
        return deeper < 0 or (deeper == 0 and not (may_go_on and _may_continue(program, start)))
    return (known or new_line) and not _may_continue(program, start)


def _is_commented_out(program: Program, node: tree_sitter.Node) -> bool:
    """Whether a whole line of comment stands behind a unit, no deeper than it, and another line no deeper than that: for a reader it
    has ended there, though its language does not say so.
    """
    if not program.language.rules.units.indented:
        return False
    text, column = program.text[: program.written], _column(program.text, node.start_byte)
    comments = kinds(program.language, program.language.rules.notation.comments)
    start, seen = first_text(text, node.end_byte), False
    while start < len(text):
        own_line = b"\n" in text[node.end_byte : start]
        shallow = own_line and _column(text, start) <= column
        if seen and shallow:
            return True
        held = program.root.descendant_for_byte_range(start, start + 1) if start < program.reading.known else None
        if held is None or held.type not in comments:
            return False
        seen = seen or shallow
        start = first_text(text, max(held.end_byte, start + 1))
    return False


def _may_continue(program: Program, start: int) -> bool:
    """Whether the text from a byte on begins a clause, or is cut off so early that it still might."""
    text = program.text[: program.written]
    word = _WORD.match(text, start)
    if word is None:
        return start + 1 >= min(len(text), program.reading.known) and text[start : start + 1] not in _ENDS
    return word.end() == len(text) or word[0].decode(errors="replace") in program.language.rules.units.continuations.split()


def _column(text: bytes, start: int) -> int:
    return start - (text.rfind(b"\n", 0, start) + 1)
