"""The check: the user's own command on finished programs, each in a temporary folder of its own, or in its place in a copy of a project;
within limits of time and memory.

In: programs as bytes, a file name, the command. Out: pass, fail or time-out, and the last lines of what the command printed; or why
the command could not be run, which is no verdict. A program that a signal ends fails, SIGKILL included: the system sends it where the
memory is used up. Knows nothing of models and traces. The limits are against accidents and no sandbox: what runs may do all that the user may.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tokenscope_trace.analysis.check_command import (
    CANNOT_EXECUTE,
    FILE,
    NOT_FOUND,
    SHELL,
    Fault,
    fault_afterwards,
    fault_beforehand,
    names_file_in_quotes,
)
from tokenscope_trace.analysis.check_folder import NoCopy, WorkCopy
from tokenscope_trace.errors import TokenScopeError
from tokenscope_trace.privacy.anonymize import without_places
from tokenscope_trace.settings import CheckSettings
from tokenscope_trace.traces.schema import CheckResult

PRINTED_LINES = 20
CHARACTERS = 2000
_TICK = 0.05  # seconds between looks at the clock and at should_stop
_KEPT = 1 << 16  # bytes of the output's end that are held while the command runs
_LARGEST_FILE = 1 << 30  # bytes; what a program in an endless loop may write into one file
# Sets the limits that the system knows ($1 memory in KiB, $2 a file's size in 512 bytes), then becomes the command ($3) in a shell of this name ($4).
_LIMITED = f"""for limit in "-v $1" "-f $2" "-c 0"; do
    (ulimit $limit) 2>/dev/null && ulimit $limit
done
exec {SHELL} -c "$3" "$4"
"""
_NAME, _SUFFIX = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}"), re.compile(r"\.[A-Za-z0-9]{1,16}$")
_UNPRINTED = re.compile(  # escapes of colours and movements, of titles and links (they name the host), others; controls
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
_Process = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Checked:
    """What the command said of one program."""

    result: CheckResult
    output: str  # the last lines of what it printed, standard output and error together


class NotRun(TokenScopeError):
    """The check could not be run, so that it judges nothing; the message is the reason, half a sentence."""


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
    Raises NotRun where the command could not be run: it, or a file that it names, is not there or cannot be used; where the folder
    cannot be copied; where the shell or a temporary folder is not to be had.
    """
    if reason := fault_beforehand(settings.command, settings.folder):
        raise NotRun(without_places(reason))
    if not programs:
        return []
    distinct = dict.fromkeys(programs)
    found: dict[bytes, Checked] = {}
    faults: list[Fault | None] = []
    try:
        with _places(name, settings, should_stop) as placed:
            for program in distinct:
                checked = None if should_stop() else _check(program, placed, settings, should_stop)
                if checked is None:
                    break
                found[program], fault = checked
                faults.append(fault)
                if fault is not None and fault.certain:
                    raise NotRun(fault.reason)
                on_done(len(found), len(distinct))
    except NoCopy as error:
        raise NotRun(f"there is no copy of its folder: {error}") from error
    except OSError as error:
        raise NotRun(f"there is no {SHELL} or no temporary folder: {error.strerror or error}") from error
    known = [fault for fault in faults if fault is not None]
    if known and len(known) == len(faults):
        raise NotRun(known[0].reason)
    return [found.get(program) for program in programs]


def _inside(name: str) -> str:
    """The name if it is one inside of a folder, else `program`."""
    fits = len(name.encode(errors="replace")) <= 200 and name.isprintable()
    return name if fits and name not in {"", ".", ".."} and not {"/", "\\"} & {*name} else "program"


def _plain(name: str) -> str:
    """The name if no shell reads anything in it, however often it is read, else `program` with its suffix."""
    return name if _NAME.fullmatch(name) else "program" + (_SUFFIX.search(name) or [""])[0]


@dataclass(frozen=True)
class _Place:
    """Where a command runs: its folder, the program's path, and a folder for temporary files."""

    folder: str
    file: str
    temporary: str
    is_temporary: bool  # of the folder: nothing but the program is in it


_Placed = Callable[[bytes], AbstractContextManager[_Place | None]]


@contextmanager
def _places(name: str, settings: CheckSettings, should_stop: Callable[[], bool]) -> Iterator[_Placed]:
    """What puts a program in its place: alone in a folder, or in one copy of a project. None where it was to stop."""

    @contextmanager
    def alone(program: bytes) -> Iterator[_Place]:
        with _temporary() as folder:
            path = Path(folder, _plain(name))
            path.write_bytes(program)
            yield _Place(folder, str(path), folder, is_temporary=True)

    if settings.folder is None:
        yield alone
        return
    with _temporary() as parent:
        copy = WorkCopy(settings.folder, os.path.join(settings.place, _inside(name)), parent)

        @contextmanager
        def among_others(program: bytes) -> Iterator[_Place | None]:
            with _temporary() as folder:
                is_placed = copy.place(program, should_stop)
                yield _Place(copy.root, copy.file, folder, is_temporary=False) if is_placed else None

        yield among_others


def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="tokenscope-", ignore_cleanup_errors=True)


def _check(
    program: bytes, placed: _Placed, settings: CheckSettings, should_stop: Callable[[], bool]
) -> tuple[Checked, Fault | None] | None:
    with placed(program) as place:
        if place is None:
            return None
        return _run(_with_file(settings.command, place.file), place, settings, should_stop)


def _with_file(command: str, path: str) -> str:
    """The command with the program's path in place of {file}.

    Raises NotRun where the path would have to be quoted and {file} stands within quotes already: those would end where the path has one.
    """
    quoted = shlex.quote(path)
    if quoted != path and names_file_in_quotes(command):
        raise NotRun("{file} stands within quotes of the command, and the program's path has signs that a shell reads")
    return command.replace(FILE, quoted)


def _run(
    command: str, place: _Place, settings: CheckSettings, should_stop: Callable[[], bool]
) -> tuple[Checked, Fault | None] | None:
    """Run the command in a process group of its own, of which nothing is left when this returns or raises. With why it could not be run.

    A preexec_fn is no place for the limits: this process has threads. The shell has a name that nobody else has, so that its own messages
    are known.
    """
    name = os.path.basename(place.temporary)
    limits = (str(settings.memory * 1024), str(_LARGEST_FILE // 512))
    with subprocess.Popen(  # noqa: S603
        [SHELL, "-c", _LIMITED, SHELL, *limits, command, name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=place.folder,
        env={**os.environ, "TMPDIR": place.temporary},
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
    text, fault = _UNPRINTED.sub("", said.decode(errors="replace")), None
    if result is not CheckResult.TIME_OUT:
        fault = fault_afterwards(
            command,
            process.returncode,
            text.splitlines(),
            name=name,
            folder=place.folder,
            file=place.file,
            is_temporary=place.is_temporary,
        )
    fault = fault and Fault(_anonymous(fault.reason, place), fault.certain)
    ending = _ending(process.returncode) if result is CheckResult.FAIL else ""
    return Checked(result, _last_lines(_named(text, name), place, ending, cut=len(said) >= _KEPT)), fault


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
        memory = ", as where the memory is used up" * (number == signal.SIGKILL)
        return f"Ended by signal {number} ({signal.strsignal(number)}){memory}."
    said = {CANNOT_EXECUTE: "a command cannot be executed", NOT_FOUND: "there is no such command"}.get(status)
    return f"Ended with {status}, which a shell says where {said}." if said else ""


def _named(text: str, name: str) -> str:
    """What was printed, with the shell under the name that it always has."""
    return re.sub(rf"^{re.escape(name)}: ", "sh: ", text, flags=re.MULTILINE)


def _last_lines(text: str, place: _Place, ending: str, *, cut: bool) -> str:
    """The end of the output, of which the begin may be `cut` off."""
    text = _anonymous(text, place, cut=cut)
    lines = [line.rstrip() for line in [*text.rstrip().splitlines(), *filter(None, [ending])]]
    return "\n".join(lines[-PRINTED_LINES:])[-CHARACTERS:]


def _anonymous(text: str, place: _Place, *, cut: bool = False) -> str:
    """Text that names no folder, no user and no machine."""
    for folder in dict.fromkeys([place.folder, place.temporary]):
        text = re.sub(f"(?:{_either(folder)})/?", "", text)
    return without_places(text, cut=cut)


def _either(path: str) -> str:
    """A pattern of the path as it is written and without its symbolic links, the longer first."""
    return "|".join(re.escape(each) for each in sorted({path, os.path.realpath(path)}, key=len, reverse=True))
