"""Runnable programs of a recording, finished enough for a check: that of the output and those of branches.

A text that came to its own end is one as it stands. Of a text that was cut off, what was written last is left away up to the end of
the last function, or of the last statement of the file, that is known to be complete; it has to hold what the branch decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import tree_sitter

from tokenscope_trace.analysis.structure import Code
from tokenscope_trace.languages.language import Language, grammar
from tokenscope_trace.traces.programs import PathProgram
from tokenscope_trace.traces.schema import Scope
from tokenscope_trace.traces.trace import Trace

MAIN = -1


@dataclass(frozen=True)
class Finished:
    """One program that can be run; `branch` is -1 for the output's."""

    branch: int
    text: bytes


def finished_programs(trace: Trace, code: Code) -> list[Finished]:
    """All of them, that of the output first, then by branch."""
    outcomes = trace.outcomes
    functions = [int(end) for end, scope in zip(outcomes.main_end, outcomes.scope, strict=True) if scope == Scope.FUNCTION]
    found = [Finished(MAIN, text) for text in _texts(code, code.programs.main, max(functions, default=0))]
    for branch in range(len(trace.branches)):
        is_function = len(outcomes) and outcomes.scope[branch] == Scope.FUNCTION
        end = int(outcomes.branch_end[branch]) if is_function else 0
        found += [Finished(branch, text) for text in _texts(code, code.programs.of_branch(branch), end)]
    return found


def file_name(trace: Trace, code: Code) -> str:
    """What a program's file is called: as the prompt's, with a suffix of its language."""
    source = PurePosixPath(trace.facts.prompt.source or "-").name
    piece = code.around(code.programs.main)
    suffixes = piece[0].language.suffixes.split() if piece is not None else []
    stem = PurePosixPath(source).stem if source not in ("", "-") else "program"
    if not suffixes or PurePosixPath(source).suffix.lower() in suffixes:
        return source if source not in ("", "-") else stem
    return stem + suffixes[0]


def _texts(code: Code, written: PathProgram, function_end: int) -> Iterator[bytes]:
    """The finished program of a path, or nothing; `function_end` is where the function is complete that the fork stands in, 0 for none."""
    piece = code.around(written)
    if piece is None:
        if written.ended and not code.passages(written.text):
            yield written.text
        return
    program, start = piece
    if program.ended:
        yield program.text
        return
    fork = written.own_start - start
    tree = tree_sitter.Parser(grammar(program.language)).parse(program.text[: program.written])
    children = tree.root_node.children
    ends = [children[-2].end_byte] if len(children) > 1 else []
    ends += [function_end - start] if function_end else []
    for end in ends:
        text = program.text[:end] + b"\n" + program.text[program.written :]
        if end > fork and _parses(text, program.language):
            yield text
            return


def _parses(text: bytes, language: Language) -> bool:
    return not tree_sitter.Parser(grammar(language)).parse(text).root_node.has_error
