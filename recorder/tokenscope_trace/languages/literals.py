"""Literals: where the strings and the comments of a text stand. Source bytes in, ranges of bytes out; knows no trace.

Made for leaving things out, so it rather finds too much: what is not known to be code counts as both, and where code does not parse,
everything from the first quotation mark (or comment sign) on that belongs to no literal does, and from the first one in its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

import numpy as np
import tree_sitter

from tokenscope_trace.languages.bounded_parsing import bounded_tree
from tokenscope_trace.languages.language import Language, grammar, kinds
from tokenscope_trace.languages.passages import MARKDOWN, CodePassage, code_passages

Range = tuple[int, int]
# Kinds of the grammars, of which each has some.
STRINGS = (
    "string string_literal *_string_literal character_literal char_literal rune_literal template_string template_literal_type "
    "jsx_text regex raw_string ansi_c_string translated_string heredoc_body user_defined_literal"
)
COMMENTS = "comment *_comment"
_UNPARSED = "preproc_arg"  # what the C grammars take as it stands
_QUOTE = re.compile(rb"[\"'`]")
_COMMENT_SIGN = re.compile(rb"//|/\*")
_HASH = re.compile(rb"#")
_HASHED = ("python", "bash")


@dataclass(frozen=True)
class Literals:
    """Ranges of bytes, ascending by their begin; documentation that is a string is in both."""

    strings: tuple[Range, ...]
    comments: tuple[Range, ...]


@cache
def is_literal(kind: str) -> bool:
    """Whether a grammar's kind of node is a string or a comment."""
    return any(fnmatchcase(kind, pattern) for pattern in (*STRINGS.split(), *COMMENTS.split()))


def find_literals(
    text: bytes, source: str, language: Language | None, *, conversation: bool = False, breaks: Sequence[int] = ()
) -> Literals | None:
    """Those of a text as `code_passages` finds its code; None where it is in no language that is known."""
    pieces = code_passages(text, source, language, conversation=conversation, breaks=breaks)
    if not pieces and not conversation and not source.lower().endswith(MARKDOWN):
        return None
    strings: list[Range] = []
    comments: list[Range] = []
    end = 0
    for piece in pieces:
        found = _of_passage(piece.text(text), piece)
        around = [(end, piece.start)] if piece.start > end else []
        strings += [*around, *found.strings]
        comments += [*around, *found.comments]
        end = piece.end
    rest = [(end, len(text))] if len(text) > end else []
    return Literals((*strings, *rest), (*comments, *rest))


def _of_passage(text: bytes, passage: CodePassage) -> Literals:
    """The literals of code, in bytes of the whole text; where parsing it would take too much work, all of it."""
    language = passage.language
    tree = bounded_tree(text, language)
    if tree is None:
        return Literals(_placed([(0, len(text))], passage), _placed([(0, len(text))], passage))
    root = tree.root_node
    captured = tree_sitter.QueryCursor(_query(language)).captures(root)
    strings, comments, unparsed = (captured.get(name, []) for name in ("string", "comment", "unparsed"))
    sign = _HASH if language.name in _HASHED else _COMMENT_SIGN
    known = sorted((node.start_byte, node.end_byte) for node in [*strings, *comments])
    quoted = [(node.start_byte, node.end_byte) for node in strings]
    said = [(node.start_byte, node.end_byte) for node in [*comments, *filter(_is_documentation, strings)]]
    for node in unparsed:
        quoted += _from_first(_QUOTE, text, node.start_byte, node.end_byte, known)
        said += _from_first(sign, text, node.start_byte, node.end_byte, known)
    if root.has_error:
        broken = [(node.start_byte, len(text)) for node in strings if node.has_error]
        quoted += [*_from_first(_QUOTE, text, 0, len(text), known), *broken]
        said += [
            *_from_first(sign, text, 0, len(text), known),
            *((n.start_byte, len(text)) for n in comments if n.has_error),
        ]
    return Literals(_placed(quoted, passage), _placed(said, passage))


@cache
def _query(language: Language) -> tree_sitter.Query:
    patterns = {"string": STRINGS, "comment": COMMENTS, "unparsed": _UNPARSED}
    lines = [f"({kind}) @{name}" for name, pattern in patterns.items() for kind in sorted(kinds(language, pattern))]
    return tree_sitter.Query(grammar(language), "\n".join(lines))


def _is_documentation(node: tree_sitter.Node) -> bool:
    """Whether a string is a statement by itself: there for people only."""
    above = node.parent
    if above is not None and above.type == "concatenated_string":
        above = above.parent
    return above is not None and above.type == "expression_statement" and above.named_child_count == 1


def _from_first(sign: re.Pattern[bytes], text: bytes, start: int, end: int, known: list[Range]) -> Iterator[Range]:
    """From the first sign in [start, end) that lies in none of the known ranges, up to `end`. Which signs of its line are pairs is not
    known either, so it is from the first of them.
    """
    waiting = iter(known)
    current = next(waiting, None)
    for match in sign.finditer(text, start, end):
        while current is not None and current[1] <= match.start():
            current = next(waiting, None)
        if current is None or match.start() < current[0]:
            line = max(start, text.rfind(b"\n", start, match.start()) + 1)
            first = sign.search(text, line, match.end())
            yield (first or match).start(), end
            return


def _placed(ranges: list[Range], passage: CodePassage) -> tuple[Range, ...]:
    """Ranges of a passage's own text as ranges of the text around it."""
    found = np.array(sorted(ranges), dtype=np.int64).reshape(-1, 2)
    begins, ends = passage.outer_begins(found[:, 0]), passage.outer_ends(found[:, 1])
    return tuple(zip(begins.tolist(), np.maximum(begins, ends).tolist(), strict=True))
