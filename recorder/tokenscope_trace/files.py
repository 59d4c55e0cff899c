"""Files on disk: whole or not at all.

In: a path and bytes. Out: the file, replaced in one step; or the bytes in another place, where that one takes none. Knows nothing
of traces or reports.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tokenscope_trace.errors import OutputError

_PIECE = 1 << 24  # bytes handed to the system at once


def check_writable(path: Path, *, force: bool = False) -> None:
    """Refuse an output before the work is done that would have filled it.

    Raises OutputError where the system takes no such name, `path` is a directory or a device, exists without `force`, or lies in a folder
    that is missing or cannot be written.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (
        OSError,
        ValueError,
    ) as error:  # a name that is too long, a circle of links, a folder that may not be entered, a NUL
        why = error.strerror if isinstance(error, OSError) else error
        raise OutputError(f"{path} cannot be written ({why}); choose another name with -o.") from error
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file to write.")
    if path.exists() and not path.is_file():  # a rename would put a plain file in the place of a device
        raise OutputError(f"{path} is a device or a pipe; write to standard output with -o - instead.")
    if path.exists() and not force:
        raise OutputError(f"{path} exists already; choose another name with -o, or overwrite it with --force.")
    folder = _target(path).parent
    if not folder.is_dir():
        raise OutputError(f"the folder {folder} does not exist; create it first.")
    try:
        with tempfile.TemporaryFile(dir=folder):  # what permissions say and what the system allows may differ
            pass
    except OSError as error:
        raise OutputError(
            f"the folder {folder} cannot be written ({error.strerror or error}); choose another place with -o."
        ) from error


def write_atomically(path: Path, content: bytes, *, force: bool = False) -> None:
    """Write `content` beside `path`, flush it to disk, and rename it: a crash leaves the old file or the new one.

    A symbolic link stays one; what it points to is replaced. Raises OutputError as `check_writable`, and where the disk refuses:
    then the old file is as it was.
    """
    check_writable(path, force=force)
    target = _target(path)
    try:
        _replace(target, content)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}.") from error
    _sync_folder(target.parent)


def save_elsewhere(name: str, content: bytes, folders: Iterable[Path]) -> Path | None:
    """Write `content` under a name like `name` that nothing has, in the first of these folders that takes it; None where none does."""
    stem, suffix = os.path.splitext(name)
    for folder in folders:
        temporary: str | None = None
        try:
            handle, temporary = tempfile.mkstemp(dir=folder, prefix=f"{stem[:60]}.", suffix=suffix)
            _fill(handle, content)
        except OSError:
            if temporary is not None:
                _remove(temporary)
            continue
        _sync_folder(folder)
        return Path(temporary)
    return None


def _target(path: Path) -> Path:
    """Where the bytes belong: behind symbolic links, if there are any."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _replace(target: Path, content: bytes) -> None:
    """The file in one step, or OSError and the old one."""
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:60]}.", suffix=".part")
    renamed = False
    try:
        with contextlib.suppress(OSError):  # not every file system knows permissions
            os.chmod(temporary, _permissions(target))
        _fill(handle, content)
        os.replace(temporary, target)
        renamed = True
    finally:
        if not renamed:
            _remove(temporary)


def _fill(handle: int, content: bytes) -> None:
    """Write all of it, flush it to disk, and close; a disk may find out at any of these that it is full."""
    try:
        view, place = memoryview(content), 0
        while place < len(view):
            place += os.write(handle, view[place : place + _PIECE])
        os.fsync(handle)
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(handle)
        raise
    os.close(handle)


def _permissions(path: Path) -> int:
    """The mode of the file that is replaced, or what the umask gives a new one (mkstemp's 0600 is for secrets)."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask


def _remove(name: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(name)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be flushed."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
