"""Incomplete programs: the syntax tree of a text that may have been cut off. Bytes and a language in, a tree out; knows no second program.

What a cut leaves open is closed for the parser: brackets and quotes, and if that does not do, the last lines are taken off. So
errors that remain are the program's own. How much of the tree is the text's own is said by `known`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import tree_sitter

from tokenscope_trace.languages.bounded_parsing import bounded_tree
from tokenscope_trace.languages.language import Language, grammar, kinds

_LINES = 8  # how many lines at the end may be incomplete


@dataclass(frozen=True)
class Reading:
    """A tree, and how many of the text's bytes it holds; what lies behind them was added or left out."""

    tree: tree_sitter.Tree
    known: int
    broken: int | None = None  # byte of an error in what was left out that the text's end does not explain


def errors(root: tree_sitter.Node) -> list[tree_sitter.Node]:
    """The ERROR and MISSING nodes under a node, outermost ones only, in order."""
    found: list[tree_sitter.Node] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            found.append(node)
        elif node.has_error:
            waiting.extend(reversed(node.children))
    return found


def parse_incomplete(text: bytes, language: Language) -> tree_sitter.Tree:
    """The tree of a text; one of nothing but an error where parsing it would take too much work."""
    return _tree(text, language) or _no_tree(language)


def can_parse(text: bytes, language: Language) -> bool:
    """Whether parsing a text takes no more work than is allowed."""
    return _tree(text, language) is not None


@lru_cache(maxsize=4)
def _tree(text: bytes, language: Language) -> tree_sitter.Tree | None:
    """Of the last few texts it is kept, for a branch is compared and shown by the same one."""
    return bounded_tree(text, language)


@cache
def _no_tree(language: Language) -> tree_sitter.Tree:
    return tree_sitter.Parser(grammar(language)).parse(b"\x01)")


def read(text: bytes, language: Language) -> Reading:
    """The reading of a text that came to its own end."""
    return Reading(parse_incomplete(text, language), len(text))


def read_cut(text: bytes, language: Language) -> Reading:
    """The reading of a text that was cut off: the first attempt without errors, else the one with the fewest."""
    plain = read(text, language)
    if not can_parse(text, language):
        return plain
    wrong = errors(plain.tree.root_node)
    if not wrong:
        return plain
    best, fewest = plain, len(wrong)
    for reading in filter(None, _attempts(text, language, plain.tree)):
        count = len(errors(reading.tree.root_node))
        if count < fewest:
            best, fewest = reading, count
        if count == 0:
            break
    broken = _broken_tail(plain.tree, best.known, language)
    return best if broken is None else Reading(plain.tree, plain.known, broken)


def _attempts(text: bytes, language: Language, plain: tree_sitter.Tree) -> Iterator[Reading | None]:
    tokens = _tokens(plain, language)
    cuts = _cuts(text, separators=not language.rules.units.indented)
    for cut in [len(text), *cuts[:1]]:
        yield _again(text, cut, _closing(tokens, cut, language), language, plain)
    for closer in _quotes(text, language):
        closed = _again(text, len(text), closer, language, plain)
        opened = [] if closed is None else _tokens(closed.tree, language)
        yield _again(text, len(text), closer + _closing(opened, len(text), language), language, plain)
    for cut in cuts[1:]:
        yield _again(text, cut, _closing(tokens, cut, language), language, plain)


def _again(text: bytes, cut: int, closing: bytes, language: Language, plain: tree_sitter.Tree) -> Reading | None:
    """The text up to a byte, and what closes it; what its tree shares with that of the whole text is not parsed again. None where it would
    take too much work.
    """
    changed = text[:cut] + closing
    tree = plain.copy()
    tree.edit(
        cut,
        len(text),
        len(changed),
        *(_point(part, end) for part, end in ((text, cut), (text, len(text)), (changed, len(changed)))),
    )
    found = bounded_tree(changed, language, tree)
    return None if found is None else Reading(found, cut)


def _point(text: bytes, end: int) -> tree_sitter.Point:
    return tree_sitter.Point(text.count(b"\n", 0, end), end - (text.rfind(b"\n", 0, end) + 1))


def _quotes(text: bytes, language: Language) -> Iterator[bytes]:
    """What may close a string, a comment or a here-document in which a text ends."""
    units = language.rules.units
    yield from (quote.encode() for quote in units.quotes.split())
    opened = re.findall(units.heredoc.encode(), text) if units.heredoc else []
    yield from (b"\n" + word + b"\n" for word in opened[-1:])


def _cuts(text: bytes, *, separators: bool) -> list[int]:
    """The beginnings of the last lines that hold anything and continue no other, last first; and ends of statements in the last."""
    found: list[int] = []
    at = len(text.rstrip())
    if separators:
        last = text.rfind(b"\n") + 1
        found += [end.end() for end in re.compile(rb"[;{}]").finditer(text, last)][:-3:-1]
    while at > 0 and len(found) < _LINES:
        at = text.rfind(b"\n", 0, at) + 1
        if not text[:at].endswith((b"\\\n", b"\\\r\n")):
            found.append(at)
            at = len(text[:at].rstrip())
        else:
            at -= 1
    return found


@cache
def _query(language: Language) -> tree_sitter.Query:
    """The tokens that open something and those that close it."""
    units = language.rules.units
    tokens = {*units.closers.split(), *(token for opener, ends, _ in _unclosed(language) for token in (opener, *ends))}
    known = [f'"{token}"' for token in sorted(tokens) if grammar(language).id_for_node_kind(token, False)]
    known += [f"({kind})" for kind in units.elements.split()]
    return tree_sitter.Query(grammar(language), f"[{' '.join(known)}] @token")


def _unclosed(language: Language) -> list[tuple[str, list[str], str]]:
    parts = [entry.split(":") for entry in language.rules.units.unclosed.split()]
    return [(opener, ends.split("|"), text) for opener, ends, text in parts]


def _tokens(tree: tree_sitter.Tree, language: Language) -> list[tuple[int, str, str]]:
    """(end byte, token, name of an element) of those in a tree, in order; only from where there is an error, for what is open is one."""
    root = tree.root_node
    cursor = tree_sitter.QueryCursor(_query(language))
    if not root.is_error:
        start = next((child.start_byte for child in root.children if child.has_error), root.end_byte)
        cursor.set_byte_range(start, root.end_byte + 1)
    found = cursor.captures(root).get("token", [])
    return sorted((node.end_byte, node.type, _element_name(node)) for node in found if not node.is_missing)


def _element_name(node: tree_sitter.Node) -> str:
    name = node.child_by_field_name("name") if node.is_named else None
    return name.text.decode(errors="replace") if name is not None and name.text is not None else ""


def _closing(tokens: list[tuple[int, str, str]], cut: int, language: Language) -> bytes:
    """What closes all that is open at a byte."""
    pairs = language.rules.units.closers.split() + language.rules.units.elements.split()
    closers = dict(zip(pairs[::2], pairs[1::2], strict=True))
    ends = {opener: [closer] for opener, closer in closers.items()}
    for opener, closing, text in _unclosed(language):
        closers[opener], ends[opener] = text, closing
    still_open: list[tuple[str, str]] = []
    for end, token, name in tokens:
        if end > cut:
            break
        if still_open and token in ends[still_open[-1][0]]:
            still_open.pop()
        elif token in closers:
            still_open.append((token, f"</{name}>" if token in language.rules.units.elements else closers[token]))
    newline = "\n" if language.rules.units.line_ends else ""
    return "".join(newline + closer for _, closer in reversed(still_open)).encode()


def _broken_tail(tree: tree_sitter.Tree, known: int, language: Language) -> int | None:
    """The first error in what was left out, if complete statements follow it there."""
    wrong = [node for node in errors(tree.root_node) if node.start_byte >= known]
    if not wrong:
        return None
    statements = kinds(language, language.statements)
    line = wrong[0].start_point.row
    end = tree.root_node.end_byte
    waiting = [tree.root_node]
    while waiting:
        node = waiting.pop()
        if node.end_byte <= wrong[0].end_byte:
            continue
        later = node.start_byte >= wrong[0].end_byte and node.start_point.row > line
        if later and node.type in statements and not node.has_error and node.end_byte < end:
            return wrong[0].start_byte
        waiting.extend(node.children)
    return None


def first_text(text: bytes, start: int) -> int:
    """The first byte from `start` on that is no white space; the text's length where there is none."""
    found = re.compile(rb"\S").search(text, start)
    return found.start() if found else len(text)
