"""What two Python programs have in common, by Python's own ast: the independent check of what tree-sitter's trees are read as."""

from __future__ import annotations

import ast
import copy
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass
class Scope:
    """Names bound in a scope, and which of them are renamed; a class's own names are seen by nothing within it."""

    above: Scope | None
    of_class: bool = False
    bound: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    numbers: dict[str, str] = field(default_factory=dict)


def meaning(program: str) -> str:
    """All that is not notation."""
    return ast.dump(ast.parse(program))


def renaming_form(program: str, introduced: frozenset[str] = frozenset()) -> str:
    """The same for all programs that differ by their local names alone, one to one in each scope, or by these names of the file."""
    return ast.dump(renamed(program, introduced))


def renamed(program: str, introduced: frozenset[str] = frozenset()) -> ast.Module:
    """A program whose local names, and these of the file, are numbers of scope and name, such as `2.1`."""
    module = ast.parse(program)
    _Numbered().program(module, Scope(None, bound=set(introduced)) if introduced else None)
    return module


class _Numbered:
    """Numbers local names in the order in which they occur, each scope by itself."""

    def __init__(self) -> None:
        self.scopes = 0

    def program(self, module: ast.Module, scope: Scope | None) -> None:
        for statement in module.body:
            self.visit(statement, scope)

    def name(self, text: str, scope: Scope | None) -> str:
        at, first = scope, True
        while at is not None:
            if text in at.bound and not (at.of_class and not first):
                if at.of_class or text in at.kept:
                    return text
                return at.numbers.setdefault(text, f"{id_of(at, self)}.{len(at.numbers)}")
            at, first = at.above, False
        return text

    def visit(self, node: ast.AST, scope: Scope | None) -> None:
        if isinstance(node, FUNCTIONS):
            self.function(node, scope)
        elif isinstance(node, COMPREHENSIONS):
            self.comprehension(node, scope)
        elif isinstance(node, ast.ClassDef):
            self.of_class(node, scope)
        else:
            self.rename(node, scope)
            for child in ast.iter_child_nodes(node):
                self.visit(child, scope)

    def rename(self, node: ast.AST, scope: Scope | None) -> None:
        if isinstance(node, ast.Name):
            node.id = self.name(node.id, scope)
        elif isinstance(node, ast.arg):
            node.arg = self.name(node.arg, scope)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            node.name = self.name(node.name, scope)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            node.rest = self.name(node.rest, scope)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: Scope | None) -> None:
        arguments = node.args
        outer = [*arguments.defaults, *arguments.kw_defaults]
        if not isinstance(node, ast.Lambda):
            node.name = self.name(node.name, scope)
            outer += [*node.decorator_list, node.returns]
        names = [
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            *(a for a in (arguments.vararg, arguments.kwarg) if a),
        ]
        outer += [argument.annotation for argument in names]
        for part in outer:
            if part is not None:
                self.visit(part, scope)
        body = node.body if isinstance(node.body, list) else [node.body]
        own = Scope(scope)
        own.bound |= {argument.arg for argument in names}
        bindings(body, own)
        for argument in names:
            argument.arg = self.name(argument.arg, own)
        for part in body:
            self.visit(part, own)

    def comprehension(self, node: ast.AST, scope: Scope | None) -> None:
        own = Scope(scope)
        for generator in node.generators:
            own.bound |= {name.id for name in ast.walk(generator.target) if isinstance(name, ast.Name)}
        self.visit(node.generators[0].iter, scope)
        for number, generator in enumerate(node.generators):
            parts = [generator.target, *generator.ifs] if number == 0 else [generator.target, generator.iter, *generator.ifs]
            for part in parts:
                self.visit(part, own)
        for part in [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]:
            self.visit(part, own)

    def of_class(self, node: ast.ClassDef, scope: Scope | None) -> None:
        node.name = self.name(node.name, scope)
        for part in [*node.bases, *node.keywords, *node.decorator_list]:
            self.visit(part, scope)
        own = Scope(scope, of_class=True)
        bindings(node.body, own)
        for part in node.body:
            self.visit(part, own)


def id_of(scope: Scope, numbered: _Numbered) -> int:
    """A number for each scope, in the order in which their names occur."""
    if "" not in scope.numbers:
        numbered.scopes += 1
        scope.numbers[""] = str(numbered.scopes)
    return int(scope.numbers[""])


def bindings(body: list[ast.AST], scope: Scope) -> None:
    """Adds the names that a body binds; imports bind, but are not renamed."""
    free: set[str] = set()
    for node in own_nodes(body):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            scope.bound.add(node.id)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            scope.bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            scope.bound.add(node.rest)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            scope.bound.add(node.name)
        elif isinstance(node, ast.alias):
            scope.bound.add((node.asname or node.name).partition(".")[0])
            scope.kept.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Global | ast.Nonlocal):
            free |= set(node.names)
    scope.bound -= free


def own_nodes(body: list[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of a body's own scope; of what is a scope of its own, the node itself, and of comprehensions assignments by `:=`."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, COMPREHENSIONS):
            waiting += [found.target for found in ast.walk(node) if isinstance(found, ast.NamedExpr)]
            waiting.append(node.generators[0].iter)
            continue
        yield node
        if isinstance(node, FUNCTIONS):
            waiting += [part for part in [*node.args.defaults, *node.args.kw_defaults] if part is not None]
        elif isinstance(node, ast.ClassDef):
            waiting += node.bases
        else:
            waiting += ast.iter_child_nodes(node)


def spelling(program: str) -> list[str]:
    """Strings and numbers as they are written, but for quotes that say nothing; and what ast does not tell apart: `else` with an `if`
    in it from `elif`, `a[(b, c)]` from `a[b, c]`.
    """
    found = ["[("] * len(re.findall(r"\[\s*\(", program))
    for token in tokenize.generate_tokens(io.StringIO(program).readline):
        if token.type == tokenize.STRING:
            found.append(_unquoted(token.string))
        elif token.type == tokenize.NUMBER or token.string in ("else", "elif"):
            found.append(token.string)
    return found


def _unquoted(string: str) -> str:
    start = len(string) - len(string.lstrip("rRbBfFuU"))
    prefix, body = string[:start].lower().replace("r", ""), string[start:]
    quote = body[:3] if body[:3] in ('"""', "'''") else body[:1]
    inner = body[len(quote) : -len(quote)]
    return string if any(sign in inner for sign in "\\'\"") else f"{prefix}'{inner}'"


Mutation = Callable[[ast.FunctionDef], bool]


def mutated(function: ast.FunctionDef, change: Mutation) -> ast.FunctionDef | None:
    """A changed copy; None where there was nothing to change."""
    other = copy.deepcopy(function)
    return other if change(other) else None


def _locals(function: ast.FunctionDef) -> list[str]:
    """The function's own names that nothing within it binds again, and no class, import or `global` in it concerns."""
    scope = Scope(None)
    scope.bound |= {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    bindings(function.body, scope)
    inner = [node for node in ast.walk(function) if node is not function and isinstance(node, (*FUNCTIONS, *COMPREHENSIONS))]
    rebound = {name for node in inner for name in _any_bound(node)}
    named = {name for node in ast.walk(function) if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
    imports = [ast.unparse(node) for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {word for line in imports for word in re.findall(r"\w+", line)}
    if any(isinstance(node, ast.ClassDef) for node in ast.walk(function)):
        return []
    return sorted(scope.bound - imported - rebound - named)


def _any_bound(node: ast.AST) -> set[str]:
    stored = {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
    return stored | {argument.arg for argument in ast.walk(node) if isinstance(argument, ast.arg)}


def rename_one(function: ast.FunctionDef) -> bool:
    """Renames a local everywhere."""
    names = _locals(function)
    if not names:
        return False
    old, new = names[len(names) // 2], "renamed_by_the_test"
    for node in ast.walk(function):
        for attribute in ("id", "arg", "name", "rest"):
            of_call = isinstance(node, ast.keyword) or node is function or isinstance(node, ast.alias)
            if not of_call and getattr(node, attribute, None) == old:
                setattr(node, attribute, new)
    return True


def rename_once(function: ast.FunctionDef) -> bool:
    """Renames a local where it is read first, and nowhere else."""
    names = _locals(function)
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
            node.id = "renamed_by_the_test"
            return True
    return False


def swap_two(function: ast.FunctionDef) -> bool:
    """Reads another local where one is read first."""
    names = _locals(function)
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names and len(names) > 1:
            node.id = next(name for name in names if name != node.id)
            return True
    return False


def exchange_two(function: ast.FunctionDef) -> bool:
    """Exchanges two locals everywhere."""
    names = _locals(function)
    if len(names) < 2:
        return False
    other = {names[0]: names[-1], names[-1]: names[0]}
    for node in ast.walk(function):
        for attribute in ("id", "arg", "name", "rest"):
            of_call = isinstance(node, ast.keyword) or node is function or isinstance(node, ast.alias)
            if not of_call and getattr(node, attribute, None) in other:
                setattr(node, attribute, other[getattr(node, attribute)])
    return True


def other_operator(function: ast.FunctionDef) -> bool:
    """Subtracts where something is added, or compares the other way."""
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp):
            node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            return True
        if isinstance(node, ast.Compare):
            node.ops[0] = ast.NotEq() if isinstance(node.ops[0], ast.Eq) else ast.Eq()
            return True
    return False


def drop_statement(function: ast.FunctionDef) -> bool:
    """Leaves the last statement out."""
    if len(function.body) < 2:
        return False
    function.body.pop()
    return True


def swap_branches(function: ast.FunctionDef) -> bool:
    """Exchanges the arms of the first `if` that has an `else`."""
    for node in ast.walk(function):
        if isinstance(node, ast.If) and node.orelse:
            node.body, node.orelse = node.orelse, node.body
            return True
    return False


def other_call(function: ast.FunctionDef) -> bool:
    """Calls something else."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            node.func = ast.Name("called_by_the_test", ast.Load())
            return True
    return False


def to_while(function: ast.FunctionDef) -> bool:
    """Turns the first `if` without an `else` into a loop."""
    for node in ast.walk(function):
        for body in (getattr(node, "body", None), getattr(node, "orelse", None)):
            for place, child in enumerate(body if isinstance(body, list) else []):
                if isinstance(child, ast.If) and not child.orelse:
                    body[place] = ast.While(child.test, child.body, [])
                    return True
    return False
