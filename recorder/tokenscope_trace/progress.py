"""Progress of a recording: what a caller is told while it goes on, and how he may end it. Knows nothing of what is recorded."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tokenscope_trace.failures import Missing, OnMissing, Unfit, is_memory

OnToken = Callable[[int], None]  # called after each token with the number of tokens so far
ShouldStop = Callable[[], bool]
OnState = Callable[[Callable[[Sequence[Missing]], Any], bool], None]


def warn_of_errors(missing: Missing, error: BaseException | None) -> None:
    """What a caller from Python hears of a stage that failed by an error of the program; the trace says the rest."""
    if error is not None and not is_memory(error) and not isinstance(error, KeyboardInterrupt | Unfit):
        warnings.warn(f"{missing.sentence} {error!r}", RuntimeWarning, stacklevel=2)


@dataclass(frozen=True)
class Stage:
    """One line of an estimate: seconds (None: not known), bytes of memory in all while it runs, and bytes in the file."""

    name: str
    seconds: float | None
    memory: float | None = None
    file: float = 0.0


@dataclass(frozen=True)
class Estimate:
    """The stages in their order; `programs` is how many the user's command may have to judge, of `timeout` seconds each."""

    stages: list[Stage] = field(default_factory=list)
    programs: int = 0
    timeout: float = 0.0
    notes: tuple[str, ...] = ()  # what the measured steps lacked

    @property
    def seconds(self) -> float:
        """Of all stages whose time is known."""
        return sum(stage.seconds for stage in self.stages if stage.seconds is not None)

    @property
    def memory(self) -> float | None:
        """At the worst moment."""
        return max((stage.memory for stage in self.stages if stage.memory is not None), default=None)

    @property
    def file(self) -> float:
        """Bytes of the whole file."""
        return sum(stage.file for stage in self.stages)


@dataclass(frozen=True)
class Watcher:
    """Called before anything runs with the bytes of memory it needs beside the model, then after each token of the output,
    while tokens are read again (so many of so many), before the tree, and after each of its steps.

    `on_plan(nodes, seconds, engine)` says what the tree will take at most; the seconds are None where none were measured.
    `on_state(state, finished)` offers a function that makes a valid Trace of what there is, at the end of a stage (finished) and
    while one goes on, and that is told what the caller knows to be missing, too; `on_missing(missing, error)` is told what is left out, and of the error that was the reason, if one was.
    `on_estimate(rest)` is told what the rest of a long recording takes, once its first steps show it, by whoever forecasts it.
    """

    on_need: Callable[[int], None] = lambda _bytes: None
    on_token: OnToken = lambda _count: None
    on_read: Callable[[int, int], None] = lambda _done, _all: None
    on_plan: Callable[[int, float | None, str], None] = lambda _nodes, _seconds, _engine: None
    on_nodes: Callable[[int], None] = lambda _count: None
    should_stop: ShouldStop = lambda: False
    on_state: OnState = lambda _state, _finished: None
    on_missing: OnMissing = warn_of_errors
    on_estimate: Callable[[Estimate], None] = lambda _rest: None
