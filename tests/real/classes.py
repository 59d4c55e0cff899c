"""What one program is beside another, by Python's ast alone: the same text, the same program, renamed, other calls, other control flow,
another expression. Both are complete.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from itertools import takewhile

from tests.support.python_meaning import renamed, renaming_form

_CONTROL = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.ExceptHandler, ast.With, ast.AsyncWith, ast.Match,
    ast.match_case, ast.Return, ast.Break, ast.Continue, ast.Raise, ast.Yield, ast.YieldFrom, ast.Await, ast.IfExp,
)  # fmt: skip
_LOCAL = re.compile(r"'\d+\.\d+'")


class Class(Enum):
    """What a branch's program is beside the output's."""

    SAME_TEXT = "same text"
    FOLLOWS = "only what follows"
    SAME_PROGRAM = "same program"
    RENAMED = "renamed"
    OTHER_EXPRESSION = "expression"
    OTHER_CONTROL_FLOW = "control"
    OTHER_CALLS = "calls"
    UNFINISHED = "unfinished"
    OUTPUT_UNFINISHED = "output unfinished"
    DOES_NOT_PARSE = "does not parse"
    OUTPUT_DOES_NOT_PARSE = "output does not parse"
    NEITHER_PARSES = "neither parses"
    NO_CODE = "no code"


def class_of(main: bytes, branch: bytes) -> Class:
    """That of two programs that parse."""
    if main.strip() == branch.strip():
        return Class.SAME_TEXT
    first, second = (program.decode(errors="replace") for program in (main, branch))
    trees = [ast.parse(program) for program in (first, second)]
    if ast.dump(trees[0]) == ast.dump(trees[1]):
        return Class.SAME_PROGRAM
    shared = "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))
    known = frozenset(re.findall(r"\w+(?=\W)", shared))  # the last name of what is shared may go on otherwise
    own = [introduced(tree, known) for tree in trees]
    if renaming_form(first, own[0]) == renaming_form(second, own[1]):
        return Class.RENAMED
    forms = [renamed(program, names) for program, names in zip((first, second), own, strict=True)]
    if effects(forms[0]) != effects(forms[1]):
        return Class.OTHER_CALLS
    return Class.OTHER_EXPRESSION if list(control(forms[0])) == list(control(forms[1])) else Class.OTHER_CONTROL_FLOW


def introduced(tree: ast.Module, known: frozenset[str]) -> frozenset[str]:
    """The names of the file that it binds itself, and that are not known before they differ."""
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    for statement in tree.body:
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names |= {
                node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
    return frozenset(names - known)


def effects(tree: ast.Module) -> Counter[str]:
    """What is called, and what is imported, each as often as it is; local names are all alike."""
    found = Counter(_LOCAL.sub("''", _callee(node.func)) for node in ast.walk(tree) if isinstance(node, ast.Call))
    found.update(ast.dump(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return found


def _callee(node: ast.expr) -> str:
    """What is called, without the arguments of calls in it, and of literals only what they are."""
    if isinstance(node, ast.Attribute):
        return f"{_callee(node.value)}.{node.attr}"
    if isinstance(node, ast.Call):
        return f"{_callee(node.func)}()"
    if isinstance(node, ast.Constant):
        return type(node.value).__name__
    return ast.dump(node)


def control(node: ast.AST) -> Iterator[str]:
    """The skeleton of the control flow: what opens and closes, in order."""
    name = type(node).__name__ if isinstance(node, _CONTROL) else ""
    if name:
        yield name
    for of, part in ast.iter_fields(node):
        if name and isinstance(part, list) and part:
            yield of
        for child in part if isinstance(part, list) else [part]:
            if isinstance(child, ast.AST):
                yield from control(child)
    if name:
        yield "end"
