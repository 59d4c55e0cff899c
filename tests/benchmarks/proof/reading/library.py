"""Functions of the running Python's standard library that compute something from their arguments: material for faults.

Which library it is hangs on the version of Python; the cases say it.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.standard_library import files

LINES = (7, 32)  # of code
LONGEST = 2000  # characters, documentation included
OF_ONE_MODULE = 4
LEFT_OUT = {
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "pydoc_data",
    "encodings",
    "__pycache__",
    "_pyrepl",
}
EFFECTS = {
    "open",
    "print",
    "input",
    "exec",
    "eval",
    "compile",
    "globals",
    "locals",
    "setattr",
    "delattr",
    "__import__",
    "warn",
}
MODULES = {
    "os",
    "sys",
    "socket",
    "subprocess",
    "shutil",
    "time",
    "random",
    "signal",
    "threading",
    "select",
    "logging",
    "_os",
    "_sys",
    "warnings",
}
STATEMENTS = (
    ast.Global,
    ast.Nonlocal,
    ast.Yield,
    ast.YieldFrom,
    ast.Await,
    ast.With,
    ast.Import,
    ast.ImportFrom,
    ast.Delete,
    ast.AsyncFunctionDef,
)


@dataclass(frozen=True)
class Program:
    """A function that is right, as a text of its own; `tests` are code that fails where it is not, where there are any."""

    name: str
    text: str
    tests: str | None = None


def code_lines(text: str) -> list[int]:
    """The lines, from 1, that hold code: neither empty, nor comment, nor documentation only."""
    tree = ast.parse(text)
    silent: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            silent.update(range(node.lineno, node.end_lineno + 1))
    return [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if number not in silent and line.strip() and not line.strip().startswith("#")
    ]


@cache
def functions() -> list[Program]:
    """All that qualify, by module and name."""
    found = []
    for path in files():
        if LEFT_OUT.isdisjoint(path.parts):
            found += _of_module(path)
    return found


def _of_module(path: Path) -> Iterator[Program]:
    try:
        source = path.read_bytes().decode("ascii")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(source)
    except (UnicodeDecodeError, SyntaxError, ValueError):
        return
    lines = source.splitlines(keepends=True)
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and not node.decorator_list and _computes(node):
            text = "".join(lines[node.lineno - 1 : node.end_lineno])
            if (
                "\t" not in text
                and "\f" not in text
                and len(text) <= LONGEST
                and LINES[0] <= len(code_lines(text)) <= LINES[1]
            ):
                folder = path.parent.name + "/" if (path.parent / "__init__.py").is_file() else ""
                yield Program(f"library/{folder}{path.stem}.{node.name}", text if text.endswith("\n") else text + "\n")


def _computes(function: ast.FunctionDef) -> bool:
    """Whether it takes something, returns something, and nothing in it reaches outside, as far as names say."""
    nodes = list(ast.walk(function))
    if any(isinstance(node, STATEMENTS) for node in nodes):
        return False
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    returns = any(isinstance(node, ast.Return) and node.value is not None for node in nodes)
    arguments = function.args
    takes = bool(arguments.posonlyargs or arguments.args)
    return takes and returns and not names & (EFFECTS | MODULES)
