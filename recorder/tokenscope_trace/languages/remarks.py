"""Remarks: what stands in code for people only, comments and texts that are statements by themselves, as documentation is."""

from __future__ import annotations

import tree_sitter

from tokenscope_trace.languages.language import kinds
from tokenscope_trace.languages.units import Program

_CLOSED = (b"*/", b"-->", b"\n")  # what a comment ends with that goes no further


def remark_around(program: Program, byte: int) -> int | None:
    """The end of the remark that a byte stands inside of, behind its first sign; at its end it still does, where a line end closes it.
    None where code stands there.
    """
    if byte <= 0:
        return None
    node = program.root.descendant_for_byte_range(byte - 1, byte)
    comments = kinds(program.language, program.language.rules.notation.comments)
    while node is not None:
        inside = node.start_byte < byte <= node.end_byte
        if inside and node.type in comments:
            open_ended = not _text(program, node).endswith(_CLOSED)
            return node.end_byte if byte < node.end_byte or open_ended else None
        if inside and byte < node.end_byte and _is_documentation(node):
            return node.end_byte
        node = node.parent
    return None


def _text(program: Program, node: tree_sitter.Node) -> bytes:
    return program.text[node.start_byte : node.end_byte]


def _is_documentation(node: tree_sitter.Node) -> bool:
    above = node.parent
    if above is not None and above.type == "concatenated_string":
        above = above.parent
    return (
        "string" in node.type and above is not None and above.type == "expression_statement" and above.named_child_count == 1
    )
