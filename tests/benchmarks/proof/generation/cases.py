"""Cases of generation: a task, the model that writes it, and how it is decoded; what all of them share."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.proof.tasks import loading
from tests.support import real_models

from tokenscope_trace.settings import CheckSettings, GenerationSettings

FOLDER = real_models.CACHE / "proof"
MODELS: dict[str, Callable[[], Path]] = {"gemma3": real_models.gemma3, "smollm2": real_models.smollm2}
SAMPLES = 3
MAX_NEW_TOKENS = 128
TREE_NODES = 512
_TIMEOUT = 20.0  # seconds


@dataclass(frozen=True)
class Task:
    """Something to write: the prompt, and a program that, put behind the finished one, ends with 0 where that is right."""

    name: str
    prompt: str
    tests: str
    function: str  # what the tests call, by its name or as `candidate`


@dataclass(frozen=True)
class Case:
    """One recording: a task's text as `model` writes it, greedily for `sample` 0, else with that seed."""

    model: str
    task: Task
    sample: int

    @property
    def name(self) -> str:
        """The case's name, which no other case of the model has."""
        return f"{self.task.name}-{'greedy' if self.sample == 0 else f'sample{self.sample}'}"

    @property
    def trace(self) -> Path:
        """Where its recording is kept."""
        return FOLDER / self.model / f"{self.name}.tsc"

    @property
    def generation(self) -> GenerationSettings:
        """How it is decoded: samples as harnesses take them, at temperature 0.8 and top-p 0.95."""
        if self.sample == 0:
            return GenerationSettings(max_new_tokens=MAX_NEW_TOKENS, temperature=0)
        return GenerationSettings(max_new_tokens=MAX_NEW_TOKENS, temperature=0.8, top_p=0.95, seed=self.sample)

    def check(self) -> CheckSettings:
        """The tests behind the program, as one Python file."""
        tests = FOLDER / "tests" / f"{self.task.name}.py"
        tests.parent.mkdir(parents=True, exist_ok=True)
        tests.write_text(self.task.tests, encoding="utf-8")
        whole = f"{{ cat {{file}}; echo; cat {shlex.quote(str(tests))}; }} > whole.py && python3 -I whole.py"
        return CheckSettings(whole, _TIMEOUT)


def human_eval() -> dict[str, Task]:
    """The tasks of HumanEval; nothing is tuned on them. A line break at a prompt's end would say that no indentation follows."""
    return {
        name: Task(name, task.prompt.rstrip(), f"{task.tests}\ncheck({task.entry_point})\n", task.entry_point)
        for name, task in real_models.human_eval().items()
    }


def own() -> dict[str, Task]:
    """The benchmark's own tasks."""
    return {one.name: Task(one.name, one.prompt.rstrip("\n"), one.tests, one.function) for one in loading.tasks()}


def cases(model: str, tasks: dict[str, Task], samples: int) -> Iterator[Case]:
    """All greedy ones, then those of sample 1 and so on: a run that is cut short has the first samples of all tasks."""
    for sample in range(samples + 1):
        for task in tasks.values():
            yield Case(model, task, sample)
