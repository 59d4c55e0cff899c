"""Ctrl-C and SIGTERM: at once while there is nothing to keep; afterwards the first asks for an orderly end, the second insists."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def abortable() -> Iterator[None]:
    """While nothing is worth keeping: a signal raises KeyboardInterrupt at once.

    A library may swallow it (imports do, now and then); then it is raised again at the end of the block. Main thread only.
    """
    asked = False

    def handle(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        raise KeyboardInterrupt

    with _handled_by(handle):
        yield
    if asked:
        raise KeyboardInterrupt


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

    with _handled_by(handle):
        yield lambda: asked


@contextmanager
def _handled_by(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
