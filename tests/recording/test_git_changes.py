"""Changed files and lines, asked of real git in real work trees."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tokenscope_trace.errors import PromptError
from tokenscope_trace.recording import documents
from tokenscope_trace.recording.git_changes import changes_since

LINES = [f"line {i}\n" for i in range(1, 11)]


def git(*words, cwd="."):
    names = {f"GIT_{who}_{what}": "x@example.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True, env=environment)


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A work tree with three committed files on `main`."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", "--initial-branch=main")
    Path("src").mkdir()
    Path("src/a.py").write_text("".join(LINES))
    Path("b.txt").write_text("one\ntwo\n")
    Path("gone.py").write_text("gone\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    return tmp_path


def found(revision="HEAD", *paths):
    return {file.path: list(file.changed) for file in changes_since(revision, paths).files}


def test_new_and_altered_lines_by_number(tree):
    lines = LINES.copy()
    lines[1] = "altered\n"
    lines[4:4] = ["new 1\n", "new 2\n"]
    del lines[9]
    Path("src/a.py").write_text("".join(lines))
    assert found() == {"src/a.py": [(2, 2), (5, 6)]}
    (file,) = changes_since("HEAD").files
    assert file.text == "".join(lines)


def test_new_files_deleted_files_and_files_that_only_lost_lines(tree):
    Path("gone.py").unlink()
    Path("new.py").write_text("a\nb\n")
    git("add", "new.py")
    Path("b.txt").write_text("two\n")
    assert found() == {"b.txt": [], "new.py": [(1, 2)]}


def test_a_renamed_file_shows_its_altered_lines_only(tree):
    git("mv", "src/a.py", "src/renamed.py")
    Path("src/renamed.py").write_text("".join([*LINES, "more\n"]))
    assert found() == {"src/renamed.py": [(11, 11)]}


@pytest.mark.parametrize(
    "name", ["with space.py", "ünï😀.py", "-n.py", ":(top)x.py", "tab\tname.py", "star*.py", 'quote".py']
)
def test_odd_names(tree, name):
    Path(name).write_text("a\n")
    git("add", "--", f":(literal){name}")
    assert found() == {name: [(1, 1)]}
    assert found("HEAD", name) == {name: [(1, 1)]}


def test_what_is_no_text_is_skipped_with_its_reason(tree):
    Path("b.txt").write_bytes(b"\xff\xfe\n")
    Path("src/a.py").write_text("x\n")
    Path("nul.bin").write_bytes(b"a\0b")
    Path("empty.py").write_text("")
    Path("link.py").symlink_to("/etc/hostname")
    git("add", ".")
    changes = changes_since("HEAD")
    assert [file.path for file in changes.files] == ["src/a.py"]
    assert dict(changes.skipped) == {
        "b.txt": "not UTF-8 text",
        "nul.bin": "binary",
        "empty.py": "empty",
        "link.py": "a symbolic link",
    }


def test_untracked_files_are_counted_and_left_alone(tree):
    Path("b.txt").write_text("1\n")
    Path("scratch.py").write_text("secret\n")
    Path("diff.tsc").write_bytes(b"what an earlier recording of the changes wrote")
    assert changes_since("HEAD").untracked == 1
    listed, compared, notes = documents.changed_documents("HEAD", [])
    assert [document.source for document in listed] == ["b.txt"]
    assert notes == ["1 file that git does not know is not among the changes; git add makes them known."]
    assert compared.revision == "HEAD"
    assert len(compared.commit) == 40


def test_three_dots_compare_with_where_the_history_left(tree):
    git("checkout", "--quiet", "-b", "topic")
    Path("src/a.py").write_text("".join([*LINES, "topic\n"]))
    git("commit", "--quiet", "-am", "topic")
    git("checkout", "--quiet", "main")
    Path("b.txt").write_text("main went on\n")
    git("commit", "--quiet", "-am", "main")
    git("checkout", "--quiet", "topic")
    assert found("main...") == {"src/a.py": [(11, 11)]}
    assert set(found("main")) == {"src/a.py", "b.txt"}


def test_from_a_folder_within_and_limited_to_paths(tree, monkeypatch):
    Path("src/a.py").write_text("x\n")
    Path("b.txt").write_text("x\n")
    monkeypatch.chdir("src")
    assert set(found()) == {"src/a.py", "b.txt"}
    assert set(found("HEAD", "a.py")) == {"src/a.py"}
    assert set(found("HEAD", "../b.txt")) == {"b.txt"}


@pytest.mark.parametrize(
    "revision", ["nope", "--output=x", "HEAD:b.txt", "", "nope...", "^HEAD", "HEAD^{tree}", "HEAD\n", "[red]x"]
)
def test_a_revision_that_git_does_not_know_is_one_sentence(tree, revision):
    Path("b.txt").write_text("x\n")
    with pytest.raises(PromptError, match="git knows no revision"):
        changes_since(revision)
    assert not Path("x").exists()


def test_nothing_changed_and_nothing_readable_are_sentences(tree):
    with pytest.raises(PromptError, match="no file that can be read differs from HEAD; name an earlier"):
        changes_since("HEAD")
    Path("b.txt").write_bytes(b"\xff")
    with pytest.raises(PromptError, match=r"\(b\.txt: not UTF-8 text\)"):
        changes_since("HEAD")


def test_outside_of_a_work_tree_and_without_git(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(PromptError, match="not a git repository"):
        changes_since("HEAD", folder=tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PromptError, match="git cannot be run"):
        changes_since("HEAD", folder=tmp_path)


def test_the_user_s_configuration_runs_nothing(tree):
    for key in ("diff.external", "diff.py.textconv", "core.pager"):
        git("config", key, "touch ran; true")
    Path(".gitattributes").write_text("*.py diff=py\n")
    Path("src/a.py").write_text("x\n")
    git("add", ".gitattributes")
    assert found()["src/a.py"] == [(1, 1)]
    assert not Path("ran").exists()


def test_given_files_keep_their_way_from_here_and_no_other(tree):
    assert [document.source for document in documents.named_documents(["src/a.py", "./b.txt", "src/a.py"])] == [
        "src/a.py",
        "b.txt",
    ]
    assert [document.source for document in documents.named_documents([str(tree / "b.txt")])] == ["b.txt"]
    with pytest.raises(PromptError, match="is a folder"):
        documents.named_documents(["src"])
    with pytest.raises(PromptError, match="cannot read the file nothing"):
        documents.named_documents(["nothing.py"])
