"""Progress of a training run: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

SECONDS_BETWEEN_LINES = 20.0


class Display:
    """Context manager; call `update` after every step and `note` for lines that stay."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._last = 0.0
        if sys.stdout.isatty():
            columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*columns)
            self._task = self._bar.add_task("starting", total=1.0)

    def __enter__(self) -> Display:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def update(self, done: float, text: str) -> None:
        """`done` is the share of the time budget that is used up."""
        if self._bar:
            self._bar.update(self._task, completed=done, description=text)
        elif time.monotonic() - self._last > SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            print(f"{done:6.1%}  {text}", flush=True)

    def note(self, text: str) -> None:
        """A line that stays on the screen."""
        if self._bar:
            self._bar.console.print(text)
        else:
            print(text, flush=True)
