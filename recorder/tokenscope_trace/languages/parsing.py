"""Parsing: source bytes to syntax nodes, by tree-sitter, columns of one text. Knows no trace.

Broken code is normal: what the grammar cannot place is an ERROR node, what it had to add has no bytes and is MISSING.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tree_sitter
from numpy.typing import NDArray

from tokenscope_trace.languages.incomplete import can_parse, parse_incomplete
from tokenscope_trace.languages.language import kinds
from tokenscope_trace.languages.passages import CodePassage
from tokenscope_trace.traces.schema import SyntaxFlag

_BODIES = ("block", "compound_statement", "statement_block")


@dataclass(frozen=True)
class Parsed:
    """The nodes of one passage, parents first, siblings in order; offsets are those of the whole text. Columns of shape (N,).

    `parent` counts within these nodes, -1 for the root; `field` is empty where the parent gives the node no name.
    """

    kind: list[str]
    field: list[str]
    parent: NDArray[np.int32]
    start: NDArray[np.uint32]
    end: NDArray[np.uint32]
    flags: NDArray[np.uint8]  # of SyntaxFlag


def parse(text: bytes, passage: CodePassage, touching: tuple[int, int] | None = None) -> Parsed | None:
    """The syntax of a passage, None where parsing it would take too much work. Every node is listed, the unnamed ones (keywords, signs) too; with `touching`, only the root and
    those that touch these bytes [first, end) of the text.
    """
    language = passage.language
    own = passage.text(text)
    if not can_parse(own, language):
        return None
    tree = parse_incomplete(own, language)
    marks = [
        (kinds(language, patterns), flag)
        for patterns, flag in (
            (language.expressions, SyntaxFlag.EXPRESSION),
            (language.statements, SyntaxFlag.STATEMENT),
            (language.blocks, SyntaxFlag.BLOCK),
            (language.arms, SyntaxFlag.ARM),
        )
    ]
    kind, field, rows = [], [], []
    first, end = touching or (passage.start, passage.end)
    for parent, node, name in _walk(tree.walk(), passage.own(first), passage.own(end)):
        kind.append(node.type)
        field.append(name)
        rows.append((parent, node.start_byte, node.end_byte, int(_flags(node, name, marks))))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4)
    begins = passage.outer_begins(columns[:, 1])
    return Parsed(
        kind,
        field,
        columns[:, 0].astype(np.int32),
        begins.astype(np.uint32),
        np.maximum(passage.outer_ends(columns[:, 2]), begins).astype(np.uint32),
        columns[:, 3].astype(np.uint8),
    )


def _walk(cursor: tree_sitter.TreeCursor, first: int, end: int) -> Iterator[tuple[int, tree_sitter.Node, str]]:
    """(number of the parent, node, its field's name) of every node that touches bytes [first, end), parents first; by hand, for
    trees may be deep.
    """
    way = [-1]
    number = 0
    while True:
        node = cursor.node
        assert node is not None
        if (
            len(way) == 1
            or (node.end_byte > first and node.start_byte < end)
            or first <= node.start_byte == node.end_byte <= end
        ):
            yield way[-1], node, cursor.field_name or ""
            number += 1
            if cursor.goto_first_child():
                way.append(number - 1)
                continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            way.pop()


def _flags(node: tree_sitter.Node, field: str, marks: Sequence[tuple[frozenset[str], SyntaxFlag]]) -> SyntaxFlag:
    flags = SyntaxFlag.ERROR if node.is_error else SyntaxFlag(0)
    if node.is_missing:
        flags |= SyntaxFlag.MISSING
    if not node.is_named:
        return flags
    flags |= SyntaxFlag.NAMED
    for named, flag in marks:
        if node.type in named:
            flags |= flag
    if field == "alternative" and (node.type in _BODIES or flags & (SyntaxFlag.STATEMENT | SyntaxFlag.BLOCK)):
        flags |= SyntaxFlag.ARM | SyntaxFlag.BLOCK  # of grammars without an else clause
    return flags


def joined_kinds(parts: Sequence[Parsed]) -> tuple[list[str], list[str]]:
    """The distinct kinds and fields of some passages, sorted; the first field is the empty one."""
    kinds_found = sorted({kind for part in parts for kind in part.kind})
    fields_found = sorted({field for part in parts for field in part.field} | {""})
    return kinds_found, fields_found
