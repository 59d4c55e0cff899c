"""Files on disk: whole or not at all.

In: a path and bytes. Out: the file, replaced in one step. Knows nothing of traces or reports.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from tokenscope_trace.errors import OutputError


def check_writable(path: Path, *, force: bool = False) -> None:
    """Refuse an output before the work is done that would have filled it.

    Raises OutputError where `path` is a directory, exists without `force`, or lies in a folder that is missing or
    cannot be written.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file to write.")
    if path.exists() and not force:
        raise OutputError(f"{path} exists already; choose another name with -o, or overwrite it with --force.")
    folder = path.parent
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

    Raises OutputError as `check_writable`, and where the disk refuses.
    """
    check_writable(path, force=force)
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, _permissions(path))
        os.replace(temporary, path)
        temporary = None
        _sync_folder(path.parent)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}.") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _permissions(path: Path) -> int:
    """The mode of the file that is replaced, or what the umask gives a new one (mkstemp's 0600 is for secrets)."""
    try:
        return path.stat().st_mode & 0o7777
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be flushed."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
