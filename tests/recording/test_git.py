"""How git is asked: real git, with every setting, attribute and variable that could make it answer otherwise."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.recording.test_git_changes import LINES, found, git

from tokenscope_trace.errors import PromptError
from tokenscope_trace.recording.documents import changed_documents
from tokenscope_trace.recording.git import Refusal
from tokenscope_trace.recording.git_changes import changes_since


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A work tree with a changed line in each of two files, one below the other's folder."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", "--initial-branch=main")
    Path("src").mkdir()
    for name in ("a.py", "src/a.py"):
        Path(name).write_text("".join(LINES))
    Path(".gitignore").write_text("ran\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    Path("a.py").write_text("".join([*LINES[:4], "top\n", *LINES[5:]]))
    Path("src/a.py").write_text("".join([*LINES[:8], "below\n", *LINES[8:]]))
    return tmp_path


CHANGED = {"a.py": [(5, 5)], "src/a.py": [(9, 9)]}
SETTINGS = {
    "diff.relative": "true", "diff.noprefix": "true", "diff.mnemonicPrefix": "true", "diff.context": "3", "diff.interHunkContext": "9",
    "diff.external": "touch ran; true", "diff.renames": "copies", "diff.algorithm": "patience", "diff.ignoreSubmodules": "none",
    "diff.wordRegex": ".", "diff.srcPrefix": "x/", "diff.dstPrefix": "y/", "diff.suppressBlankEmpty": "true", "diff.submodule": "log",
    "core.quotePath": "false", "core.pager": "touch ran; cat", "core.fsmonitor": "touch ran; false", "core.hooksPath": "hooks",
    "core.whitespace": "cr-at-eol", "color.ui": "always", "color.diff": "always", "pager.diff": "touch ran", "diff.orderFile": "nowhere",
    "core.untrackedCache": "true", "diff.statGraphWidth": "3", "diff.colorMoved": "zebra", "diff.autoRefreshIndex": "false",
    "status.relativePaths": "true", "alias.diff-index": "!touch ran", "diff.tool": "touch ran", "diff.indentHeuristic": "false",
}  # fmt: skip
VARIABLES = {
    "GIT_DIFF_OPTS": "-u3", "GIT_EXTERNAL_DIFF": "touch ran", "GIT_LITERAL_PATHSPECS": "1", "GIT_NOGLOB_PATHSPECS": "1",
    "GIT_ICASE_PATHSPECS": "1", "GIT_GLOB_PATHSPECS": "1", "GIT_PAGER": "touch ran", "GIT_TRACE": "1", "GIT_TRACE_SETUP": "1", "PAGER": "touch ran",
    "GIT_CONFIG_PARAMETERS": "'diff.relative=true' 'diff.noprefix=true'", "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de", "GIT_NAMESPACE": "x",
    "GIT_FLUSH": "0", "GIT_ATTR_SOURCE": "HEAD", "GIT_PREFIX": "src/", "TERM": "dumb",
}  # fmt: skip


@pytest.mark.parametrize("key", SETTINGS)
@pytest.mark.parametrize("folder", [".", "src"])
def test_no_setting_changes_an_answer_or_runs(tree, monkeypatch, key, folder):
    git("config", key, SETTINGS[key])
    monkeypatch.chdir(folder)
    assert found() == CHANGED
    assert found("HEAD", "a.py") == {
        name: lines for name, lines in CHANGED.items() if (folder == "src") == name.startswith("src/")
    }
    assert not list(tree.rglob("ran"))


@pytest.mark.parametrize("name", VARIABLES)
def test_no_variable_changes_an_answer_or_runs(tree, monkeypatch, name):
    monkeypatch.setenv(name, VARIABLES[name])
    assert found() == CHANGED
    monkeypatch.chdir("src")
    assert found() == CHANGED
    assert not list(tree.rglob("ran"))


@pytest.mark.parametrize(
    "attribute", ["-diff", "binary", "diff=odd", "-text", "ident", "text eol=lf", "linguist-generated", "whitespace"]
)
def test_no_attribute_hides_lines(tree, attribute):
    Path(".gitattributes").write_text(f"*.py {attribute}\n")
    for key in ("textconv", "command", "xfuncname", "algorithm"):
        git("config", f"diff.odd.{key}", "touch ran; true")
    assert found() == CHANGED
    assert not Path("ran").exists()


def test_a_hook_runs_in_the_repository_that_its_variables_name(tree, monkeypatch, tmp_path_factory):
    git("add", ".")
    monkeypatch.setenv("GIT_DIR", str(tree / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tree))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tree / ".git" / "index"))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert {file.path: list(file.changed) for file in changes_since("HEAD", folder=tree).files} == CHANGED


def test_files_under_a_filter_of_the_user_s_are_named_and_the_filter_does_not_run(tree):
    Path(".gitattributes").write_text("src/*.py filter=lfs\n")
    for what in ("clean", "smudge", "process"):
        git("config", f"filter.lfs.{what}", "touch ran; cat")
    git("config", "filter.lfs.required", "true")
    changes = changes_since("HEAD")
    assert [file.path for file in changes.files] == ["a.py"]
    assert changes.skipped == (("src/a.py", "what git keeps of it comes from the filter lfs, which is not run"),)
    assert not Path("ran").exists()


def test_line_ends_that_git_rewrites_are_no_change_and_others_are(tree):
    git("config", "core.autocrlf", "true")
    Path("a.py").write_bytes("".join([*LINES[:4], "top\n", *LINES[5:]]).replace("\n", "\r\n").encode())
    Path("src/a.py").write_bytes("".join(LINES).replace("\n", "\r\n").encode())
    assert found() == {"a.py": [(5, 5)]}
    git("config", "core.autocrlf", "false")
    assert found() == {"a.py": [(1, 10)], "src/a.py": [(1, 10)]}


def test_a_file_whose_time_alone_is_another_is_not_among_the_changes(tree):
    Path("a.py").write_text("".join(LINES))
    git("config", "core.checkStat", "default")
    os.utime("a.py", (1, 1))
    assert found() == {"src/a.py": [(9, 9)]}


def test_a_file_that_becomes_a_package_keeps_its_lines_apart_from_those_beside_it(tree):
    git("checkout", "--quiet", ".")
    Path("run").write_text("".join(LINES))
    git("add", "run")
    git("commit", "--quiet", "-m", "run")
    git("rm", "--quiet", "run")
    Path("run").mkdir()
    Path("run/__init__.py").write_text("".join([*LINES, "more\n"]))
    Path("run/other.py").write_text("".join(f"other {i}\n" for i in range(40)))
    git("add", "run")
    assert found() == {"run/__init__.py": [(11, 11)], "run/other.py": [(1, 40)]}
    assert found("HEAD", "run/other.py") == {"run/other.py": [(1, 40)]}


def test_a_package_that_becomes_a_file(tree):
    git("checkout", "--quiet", ".")
    git("rm", "--quiet", "-r", "src")
    Path("src").write_text("".join([*LINES, "more\n"]))
    git("add", "src")
    assert found() == {"src": [(11, 11)]}


def test_lines_that_look_like_a_diff_are_lines(tree):
    Path("a.py").write_text(
        "".join(LINES) + "++ b/src/a.py\n@@ -1 +70,9 @@\ndiff --git a/x b/x\n\\ No newline at end of file\n-- x"
    )
    git("add", ".")
    odd = 'x\n+++ b/"q\t@@ -0,0 +9 @@.py'
    Path(odd).parent.mkdir(parents=True, exist_ok=True)
    Path(odd).write_text("one\n")
    git("add", ".")
    assert found() == {"a.py": [(11, 15)], "src/a.py": [(9, 9)], odd: [(1, 1)]}


def test_names_that_are_no_text_lose_nothing_else(tree):
    for name in (b"b\xff.py", b"b\\xFF.py", b"\xe4\xf6.py"):
        Path(os.fsdecode(name)).write_text("x = 1\n")
    git("add", ".")
    documents, _, _ = changed_documents("HEAD", [])
    names = [document.source for document in documents]
    assert sorted(names) == sorted(["a.py", "src/a.py", r"b\xFF.py", r"(2)/b\xFF.py", r"\xE4\xF6.py"])
    assert all(name.encode() for name in names)


def test_in_a_linked_work_tree_and_in_a_submodule(tree):
    git("worktree", "add", "--quiet", "linked", "HEAD")
    Path("linked/a.py").write_text("".join([*LINES, "linked\n"]))
    assert {file.path: list(file.changed) for file in changes_since("HEAD", folder=Path("linked")).files} == {
        "a.py": [(11, 11)]
    }
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tree), "part")
    git("commit", "--quiet", "-m", "part")
    Path("part/a.py").write_text("changed\n")
    assert found() == CHANGED
    assert {file.path: list(file.changed) for file in changes_since("HEAD", folder=Path("part")).files} == {"a.py": [(1, 1)]}


@pytest.fixture
def shallow(tree, monkeypatch):
    """A clone of one commit of a branch that left `main` before."""
    git("checkout", "--quiet", "-b", "topic")
    git("commit", "--quiet", "-am", "topic")
    git("commit", "--quiet", "--allow-empty", "-m", "topic again")
    git("clone", "--quiet", "--depth", "1", "--branch", "topic", f"file://{tree}", "clone")
    monkeypatch.chdir("clone")
    return tree / "clone"


def test_a_shallow_clone_says_what_to_fetch(shallow):
    for revision in ("origin/main", "origin/main...", "HEAD~1", "origin/main...HEAD"):
        with pytest.raises(PromptError, match=r"git knows no revision .* shallow .*fetch-depth: 0"):
            changes_since(revision)
    git("fetch", "--quiet", "--depth", "1", "origin", "main:refs/remotes/origin/main")
    for revision in ("origin/main...", "origin/main...HEAD"):
        with pytest.raises(
            PromptError, match=r"no commit that origin/main and HEAD have in common.* shallow .*fetch-depth: 0"
        ):
            changes_since(revision)
    assert set(found("origin/main")) == {"a.py", "src/a.py"}
    git("fetch", "--quiet", "--unshallow")
    assert set(found("origin/main...")) == set(found("origin/main...HEAD")) == {"a.py", "src/a.py"}


def test_histories_without_a_common_commit(tree):
    git("checkout", "--quiet", "--orphan", "other")
    git("commit", "--quiet", "-m", "other")
    with pytest.raises(PromptError, match="no commit that main and HEAD have in common; name a revision"):
        changes_since("main...")


@pytest.mark.parametrize("revision", ["main..HEAD", "main..", "...main", "main...main", "HEAD~0..main"])
def test_two_commits_are_told_from_one(tree, revision):
    with pytest.raises(PromptError, match="names two commits, and the work tree is compared with one"):
        changes_since(revision)


def test_a_part_that_was_not_cloned_is_not_fetched_in_silence(tree):
    git("config", "uploadpack.allowFilter", "true")
    git("commit", "--quiet", "-am", "second")
    git("clone", "--quiet", "--filter=blob:none", f"file://{tree}", "partial")
    Path("partial/a.py").write_text("x\n")
    with pytest.raises(PromptError, match="nothing is fetched here: git diff with the same revision fetches it"):
        changes_since("HEAD~1", folder=Path("partial"))


def test_a_repository_of_somebody_else_is_git_s_own_words_with_what_helps(tree):
    asked = {**os.environ, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    done = subprocess.run(["git", "rev-parse", "--show-toplevel"], capture_output=True, env=asked, check=False)
    assert done.returncode
    assert re.fullmatch(
        r"git: .*dubious ownership .*git config --global --add safe\.directory .*\.", str(Refusal(done.stderr))
    )


def test_a_bare_repository_has_no_files(tree, monkeypatch):
    monkeypatch.chdir(".git")
    with pytest.raises(PromptError, match="change to a folder of the work tree"):
        changes_since("HEAD")


def test_a_branch_that_only_the_remote_has_is_named(tree, monkeypatch):
    git("checkout", "--quiet", "-b", "topic")
    git("commit", "--quiet", "-am", "topic")
    git("clone", "--quiet", "--branch", "topic", str(tree), "clone")
    monkeypatch.chdir("clone")
    with pytest.raises(PromptError, match=r"git knows no revision 'main\.\.\.' here; origin/main is one\."):
        changes_since("main...")
    assert set(found("origin/main...")) == {"a.py", "src/a.py"}
