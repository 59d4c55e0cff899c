"""Faults stand where they are said to stand, and nowhere else."""

from __future__ import annotations

import ast
from collections import Counter

import pytest
from tests.benchmarks.proof.reading.library import code_lines, functions
from tests.benchmarks.proof.reading.mutation import OPERATORS, faulty_lines, mutants
from tests.benchmarks.proof.tasks.loading import tasks

SOURCE = '''\
def merge(first, second, limit=10):
    """Text with 1 < 2, not True and range(3)."""
    found = []
    total = 0
    if not first:
        return second
    for place in range(len(first) - 1):  # 1 < 2
        if first[place] < second[place] and total <= limit:
            found.append(first[place])
        elif first[place] == second[place]:
            total += 1
            continue
        else:
            total = max(total, limit) - min(place, total)
    return found[1:] + divmod(total, limit)
'''


def test_every_operator_puts_faults_into_a_function_that_has_all_there_is():
    assert {mutant.operator for mutant in mutants(SOURCE)} == set(OPERATORS)


LONG = [task.text for task in tasks() if len(code_lines(task.text)) >= 5]


@pytest.mark.parametrize("text", [SOURCE, *LONG[::8], *(one.text for one in functions()[::40])])
def test_a_mutant_parses_is_another_program_and_differs_in_its_faulty_lines_alone(text):
    found = mutants(text)
    assert found
    old = text.splitlines()
    for mutant in found:
        assert ast.dump(ast.parse(mutant.text)) != ast.dump(ast.parse(text))
        new = mutant.text.splitlines()
        assert mutant.lines
        if len(new) == len(old):
            assert list(mutant.lines) == [number for number in range(1, len(new) + 1) if new[number - 1] != old[number - 1]]
        else:  # what is missing stood right before the line that is named, or behind the last one
            assert mutant.operator in ("missing case", "missing statement")
            cut = next(place for place, line in enumerate([*new, None]) if line != old[place])
            assert old[cut + len(old) - len(new) :] == new[cut:]
            assert mutant.lines[0] > cut or not any(line.strip() for line in new[cut:])


def test_documentation_and_comments_are_left_alone():
    for mutant in mutants(SOURCE):
        assert '"""Text with 1 < 2, not True and range(3)."""' in mutant.text
        assert "# 1 < 2" in mutant.text


def test_faulty_lines_of_what_is_missing_are_the_next_that_says_something_or_the_last_before():
    assert faulty_lines("a\nb\n\n# c\nd\n", "a\n\n# c\nd\n") == (4,)
    assert faulty_lines("a\nb\n", "a\n") == (1,)
    assert faulty_lines("a\nb\nc\n", "a\nx\nc\n") == (2,)


def test_lines_of_code_are_neither_empty_nor_words_only():
    assert code_lines('def f():\n    """a\n\n    b"""\n    # c\n\n    return """\n    x"""  # d\n') == [1, 7, 8]


def test_functions_of_the_library_are_many_of_many_modules_and_compute_something():
    found = functions()
    assert len(found) > 300
    assert len(Counter(one.name.rpartition(".")[0] for one in found)) > 80
    for one in found:
        function = ast.parse(one.text).body[0]
        assert isinstance(function, ast.FunctionDef)
        assert function.args.args or function.args.posonlyargs
