"""Ctrl-C and SIGTERM while something is worth keeping: the first asks for an orderly end, the second one insists."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stoppable(on_first: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether the user asked to stop; a second request raises KeyboardInterrupt.

    `on_first` is called from the signal handler at the first request. Main thread only.
    """
    asked = False

    def handle(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        on_first()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
