"""Faulty programs with known lines: one fault for each program, drawn by its name, so that programs are independent of each other.

A mutant of a task fails the task's tests; one of the standard library, which has none here, is another program to `ast`.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.benchmarks.proof.halves import Half, digest, half_of
from tests.benchmarks.proof.reading.library import OF_ONE_MODULE, Program, code_lines, functions
from tests.benchmarks.proof.reading.mutation import Edit, Mutant, edits, mutant_of
from tests.benchmarks.proof.tasks.loading import passes, tasks

FEWEST_LINES = 5  # of code: with fewer there is nothing to rank
OF_LIBRARY = 240
RARER = {"missing case": 0.5}  # nothing on the line itself is wrong
TRIES = 12  # mutants of one task that are run before it is left out


@dataclass(frozen=True)
class Case:
    """A faulty program: its operator, its text, its lines of code from 1, and which of them are faulty."""

    program: str
    operator: str
    text: str
    lines: tuple[int, ...]
    faulty: tuple[int, ...]

    @property
    def half(self) -> Half:
        """That of its program."""
        return half_of(self.program)

    @property
    def name(self) -> str:
        """What it is called: another text has another name."""
        return f"{self.program}:{hashlib.sha256(self.text.encode()).hexdigest()[:12]}"


def cases() -> list[Case]:
    """All of them, in an order that is none: the first n are a fair part."""
    found = [case for program in [*of_library(), *of_tasks()] if (case := case_of(program)) is not None]
    return sorted(found, key=lambda case: digest("order", case.program))


def of_library() -> list[Program]:
    """So many functions of the standard library, few of one module."""
    taken: Counter[str] = Counter()
    found = []
    for program in sorted(functions(), key=lambda program: digest("taken", program.name)):
        module = program.name.rpartition(".")[0]
        if taken[module] < OF_ONE_MODULE and len(found) < OF_LIBRARY:
            taken[module] += 1
            found.append(program)
    return found


def of_tasks() -> list[Program]:
    """What is right of every task."""
    return [Program(f"task/{task.name}", task.text, task.tests) for task in tasks()]


def case_of(program: Program) -> Case | None:
    """The program with one fault; None where it has too few lines, or no fault that counts."""
    if len(code_lines(program.text)) < FEWEST_LINES:
        return None
    tried = 0
    for mutant in in_drawn_order(program):
        lines = tuple(code_lines(mutant.text))
        faulty = tuple(line for line in mutant.lines if line in lines)
        if not faulty or len(faulty) == len(lines):
            continue
        if program.tests is None or not passes(mutant.text, program.tests):
            return Case(program.name, mutant.operator, mutant.text, lines, faulty)
        tried += 1
        if tried == TRIES:
            break
    return None


def in_drawn_order(program: Program) -> Iterator[Mutant]:
    """Its mutants as they are drawn: an operator first, each as likely as the others but for RARER, then one of its faults."""
    draw = random.Random(digest("mutant", program.name))
    of_operator: dict[str, list[Edit]] = {}
    for edit in edits(program.text):
        of_operator.setdefault(edit.operator, []).append(edit)
    while of_operator:
        names = sorted(of_operator)
        operator = draw.choices(names, [RARER.get(name, 1.0) for name in names])[0]
        edit = of_operator[operator].pop(draw.randrange(len(of_operator[operator])))
        if (mutant := mutant_of(program.text, edit)) is not None:
            yield mutant
        if not of_operator[operator]:
            del of_operator[operator]
