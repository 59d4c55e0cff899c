"""The own parser of a language, where it can be asked: Python's, that of the interpreter which runs this. Bytes in, a verdict out.

The grammars of tree-sitter take more than their languages do, by intention. Python's own parser refuses `print "a"` and an indented
first line. But it is as old as the interpreter: of a text that uses syntax which is newer it says nothing, nor of one that is too
large or too deep for it, or no UTF-8.
"""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import tree_sitter

from tokenscope_trace.languages.language import Language, grammar

JUDGE = f"Python {sys.version_info.major}.{sys.version_info.minor}"  # whose parser it is
_LARGEST = 400_000  # bytes: more takes seconds
_LIMIT = "too many"  # how the parser's messages begin where it gives up: nested parentheses, levels of indentation
# What the grammar knows of newer syntax, and the version from which on Python does; PEP 695, 750, 758, 798.
_NEWER = (
    ((3, 12), "(type_alias_statement) @found (function_definition (type_parameter)) @found (class_definition (type_parameter)) @found"),
    ((3, 14), '(except_clause ",") @found'),
    ((3, 15), "(list_comprehension (list_splat)) @found (set_comprehension (list_splat)) @found "
              "(generator_expression (list_splat)) @found"),
)  # fmt: skip
_NESTED_QUOTES, _TEMPLATES = (3, 12), (3, 14)  # PEP 701, PEP 750


@dataclass(frozen=True)
class ParserVerdict:
    """What a language's own parser says of a text: that it is one of its programs, or the byte where that ends."""

    refused_at: int | None


def own_verdict(text: bytes, language: Language, root: tree_sitter.Node) -> ParserVerdict | None:
    """What Python says of a complete text whose tree is given; None where it cannot be asked. Prints and raises nothing."""
    if language.name != "python" or len(text) > _LARGEST:
        return None
    verdict = _python(text)
    return None if verdict is not None and verdict.refused_at is not None and _is_newer(root, text, language) else verdict


@lru_cache(maxsize=16)
def _python(text: bytes) -> ParserVerdict | None:
    try:
        source = text.decode("utf-8-sig")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<text>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except SyntaxError as error:
        return None if str(error.msg).startswith(_LIMIT) else ParserVerdict(_byte_of(text, error))
    except (ValueError, RecursionError, MemoryError, OverflowError, SystemError):  # among them no UTF-8, a NUL
        return None
    return ParserVerdict(None)


def _byte_of(text: bytes, error: SyntaxError) -> int:
    """Where the line begins on which the parser stopped."""
    at = 0
    for _ in range((error.lineno or 1) - 1):
        following = text.find(b"\n", at) + 1
        if not following:
            break
        at = following
    return min(at, len(text))


def _is_newer(root: tree_sitter.Node, text: bytes, language: Language) -> bool:
    """Whether a text uses syntax that the running interpreter does not know yet."""
    version = sys.version_info[:2]
    queries = [query for since, query in _NEWER if version < since]
    if queries and tree_sitter.QueryCursor(_compiled(" ".join(queries), language)).captures(root):
        return True
    return any(version < since for since in _since_of_strings(root, text, language))


@cache
def _compiled(query: str, language: Language) -> tree_sitter.Query:
    return tree_sitter.Query(grammar(language), query)


def _since_of_strings(root: tree_sitter.Node, text: bytes, language: Language) -> Iterator[tuple[int, int]]:
    """The versions from which on the strings of a text are known: templates, and what may stand within the braces of others."""
    for node in tree_sitter.QueryCursor(_compiled("(string) @found", language)).captures(root).get("found", []):
        start = node.children[0] if node.children else None
        if start is None:
            continue
        sign = text[start.start_byte : start.end_byte].lower()
        quote = sign.lstrip(b"abcdefghijklmnopqrstuvwxyz")
        if b"t" in sign:
            yield _TEMPLATES
        for child in node.children if b"f" in sign else ():
            inner = text[child.start_byte : child.end_byte] if child.type == "interpolation" else b""
            if quote in inner or b"\\" in inner or b"#" in inner or (len(quote) == 1 and b"\n" in inner):
                yield _NESTED_QUOTES
