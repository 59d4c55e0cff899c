"""The copy of a project that a check runs in: real folders, links, sockets, locks, and checks that write wherever they can."""

from __future__ import annotations

import os
import shlex
import socket
import sys
import tempfile
from pathlib import Path

import pytest

from tokenscope_trace.analysis import check_folder as module
from tokenscope_trace.analysis.check_folder import NoCopy, WorkCopy, place_in, require_copyable
from tokenscope_trace.analysis.checks import NotRun, check_programs
from tokenscope_trace.errors import SettingsError
from tokenscope_trace.settings import CheckSettings
from tokenscope_trace.traces.schema import CheckResult

PASS, FAIL = CheckResult.PASS, CheckResult.FAIL


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where the copies lie, of which every test must leave none."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def project(tmp_path):
    """A folder with some of all that a project has."""
    folder = tmp_path / "my project"
    (folder / "src" / "deep").mkdir(parents=True)
    (folder / "src" / "merge.py").write_text("raise SystemExit('the file as it was')\n")
    (folder / "src" / "other.py").write_text("TWO = 2\n")
    (folder / "src" / "deep" / "data.txt").write_text("data\n")
    (folder / "tool.sh").write_text("#!/bin/sh\necho tool\n")
    (folder / "tool.sh").chmod(0o555)
    (folder / "empty").mkdir()
    return folder


def state(folder):
    """All that a folder holds, so that nothing can change unseen."""
    found = {}
    for path in sorted(folder.rglob("*")):
        now = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path)] = now.st_mode, now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino, content
    return found


def checked(project, command, programs=(b"",), name="merge.py", place="src", **settings):
    settings = CheckSettings(command, 30.0, 2048, folder=str(project), place=place, **settings)
    return check_programs([*programs], name, settings)


def test_the_program_stands_in_its_place_among_the_others(project):
    command = f"{shlex.quote(sys.executable)} -S src/merge.py; ls; ./tool.sh; cat src/deep/data.txt; cat {{file}}"
    before = state(project)
    (found,) = checked(project, command, [b"import other; print(other.TWO)\n"])
    assert found.output.splitlines() == ["2", "empty", "src", "tool.sh", "tool", "data", "import other; print(other.TWO)"]
    assert state(project) == before


def test_the_command_need_not_name_the_file_and_runs_at_the_top(project):
    (found,) = checked(project, 'basename "$PWD"; test -f src/merge.py && test "$TMPDIR" != "$PWD" && test -d "$TMPDIR"')
    assert (found.result, found.output) == (PASS, "my project")


def test_a_name_that_the_project_has_not_is_new_there(project):
    (found,) = checked(project, "ls src; cat src/merge.py", [b"new"], "answer.py")
    assert found.output.splitlines() == [
        "answer.py",
        "deep",
        "merge.py",
        "other.py",
        "raise SystemExit('the file as it was')",
    ]


def test_of_the_same_name_the_second_program_is_another(project):
    """Of the same size and within one second: no byte code of the first one is taken for it."""
    python = f"PYTHONDONTWRITEBYTECODE= {shlex.quote(sys.executable)} -S"
    command = f"{python} -c \"import sys; sys.path[:0] = ['src']; import merge\"; ls -R | grep -c '[.]pyc'"
    found = checked(project, command, [b"print(11)\n", b"print(22)\n", b"print(33)\n"])
    assert [one.output for one in found] == ["11\n1", "22\n1", "33\n1"]


DAMAGES = [
    "echo more >> src/other.py",
    "printf 'TWO = 3\\n' > src/other.py && touch -r src/deep/data.txt src/other.py",
    "rm -r src/deep src/other.py",
    "rm -rf ./* .[a-z]*",
    "mv src elsewhere",
    "chmod 0 src/other.py src/deep src",
    "chmod -x tool.sh",
    "rm -r src/deep && ln -s /usr src/deep",
    "rm src/other.py && mkdir src/other.py && touch src/other.py/inside",
    "rm -r empty && echo a file > empty",
    "rm src/merge.py && ln -s other.py src/merge.py",
    "rm src/merge.py && mkdir -p src/merge.py/src && chmod 0 src/merge.py",
    "mkdir -p a/b/c && touch a/b/c/d && chmod 0 a/b/c a/b a",
    "mkfifo pipe && ln -s nothing dangling && ln src/other.py hard && echo x >> hard",
    'cd .. && rm -r "my project"',
    'cd .. && rm -r "my project" && touch "my project"',
    'cd .. && mv "my project" away && ln -s away "my project"',
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_check_did_is_undone_before_the_next(project, damage):
    look = "find . | sort; cat src/other.py src/deep/data.txt src/merge.py tool.sh; ls -l tool.sh | cut -c 1-10"
    (clean,) = checked(project, look, [b"second"])
    before = state(project)
    command = f"if grep -q first src/merge.py; then {damage}; exit 7; fi; {look}"
    first, second = checked(project, command, [b"first", b"second"])
    assert first.result is FAIL
    assert second == clean
    assert state(project) == before


def test_through_no_link_is_anything_written(project, tmp_path):
    """Links lead within the copy, or what they lead to is copied."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "shared.txt").write_text("shared\n")
    (outside / "up").symlink_to(outside)
    (outside / "home").symlink_to(tmp_path)
    (outside / "back").symlink_to(project / "src" / "other.py")
    (project / "absolute").symlink_to(project / "src" / "other.py")
    (project / "relative").symlink_to("src/other.py")
    (project / "folder").symlink_to(project / "src")
    (project / "out.txt").symlink_to(outside / "shared.txt")
    (project / "out").symlink_to(outside)
    (project / "out-not-there").symlink_to(outside / "new.txt")
    (project / "not-there").symlink_to("nothing")
    (project / "itself").symlink_to("itself")
    before, around = state(project), state(outside)
    command = (
        "cat absolute relative folder/other.py out.txt out/shared.txt out/back;"
        "for each in absolute relative folder/other.py folder/new out.txt out/shared.txt out/new out/back out-not-there not-there; do "
        "echo written > $each; done; ls -A"
    )
    (found,) = checked(project, command)
    assert found.output.splitlines()[:6] == ["TWO = 2"] * 3 + ["shared"] * 2 + ["TWO = 2"]
    assert state(project) == before
    assert state(outside) == around


def test_histories_environments_and_what_is_no_file_are_not_copied(project):
    for name in (".git", "src/.git", ".hg", "venv/lib"):
        (project / name).mkdir(parents=True)
        (project / name / "file").touch()
    (project / "venv" / "pyvenv.cfg").touch()
    (project / "worktree").mkdir()
    (project / "worktree" / ".git").write_text("gitdir: elsewhere\n")
    os.mkfifo(project / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(project)  # a socket's path may not be long
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
        (found,) = checked(project, "find . | sort", place="", name="merge.py")
    assert found.output.splitlines() == sorted(
        ["."] + [f"./{name}" for name in ("empty", "merge.py", "src", "tool.sh", "worktree", "src/deep", "src/merge.py")]
        + ["./src/deep/data.txt", "./src/other.py"]
    )  # fmt: skip


def test_a_folder_whose_files_are_read_only_can_be_worked_in(project):
    (project / "src" / "other.py").chmod(0o444)
    (project / "src").chmod(0o555)
    try:
        (found,) = checked(project, "echo more > src/other.py && touch src/new", [b"one"])
        assert found.result is PASS
    finally:
        (project / "src").chmod(0o755)


def test_what_is_changed_meanwhile_and_needed_again_ends_the_check(project):
    command = f"echo damage > src/other.py; echo changed > {shlex.quote(str(project / 'src' / 'other.py'))}"
    with pytest.raises(NotRun, match=r"“other\.py” of the folder was changed while the check ran"):
        checked(project, command, [b"one", b"two"])


def test_what_is_changed_meanwhile_and_not_needed_again_does_not(project):
    log = project / "server.log"
    log.write_text("begun\n")
    command = f"cat server.log; echo more >> {shlex.quote(str(log))}"
    assert [one.output for one in checked(project, command, [b"one", b"two"])] == ["begun", "begun"]


def test_a_folder_in_the_program_s_place_is_told(project):
    with pytest.raises(NotRun, match="“src” is a folder of it"):
        checked(project, "true", name="src", place="")


def test_a_file_where_its_folder_should_be_is_told(project):
    with pytest.raises(NotRun, match="there is no copy of its folder"):
        checked(project, "true", place="tool.sh")


def test_what_is_too_large_is_told_beforehand_and_afterwards(project, monkeypatch):
    monkeypatch.setattr(module, "MOST_ENTRIES", 5)
    with pytest.raises(SettingsError, match="holds more than 5 files; name a smaller one"):
        require_copyable(str(project))
    with pytest.raises(NotRun, match="holds more than 5 files"):
        checked(project, "true")


def test_large_files_count_with_their_size(project):
    with open(project / "hole", "wb") as file:
        file.truncate(module.MOST_BYTES)
    with pytest.raises(SettingsError, match="holds more than 2 GB"):
        require_copyable(str(project))


@pytest.mark.parametrize("name", ["no-such-folder", "src/merge.py"])
def test_what_is_no_folder_is_told(project, name):
    with pytest.raises(SettingsError, match="there is no folder"):
        require_copyable(str(project / name))


def test_a_copy_that_finds_no_room_is_told(project, monkeypatch):
    def full(*_names):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.shutil, "copyfile", full)
    with pytest.raises(NotRun, match="no copy of its folder: No space left on device"):
        checked(project, "true")


def test_a_wish_to_stop_ends_the_copying(project, tmp_path):
    (tmp_path / "work").mkdir()
    copy = WorkCopy(str(project), "src/merge.py", str(tmp_path / "work"))
    assert not copy.place(b"", lambda: True)
    assert copy.place(b"now")
    assert Path(copy.file).read_bytes() == b"now"


def test_where_a_prompt_s_file_stands(project, tmp_path, monkeypatch):
    assert place_in(str(project), str(project / "src" / "merge.py")) == "src"
    assert place_in(str(project), str(project / "src" / "deep" / "new.py")) == "src/deep"
    assert place_in(str(project), str(project / "top.py")) == ""
    assert place_in(str(project), str(tmp_path / "elsewhere.py")) == ""
    assert place_in(str(project / "src"), str(project / "top.py")) == ""
    monkeypatch.chdir(project / "src")
    assert place_in(".", "merge.py") == ""
    assert place_in("..", "merge.py") == "src"
    assert place_in("..", "./deep/../merge.py") == "src"
    (tmp_path / "link").symlink_to(project)
    assert place_in(str(tmp_path / "link"), "merge.py") == "src"
    (project / "..hidden").mkdir()
    assert place_in(str(project), str(project / "..hidden" / "merge.py")) == "..hidden"


def test_only_what_was_changed_is_copied_again(project, tmp_path):
    (tmp_path / "work").mkdir()
    copy = WorkCopy(str(project), "src/merge.py", str(tmp_path / "work"))
    copy.place(b"one")
    other, data = Path(copy.root, "src", "other.py"), Path(copy.root, "src", "deep", "data.txt")
    other.write_text("changed")
    kept = data.stat().st_ino, data.stat().st_ctime_ns
    copy.place(b"two")
    assert other.read_text() == "TWO = 2\n"
    assert (data.stat().st_ino, data.stat().st_ctime_ns) == kept
    assert other.stat().st_mtime_ns == (project / "src" / "other.py").stat().st_mtime_ns


def test_nothing_that_was_there_is_taken_for_a_copy(project, tmp_path):
    before = state(project)
    with pytest.raises(NoCopy, match="File exists"):
        WorkCopy(str(project), "src/merge.py", str(tmp_path)).place(b"")
    assert state(project) == before


def test_a_copy_may_not_lie_in_a_place_that_is_not_there(project, tmp_path):
    with pytest.raises(NoCopy, match="No such file"):
        WorkCopy(str(project), "merge.py", str(tmp_path / "nowhere")).place(b"")
