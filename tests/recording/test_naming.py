"""Names of scored files: unique, telling, and no more than that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.recording.test_git_changes import git

from tokenscope_trace.errors import PromptError
from tokenscope_trace.models.prompts import LONGEST_TEXT
from tokenscope_trace.recording import documents
from tokenscope_trace.recording.documents import changed_documents, named_documents, texts_as_documents
from tokenscope_trace.recording.naming import file_names


@pytest.fixture
def folders(tmp_path, monkeypatch):
    for name in (
        "a/util.py",
        "b/util.py",
        "here/a/util.py",
        "here/util.py",
        "here/deep/a/m/__init__.py",
        "here/deep/b/m/__init__.py",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["../a/util.py", "../b/util.py"], ["a/util.py", "b/util.py"]),
        (["{}/b/util.py", "{}/a/util.py"], ["b/util.py", "a/util.py"]),
        (["../a/util.py", "a/util.py"], ["util.py", "a/util.py"]),
        (["../a/util.py", "util.py"], ["a/util.py", "util.py"]),
        (["../a/util.py"], ["util.py"]),
        (["{}/here/a/util.py", "util.py"], ["a/util.py", "util.py"]),
        (["deep/a/m/__init__.py", "deep/b/m/__init__.py"], ["deep/a/m/__init__.py", "deep/b/m/__init__.py"]),
        (["./util.py", "util.py", "{}/here/util.py", "deep/../util.py"], ["util.py"]),
    ],
)
def test_files_of_one_name_are_told_apart_and_one_file_is_one(folders, paths, names):
    found = named_documents([path.format(folders) for path in paths])
    assert [document.source for document in found] == names
    assert len({document.text for document in found}) == len(names)
    assert not any(str(folders) in document.source or folders.name in document.source for document in found)


def test_links_are_named_as_the_user_calls_them(folders):
    Path("link.py").symlink_to("util.py")
    (folders / "linked").symlink_to(folders / "here")
    assert [document.source for document in named_documents(["link.py", "util.py", "../linked/util.py"])] == [
        "link.py",
        "util.py",
    ]


def test_in_a_repository_names_lead_from_its_root_as_those_of_its_changes_do(folders, monkeypatch):
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    Path("deep/a/m/__init__.py").write_text("changed\n")
    monkeypatch.chdir("deep/a")
    assert [document.source for document in named_documents(["m/__init__.py", "../../util.py", "../../../a/util.py"])] == [
        "deep/a/m/__init__.py", "util.py", "a/util.py",
    ]  # fmt: skip
    changed, _, _ = changed_documents("HEAD", [])
    assert [document.source for document in changed] == ["deep/a/m/__init__.py"]


def test_a_file_whose_name_is_a_dash_is_not_standard_input(folders):
    Path("-").write_text("x\n")
    assert [document.source for document in named_documents(["./-"])] == ["./-"]


def test_names_that_no_text_can_hold_and_names_that_read_like_them(folders):
    for name in (b"b\xff.py", b"b\\xFF.py"):
        Path(os.fsdecode(name)).write_text("x\n")
    names = [document.source for document in named_documents([os.fsdecode(b"b\xff.py"), r"b\xFF.py"])]
    assert names == [r"b\xFF.py", r"(2)/b\xFF.py"]


def test_texts_from_python_keep_their_names_and_are_told_apart(folders):
    found = texts_as_documents({"/x/a/util.py": "1", "/x/b/util.py": "2", "own.py": "3", "sub/own.py": "4", "-": "5"})
    assert [document.source for document in found] == ["a/util.py", "b/util.py", "own.py", "sub/own.py", "-"]
    assert file_names(["q\ud800.py"], os.getcwd()) == ["q<U+D800>.py"]


def test_more_files_than_a_trace_holds_are_refused_before_they_are_read(folders):
    with pytest.raises(PromptError, match=r"there are 9,000 files, and a trace holds at most 8,192; name fewer of them\."):
        named_documents([f"none{i}.py" for i in range(9000)])
    with pytest.raises(PromptError, match="8,192"):
        texts_as_documents({f"{i}.py": "x" for i in range(8193)})


def test_texts_longer_than_a_trace_holds_are_refused(folders):
    Path("long.py").write_bytes(b"x" * (LONGEST_TEXT + 1))
    with pytest.raises(PromptError, match=r"the file long\.py has more than 16,777,216 bytes"):
        named_documents(["long.py"])
    with pytest.raises(PromptError, match="the files hold 16,777,218 characters"):
        texts_as_documents({"a.py": "x" * (LONGEST_TEXT // 2 + 1), "b.py": "x" * (LONGEST_TEXT // 2 + 1)})


def test_more_changed_places_than_a_trace_holds_are_cut_with_a_note(folders, monkeypatch):
    git("init", "--quiet")
    Path("many.py").write_text("".join(f"{i}\n" for i in range(18_000)))
    Path("few.py").write_text("".join(f"{i}\n" for i in range(60)))
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    for name, count in (("many.py", 18_000), ("few.py", 60)):
        Path(name).write_text("".join(f"{i if i % 2 else -i - 1}\n" for i in range(count)))
    found, _, notes = changed_documents("HEAD", [])
    assert {document.source: len(document.changed) for document in found} == {"few.py": 30, "many.py": 8192}
    assert notes == ["Of the 9,000 places in many.py that changed, the first 8,192 are marked: a trace holds no more."]
    monkeypatch.setattr(documents, "MOST_CHANGES", 50)
    found, _, notes = changed_documents("HEAD", [])
    assert {document.source: len(document.changed) for document in found} == {"few.py": 30, "many.py": 20}
