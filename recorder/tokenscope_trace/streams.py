"""Standard streams: taken once, when a command starts; whether each is open is a state that is asked, not an error that is met.

A stream that the caller closed leads nowhere: reading the prompt from it, or writing the output to it, is refused in a sentence, and
nothing else notices. Whoever reads standard output may stop (`| head`), which ends nothing; where it takes no more for another reason,
that is an OutputError. A sign that a stream's encoding has not is escaped.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TextIO

from tokenscope_trace.errors import OutputError

_CLOSED: set[str] = set()


@contextmanager
def standard_streams() -> Iterator[None]:
    """While a command runs: `sys.stdin`, `sys.stdout` and `sys.stderr` are there, and writing to them raises nothing but OutputError.

    What another program has put in their places, such as a test, stays there.
    """
    before = {name: getattr(sys, name) for name in ("stdin", "stdout", "stderr")}
    closed = {name for name, stream in before.items() if stream is None or stream.closed}
    _fill_descriptors()
    for place, (name, stream) in enumerate(before.items()):
        if name in closed:
            _CLOSED.add(name)
            setattr(sys, name, open(os.devnull, "r" if place == 0 else "w", encoding="utf-8"))  # noqa: SIM115 - as long as the command
        elif place and stream is getattr(sys, f"__{name}__") and isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, _text_stream(stream, is_output=name == "stdout"))
    try:
        yield
    finally:
        _CLOSED.difference_update(closed)
        for name, stream in before.items():
            with contextlib.suppress(OutputError):
                if stream is not getattr(sys, name):
                    getattr(sys, name).close()
            setattr(sys, name, stream)


def standard_input() -> BinaryIO:
    """Standard input as bytes. Raises OSError where it is closed."""
    if sys.stdin is None or "stdin" in _CLOSED:
        raise OSError(errno.EBADF, "it is closed")
    return sys.stdin.buffer


def check_stdout() -> None:
    """Refuse an output before the work is done that would have filled it. Raises OutputError where standard output is closed."""
    if sys.stdout is None or "stdout" in _CLOSED:
        raise OutputError("standard output is closed; name a file with -o.")


def write_to_stdout(content: bytes, *, is_needed: bool = True) -> None:
    """Write `content` to standard output. Raises OutputError where it is not taken; where it `is_needed`, also where a reader has gone."""
    check_stdout()
    raw = _gate_of(sys.stdout)
    if raw is not None:
        raw.is_needed = is_needed
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(_not_written(error)) from error
    finally:
        if raw is not None:
            raw.is_needed = False


def _text_stream(stream: TextIO, *, is_output: bool) -> TextIO:
    stream.flush()
    gate = _Gate(stream.fileno(), is_output=is_output)
    return io.TextIOWrapper(
        io.BufferedWriter(gate),
        encoding=stream.encoding,
        errors="backslashreplace",
        newline="\n",
        line_buffering=not is_output or stream.isatty(),
    )


def _gate_of(stream: Any) -> _Gate | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, _Gate) else None


class _Gate(io.RawIOBase):
    """The way to a descriptor. After the first failure all that follows goes nowhere; of standard output a failure is told, but for a
    reader who has gone, unless what is written `is_needed`.
    """

    def __init__(self, descriptor: int, *, is_output: bool) -> None:
        self._descriptor, self._is_output = descriptor, is_output
        self._failed = False
        self.is_needed = False

    def write(self, content: Any) -> int:
        """The number of bytes taken. Raises OutputError."""
        if self._failed:
            return len(content)
        while True:
            try:
                return os.write(self._descriptor, content)
            except BlockingIOError:  # another process made the terminal or the pipe so
                select.select([], [self._descriptor], [])
            except OSError as error:
                self._failed = True
                if self._is_output and (self.is_needed or error.errno != errno.EPIPE):
                    raise OutputError(_not_written(error)) from error
                return len(content)

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)


def _not_written(error: OSError) -> str:
    return f"cannot write to standard output: {error.strerror or error}."


def _fill_descriptors() -> None:
    """Where one of the three is closed, the next file that is opened would take its number, and get what is meant for a stream."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != descriptor:
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
            os.set_inheritable(descriptor, True)
