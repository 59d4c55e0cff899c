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

from tokenscope_trace.languages.incomplete import Reading, errors, first_text, read, read_cut
from tokenscope_trace.languages.language import Language, kinds
from tokenscope_trace.traces.schema import Scope

_WORD = re.compile(rb"\w+")
_BODIES = (b":\n pass", b"):\n pass", b" f():\n pass", b"\ndef f():\n pass")  # of a head that breaks off somewhere
_BRACED = (b" {}", b") {}")
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


def unit_end(program: Program, place: int, scope: Scope) -> int | None:
    """The byte where the function (the statement, by `scope`) that a text breaks off in at `place` is complete, behind which nothing more
    of it can follow. None where it is not, where none was begun, and where nothing of it was written behind `place`.

    The function is the outermost one: of a class its method, of functions within functions the one around them; what is handed to a
    call counts only where nothing else does. The statement is the innermost that was begun, or the one that begins there.
    """
    node = function_at(program, place) if scope == Scope.FUNCTION else _statement_at(program, place)
    function = scope == Scope.FUNCTION and node is not None and not _is_handed_over(node)
    while node is not None and not function and not _is_statement(node, program.language):
        node = node.parent  # with what closes the call
    if node is None or node.end_byte <= place or not is_complete(program, node, function=function):
        return None
    return node.end_byte


def is_in_function(program: Program, place: int) -> bool:
    """Whether what is written at a place may be part of a function that was begun before it."""
    before = Program(program.text[:place], program.language, ended=False, written=place)
    last = len(before.text.rstrip()) - 1
    if last < 0:
        return False
    read_up_to = len(before.text[: before.reading.known].rstrip()) - 1  # behind it the text breaks off within a statement
    for byte in {last, max(read_up_to, 0)}:
        if any(not is_complete(before, node, function=True) for node in around(before, byte, function=True)):
            return True
    bodies = _BODIES if program.language.rules.units.indented else _BRACED
    return any(_begins_function(before, last, body) for body in bodies)


def _begins_function(before: Program, last: int, body: bytes) -> bool:
    """Whether a text would end in the head of a function, were this its body."""
    text = before.text + body
    nodes = around(Program(text, before.language, ended=True, written=len(text)), len(text) - 1, function=True)
    return any(_begin_of(before.language, node) <= last and not node.has_error for node in nodes)


def function_at(program: Program, place: int) -> tree_sitter.Node | None:
    """The outermost function that was begun before a place and goes on from there."""
    start = first_text(program.text[: program.reading.known], place)
    language = program.language
    found = [
        node
        for node in upwards(program, start)
        if _is_unit(program, node, function=True) and _begin_of(language, node) < max(place, 1)
    ]
    declared = [node for node in found if not _is_handed_over(node)]
    return declared[-1] if declared else found[0] if found else None


def _begin_of(language: Language, node: tree_sitter.Node) -> int:
    """Where a function begins, with what stands around its name: decorators, a template's parameters, `export`."""
    begin, above = node.start_byte, node.parent
    while above is not None and above.end_byte == node.end_byte and above.type in kinds(language, language.statements):
        begin, above = above.start_byte, above.parent
    return begin


def _is_handed_over(node: tree_sitter.Node) -> bool:
    """Whether a function is an argument of a call, or called on the spot."""
    return node.parent is not None and ("argument" in node.parent.type or node.parent.type == "parenthesized_expression")


def _statement_at(program: Program, place: int) -> tree_sitter.Node | None:
    """The statement that a text breaks off in at a place, one whose head alone is written among them; else the one that begins there."""
    found = around(program, place, function=False)
    if not found:
        return None
    node = unit_at(program, found[0].start_byte, function=False) or found[0]
    while node.start_byte >= place and _is_first_in_block(node, program.language):
        above = [one for one in found if one.start_byte < node.start_byte and one.end_byte >= node.end_byte]
        if not above:
            break
        node = above[0]
    return node


def _is_first_in_block(node: tree_sitter.Node, language: Language) -> bool:
    elder = node.prev_named_sibling
    comments = kinds(language, language.rules.notation.comments)
    while elder is not None and elder.type in comments:
        elder = elder.prev_named_sibling
    return elder is None or elder.end_byte > node.start_byte or not _is_statement(elder, language)


def _is_statement(node: tree_sitter.Node, language: Language) -> bool:
    return node.type in kinds(language, language.statements)


def complete_end(program: Program, beyond: int) -> int | None:
    """Where the last unit of the file ends that is known to be complete and ends beyond a byte, else the outermost function there; None
    where there is none.
    """
    functions = kinds(program.language, program.language.rules.units.functions)
    for node in [*reversed(program.root.children), *around(program, beyond, function=True)[::-1]]:
        whole = node.end_byte > beyond and not node.is_error
        if whole and is_complete(program, node, function=node.type in functions):
            return node.end_byte
    return None


def parses(text: bytes, language: Language, begin: int = 0) -> bool:
    """Whether a text has no error from a byte on."""
    return all(node.start_byte < begin for node in errors(read(text, language).tree.root_node))


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
