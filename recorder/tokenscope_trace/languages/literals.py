"""Literals: where the strings and the comments of a text stand. Source bytes in, ranges of bytes out; knows no trace.

Made for leaving things out, so it rather finds too much: what is not known to be code, nor a fence around it, counts as both, and where
code does not parse, everything from the first quotation mark (or comment sign) on that belongs to no literal does, and from the first one
in its line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

import numpy as np
import tree_sitter

from tokenscope_trace.languages.bounded_parsing import ReadingWork, bounded_tree
from tokenscope_trace.languages.byte_ranges import Range, joined_ranges
from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.languages.language import Language, grammar, kinds
from tokenscope_trace.languages.passages import MARKDOWN, CodePassage, code_passages
from tokenscope_trace.languages.settings_files import is_settings_file, settings_literals

# Kinds of the grammars, of which each has some.
STRINGS = (
    "string string_literal *_string_literal character_literal char_literal rune_literal template_string template_literal_type "
    "jsx_text regex regex_pattern raw_string ansi_c_string translated_string heredoc_body user_defined_literal"
)
COMMENTS = "comment *_comment hash_bang_line shebang"
_UNPARSED = "preproc_arg"  # what the C grammars take as it stands
_TOLD = "preproc_call"  # of it, what a directive says that no grammar knows: `#error`, `#warning`, `#pragma`
_WORDS = "word number extglob_pattern"  # of a shell, in which a word is a string
_NAMING = ("command_name", "function_definition")
_OPTION = re.compile(rb"-[A-Za-z]|--[A-Za-z][A-Za-z-]*|[-+]")
# Lines of a fence by which the rest is known to be code still when the prose around it is left out.
_OPENING = re.compile(rb"[ \t>*+-]*(?:`{3,}|~{3,})[ \t]*(?P<name>[A-Za-z0-9+#.-]*)[ \t]*(?:\r\n|\r|\n)[ \t>]*")
_CLOSING = re.compile(rb"[ \t>]*(?:`{3,}|~{3,})[ \t]*(?:\r\n|\r|\n|\Z)")
_QUOTE = re.compile(rb"[\"'`]")
_COMMENT_SIGN = re.compile(rb"//|/\*")
_HASH = re.compile(rb"#")
_HASHED = ("python", "bash")
_SHELL = "bash"


@dataclass(frozen=True)
class Literals:
    """Ranges of bytes, ascending by their begin; documentation that is a string is in both."""

    strings: tuple[Range, ...]
    comments: tuple[Range, ...]


@cache
def is_literal(kind: str) -> bool:
    """Whether a grammar's kind of node is a string or a comment."""
    return any(fnmatchcase(kind, pattern) for pattern in (*STRINGS.split(), *COMMENTS.split()))


def has_literals(source: str, language: Language | None, *, conversation: bool = False) -> bool:
    """Whether strings and comments of a text of this name can be told from the rest."""
    fenced = conversation or source.lower().endswith(MARKDOWN)
    return fenced or bool(code_passages(b"", source, language)) or is_settings_file(source)


def find_literals(
    text: bytes,
    source: str,
    language: Language | None,
    *,
    conversation: bool = False,
    breaks: Sequence[int] = (),
    work: ReadingWork | None = None,
) -> Literals | None:
    """Those of a text as `code_passages` finds its code; None where it is in no language that is known. `work` pays for the parsing."""
    if not has_literals(source, language, conversation=conversation):
        return None
    fenced = conversation or source.lower().endswith(MARKDOWN)
    if not fenced and not code_passages(b"", source, language):
        return Literals(*settings_literals(text))
    strings: list[Range] = []
    comments: list[Range] = []
    end = 0
    for piece in code_passages(text, source, language, conversation=conversation, breaks=breaks):
        found = _of_passage(piece.text(text), piece, work)
        begin = _opening(text, end, piece.start) if fenced else piece.start
        around = _prose(end, begin)
        strings += [*around, *found.strings]
        comments += [*around, *found.comments]
        closing = _CLOSING.match(text, piece.end) if begin < piece.start else None
        end = closing.end() if closing else piece.end
    rest = _prose(end, len(text))
    return Literals((*strings, *rest), (*comments, *rest))


def _prose(start: int, end: int) -> list[Range]:
    return [(start, end)] if start < end else []


def _opening(text: bytes, least: int, start: int) -> int:
    """Where the line begins that opens the fence of a passage, if it says no more than a language; else `start`, the passage's begin."""
    code = text.rfind(b"\n", least, start) + 1
    line = max(least, text.rfind(b"\n", least, max(code - 1, least)) + 1)
    found = _OPENING.fullmatch(text, line, start)
    return line if found and (not found["name"] or by_name(found["name"].decode()) is not None) else start


def _code_literals(text: bytes, tree: tree_sitter.Tree | None, language: Language) -> Literals:
    """Those of code as it was parsed, all of it where that would have taken too much work."""
    if tree is None:
        return Literals(((0, len(text)),), ((0, len(text)),))
    root = tree.root_node
    captured = tree_sitter.QueryCursor(_query(language)).captures(root)
    strings, comments, unparsed, told, words = (
        captured.get(name, []) for name in ("string", "comment", "unparsed", "told", "word")
    )
    sign = _HASH if language.name in _HASHED else _COMMENT_SIGN
    known = joined_ranges([(node.start_byte, node.end_byte) for node in [*strings, *comments]])
    quoted = [(node.start_byte, node.end_byte) for node in [*strings, *filter(_is_said, words)]]
    said = [(node.start_byte, node.end_byte) for node in [*comments, *filter(_is_documentation, strings)]]
    for node in unparsed:
        for found, pattern in ((quoted, _QUOTE), (said, sign)):
            first = _loose(pattern, text, node.start_byte, node.end_byte, known)[:1]
            found += _from_line(pattern, text, first, node.start_byte, node.end_byte)
    for node in told:
        sentence = [(node.children[0].end_byte, node.end_byte)] if node.children else []
        quoted, said = [*quoted, *sentence], [*said, *sentence]
    if root.has_error:
        size = len(text)
        for nodes, found, pattern in ((strings, quoted, _QUOTE), (comments, said, sign)):
            found += _from_line(pattern, text, _loose(pattern, text, 0, size, known)[:1], 0, size)
            found += [(node.start_byte, size) for node in nodes if node.has_error]
    return Literals(tuple(sorted(quoted)), tuple(sorted(said)))


def _of_passage(text: bytes, passage: CodePassage, work: ReadingWork | None) -> Literals:
    """The literals of code, in bytes of the whole text."""
    found = _code_literals(text, bounded_tree(text, passage.language, work=work), passage.language)
    return Literals(_placed(found.strings, passage), _placed(found.comments, passage))


@cache
def _query(language: Language) -> tree_sitter.Query:
    patterns = {"string": STRINGS, "comment": COMMENTS, "unparsed": _UNPARSED, "told": _TOLD}
    patterns |= {"word": _WORDS} if language.name == _SHELL else {}
    lines = [f"({kind}) @{name}" for name, pattern in patterns.items() for kind in sorted(kinds(language, pattern))]
    return tree_sitter.Query(grammar(language), "\n".join(lines))


def _is_said(word: tree_sitter.Node) -> bool:
    """Whether a word of a shell is a text: no name of a command, and no option that is but a name."""
    above = word.parent
    return (above is None or above.type not in _NAMING) and not _OPTION.fullmatch(word.text or b"")


def _is_documentation(node: tree_sitter.Node) -> bool:
    """Whether a string is a statement by itself: there for people only."""
    above = node.parent
    if above is not None and above.type == "concatenated_string":
        above = above.parent
    return above is not None and above.type == "expression_statement" and above.named_child_count == 1


def _loose(sign: re.Pattern[bytes], text: bytes, start: int, end: int, known: list[Range]) -> list[int]:
    """The places in [start, end) of signs that lie in none of the known ranges."""
    found, waiting = [], iter(known)
    current = next(waiting, None)
    for match in sign.finditer(text, start, end):
        while current is not None and current[1] <= match.start():
            current = next(waiting, None)
        if current is None or match.start() < current[0]:
            found.append(match.start())
    return found


def _from_line(sign: re.Pattern[bytes], text: bytes, loose: Sequence[int], start: int, end: int) -> list[Range]:
    """From the first of these signs up to `end`. Which signs of its line are pairs is not known either, so it is from the first of them."""
    for place in loose:
        line = max(start, text.rfind(b"\n", start, place) + 1)
        first = sign.search(text, line, end)
        return [(first.start() if first else place, end)]
    return []


def _placed(ranges: Sequence[Range], passage: CodePassage) -> tuple[Range, ...]:
    """Ranges of a passage's own text as ranges of the text around it."""
    found = np.array(ranges, dtype=np.int64).reshape(-1, 2)
    begins, ends = passage.outer_begins(found[:, 0]), passage.outer_ends(found[:, 1])
    return tuple(zip(begins.tolist(), np.maximum(begins, ends).tolist(), strict=True))
