"""Whole files or none, whatever call to the system fails."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tokenscope_trace.errors import OutputError
from tokenscope_trace.files import check_writable, save_elsewhere, write_atomically

CONTENT = bytes(range(256)) * 400


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.write_bytes(b"")
    write_atomically(tmp_path / "new", b"abc")
    assert (tmp_path / "new").read_bytes() == b"abc"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


def test_a_replaced_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_atomically(path, b"new", force=True)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_an_existing_file_needs_force(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "x"
    link = tmp_path / "link"
    link.symlink_to(target)
    write_atomically(link, b"first")
    write_atomically(link, b"second", force=True)
    assert link.is_symlink()
    assert target.read_bytes() == b"second"
    assert os.listdir(tmp_path / "there") == ["x"]


@pytest.mark.parametrize("name", ["/dev/null", "pipe"])
def test_devices_and_pipes_are_not_replaced_by_files(name, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / name
    with pytest.raises(OutputError, match=r"is a device or a pipe; write to standard output"):
        write_atomically(path, b"x", force=True)
    assert not path.is_file()


# the calls that write a file, which of them fails, and whether the file is written all the same
CALLS = [
    ("open", 2, False),  # the first is check_writable's
    ("write", 1, False),
    ("write", 2, False),  # the first was a short one
    ("fsync", 1, False),
    ("close", 1, False),
    ("replace", 1, False),
    ("chmod", 1, True),  # file systems without permissions refuse it
    ("fsync", 2, True),  # of the folder: the rename is done
]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EDQUOT], ids=errno.errorcode.get)
@pytest.mark.parametrize(("call", "which", "written"), CALLS)
@pytest.mark.parametrize("exists", [True, False])
def test_a_failing_call_leaves_the_old_file_or_the_new_one(call, which, written, number, exists, tmp_path, monkeypatch):
    path = tmp_path / "x"
    if exists:
        path.write_bytes(b"old")
    usual, calls = getattr(os, call), []

    def failing(*values, **more):
        if call == "open" and not str(values[0]).startswith(str(tmp_path)):
            return usual(*values, **more)
        if call == "close" and not _is_part(values[0]):
            return usual(*values, **more)
        calls.append(values)
        if len(calls) == which:
            if call == "close":
                usual(*values)  # it is closed, and what was written is lost
            raise OSError(number, os.strerror(number))
        if call == "write" and which > 1:
            return usual(values[0], values[1][:1000])
        return usual(*values, **more)

    monkeypatch.setattr(os, call, failing)
    if written:
        write_atomically(path, CONTENT, force=True)
    else:
        with pytest.raises(OutputError, match=os.strerror(number)):
            write_atomically(path, CONTENT, force=True)
    monkeypatch.undo()
    assert len(calls) >= which
    assert os.listdir(tmp_path) == (["x"] if exists or written else [])
    if exists or written:
        assert path.read_bytes() == (CONTENT if written else b"old")


def _is_part(handle):
    return os.readlink(f"/proc/self/fd/{handle}").endswith(".part")


def test_short_writes_are_gone_on_with(tmp_path, monkeypatch):
    usual = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: usual(handle, data[:777]))
    write_atomically(tmp_path / "x", CONTENT)
    assert (tmp_path / "x").read_bytes() == CONTENT


@pytest.mark.parametrize("call", ["write", "fsync", "replace", "chmod"])
def test_an_interruption_leaves_the_old_file_and_nothing_beside_it(call, tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def interrupted(*_values):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, call, interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, CONTENT, force=True)
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    """The process may write 4 kB to any file: the kernel itself writes the first part and refuses the rest."""
    path = tmp_path / "x"
    path.write_bytes(b"old")
    code = (
        "import resource, signal, sys, pathlib\n"
        "from tokenscope_trace.errors import OutputError\n"
        "from tokenscope_trace.files import check_writable, write_atomically\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    write_atomically(pathlib.Path(sys.argv[1]), bytes(100_000), force=True)\n"
        "except OutputError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "cannot write" in done.stdout
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]


def test_elsewhere_is_the_first_folder_that_takes_it_under_a_name_that_nothing_has(tmp_path):
    (tmp_path / "t.tsc").write_bytes(b"mine")
    found = [save_elsewhere("t.tsc", CONTENT, [Path("/proc"), tmp_path / "gone", tmp_path]) for _ in range(2)]
    assert len(set(found)) == 2
    for path in found:
        assert path.read_bytes() == CONTENT
        assert path.suffix == ".tsc"
    assert (tmp_path / "t.tsc").read_bytes() == b"mine"
    assert save_elsewhere("t.tsc", CONTENT, [Path("/proc")]) is None


def test_elsewhere_leaves_nothing_in_a_folder_that_becomes_full(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    assert save_elsewhere("t.tsc", CONTENT, [tmp_path]) is None
    assert os.listdir(tmp_path) == []


def test_a_folder_that_takes_no_files_is_refused_before_the_work():
    with pytest.raises(OutputError, match=r"the folder /proc cannot be written"):
        check_writable(Path("/proc/t.tsc"))


def test_a_missing_folder_and_a_folder_are_named(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        write_atomically(tmp_path / "no" / "x", b"")
    with pytest.raises(OutputError, match="is a folder"):
        write_atomically(tmp_path, b"")


def test_a_long_name_has_room_for_the_file_beside_it(tmp_path):
    path = tmp_path / ("世" * 85)
    write_atomically(path, b"abc")
    assert path.read_bytes() == b"abc"
