"""A check's folder: a copy of a project in which a program stands in place of one of its files. A folder in, a work folder out.

The user's own folder is read and never written: no link of the copy leads out of it. Between two programs the copy is changed back to
what it was: only what a check has changed is copied again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenscope_trace.analysis.check_command import ENVIRONMENT
from tokenscope_trace.errors import SettingsError, TokenScopeError

MOST_BYTES = 2 << 30
MOST_ENTRIES = 100_000
NOT_COPIED = (".git", ".hg", ".svn")  # a history leads back to where it was, and is large
_OPEN, _WRITABLE = 0o700, 0o600  # bits that a folder and a file of the copy have
_TICK = 0.01  # seconds; two changes within one tick of a file system's clock look the same


class NoCopy(TokenScopeError):
    """The folder cannot be copied, or has changed since."""


@dataclass(frozen=True)
class _Entry:
    """What stands at a place of the copy: a folder, a file copied from `source`, or a link to `target`. `mode` are its bits; `stamp`
    changes with the source's content.
    """

    kind: str  # folder, file, link
    source: str = ""
    target: str = ""
    mode: int = 0
    stamp: tuple[int, ...] = ()


def require_copyable(folder: str) -> None:
    """Raise SettingsError where a check cannot run in a copy of the folder: it is none, or is too large."""
    if not os.path.isdir(folder):
        raise SettingsError(f"there is no folder {folder}; name the one in whose copy the check is to run.")
    try:
        dict(_entries(os.path.realpath(folder)))
    except (NoCopy, OSError) as error:
        raise SettingsError(f"the check cannot run in a copy of {folder}: {_said(error)}.") from error


def place_in(folder: str, source: str) -> str:
    """The folder below `folder` that a file stands in, relative to it; empty for its top, and for a file that is not in it."""
    root, parent = os.path.realpath(folder), os.path.realpath(os.path.dirname(os.path.abspath(source)))
    found = os.path.relpath(parent, root)
    return "" if found == "." or found.split(os.sep)[0] == ".." else Path(found).as_posix()


class WorkCopy:
    """The copy of a folder with a place for programs: the file `name`, a relative path. `root` is where it lies."""

    def __init__(self, folder: str, name: str, parent: str) -> None:
        self._folder, self._name = os.path.realpath(folder), os.path.normpath(name)
        self.root = os.path.join(parent, os.path.basename(self._folder) or "folder")
        self._entries: dict[str, _Entry] = {}
        self._stamps: dict[str, tuple[int, ...]] = {}
        self._is_ours = self._is_made = self._is_known = False  # what lies at root; all of it; what belongs there

    @property
    def file(self) -> str:
        """The path of the program."""
        return os.path.join(self.root, self._name)

    def place(self, program: bytes, should_stop: Callable[[], bool] = lambda: False) -> bool:
        """Make the copy, or change it back to what it was, and write the program; False where it was to stop before.

        Raises NoCopy where the folder cannot be copied, has changed meanwhile, or has a folder in the program's place.
        """
        try:
            if not (self._change_back(should_stop) if self._is_made else self._make(should_stop)):
                return False
            os.makedirs(os.path.dirname(self.file), exist_ok=True)
            with open(self.file, "xb") as file:
                file.write(program)
        except (OSError, shutil.Error) as error:
            raise NoCopy(_said(error)) from error
        return True

    def _make(self, should_stop: Callable[[], bool]) -> bool:
        if self._is_ours:
            _remove(self.root)
        if not self._is_known:
            self._entries = dict(_entries(self._folder))
            replaced = self._entries.pop(self._name, None)
            if replaced is not None and replaced.kind == "folder":
                raise NoCopy(f"“{self._name}” is a folder of it, and the place of the program")
        os.mkdir(self.root, _OPEN)
        self._is_ours = True
        for name in list(self._entries):
            if should_stop():
                return False
            self._put(name)
        self._is_made = self._is_known = True
        return True

    def _put(self, name: str) -> None:
        """Write an entry. Raises NoCopy where its source has changed since the copy was made."""
        entry, path = self._entries[name], os.path.join(self.root, name)
        if entry.kind == "folder":
            os.mkdir(path, entry.mode | _OPEN)
        elif entry.kind == "link":
            os.symlink(entry.target, path)
        elif self._is_known and _stamp_of(entry.source) != entry.stamp:
            raise NoCopy(f"“{os.path.basename(entry.source)}” of the folder was changed while the check ran")
        elif not _is_copied(entry, path):
            del self._entries[name]
            return
        self._stamps[name] = _stamp(os.lstat(path))

    def _change_back(self, should_stop: Callable[[], bool]) -> bool:
        """Undo what a check did to the copy; where that cannot be done, make it anew."""
        try:
            changed = self._undo()
        except OSError:
            self._is_made = False
            return self._make(should_stop)
        if changed:
            time.sleep(_TICK)
        return True

    def _undo(self) -> bool:
        """Remove what is new and write again what is not as it was; whether there was anything."""
        if not stat.S_ISDIR(os.lstat(self.root).st_mode):
            raise NotADirectoryError(self.root)
        found = dict(_found(self.root, self._entries))
        kept = {name for name, now in found.items() if self._is_as_it_was(name, now)}
        for name in sorted(set(found) - kept, reverse=True):  # what is in a folder comes before it
            _remove(os.path.join(self.root, name))
        gone = [name for name in self._entries if name not in kept]  # a folder comes before what is in it
        for name in gone:
            self._put(name)
        return bool(gone or set(found) - kept)

    def _is_as_it_was(self, name: str, now: os.stat_result) -> bool:
        if name not in self._entries:
            return False
        if self._entries[name].kind == "folder":  # its time changes with every file in it
            return stat.S_ISDIR(now.st_mode)
        return _stamp(now) == self._stamps[name]


def _entries(root: str) -> Iterator[tuple[str, _Entry]]:
    """(relative path, what stands there) of all of a folder that a copy has, folders before what is in them.

    Left out are histories, virtual environments (their programs name their own place anyway), what is neither a file nor a folder, folders
    that cannot be read, and links to nothing outside of it. Of a link to something outside there is the content. Raises NoCopy where that is
    too much.
    """
    size = count = 0
    waiting: list[tuple[str, str, str, frozenset[str]]] = [(root, root, "", frozenset([root]))]
    while waiting:
        folder, real, below, above = waiting.pop()
        try:
            with os.scandir(folder) as listed:
                inside = sorted(listed, key=lambda each: each.name)
        except PermissionError:
            continue
        for one in inside:
            name = os.path.join(below, one.name)
            entry = _entry(one, root, real, name)
            if entry is None or (entry.kind == "folder" and entry.target in above):
                continue
            count, size = count + 1, size + (entry.stamp[0] if entry.kind == "file" else 0)
            if count > MOST_ENTRIES or size > MOST_BYTES:
                what = f"{MOST_ENTRIES:,} files" if count > MOST_ENTRIES else f"{MOST_BYTES >> 30} GB"
                raise NoCopy(f"it holds more than {what}; name a smaller one")
            yield name, entry
            if entry.kind == "folder":
                waiting.append((entry.source, entry.target, name, above | {entry.target}))


def _entry(one: os.DirEntry[str], root: str, parent: str, name: str) -> _Entry | None:
    """What a copy has in the place of this, None for nothing; `parent` is the real path of its folder. Of a folder `target` is its real
    path.
    """
    if one.name in NOT_COPIED:
        return None
    try:
        real = os.path.realpath(one.path) if one.is_symlink() else os.path.join(parent, one.name)
        if one.is_symlink() and _is_within(real, root):
            return _Entry("link", target=os.path.relpath(real, os.path.dirname(os.path.join(root, name))))
        now = os.stat(one.path)
    except OSError:  # a link to nothing, or something that has gone since
        return None
    if stat.S_ISDIR(now.st_mode):
        is_environment = os.path.lexists(os.path.join(one.path, ENVIRONMENT))
        return None if is_environment else _Entry("folder", one.path, real, now.st_mode & 0o777)
    return _Entry("file", one.path, mode=now.st_mode & 0o777, stamp=_stamp(now)) if stat.S_ISREG(now.st_mode) else None


def _is_copied(entry: _Entry, path: str) -> bool:
    """Copy a file with its times, writable; False where it cannot be read, or has gone."""
    try:
        shutil.copyfile(entry.source, path)
        times = os.stat(entry.source)
    except (PermissionError, FileNotFoundError):
        _remove(path)
        return False
    os.chmod(path, entry.mode | _WRITABLE)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return True


def _found(root: str, known: dict[str, _Entry]) -> Iterator[tuple[str, os.stat_result]]:
    """(relative path, its state) of all that is in a copy now; folders that were locked are opened."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        folder = os.path.join(root, below)
        os.chmod(folder, (known[below].mode if below in known else 0) | _OPEN)
        with os.scandir(folder) as listed:
            for one in listed:
                name = os.path.join(below, one.name)
                yield name, one.stat(follow_symlinks=False)
                if one.is_dir(follow_symlinks=False):
                    waiting.append(name)


def _remove(path: str) -> None:
    """Remove whatever is at a path; nothing is fine, too."""
    if os.path.isdir(path) and not os.path.islink(path):
        os.chmod(path, _OPEN)
        for folder, inside, _ in os.walk(path):
            for name in inside:
                if not os.path.islink(os.path.join(folder, name)):
                    os.chmod(os.path.join(folder, name), _OPEN)
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _is_within(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _stamp(now: os.stat_result) -> tuple[int, ...]:
    """What changes whenever a file does: nobody can set the time of its last change of state."""
    return now.st_size, now.st_ino, now.st_ctime_ns, now.st_mode


def _stamp_of(path: str) -> tuple[int, ...]:
    try:
        return _stamp(os.stat(path))
    except OSError:
        return ()


def _said(error: Exception) -> str:
    """An error in words, without paths."""
    return str(error) if isinstance(error, TokenScopeError) else getattr(error, "strerror", None) or type(error).__name__
