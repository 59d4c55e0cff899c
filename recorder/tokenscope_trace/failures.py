"""Failures of a recording's stages: a stage that fails is left out, with a sentence and a fact.

In order: the output is generated, the prompt's tokens are measured, the output is read again (attention, lens), the tree grows, the
code is analysed, the user's check runs. What a stage gave stays, whatever befalls those after it. Where the memory is full the tree
goes first, then the lens, then attention. Knows no torch and no trace.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from tokenscope_trace.errors import TokenScopeError

Result = TypeVar("Result")

STAGES = ("generation", "prompt", "replay", "lens", "attention", "tree", "structure", "check")
INTERRUPTED = "the recording was interrupted"
CUT_OFF = "the recording was cut off"
MEMORY = "the memory did not suffice"
TOO_MUCH = "it is more than a trace holds"
NOT_FINITE = "the model's logits were not finite"
DEBUG = "TOKENSCOPE_DEBUG"
RESERVE_BYTES = 64 << 20
_RESERVES: list[mmap.mmap] = []
_SAYS = {
    "generation": "The output ends early",
    "prompt": "The prompt's tokens were not measured",
    "replay": "The output was not read again",
    "lens": "The lens was left out",
    "attention": "Attention was left out",
    "tree": "The tree was left out",
    "structure": "The code was not analysed",
    "check": "The check was left out",
}
# Of torch on a processor and on a device, of zstd, and of the loader of shared libraries.
_MEMORY_WORDS = ("allocate", "out of memory", "not enough memory", "failed to map segment")


class Unfit(Exception):
    """What was asked for cannot be had of this model; the message is the reason, which names nothing but the model's doings."""


@dataclass(frozen=True)
class Missing:
    """A stage that was asked for and is not there, or not whole; the reason names no path, no user and no text of the prompt."""

    stage: str
    reason: str
    partly: bool = False

    def __post_init__(self) -> None:
        assert self.stage in STAGES, self.stage

    @property
    def sentence(self) -> str:
        """For a reader."""
        if self.stage == "tree" and self.partly:
            return f"The tree was cut short: {self.reason}; the branches are those that had grown until then."
        return f"{_SAYS[self.stage]}: {self.reason}."

    @property
    def fact(self) -> dict[str, str]:
        """An entry of `run.missing`."""
        return {"stage": self.stage, "reason": self.reason}


@contextmanager
def reserve() -> Iterator[None]:
    """Address space that is given back when the memory is full for the first time, so that what there is can be put together.

    It is never touched, and so takes none of the machine's memory.
    """
    space = mmap.mmap(-1, RESERVE_BYTES)
    _RESERVES.append(space)
    try:
        yield
    finally:
        if space in _RESERVES:
            _RESERVES.remove(space)
            space.close()


OnMissing = Callable[[Missing, BaseException | None], None]


def is_memory(error: BaseException) -> bool:
    """Whether an error says that the memory is full, however its library says so."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    says = isinstance(error, RuntimeError | ImportError) or type(error).__module__.startswith("zstandard")
    return says and any(word in str(error).lower() for word in _MEMORY_WORDS)


def reason_of(error: BaseException) -> str:
    """Why a stage failed, in words that may go into a file that is passed on: nothing of what a library said."""
    if is_memory(error):
        return MEMORY
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, Unfit):
        return str(error)
    return f"an error of the program ({type(error).__name__})"


def released(error: BaseException) -> None:
    """Let go of what the failed stage held: its frames keep tensors alive, and an accelerator keeps freed memory for itself."""
    if is_memory(error):
        while _RESERVES:
            _RESERVES.pop().close()
    traceback.clear_frames(error.__traceback__)
    torch: Any = sys.modules.get("torch")
    if torch is not None and is_memory(error) and torch.cuda.is_available():
        torch.cuda.empty_cache()


def attempt(stage: str, run: Callable[[], Result], on_missing: OnMissing) -> Result | None:
    """What the stage gives; None where it fails, which `on_missing` is told."""
    try:
        return run()
    except (Exception, KeyboardInterrupt) as error:
        on_missing(Missing(stage, reason_of(error)), error)
        released(error)
        return None


def explained(missing: Missing, error: BaseException | None) -> Iterable[str]:
    """The lines that say on stderr what is missing; an error of the program with its traceback, where that was asked for."""
    yield missing.sentence
    if error is None or is_memory(error) or isinstance(error, KeyboardInterrupt | TokenScopeError | Unfit):
        return
    if os.environ.get(DEBUG):
        yield from "".join(traceback.format_exception(error)).rstrip().split("\n")
    else:
        yield f"{DEBUG}=1 shows where."
