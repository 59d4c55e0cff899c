"""The output of one recording: its file at the end, and until then from time to time to a file beside it.

So a process that is killed leaves a valid trace that says what it lacks. Every trace that a recording writes goes through
`Keeper.encoded`. Knows no model and no terminal.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from tokenscope_trace.errors import OutputError
from tokenscope_trace.files import check_writable, save_elsewhere, write_atomically
from tokenscope_trace.session.format_limit import within_format
from tokenscope_trace.streams import check_stdout, write_to_stdout
from tokenscope_trace.traces.trace import Trace

SHARE = 0.03  # of a recording's time at most, for what is kept on the way
EVERY_SECONDS = 30.0  # at least between two of those
MakeTrace = Callable[[], Trace]


@dataclass(frozen=True)
class Written:
    """Where the trace is (None: standard output), and how many bytes it has."""

    path: Path | None
    size: int


class Keeper:
    """The output of one recording. `output` None is standard output: then nothing is kept on the way.

    `prepare` makes of each trace what may be written; `shelter` holds signals off while that is done; `say` tells the user.
    """

    _writes = True

    def __init__(
        self,
        output: Path | None,
        *,
        force: bool = False,
        prepare: Callable[[Trace], Trace] = lambda trace: trace,
        shelter: Callable[[], AbstractContextManager[None]] = nullcontext,
        say: Callable[[str], None] = lambda _sentence: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises OutputError where the output cannot be written; says which files earlier recordings have left."""
        self._output, self._force, self._prepare, self._shelter, self._say = output, force, prepare, shelter, say
        self._clock = clock
        self._begin = self._last = clock()
        self._spent = 0.0
        self._failed = False
        self.kept: Path | None = None  # the file on the way, where there is one
        if output is not None:
            check_writable(output, force=force)
            self._place = self._free_place(output)
        elif self._writes:
            check_stdout()

    def encoded(self, trace: Trace) -> bytes:
        """The bytes that are written for a trace: the only way to the disk."""
        return within_format(self._prepare(trace))[0].to_bytes()

    def offer(self, state: MakeTrace, finished: bool) -> None:
        """Write what there is: at the end of a stage, else where it is time again. Whatever goes wrong costs this file alone."""
        if self._output is None or not (finished or self._is_due()):
            return
        begin = self._clock()
        try:
            with self._shelter():
                write_atomically(self._place, self.encoded(state()), force=self.kept is not None)
                self.kept = self._place
        except Exception as error:
            if not self._failed:
                why = str(error) if isinstance(error, OutputError) else f"{type(error).__name__}."
                self._say(f"What there is so far cannot be kept beside the output: {why}")
            self._failed = True
        self._last = self._clock()
        self._spent += self._last - begin

    def finish(self, trace: Trace) -> Written:
        """Write the trace, and remove the file on the way.

        Raises OutputError where the output takes it not, saying where else the trace is; and what encoding raises.
        """
        content = self.encoded(trace)
        try:
            if self._output is None:
                write_to_stdout(content)
            else:
                write_atomically(self._output, content, force=self._force)
        except OutputError as error:
            raise OutputError(f"{error} {self._rescued(content)}") from error
        self._remove()
        return Written(self._output, len(content))

    def left(self) -> str:
        """A sentence on the file on the way, where there is one; it stays."""
        return "" if self.kept is None else f"What there was until then is in {self.kept}."

    def _is_due(self) -> bool:
        now = self._clock()
        return now - self._last >= EVERY_SECONDS and self._spent <= SHARE * (now - self._begin)

    def _free_place(self, output: Path) -> Path:
        """A name beside the output that no file has; what earlier recordings left is named and stays as it is."""
        stem = output.stem if output.suffix == ".tsc" else output.name
        left, number = [], 1
        while True:
            place = output.with_name(f"{stem}.partial{'' if number == 1 else f'-{number}'}.tsc")
            if not os.path.lexists(place):
                break
            left.append(place)
            number += 1
        if left:
            names = " and ".join(str(place) for place in left)
            what = "is left of a recording" if len(left) == 1 else "are left of recordings"
            self._say(f"{names} {what} that did not come to its end, if it does not still run; tokenscope-html reads it.")
        return place

    def _rescued(self, content: bytes) -> str:
        """Save the bytes somewhere else, and say where."""
        folders: list[Path] = []
        finders: list[Callable[[], Path]] = [lambda: Path(tempfile.gettempdir()), Path.cwd, Path.home]
        for find in finders:
            with contextlib.suppress(OSError, RuntimeError):  # a folder that is gone, a user without a home
                folders.append(find())
        if self._output is not None:
            folders = [folder for folder in folders if not _same(folder, self._output.parent)] + [self._output.parent]
        name = self._output.name if self._output is not None else "trace.tsc"
        found = save_elsewhere(name, content, folders)
        if found is None:
            return f"No other folder took it either. {self.left()}".rstrip()
        self._remove()
        return f"The recording is whole in {found}."

    def _remove(self) -> None:
        if self.kept is not None:
            with contextlib.suppress(OSError):
                os.unlink(self.kept)
            self.kept = None


class Nowhere(Keeper):
    """Keeps and writes nothing: for who wants the trace itself."""

    _writes = False

    def __init__(self) -> None:
        super().__init__(None)

    def finish(self, trace: Trace) -> Written:  # noqa: ARG002 - as its base
        """Nothing."""
        return Written(None, 0)


def _same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
