"""The programming language as data: where its grammar comes from, and what its kinds of nodes are for a reader. definitions.py has
them all.

Kinds are given as patterns over the grammar's own names (`*_statement`), so that none can be listed that does not exist. A place
is where a node stands in its parent: `kind` anywhere in such a parent, `kind.field` as that field of it, `kind.-` as no field of
it; `/child` behind it asks for a child of that kind in the parent, `/!child` for none. Imports no grammar before a text of its
language is parsed.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

import tree_sitter


@dataclass(frozen=True)
class Units:
    """What is a whole of its own, and what shows that it has ended.

    A function is a unit if its body is a block. `continued` are the kinds to which a clause may be added (`if`), `continuations`
    the words with which one begins. `closers` are pairs of tokens, `unclosed` says of what may not stand alone which tokens end it,
    and what would (`try:catch|finally:finally{}`); `elements` are tags, `quotes` close what may run over line ends, the
    expression `heredoc` finds the word that ends such a text.
    """

    functions: str = ""
    classes: str = ""
    continued: str = ""
    continuations: str = ""
    closers: str = "( ) [ ] { }"
    unclosed: str = ""
    elements: str = ""
    quotes: str = ""
    heredoc: str = ""
    line_ends: bool = False
    indented: bool = False


@dataclass(frozen=True)
class Notation:
    """What may be written in two ways. Kinds, but for `silent` (`kind.token`), `kept` (places) and `synonyms` (`kind=kind`).

    A hull is set aside if it has one child (`/child`: if it is such a one), unless its place is `kept`. A comma that ends one of
    `commas` is set aside, one that ends one of `tuples` only behind two items. White space counts in `exact`.
    """

    comments: str = "comment"
    hulls: str = ""
    kept: str = ""
    silent: str = ""
    commas: str = ""
    tuples: str = ""
    synonyms: str = ""
    strings: str = ""
    exact: str = ""


@dataclass(frozen=True)
class Names:
    """Which names are local, and where. Places, but for `leaves`, `types`, `scopes`, `raw` (kinds) and `never` (patterns over the
    names).

    A name is bound at `binds`, and within it at `patterns`; at `binds_function` for the whole function. A property is no variable;
    a `shorthand` is both. `outside` is part of a function, but not of its scope; of `first_outside` only the first of its kind.
    Where names count from their declaration on, `in_order`, those at `binds` do so only behind `late`. Names in `fixed` are not
    renamed, nor those that `mention` finds in the text of `mentions`. In `raw` text there is no syntax but dots and calls.

    A file introduces what is bound outside of its functions and classes, and what stands at `declares`. Such names alone may stand
    at `filewide` places, and be of `types` or like `never`.
    """

    leaves: str = "identifier"
    types: str = ""
    properties: str = ""
    shorthands: str = ""
    binds: str = ""
    binds_function: str = ""
    patterns: str = ""
    outside: str = ""
    first_outside: str = ""
    late: str = ""
    scopes: str = ""
    fixed: str = ""
    mentions: str = ""
    mention: str = r"\w+"
    raw: str = ""
    never: str = ""
    declares: str = ""
    filewide: str = ""
    in_order: bool = True
    whole_file: bool = False


@dataclass(frozen=True)
class Effects:
    """What a program does beside computing values. `calls` are the places of what is called, `jumps` commands of a shell; of a
    call's name, what is one of `literals` counts by its kind alone.
    """

    calls: str = ""
    imports: str = ""
    control: str = ""
    jumps: str = ""
    literals: str = ""


@dataclass(frozen=True)
class Rules:
    """What is known of a language beyond what its nodes are to a reader: all that comparing two programs takes."""

    units: Units = Units()
    notation: Notation = Notation()
    names: Names = Names()
    effects: Effects = Effects()


@dataclass(frozen=True)
class Language:
    """One language. `package` and `function` give its grammar; the patterns say which kinds are what.

    A block is what has lines of its own under one head: a function, a class, a loop, one arm of a branch. An arm is a block that
    goes on where its parent's own part ends: `elif` is not part of `if`.
    """

    name: str
    package: str
    suffixes: str
    fences: str
    expressions: str
    statements: str
    blocks: str
    arms: str = ""
    function: str = "language"
    rules: Rules = Rules()


@cache
def grammar(language: Language) -> tree_sitter.Language:
    """The grammar. Raises ImportError where its package is not installed."""
    return tree_sitter.Language(getattr(importlib.import_module(language.package), language.function)())


@cache
def kinds(language: Language, patterns: str) -> frozenset[str]:
    """The grammar's named kinds that match one of the patterns, which are separated by spaces."""
    known = grammar(language)
    names = {known.node_kind_for_id(i) for i in range(known.node_kind_count) if known.node_kind_is_named(i)}
    return frozenset(name for name in names if name and any(fnmatchcase(name, pattern) for pattern in patterns.split()))


@dataclass(frozen=True)
class GrammarPlace:
    """Where a node stands in a parent of a known kind: as which field, and with which child beside it."""

    field: str | None  # None: any; "": none
    beside: str = ""
    absent: bool = False

    def holds(self, parent: tree_sitter.Node, field: str) -> bool:
        """Whether a child of the parent that stands as `field` is in this place."""
        if self.field not in (None, field):
            return False
        return not self.beside or self.absent != any(child.type == self.beside for child in parent.children)


@cache
def places(language: Language, patterns: str) -> dict[str, tuple[GrammarPlace, ...]]:
    """The places of some patterns, by the parent's kind."""
    found: dict[str, tuple[GrammarPlace, ...]] = {}
    for pattern in patterns.split():
        where, _, beside = pattern.partition("/")
        kind, dot, field = where.partition(".")
        place = GrammarPlace(
            ("" if field == "-" else field) if dot else None, beside.removeprefix("!"), beside.startswith("!")
        )
        for name in kinds(language, kind):
            found[name] = (*found.get(name, ()), place)
    return found
