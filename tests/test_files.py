"""Whole files or none."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tokenscope_trace.errors import OutputError
from tokenscope_trace.files import check_writable, write_atomically


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


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    """The process may write 4 kB to any file: the kernel itself refuses the rest."""
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


def test_a_folder_that_takes_no_files_is_refused_before_the_work():
    with pytest.raises(OutputError, match=r"the folder /proc cannot be written"):
        check_writable(Path("/proc/t.tsc"))


def test_a_missing_folder_and_a_folder_are_named(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        write_atomically(tmp_path / "no" / "x", b"")
    with pytest.raises(OutputError, match="is a folder"):
        write_atomically(tmp_path, b"")
