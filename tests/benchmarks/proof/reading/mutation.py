"""Faults put into a Python function, one at a time, by operators with names; where they stand is known.

In: a source text. Out: mutants, each a changed text that parses, is another program to `ast`, and differs from the original in the
lines that it names. The text is changed, not printed anew: whatever is not faulty is as it was, comments and line breaks included.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS = {
    ast.Lt: ("<", ("<=", ">")),
    ast.LtE: ("<=", ("<", ">=")),
    ast.Gt: (">", (">=", "<")),
    ast.GtE: (">=", (">", "<=")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
}
ARITHMETIC = {
    ast.Add: ("+", ("-",)),
    ast.Sub: ("-", ("+",)),
    ast.Mult: ("*", ("+", "//")),
    ast.Div: ("/", ("//", "*")),
    ast.FloorDiv: ("//", ("/", "%")),
    ast.Mod: ("%", ("//",)),
    ast.BitAnd: ("&", ("|",)),
    ast.BitOr: ("|", ("&",)),
    ast.LShift: ("<<", (">>",)),
    ast.RShift: (">>", ("<<",)),
    ast.Pow: ("**", ("*",)),
}
NAMES = {
    "append": "extend",
    "extend": "append",
    "min": "max",
    "max": "min",
    "startswith": "endswith",
    "endswith": "startswith",
    "lower": "upper",
    "upper": "lower",
    "strip": "rstrip",
    "lstrip": "rstrip",
    "rstrip": "lstrip",
    "any": "all",
    "all": "any",
    "find": "rfind",
    "rfind": "find",
    "keys": "values",
    "values": "keys",
    "islower": "isupper",
    "isupper": "islower",
    "isdigit": "isalpha",
    "isalpha": "isdigit",
    "union": "intersection",
    "intersection": "union",
    "split": "rsplit",
    "partition": "rpartition",
    "rpartition": "partition",
}
OPERATORS = (
    "comparison",
    "arithmetic",
    "assignment",
    "off by one",
    "bound",
    "number",
    "swapped arguments",
    "swapped operands",
    "wrong variable",
    "wrong name",
    "boolean",
    "missing condition",
    "missing case",
    "missing statement",
    "loop control",
)


@dataclass(frozen=True, order=True)
class Edit:
    """Bytes [start, end) of the text become others, by an operator."""

    operator: str
    start: int
    end: int
    replacement: str


@dataclass(frozen=True)
class Mutant:
    """A faulty text, and its faulty lines from 1: those that differ, or of what is missing the one that stands in its place."""

    operator: str
    text: str
    lines: tuple[int, ...]
    edit: Edit


def edits(source: str) -> list[Edit]:
    """All faults that the operators know for a text of ASCII, in the order of operator and place; some make no mutant."""
    assert source.isascii()
    return sorted(set(_Edits(source).all()))


def mutant_of(source: str, edit: Edit) -> Mutant | None:
    """The text after an edit; None where that does not parse, or is the same program to `ast`."""
    text = source[: edit.start] + edit.replacement + source[edit.end :]
    try:
        changed = ast.dump(ast.parse(text))
    except (SyntaxError, ValueError):
        return None
    lines = faulty_lines(source, text)
    return Mutant(edit.operator, text, lines, edit) if lines and changed != ast.dump(ast.parse(source)) else None


def mutants(source: str) -> list[Mutant]:
    """All of them."""
    return [found for edit in edits(source) if (found := mutant_of(source, edit)) is not None]


def faulty_lines(source: str, text: str) -> tuple[int, ...]:
    """The lines of a text, from 1, that differ from the source's; where lines are only missing, the next that says something, or the
    last before.
    """
    old, new = source.splitlines(), text.splitlines()
    found: set[int] = set()
    for tag, _, _, first, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag in ("replace", "insert"):
            found.update(range(first + 1, end + 1))
        elif tag == "delete":
            after = [number for number in range(first + 1, len(new) + 1) if _says(new[number - 1])]
            before = [number for number in range(first, 0, -1) if _says(new[number - 1])]
            found.update((after or before)[:1])
    return tuple(sorted(found))


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.strip().startswith("#")


class _Edits:
    """Walks a tree and proposes edits of its text."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tree = ast.parse(source)
        self._lines = [0]
        for line in source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def all(self) -> Iterator[Edit]:
        """Every edit, whether or not it parses."""
        for function in ast.walk(self._tree):
            if isinstance(function, ast.FunctionDef):
                for statement in function.body:
                    for node in ast.walk(statement):
                        yield from self._of(node)
                yield from self._variables(function)
        for node in ast.walk(self._tree):
            for block in (getattr(node, name, None) for name in ("body", "orelse")):
                if isinstance(block, list) and not isinstance(node, ast.Module | ast.ClassDef):
                    yield from self._statements(block)

    def _of(self, node: ast.AST) -> Iterator[Edit]:
        for kind in (self._signs, self._bounds, self._arguments, self._constants, self._conditions, self._names):
            yield from kind(node)

    def _signs(self, node: ast.AST) -> Iterator[Edit]:
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARISONS:
                yield from self._between("comparison", left, right, *COMPARISONS[type(op)])
            case ast.BinOp(left=left, op=op, right=right):
                if type(op) in ARITHMETIC and not isinstance(left, ast.Constant | ast.JoinedStr):
                    yield from self._between("arithmetic", left, right, *ARITHMETIC[type(op)])
                if isinstance(op, ast.Sub | ast.Div | ast.FloorDiv | ast.Mod):
                    yield from self._swap("swapped operands", left, right)
                if isinstance(op, ast.Add | ast.Sub) and isinstance(right, ast.Constant) and right.value == 1:
                    yield self._replace("off by one", node, self._text(left))
            case ast.AugAssign(target=target, op=op, value=value) if type(op) in (ast.Add, ast.Sub, ast.Mult):
                sign = ARITHMETIC[type(op)][0]
                other = {"+": "-", "-": "+", "*": "+"}[sign]
                yield from self._between("assignment", target, value, sign + "=", (other + "=", "="))

    def _bounds(self, node: ast.AST) -> Iterator[Edit]:
        match node:
            case ast.Call(func=ast.Name(id="range"), args=[end]):
                yield from self._one_more_or_less(end)
            case ast.Call(func=ast.Name(id="range"), args=[start, end, *_]):
                yield from self._one_more_or_less(end)
                yield self._replace("bound", start, f"{self._text(start)} + 1")
            case ast.Slice(lower=lower, upper=upper):
                for side in (lower, upper):
                    if side is not None:
                        yield from self._one_more_or_less(side)
            case ast.Subscript(slice=ast.Constant(value=int(number))) if not isinstance(number, bool):
                yield self._replace("bound", node.slice, str(number + 1))

    def _one_more_or_less(self, node: ast.AST) -> Iterator[Edit]:
        for change in ("- 1", "+ 1"):
            yield self._replace("bound", node, f"{self._text(node)} {change}")

    def _arguments(self, node: ast.AST) -> Iterator[Edit]:
        match node:
            case ast.Call(args=[first, second]) if not any(isinstance(one, ast.Starred) for one in (first, second)):
                yield from self._swap("swapped arguments", first, second)

    def _constants(self, node: ast.AST) -> Iterator[Edit]:
        match node:
            case ast.Constant(value=bool(value)):
                yield self._replace("boolean", node, str(not value))
            case ast.Constant(value=int(number)):
                yield self._replace("number", node, str(number + 1))
                if number > 0:
                    yield self._replace("number", node, str(number - 1))

    def _conditions(self, node: ast.AST) -> Iterator[Edit]:
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield self._replace("boolean", node, self._text(operand))
            case ast.BoolOp(op=op, values=[left, right]):
                pair = ("and", ("or",)) if isinstance(op, ast.And) else ("or", ("and",))
                yield from self._between("boolean", left, right, *pair)
                for value in (left, right):
                    yield self._replace("missing condition", node, self._text(value))

    def _names(self, node: ast.AST) -> Iterator[Edit]:
        match node:
            case ast.Attribute(attr=name) if name in NAMES:
                end = self._end(node)
                yield Edit("wrong name", end - len(name), end, NAMES[name])
            case ast.Name(id=name, ctx=ast.Load()) if name in NAMES:
                yield self._replace("wrong name", node, NAMES[name])

    def _variables(self, function: ast.FunctionDef) -> Iterator[Edit]:
        """A local variable in another's place, which was bound on a line before."""
        arguments = function.args
        bound = {one.arg: function.lineno for one in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]}
        names = [node for statement in function.body for node in ast.walk(statement) if isinstance(node, ast.Name)]
        for node in names:
            if isinstance(node.ctx, ast.Store):
                bound[node.id] = min(node.lineno, bound.get(node.id, node.lineno))
        bound.pop("self", None)
        for node in names:
            if isinstance(node.ctx, ast.Load) and node.id in bound:
                for other, line in bound.items():
                    if other != node.id and line < node.lineno:
                        yield self._replace("wrong variable", node, other)

    def _statements(self, block: list[ast.stmt]) -> Iterator[Edit]:
        for statement in block:
            if isinstance(statement, ast.If):
                last = statement.body[-1]
                if not statement.orelse and isinstance(last, ast.Return | ast.Raise | ast.Continue | ast.Break):
                    yield from self._cut("missing case", statement.lineno, statement.end_lineno, block)
                if statement.orelse:  # without its first case, or without what else there is
                    yield from self._orelse(statement)
            elif isinstance(statement, ast.AugAssign) or (
                isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
            ):
                yield from self._cut("missing statement", statement.lineno, statement.end_lineno, block)
            elif isinstance(statement, ast.Break | ast.Continue):
                other = "continue" if isinstance(statement, ast.Break) else "break"
                yield self._replace("loop control", statement, other)

    def _orelse(self, statement: ast.If) -> Iterator[Edit]:
        first = statement.orelse[0]
        line = first.lineno
        if not (isinstance(first, ast.If) and self._source.startswith("elif", self._start(first))):
            line -= 1  # the line of `else:`
            if self._line(line).strip() != "else:":
                return
        elif first.orelse:  # `elif` is one case of several: that one alone
            yield Edit("missing case", self._lines[line - 1], self._lines[first.body[-1].end_lineno], "")
            return
        yield Edit("missing case", self._lines[line - 1], self._lines[statement.orelse[-1].end_lineno], "")

    def _cut(self, operator: str, first: int, last: int | None, block: list[ast.stmt]) -> Iterator[Edit]:
        if last is not None and len(block) > 1:
            yield Edit(operator, self._lines[first - 1], self._lines[last], "")

    def _between(self, operator: str, left: ast.AST, right: ast.AST, sign: str, others: tuple[str, ...]) -> Iterator[Edit]:
        start, end = self._end(left), self._start(right)
        found = re.fullmatch(
            rf"([\s)]*)({re.escape(sign).replace(' ', chr(92) + 's+')})([\s(]*)", self._source[start:end].replace("\\ ", " ")
        )
        if found is not None:
            for other in others:
                yield Edit(operator, start + found.start(2), start + found.end(2), other)

    def _swap(self, operator: str, first: ast.AST, second: ast.AST) -> Iterator[Edit]:
        one, other = self._text(first), self._text(second)
        if one != other and "\n" not in one + other:
            middle = self._source[self._end(first) : self._start(second)]
            yield Edit(operator, self._start(first), self._end(second), other + middle + one)

    def _replace(self, operator: str, node: ast.AST, text: str) -> Edit:
        return Edit(operator, self._start(node), self._end(node), text)

    def _start(self, node: ast.AST) -> int:
        return self._lines[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.AST) -> int:
        return self._lines[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.AST) -> str:
        return self._source[self._start(node) : self._end(node)]

    def _line(self, number: int) -> str:
        return self._source[self._lines[number - 1] : self._lines[number]]
