"""README's Python and its recipes of checks run as they stand there."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import pytest
from tests.support.tables import small_run, small_tables

from tokenscope_trace import Trace
from tokenscope_trace.analysis.checks import check_programs
from tokenscope_trace.settings import CheckSettings
from tokenscope_trace.traces.schema import CheckResult

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_reading_a_trace(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Trace(small_run(), small_tables()).save("trace.tsc")
    exec(compile(BLOCKS[1], "README.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) >= 3  # two alternatives and a layer of attention


def test_recording_from_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(BLOCKS[0], "README.md", "exec"), {})
    trace = Trace.load("mean.tsc")
    assert trace.text(trace.prompt) == b"def mean(values):"
    assert len(trace.branches) > 0
    assert {path.name for path in tmp_path.iterdir()} == {"mean.tsc", "mean.html", "both.html"}


PYTEST = {
    "tests/test_merge.py": "from merge import merge\n\n\ndef test_merge():\n    assert merge({1: 2}, {3: 4}) == {1: 2, 3: 4}\n"
}
NODE = {
    "merge.test.mjs": "import test from 'node:test';\nimport assert from 'node:assert';\nimport { merge } from './merge.mjs';\n"
    "test('merges', () => assert.deepEqual(merge({ a: 1 }, { b: 2 }), { a: 1, b: 2 }));\n"
}
GO = {
    "go.mod": "module example.com/m\n\ngo 1.22\n",
    "merge_test.go": 'package m\n\nimport "testing"\n\nfunc TestMerge(t *testing.T) {\n\tif n := len(Merge([]int{1}, []int{2})); n != 2 {\n'
    '\t\tt.Fatalf("%d values", n)\n\t}\n}\n',
}
PYTHON_RIGHT = "def merge(first, second):\n    return {**first, **second}\n"
PYTHON_WRONG = "def merge(first, second):\n    return first\n"
DOCTEST = 'def merge(first, second):\n    """\n    >>> merge({{}}, {{1: 2}})\n    {{1: 2}}\n    """\n    return {}\n'
RECIPES = {  # (a beginning of the command, the project, the program's name, one that is right, one that is wrong)
    "doctest": ("python -m doctest", {}, "merge.py", DOCTEST.format("{**first, **second}"), DOCTEST.format("first")),
    "pytest": ("python -m pytest", PYTEST, "merge.py", PYTHON_RIGHT, PYTHON_WRONG),
    "pytest, the program from elsewhere": (
        "cp {file} src/merge.py",
        {**PYTEST, "src/merge.py": "raise NotImplementedError\n"},
        "prompt.py",
        PYTHON_RIGHT,
        PYTHON_WRONG,
    ),
    "node's test runner": (
        "node --test",
        NODE,
        "merge.mjs",
        "export const merge = (first, second) => ({ ...first, ...second });\n",
        "export const merge = (first) => first;\n",
    ),
    "go test": (
        "go test",
        GO,
        "merge.go",
        "package m\n\nfunc Merge(a, b []int) []int { return append(a, b...) }\n",
        "package m\n\nfunc Merge(a, b []int) []int { return a }\n",
    ),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_of_a_check_works_as_it_stands_there(recipe, tmp_path, monkeypatch):
    begins, files, name, right, wrong = RECIPES[recipe]
    (line,) = [
        line for line in README.splitlines() if line.startswith("    tokenscope-record ") and f"--check '{begins}" in line
    ]
    words = shlex.split(line)
    command = words[words.index("--check") + 1]
    assert ("--check-folder" in words) is bool(files)
    project = tmp_path / "project"
    for path, text in files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GOCACHE", str(ROOT / "build" / "go-cache"))
    monkeypatch.setenv("GOTOOLCHAIN", "local")
    settings = CheckSettings(command, 300.0, folder=str(project) if files else None)
    found = check_programs([right.encode(), wrong.encode(), right.encode() + b"\n"], name, settings)
    assert [one.result for one in found] == [CheckResult.PASS, CheckResult.FAIL, CheckResult.PASS], found
    assert {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()} == set(files)
