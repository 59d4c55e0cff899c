"""Indentation that means something: where that of a text is wrong, though its grammar takes it. A Program in, bytes out.

A block stands deeper than what it belongs to, its statements begin in one column, those of a file in the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import tree_sitter

from tokenscope_trace.languages.language import kinds
from tokenscope_trace.languages.units import Program

_NOTHING = re.compile(rb"(?:\s|#[^\n]*|\\\r?\n)*")
_BLANKS = re.compile(rb"[ \t]*")
_BLOCKS = ("module", "block")


def misindented(program: Program) -> Iterator[tuple[int, str]]:
    """(byte, what it is about) of the statements that stand in no column of their block, and of those that ought to be one's first."""
    if not program.language.rules.units.indented:
        return
    waiting = [program.root]
    while waiting:
        node = waiting.pop()
        if node.is_error:
            continue
        if node.type in _BLOCKS:
            yield from _of_block(program, node)
        waiting.extend(node.named_children)


def _of_block(program: Program, block: tree_sitter.Node) -> Iterator[tuple[int, str]]:
    """Of the statements of one block, which may be empty where its first line is no deeper than its head."""
    known = program.reading.known
    comments = kinds(program.language, program.language.rules.notation.comments)
    held = [
        node for node in block.named_children if node.type not in comments and not node.is_error and node.start_byte < known
    ]
    if not held:
        if block.parent is not None and _is_followed(program, block.end_byte):
            yield block.start_byte, "empty"
        return
    first: bytes | None = None
    for node in held:
        indent = _indent(program.text, node.start_byte)
        if indent is None:
            continue
        if first is None:
            first = indent
            head = _head_indent(program.text, block)
            if block.parent is None:
                if indent:
                    yield node.start_byte, f"first {len(indent)}"
            elif _alike(indent, head) and len(indent) <= len(head):
                yield node.start_byte, "shallow"
        elif indent != first and _alike(indent, first):
            yield node.start_byte, program.text[node.start_byte : node.start_byte + 80].decode(errors="replace")


def _is_followed(program: Program, end: int) -> bool:
    """Whether nothing more will stand in an empty block: the text has ended, or code follows that is none of it."""
    text = program.text[: program.reading.known]
    found = _NOTHING.match(text, end)
    return program.ended or (found is not None and found.end() < len(text))


def _head_indent(text: bytes, block: tree_sitter.Node) -> bytes:
    """What stands before the line on which that begins to which a block belongs."""
    owner = block.parent
    found = _BLANKS.match(text, text.rfind(b"\n", 0, owner.start_byte) + 1) if owner is not None else None
    return found[0] if found else b""


def _indent(text: bytes, byte: int) -> bytes | None:
    """What stands before a byte on its line, None where that is more than white space."""
    at = byte
    while at and text[at - 1] in b" \t":
        at -= 1
    return text[at:byte] if at == 0 or text[at - 1] in b"\r\n" else None


def _alike(one: bytes, other: bytes) -> bool:
    """Whether two indentations can be measured against each other: of blanks or of tabs alone."""
    return len({*one, *other}) <= 1
