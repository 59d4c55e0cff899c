"""The check: the user's own command on finished programs, each in a temporary folder of its own, within limits of time and memory.

In: programs as bytes, a file name, the command. Out: pass, fail or time-out, and the last lines of what the command printed.
Knows nothing of models and traces. The limits are against accidents and no sandbox: what runs may do all that the user may.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenscope_trace.errors import TokenScopeError
from tokenscope_trace.privacy.anonymize import without_places
from tokenscope_trace.settings import CheckSettings
from tokenscope_trace.traces.schema import CheckResult

PRINTED_LINES = 20
CHARACTERS = 2000
_FILE = "{file}"
_SHELL = "/bin/sh"
_TICK = 0.05  # seconds between looks at the clock and at should_stop
_KEPT = 1 << 16  # bytes of the output's end that are held while the command runs
_LARGEST_FILE = 1 << 30  # bytes; what a program in an endless loop may write into one file
# Sets the limits that the system knows ($1 memory in KiB, $2 a file's size in 512 bytes), then becomes the command ($3).
_LIMITED = f"""for limit in "-v $1" "-f $2" "-c 0"; do
    (ulimit $limit) 2>/dev/null && ulimit $limit
done
exec {_SHELL} -c "$3"
"""
_UNPRINTED = re.compile(  # escapes of colours and movements, of titles and links (they name the host), others; controls
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
_Process = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Checked:
    """What the command said of one program."""

    result: CheckResult
    output: str  # the last lines of what it printed, standard output and error together


def names_file(command: str) -> bool:
    """Whether the command says where the program's path belongs."""
    return _FILE in command


def check_programs(
    programs: Sequence[bytes],
    name: str,
    settings: CheckSettings,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    on_done: Callable[[int, int], None] = lambda _done, _of: None,
) -> list[Checked | None]:
    """What the command says of each program, written to a file called `name`; None for those left out after `should_stop`.

    Equal programs run once; `on_done` is called after each different one. Exit status 0 is a pass, any other a fail.
    Raises TokenScopeError where the shell or a temporary folder is not to be had.
    """
    name = _plain(name)
    distinct = dict.fromkeys(programs)
    found: dict[bytes, Checked] = {}
    for program in distinct:
        checked = None if should_stop() else _check(program, name, settings, should_stop)
        if checked is None:
            break
        found[program] = checked
        on_done(len(found), len(distinct))
    return [found.get(program) for program in programs]


def _plain(name: str) -> str:
    """The name if it is one inside of a folder, else `program`."""
    fits = len(name.encode(errors="replace")) <= 200 and name.isprintable()
    return name if fits and name not in {"", ".", ".."} and not {"/", "\\"} & {*name} else "program"


def _check(program: bytes, name: str, settings: CheckSettings, should_stop: Callable[[], bool]) -> Checked | None:
    try:
        with tempfile.TemporaryDirectory(prefix="tokenscope-", ignore_cleanup_errors=True) as folder:
            path = Path(folder, name)
            path.write_bytes(program)
            command = settings.command.replace(_FILE, shlex.quote(str(path)))
            return _run(command, folder, settings, should_stop)
    except OSError as error:
        raise TokenScopeError(
            f"the check cannot be run with {_SHELL} in a temporary folder ({error.strerror or error}); leave --check away."
        ) from error


def _run(command: str, folder: str, settings: CheckSettings, should_stop: Callable[[], bool]) -> Checked | None:
    """Run the command in a process group of its own, of which nothing is left when this returns or raises.

    A preexec_fn is no place for the limits: this process has threads.
    """
    limits = (str(settings.memory * 1024), str(_LARGEST_FILE // 512))
    with subprocess.Popen(  # noqa: S603
        [_SHELL, "-c", _LIMITED, _SHELL, *limits, command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env={**os.environ, "TMPDIR": folder},
        start_new_session=True,
    ) as process:
        try:
            result, said = _attend(process, settings.timeout, should_stop)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: a group of which only the dead are left
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said += _rest(process)
    if result is None:
        return None
    ending = _ending(process.returncode) if result is CheckResult.FAIL else ""
    return Checked(result, _last_lines(said, folder, ending))


def _attend(process: _Process, timeout: float, should_stop: Callable[[], bool]) -> tuple[CheckResult | None, bytes]:
    """Read until the command ends, its time is over or the user wants to stop (None). With the end of what it printed.

    A pipe and no file: `> /dev/stderr` would empty a file. It is not waited for, as a stray child may hold it open for ever.
    """
    deadline, pipe = time.monotonic() + timeout, _pipe(process)
    said, is_open, ready = b"", True, select.poll()
    ready.register(pipe, select.POLLIN)
    while process.poll() is None:
        if should_stop():
            return None, said
        if time.monotonic() >= deadline:
            return CheckResult.TIME_OUT, said
        if not is_open:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_TICK)
        elif ready.poll(_TICK * 1000):
            chunk = os.read(pipe, _KEPT)
            said, is_open = (said + chunk)[-_KEPT:], bool(chunk)
    return CheckResult.FAIL if process.returncode else CheckResult.PASS, said


def _pipe(process: _Process) -> int:
    assert process.stdout is not None
    return process.stdout.fileno()


def _rest(process: _Process) -> bytes:
    """What the pipe still holds, without waiting for more."""
    os.set_blocking(_pipe(process), False)
    try:
        return os.read(_pipe(process), 1 << 20)
    except BlockingIOError:
        return b""


def _ending(status: int) -> str:
    """In words, what an exit status says beyond a plain no. A shell adds 128 to a signal's number."""
    number = -status if status < 0 else status - 128
    if number in signal.valid_signals():
        return f"Ended by signal {number} ({signal.strsignal(number)})."
    return {126: "Command cannot be executed.", 127: "Command not found."}.get(status, "")


def _last_lines(said: bytes, folder: str, ending: str) -> str:
    """The end of the output as plain text that names no folder, no user and no machine."""
    text = _UNPRINTED.sub("", said.decode(errors="replace"))
    text = re.sub(f"(?:{_either(folder)})/?", "", text)
    text = without_places(text)
    lines = [line.rstrip() for line in [*text.rstrip().splitlines(), *filter(None, [ending])]]
    return "\n".join(lines[-PRINTED_LINES:])[-CHARACTERS:]


def _either(path: str) -> str:
    """A pattern of the path as it is written and without its symbolic links, the longer first."""
    return "|".join(re.escape(each) for each in sorted({path, os.path.realpath(path)}, key=len, reverse=True))
