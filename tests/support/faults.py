"""Where a recording can be made to fail: at each of its stages, by an error or by a signal to its own process."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support import tiny_tokenizers
from tests.support.tiny_models import tiny_model

PROMPT = 'def mean(values):\n    """The arithmetic mean."""\n'
WORDS = ("--max-new-tokens", "8", "--temperature", "0", "--tree-nodes", "40", "--tree-min-prob", "0", "--tree-length", "5",
         "--attention-top", "2", "--lens", "--check", "true {file}", "--stop", "e", "-o", "t.tsc")  # fmt: skip
OUTPUT = 5  # tokens of the output, the last of which holds the stop string
AFTER = 4  # calls that a stage makes before it fails, where it makes several

# stage: (module, name of what it calls, calls before it fails)
PLACES = {
    "generation": ("inference.generation", "_Recorder.__call__", AFTER),
    "prompt": ("models.head", "PromptStates.logits", 0),
    "replay": ("inference.replay", "_replay", 0),
    "engine": ("inference.branching", "choose_engine", 0),
    "tree": ("tree.search", "Search._step", AFTER),
    "looking": ("tree.search", "Search._ground", AFTER),
    "structure": ("session.runner", "with_decisions", 0),
    "check": ("session.runner", "with_checks", 0),
}
# what the trace lacks then; a stage that makes several calls keeps what it has
MISSING = {
    "generation": ["generation", "replay", "tree"],
    "prompt": ["prompt"],
    "replay": ["replay"],
    "engine": ["tree"],
    "tree": ["tree"],
    "looking": ["tree"],
    "structure": ["structure"],
    "check": ["check"],
}


def save_model(folder: Path) -> None:
    """A tiny model whose outputs, of WORDS, hold more than one token."""
    tiny_model(max_position_embeddings=512).save_pretrained(folder)
    tiny_tokenizers.byte_level().save_pretrained(folder)


def inject(stage: str, fail: Callable[[], None], put: Callable[[Any, str, Any], None] = setattr) -> None:
    """Let a stage call `fail` once it has begun, or has gone on for a while."""
    import importlib

    module, name, before = PLACES[stage]
    holder: Any = importlib.import_module(f"tokenscope_trace.{module}")
    *outer, last = name.split(".")
    for part in outer:
        holder = getattr(holder, part)
    usual = getattr(holder, last)
    calls = 0

    def failing(*values: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > before:
            fail()
        return usual(*values, **more)

    put(holder, last, failing)


def run(folder: str, words: list[str], prepare: str, *settings: Any) -> None:
    """Run the command in this process, after one of the functions below has prepared it; leaves the process."""
    os.chdir(folder)
    handle = os.open("stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 2)
    os.close(handle)
    import torch

    torch.set_num_threads(1)
    from tokenscope_trace.cli.record_command import main

    globals()[prepare](*settings)
    main(words)


def usually() -> None:
    """Nothing goes wrong."""


def signalled(stage: str, numbers: list[int]) -> None:
    """The process sends itself these signals when it comes to a stage, or to a call that writes the output."""
    sent = False

    def send() -> None:
        nonlocal sent
        if sent:
            return
        sent = True
        broken_off = False
        for number in numbers:
            try:
                os.kill(os.getpid(), signal.Signals(number))
            except KeyboardInterrupt:
                broken_off = True
        if broken_off:
            raise KeyboardInterrupt

    if stage in PLACES:
        inject(stage, send)
        return
    usual = getattr(os, stage)

    def writing(*values: Any, **more: Any) -> Any:
        name = values[0] if isinstance(values[0], str) else os.readlink(f"/proc/self/fd/{values[0]}")
        if Path(name).name.startswith(".t.tsc."):
            send()
        return usual(*values, **more)

    setattr(os, stage, writing)


def full_disk() -> None:
    """The kernel refuses to write more than 1,000 bytes to any file, in any folder, once the recording is finished."""
    import resource

    from tokenscope_trace.session.output import Keeper

    usual = Keeper.finish

    def finish(keeper: Keeper, trace: Any) -> Any:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        try:
            return usual(keeper, trace)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    Keeper.finish = finish  # type: ignore[method-assign]


def little_memory(stage: str, megabytes: int) -> None:
    """The process may take so much more address space than it has when a stage begins."""
    import resource

    done = False

    def limit() -> None:
        nonlocal done
        if not done:
            done = True
            taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (taken + megabytes * 1024 * 1024, resource.RLIM_INFINITY))

    inject(stage, limit)


def unread(*handles: int) -> None:
    """These are pipes that nobody reads."""
    for handle in handles:
        reading, writing = os.pipe()
        os.close(reading)
        os.dup2(writing, handle)
        os.close(writing)


def no_room_for(name: str) -> None:
    """A file of this name finds no room on the disk; every other does."""
    import errno

    usual = os.replace

    def replace(source: Any, target: Any) -> None:
        if Path(target).name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        usual(source, target)

    os.replace = replace  # type: ignore[assignment]
