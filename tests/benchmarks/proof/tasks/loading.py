"""The benchmark's own tasks, written for it: one TOML file per group beside this one. Loaded, and programs run against their tests."""

from __future__ import annotations

import ast
import resource
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.proof.halves import Half, half_of

FOLDER = Path(__file__).parent
SECONDS = 1  # of processor, which other work on the machine does not shorten; what ends takes a hundredth
PATIENCE = 120.0  # seconds of the clock


@dataclass(frozen=True)
class Task:
    """A prompt that breaks off where a function's body begins, a body that is right, and asserts that say so."""

    group: str
    name: str
    prompt: str
    solution: str
    tests: str

    @property
    def text(self) -> str:
        """A program that is right."""
        return self.prompt + self.solution

    @property
    def half(self) -> Half:
        """The half that it is in."""
        return half_of(f"task/{self.name}")

    @property
    def function(self) -> str:
        """The name of the function, or of the method, that is to be written."""
        return [node.name for node in ast.walk(ast.parse(self.text)) if isinstance(node, ast.FunctionDef)][-1]

    def with_body(self, statement: str) -> str:
        """The prompt with a statement in place of its solution."""
        indentation = len(self.solution) - len(self.solution.lstrip(" "))
        return f"{self.prompt}{' ' * indentation}{statement}\n"


def tasks() -> list[Task]:
    """All tasks, group by group."""
    entries = [
        (path.stem, entry)
        for path in sorted(FOLDER.glob("*.toml"))
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["task"]
    ]
    return [Task(group, one["name"], one["prompt"], one["solution"], one["tests"]) for group, one in entries]


def passes(text: str, tests: str) -> bool:
    """Whether a program runs and its tests hold, in a process of its own that has no input and SECONDS."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "program.py")
        file.write_text(f"{text}\n\n{tests}", encoding="utf-8")
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", file.name],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PATIENCE,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS)),
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0
