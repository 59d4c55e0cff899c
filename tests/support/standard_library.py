"""Python's standard library, parsed by us and by Python itself: every definition, branch, loop, call and name in the same bytes."""

from __future__ import annotations

import ast
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.languages.parsing import parse
from tokenscope_trace.languages.passages import CodePassage
from tokenscope_trace.traces.schema import SyntaxFlag
from tokenscope_trace.traces.syntax import TokenPlaces

KINDS: dict[type[ast.AST], set[str]] = {
    ast.FunctionDef: {"function_definition"},
    ast.AsyncFunctionDef: {"function_definition"},
    ast.ClassDef: {"class_definition"},
    ast.If: {"if_statement", "elif_clause"},
    ast.For: {"for_statement"},
    ast.While: {"while_statement"},
    ast.With: {"with_statement"},
    ast.Try: {"try_statement"},
    ast.Return: {"return_statement"},
    ast.Raise: {"raise_statement"},
    ast.Import: {"import_statement"},
    ast.Call: {"call"},
    ast.Attribute: {"attribute"},
    ast.Subscript: {"subscript", "generic_type"},
    ast.Name: {"identifier"},
    ast.Lambda: {"lambda"},
    ast.Dict: {"dictionary"},
    ast.ListComp: {"list_comprehension"},
}


@dataclass(frozen=True)
class Compared:
    """One file: how many of ast's nodes were looked for, which were not found, and whether our tree has an ERROR."""

    path: Path
    nodes: int
    missing: list[str]
    misread: int  # nodes in what the grammar takes for something else: `exec (x)`, `print (x)` of Python 2, `type(x).y = z`
    broken: bool


def files() -> list[Path]:
    """All modules of the running Python's standard library that are UTF-8."""
    folder = Path(sysconfig.get_path("stdlib"))
    return sorted(path for path in folder.rglob("*.py") if "site-packages" not in path.parts and "lib2to3" not in path.parts)


def some(count: int, first: int = 0) -> list[Path]:
    """About so many of them, evenly apart: a system's own Python brings a third of what python.org's does."""
    found = files()
    return found[first :: max(1, len(found) // count)]


def compare(path: Path) -> Compared | None:
    """None where Python itself cannot read the file."""
    text = path.read_bytes()
    try:
        decoded = text.decode("utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(decoded)
    except (UnicodeDecodeError, SyntaxError, ValueError):
        return None
    language = by_name("python")
    assert language is not None
    parsed = parse(text, CodePassage(0, len(text), language))
    ends: dict[tuple[int, str], list[int]] = {}
    for kind, start, end in zip(parsed.kind, parsed.start.tolist(), parsed.end.tolist(), strict=True):
        ends.setdefault((start, kind), []).append(end)
    old = [
        range(start, end)
        for kind, start, end in zip(parsed.kind, parsed.start.tolist(), parsed.end.tolist(), strict=True)
        if kind in ("exec_statement", "print_statement", "type_alias_statement")
    ]
    missing, count, misread = [], 0, 0
    for node, start, end in _placed(module, text):
        count += 1
        if any(start in span for span in old):
            misread += 1
            continue
        candidates = [other for kind in KINDS[type(node)] for other in ends.get((start, kind), [])]
        if not any(_same_end(text, end, other) for other in candidates) and not (candidates and _is_elif(node, text, start)):
            missing.append(f"{type(node).__name__} at line {node.lineno}")
    return Compared(path, count, missing, misread, bool(np.any(parsed.flags & (SyntaxFlag.ERROR | SyntaxFlag.MISSING))))


def _same_end(text: bytes, end: int, other: int) -> bool:
    """Whether two ends are the same but for comments, which belong to a block for tree-sitter and to nothing for ast."""
    between = text[min(end, other) : max(end, other)]
    return all(not line.strip() or line.strip().startswith((b"#", b"\\")) for line in between.splitlines())


def _is_elif(node: ast.AST, text: bytes, start: int) -> bool:
    """To ast, `elif` is an `if` that holds all arms after it; to us it is an arm that ends with its own body."""
    return isinstance(node, ast.If) and text.startswith(b"elif", start)


def _placed(module: ast.AST, text: bytes) -> Iterator[tuple[ast.AST, int, int]]:
    """(node, first byte, end byte) of the kinds that are compared; f-strings are left out, whose insides Python 3.11 places anew."""
    lines = [0]
    for line in text.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    waiting = [module]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.JoinedStr):
            continue
        waiting.extend(ast.iter_child_nodes(node))
        if type(node) in KINDS:
            yield node, lines[node.lineno - 1] + node.col_offset, lines[node.end_lineno - 1] + node.end_col_offset


def tokens_cover(path: Path, sizes: list[int]) -> bool:
    """Whether tokens of these sizes hold each leaf's bytes exactly once."""
    text = path.read_bytes()
    language = by_name("python")
    assert language is not None
    parsed = parse(text, CodePassage(0, len(text), language))
    places = TokenPlaces.of(np.arange(len(sizes)), sizes)
    if sum(sizes) != len(text):
        return False
    parents = set(parsed.parent.tolist())
    for node in range(len(parsed.kind)):
        if node in parents:
            continue
        tokens, shares = places.within(int(parsed.start[node]), int(parsed.end[node]))
        held = float((shares * np.array([sizes[token] for token in tokens])).sum())
        if abs(held - (int(parsed.end[node]) - int(parsed.start[node]))) > 1e-6:
            return False
    return True
