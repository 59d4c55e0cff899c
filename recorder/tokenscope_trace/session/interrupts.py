"""Interrupts, which are Ctrl-C, SIGTERM and a terminal that hangs up: at once while there is nothing to keep; afterwards in three steps.

The first request asks for an orderly end. The second breaks off what runs; what there was at the end of the last finished stage
is still written. The third leaves at once.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = [
    number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None
]  # there is no hanging up on Windows


class Insisted(BaseException):
    """The user asked for the third time: nothing is to be finished any more. No Exception, so that no stage takes it for its own."""


class Stop:
    """Whether, and how urgently, the user wants to stop; called, it says whether at all.

    While it listens, the first signal calls `on_first`, the second raises KeyboardInterrupt, the third Insisted.
    """

    def __init__(self, on_first: Callable[[], None]) -> None:
        self._on_first = on_first
        self._asked = 0
        self._sheltered = 0
        self._pending = False

    def __call__(self) -> bool:
        """Whether the user asked to stop."""
        return self._asked > 0

    def ask(self) -> None:
        """Somebody wants an orderly end, who sent no signal."""
        self._asked = max(self._asked, 1)

    @contextmanager
    def shelter(self) -> Iterator[None]:
        """While a file is written, which takes a moment: a second request raises KeyboardInterrupt at the end of the block."""
        self._sheltered += 1
        try:
            yield
        finally:
            self._sheltered -= 1
        if self._pending and not self._sheltered:
            self._pending = False
            raise KeyboardInterrupt

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Signals come here. Main thread only."""
        with _handled_by(self.handle):
            yield

    def handle(self, _signal: int, _frame: FrameType | None) -> None:
        """A signal came."""
        self._asked += 1
        if self._asked > 2:
            raise Insisted
        if self._asked == 2:
            self._pending = bool(self._sheltered)
            if not self._sheltered:
                raise KeyboardInterrupt
        if self._asked == 1:
            self._on_first()


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
def _handled_by(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {}
    try:
        for number in _SIGNALS:
            if number == getattr(signal, "SIGHUP", None) and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup: the recording is to outlive its terminal
            before[number] = signal.signal(number, handle)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
