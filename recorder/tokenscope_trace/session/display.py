"""The display of a recording: what its runner tells somebody who watches, wherever that is. Knows no terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from tokenscope_trace.failures import Missing, OnMissing
from tokenscope_trace.progress import OnState, ShouldStop, Watcher
from tokenscope_trace.traces.trace import Trace


class Display(Protocol):
    """What a runner tells: a terminal shows it, a notebook shows it otherwise, `Silent` shows nothing."""

    def say(self, sentence: str) -> None:
        """One sentence for who wants to hear what goes on."""

    def insist(self, sentence: str) -> None:
        """One sentence that must be heard."""

    def working(self, what: str) -> AbstractContextManager[None]:
        """Something without measurable progress goes on."""

    def following(
        self, extent: Mapping[str, int], should_stop: ShouldStop, on_state: OnState, on_missing: OnMissing
    ) -> AbstractContextManager[Watcher]:
        """A recording goes on, as far as its job says: the Watcher that shows it and makes these calls, too."""

    def checking(self) -> AbstractContextManager[Callable[[int, int], None]]:
        """The user's command judges programs: what is called with so many of so many."""

    def summary(self, trace: Trace, path: Path | None, size: int) -> None:
        """A trace of so many bytes is written to a file, None for standard output."""


class Silent:
    """The display that shows nothing."""

    def say(self, sentence: str) -> None:
        """Nothing."""

    def insist(self, sentence: str) -> None:
        """Nothing."""

    def working(self, what: str) -> AbstractContextManager[None]:  # noqa: ARG002 - as Display
        """Nothing."""
        return nullcontext()

    def following(
        self,
        extent: Mapping[str, int],  # noqa: ARG002
        should_stop: ShouldStop,
        on_state: OnState,
        on_missing: OnMissing,
    ) -> AbstractContextManager[Watcher]:
        """A Watcher that makes these calls alone."""
        return nullcontext(Watcher(should_stop=should_stop, on_state=on_state, on_missing=on_missing))

    def checking(self) -> AbstractContextManager[Callable[[int, int], None]]:
        """Nothing."""
        return nullcontext(lambda _done, _of: None)

    def summary(self, trace: Trace, path: Path | None, size: int) -> None:
        """Nothing."""


class Watched(Silent):
    """The display of a caller from Python: what must be heard is kept in `heard`; his Watcher, where he has one, is called, too.

    `ended` says whether it was he who asked for an end.
    """

    def __init__(self, watcher: Watcher | None = None) -> None:
        self._watcher = watcher or Watcher(on_missing=lambda _missing, _error: None)  # its sentence is heard
        self.heard: list[str] = []
        self.ended = False

    def insist(self, sentence: str) -> None:
        """Kept."""
        self.heard.append(sentence)

    def following(
        self,
        extent: Mapping[str, int],  # noqa: ARG002 - as Display
        should_stop: ShouldStop,
        on_state: OnState,
        on_missing: OnMissing,
    ) -> AbstractContextManager[Watcher]:
        """His Watcher, which makes these calls, too."""
        his = self._watcher

        def stops() -> bool:
            self.ended = self.ended or his.should_stop()
            return self.ended or should_stop()

        def state(make: Callable[[Sequence[Missing]], Any], finished: bool) -> None:
            on_state(make, finished)
            his.on_state(make, finished)

        def missing(what: Missing, error: BaseException | None) -> None:
            on_missing(what, error)
            his.on_missing(what, error)

        return nullcontext(replace(his, should_stop=stops, on_state=state, on_missing=missing))
