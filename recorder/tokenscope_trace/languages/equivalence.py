"""Equivalence of two programs: what a branch's is beside the main path's, as one class, and how much was compared. Bytes in, an
Equivalence out.

Compared is the largest unit around the fork that is known to be complete in both: the whole text, a function, a statement; of a whole
text whose functions are followed by different things, the function. Knows no trace and runs no program: two programs that differ may still do the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import tree_sitter

from tokenscope_trace.languages.incomplete import errors
from tokenscope_trace.languages.language import Language, kinds
from tokenscope_trace.languages.normal_form import Form, normalise
from tokenscope_trace.languages.own_parser import ParserVerdict, own_verdict
from tokenscope_trace.languages.shared_errors import (
    Alike,
    Stretch,
    is_shared,
    own_errors,
    own_indentation,
    verdict_on_written,
    without_shared_errors,
    without_shared_refusals,
)
from tokenscope_trace.languages.units import (
    Program,
    around,
    behind_comments,
    complete_scope,
    function_at,
    inside_function,
    is_complete,
    unit_at,
)
from tokenscope_trace.traces.schema import Outcome, Scope

_FILLINGS = (b"x", b"x;", b"pass", b"}", b"")  # of a hole
_SAME = (Outcome.SAME_TEXT, Outcome.SAME_PROGRAM)


@dataclass(frozen=True)
class Equivalence:
    """The class of a branch, and the unit that was compared: bytes [start, main_end) of one program, [start, branch_end) of the
    other.
    """

    outcome: Outcome
    scope: Scope
    start: int
    main_end: int
    branch_end: int


@dataclass(frozen=True)
class _Unit:
    """What is compared of the two programs: nodes, and where they begin and end."""

    scope: Scope
    start: int
    main: tree_sitter.Node
    branch: tree_sitter.Node

    @property
    def ends(self) -> tuple[int, int]:
        """The bytes after it in the two programs."""
        return self.main.end_byte, self.branch.end_byte


def compare_programs(main: Program, branch: Program, fork: int, begun: int | None = None) -> Equivalence:
    """The class of `branch`, which has the bytes before `fork` in common with `main`.

    Where the fork lies in a function, or behind the one that the text broke off in at byte `begun`, where what was written begins, that
    function is compared first: what follows it counts only where the function is the same.
    """
    alike = without_shared_errors(main, branch, fork)
    if main.ended and branch.ended:
        alike = without_shared_refusals(alike, fork)
    unit = _unit(alike.main, alike.branch, fork)
    if unit is not None:
        found = _compared(alike, unit, fork)
    elif _is_broken(alike.main, alike.branch, fork):
        found = Equivalence(Outcome.DOES_NOT_PARSE, Scope.NONE, fork, fork, fork)
    else:
        goes_on = branch.text.startswith(main.text[: main.written])
        alone = not goes_on and _extent(alike.branch, fork) > _extent(alike.main, fork)
        outcome = Outcome.OUTPUT_UNFINISHED if alone else Outcome.UNFINISHED
        found = Equivalence(outcome, Scope.NONE, fork, fork, fork)
    if found.outcome in _SAME and found.scope == Scope.WHOLE:
        return found
    return _function_first(alike, found, fork, begun) or found


def output_error(program: Program, begun: int) -> int | None:
    """The byte of the first error that is in what was written of a program, from `begun` on, and that neither its being cut off nor what
    stands around it explains; None where there is none.
    """
    before = _without_what_was_written(program, begun)
    alike = without_shared_errors(before, program, begun)
    found = own_errors(alike.main, alike.branch, begun, Stretch(0, len(before.text), len(program.text)))
    if program.ended:
        verdict = verdict_on_written(program, begun)
        if verdict is not None:
            return verdict.refused_at
    else:
        found = [byte for byte in found if _is_in_complete_unit(alike.branch, byte)]
        if alike.branch.reading.broken is not None and alike.branch.reading.broken >= begun:
            found.append(alike.branch.reading.broken)
    return min(found, default=None)


def _without_what_was_written(program: Program, begun: int) -> Program:
    """What stands around what was written, with something small in the hole if it reads better so."""
    before, behind = program.text[:begun], program.text[program.written :]
    fillings = _FILLINGS if behind.strip() else _FILLINGS[-1:]
    found = [Program(before + one + behind, program.language, program.ended, begun + len(one)) for one in fillings]
    return min(found, key=lambda one: len(errors(one.root)))


def _compared(alike: Alike, unit: _Unit, fork: int) -> Equivalence:
    """The class by what is compared of the two."""
    main_end, branch_end = unit.ends
    if unit.scope == Scope.WHOLE:
        main_end, branch_end = len(alike.main.text), len(alike.branch.text)
    if alike.main.text[unit.start : main_end] == alike.branch.text[unit.start : branch_end]:
        outcome = Outcome.SAME_TEXT
    elif _is_refused(alike, unit, fork, Stretch(unit.start, main_end, branch_end)):
        outcome = Outcome.DOES_NOT_PARSE
    else:
        outcome = _difference(alike, unit, fork)
    return Equivalence(outcome, unit.scope, unit.start, main_end, branch_end)


def _is_refused(alike: Alike, unit: _Unit, fork: int, stretch: Stretch) -> bool:
    """Whether the branch does not parse where main does: by the language's own parser where it says something of both, else by the
    grammar.
    """
    main, branch = (
        _verdict(program, node, unit.scope) for program, node in ((alike.main, unit.main), (alike.branch, unit.branch))
    )
    if branch is not None and branch.refused_at is None:
        return False
    if main is not None and branch is not None and main.refused_at is None:
        return True
    return bool(own_errors(alike.main, alike.branch, fork, stretch))


def _verdict(program: Program, node: tree_sitter.Node, scope: Scope) -> ParserVerdict | None:
    """What the language's own parser says of a node as a program of its own; None where it begins within a line."""
    start = program.text.rfind(b"\n", 0, node.start_byte) + 1
    if scope == Scope.WHOLE:
        return own_verdict(program.text, program.language, program.root)
    if program.text[start : node.start_byte].strip(b" \t"):
        return None
    head = b"if 1:\n" if node.start_byte > start else b""
    return own_verdict(head + program.text[start : node.end_byte] + b"\n", program.language, program.root)


def _function_first(alike: Alike, found: Equivalence, fork: int, begun: int | None) -> Equivalence | None:
    """The class by the function alone, where the two differ in what follows it."""
    pair = alike.main, alike.branch
    if found.outcome == Outcome.DOES_NOT_PARSE and not alike.main.root.has_error and found.scope == Scope.WHOLE:
        return None  # the output does, and that is more than its function
    nodes = [function_at(program, fork if begun is None else begun) or function_at(program, fork) for program in pair]
    first, second = nodes
    if first is None or second is None or first.start_byte != second.start_byte or first.start_byte > fork:
        return None
    if not all(is_complete(program, node, function=True) for program, node in zip(pair, (first, second), strict=True)):
        return None
    if not _tails_differ(alike, first.end_byte, second.end_byte):
        return None
    function = _compared(alike, _Unit(Scope.FUNCTION, first.start_byte, first, second), fork)
    if function.outcome in _SAME:
        return replace(function, outcome=Outcome.ONLY_WHAT_FOLLOWS)
    return function if found.scope == Scope.WHOLE else None


def _tails_differ(alike: Alike, main_end: int, branch_end: int) -> bool:
    """Whether other code follows in the two behind these bytes, as far as neither was cut off."""
    main, branch = _tail(alike.main, main_end), _tail(alike.branch, branch_end)
    goes_on = branch.startswith(main) and not alike.main.ended
    return main != branch and not goes_on and not (main.startswith(branch) and not alike.branch.ended)


def _tail(program: Program, end: int) -> bytes:
    """The text behind a byte, from its first code on; what was cut off has no rest of a file."""
    start = behind_comments(program, end)
    return program.text[start : len(program.text) if program.ended else program.written].strip()


def _extent(program: Program, fork: int) -> Scope:
    """How much is complete of what a program is to write: nothing where a function goes on of which a statement is."""
    scope = complete_scope(program, fork)
    return Scope.NONE if scope == Scope.STATEMENT and inside_function(program, fork) else scope


def _is_in_complete_unit(program: Program, byte: int) -> bool:
    return any(
        is_complete(program, node, function=function)
        for function in (True, False)
        for node in around(program, byte, function=function)
    )


def _is_broken(main: Program, branch: Program, fork: int) -> bool:
    """Whether the branch has an error that is not due to its being cut off."""
    if branch.ended:
        return bool(own_errors(main, branch, fork, Stretch(0, len(main.text), len(branch.text))))
    if own_indentation(main, branch, fork, Stretch(0, main.written, branch.written)):
        return True
    broken = branch.reading.broken
    return broken is not None and broken >= fork and not is_shared(main, branch, broken)


# The unit


def _unit(main: Program, branch: Program, fork: int) -> _Unit | None:
    """The largest unit that is complete in both."""
    if main.ended and branch.ended:
        return _Unit(Scope.WHOLE, 0, main.root, branch.root)
    return _function_unit(main, branch, fork) or _statement_unit(main, branch, fork)


def _function_unit(main: Program, branch: Program, fork: int) -> _Unit | None:
    found = _shared(main, branch, fork, function=True)
    if found is None or not all(is_complete(*part, function=True) for part in zip((main, branch), found, strict=True)):
        return None
    return _Unit(Scope.FUNCTION, found[0].start_byte, *found)


def _statement_unit(main: Program, branch: Program, fork: int) -> _Unit | None:
    found = _begun(main, branch, fork) or _shared(main, branch, fork, function=False)
    if found is None or not all(is_complete(*part, function=False) for part in zip((main, branch), found, strict=True)):
        return None
    return _Unit(Scope.STATEMENT, min(fork, found[0].start_byte), *found)


def _begun(main: Program, branch: Program, fork: int) -> tuple[tree_sitter.Node, tree_sitter.Node] | None:
    """The statements that begin in both programs behind the fork's white space and comments, if they stand in the same block."""
    found = []
    for program in (main, branch):
        start = behind_comments(program, fork)
        node = unit_at(program, start, function=False)
        if node is None or node.start_byte != start:
            return None
        found.append(node)
    above = {(node.type, node.start_byte) if (node := _above(one)) else None for one in found}
    return (found[0], found[1]) if len(above) == 1 and None not in above else None


def _above(node: tree_sitter.Node) -> tree_sitter.Node | None:
    """What a node stands in that does not begin with it, as a block does with its first statement."""
    above = node.parent
    while above is not None and above.start_byte == node.start_byte and above.parent is not None:
        above = above.parent
    return above


def _shared(
    main: Program, branch: Program, fork: int, *, function: bool
) -> tuple[tree_sitter.Node, tree_sitter.Node] | None:
    """The innermost units that begin at one byte in both and reach beyond the fork in one."""
    starts = {node.start_byte for program in (main, branch) for node in around(program, fork, function=function)}
    for start in sorted(starts, reverse=True):
        first, second = (unit_at(program, start, function=function) for program in (main, branch))
        if start <= fork and first is not None and second is not None and max(first.end_byte, second.end_byte) > fork:
            return first, second
    return None


# The class


def _difference(alike: Alike, unit: _Unit, fork: int) -> Outcome:
    main = alike.main
    ours, theirs = _forms(main, alike.branch, unit, fork)
    if ours.same_shape(theirs):
        if ours.same_names(theirs):
            return Outcome.SAME_PROGRAM
        if ours.renames(
            theirs, lambda name, of_file: name in alike.words or _is_known(main, unit, fork, name, of_file=of_file)
        ):
            return Outcome.RENAMED
    if ours.effects() != theirs.effects():
        return Outcome.OTHER_CALLS
    return Outcome.OTHER_EXPRESSION if ours.control == theirs.control else Outcome.OTHER_CONTROL_FLOW


def _forms(main: Program, branch: Program, unit: _Unit, fork: int) -> tuple[Form, Form]:
    if unit.scope == Scope.WHOLE:
        parts = _differing(unit, fork, main.language)
        ours, theirs = (
            normalise(program.text, nodes, program.language, local=False, in_classes=nodes.count(None))
            for program, nodes in zip((main, branch), parts, strict=True)
        )
        return ours, theirs
    local = unit.scope == Scope.STATEMENT and _scope_of(main, unit.main) is not None
    within = int(_is_in_class(main.language, unit.main))
    return (
        normalise(main.text, [unit.main], main.language, local=local, in_classes=within),
        normalise(branch.text, [unit.branch], branch.language, local=local, in_classes=within),
    )


def _differing(
    unit: _Unit, fork: int, language: Language
) -> tuple[Sequence[tree_sitter.Node | None], Sequence[tree_sitter.Node | None]]:
    """The parts of two whole programs that may differ: what ends before the fork is left out, in files and in classes."""
    classes = kinds(language, language.rules.units.classes)
    above = [unit.main, unit.branch]
    behind: list[list[tree_sitter.Node | None]] = [[], []]
    while True:
        rest = [[child for child in node.children if child.end_byte >= fork] for node in above]
        held = [nodes[0] for nodes in rest if nodes and nodes[0].start_byte < fork < nodes[0].end_byte]
        same = len(held) == 2 and (held[0].type, held[0].start_byte) == (held[1].type, held[1].start_byte)
        body = above[0].child_by_field_name("body") if above[0].type in classes else None
        if not same or not (held[0].type in classes or held[0] == body) or _is_in_head(held[0], fork):
            break
        behind = [[None, *nodes[1:], *others] for nodes, others in zip(rest, behind, strict=True)]
        above = held
    start = min((nodes[0].start_byte for nodes in rest if nodes), default=fork)
    first, second = (
        [*(child for child in node.children if child.end_byte > start), *others]
        for node, others in zip(above, behind, strict=True)
    )
    return first, second


def _is_in_head(node: tree_sitter.Node, byte: int) -> bool:
    """Whether a byte of a class lies before its body, where its name stands."""
    body = node.child_by_field_name("body")
    return body is not None and byte < body.start_byte


def _scope_of(program: Program, node: tree_sitter.Node) -> tree_sitter.Node | None:
    """The function whose names a statement sees as its own; None where names belong to a class or to the file."""
    language = program.language
    functions = kinds(language, language.rules.units.functions)
    classes = kinds(language, language.rules.units.classes)
    above = node.parent
    while above is not None and above.type not in classes:
        if above.type in functions:
            return above
        above = above.parent
    return None


def _is_in_class(language: Language, node: tree_sitter.Node) -> bool:
    classes = kinds(language, language.rules.units.classes)
    above = node.parent
    while above is not None and above.type not in classes:
        above = above.parent
    return above is not None


def _is_known(program: Program, unit: _Unit, fork: int, name: bytes, *, of_file: bool) -> bool:
    """Whether a name occurs before what is compared, where it would be seen: then it is another variable. One of the file must not
    occur in what was not written at all.
    """
    language = program.language
    if of_file:
        given = program.text[: _word_begin(program.text, fork)], program.text[program.written :]
        return any(re.search(rb"(?<!\w)" + re.escape(name) + rb"(?!\w)", part) for part in given)
    if unit.scope == Scope.STATEMENT or language.rules.names.whole_file:
        scope = None if language.rules.names.whole_file else _scope_of(program, unit.main)
        start = 0 if scope is None else scope.start_byte
        end = fork if unit.scope == Scope.WHOLE else unit.main.start_byte
        return _occurs(program, name, start, end)
    return False


def _word_begin(text: bytes, byte: int) -> int:
    """Where the word begins that goes on at a byte."""
    found = re.search(rb"\w*\Z", text[max(byte - 200, 0) : byte])
    return byte - (len(found[0]) if found else 0)


def _occurs(program: Program, name: bytes, start: int, end: int) -> bool:
    leaves = kinds(program.language, program.language.rules.names.leaves)
    for found in re.finditer(rb"(?<!\w)" + re.escape(name) + rb"(?!\w)", program.text[start:end]):
        node = program.root.descendant_for_byte_range(start + found.start(), start + found.end())
        if node is not None and node.type in leaves:
            return True
    return False
