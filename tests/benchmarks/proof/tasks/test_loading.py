"""The benchmark's own tasks are what they say: what is right passes, what is obviously wrong does not."""

from __future__ import annotations

import ast
import doctest
from collections import Counter

import pytest
from tests.benchmarks.proof.halves import Half
from tests.benchmarks.proof.tasks.loading import Task, passes, tasks

ALL = tasks()
BODIES = [
    "pass",
    "return 0",
    "return 1",
    "return ''",
    "return []",
    "return {}",
    "return True",
    "return False",
    "raise ValueError",
]


def arguments(task: Task) -> list[str]:
    functions = [node for node in ast.walk(ast.parse(task.text)) if isinstance(node, ast.FunctionDef)]
    return [argument.arg for argument in functions[-1].args.args]


def holds(text: str, tests: str) -> bool:
    """Whether the tests hold in this process: for programs that are known to end."""
    try:
        exec(compile(f"{text}\n{tests}", "task", "exec"), {"__name__": "program"})
    except Exception:
        return False
    return True


def test_there_are_enough_of_every_group_and_in_both_halves():
    assert 150 <= len(ALL) <= 200
    assert len({task.name for task in ALL}) == len(ALL)
    groups = Counter(task.group for task in ALL)
    assert set(groups) == {"strings", "lists", "dicts", "numbers", "classes", "recursion", "parsing", "dates"}
    assert min(groups.values()) >= 10
    halves = Counter(task.half for task in ALL)
    assert min(halves[half] for half in Half) >= 60


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.name)
def test_what_is_right_passes_and_obvious_stubs_fail(task):
    assert holds(task.text, task.tests)
    for body in [*BODIES, *(f"return {name}" for name in arguments(task))]:
        stub = task.with_body(body)
        ast.parse(stub)
        assert not holds(stub, task.tests), body


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.name)
def test_a_prompt_breaks_off_behind_the_documentation_and_its_tests_call_what_is_asked_for(task):
    assert task.prompt.endswith('"""\n')
    assert task.text.isascii()
    assert task.tests.count("assert") >= 2
    called = ast.parse(task.prompt + task.solution).body[-1].name
    assert called in {node.id for node in ast.walk(ast.parse(task.tests)) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.name)
def test_the_examples_of_its_documentation_are_true(task):
    space: dict = {}
    exec(compile(task.text, "task", "exec"), space)
    runner = doctest.DocTestRunner(verbose=False)
    own = list(space.values())[-1]
    for found in doctest.DocTestFinder(recurse=True).find(own, task.name, globs=space, module=False):
        assert runner.run(found, out=lambda _: None).failed == 0


def test_examples_of_a_documentation_stand_in_most_prompts():
    assert sum(">>> " in task.prompt for task in ALL) > len(ALL) / 2


def test_a_program_that_never_ends_does_not_pass():
    assert not passes("while True:\n    pass\n", "")
    assert passes("x = 1\n", "assert x == 1\n")
    assert not passes("x = 1\n", "assert x == 2\n")
