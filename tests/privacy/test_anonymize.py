"""What other programs print, without what says who ran them and where."""

from __future__ import annotations

import socket

import pytest

from tokenscope_trace.privacy.anonymize import without_places


@pytest.fixture(autouse=True)
def somebody(monkeypatch, tmp_path):
    home = tmp_path / "zelda home"
    (home / "secret client").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USER", "zeldacanary")
    monkeypatch.setenv("HF_TOKEN", "hf_canarytokenvalue")
    monkeypatch.setattr(socket, "gethostname", lambda: "canaryhost.example.org")
    monkeypatch.chdir(home / "secret client")
    return home


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('File "/usr/lib/python3.11/doctest.py", line 3', 'File "doctest.py", line 3'),
        ("python /usr/local/bin/check.py --to /tmp/x {file}", "python check.py --to x {file}"),
        ("PATH=/usr/bin:/usr/local/bin", "PATH=bin:bin"),
        ("cc -I/usr/include/zlib x.c", "cc -Izlib x.c"),
        ("by zeldacanary at canaryhost, canaryhost.example.org", "by … at …, …"),
        ("token hf_canarytokenvalue!", "token …!"),
        ("~/notes/plan.md", "plan.md"),
        (r"C:\Users\zelda\x.py", "x.py"),
        ("file:///usr/share/doc/x", "x"),
        # what is no path of this machine stays
        (
            "a / b, 1/2, and/or, </div>, s/a/b/, //, /nowhere-at-all/x",
            "a / b, 1/2, and/or, </div>, s/a/b/, //, /nowhere-at-all/x",
        ),
        ("https://example.org/usr/bin/x src/usr/x.py ./usr/x", "https://example.org/usr/bin/x src/usr/x.py ./usr/x"),
        ("root.left, self.user, main()", "root.left, self.user, main()"),
    ],
)
def test_paths_keep_their_last_part_and_names_go(text, kept):
    assert without_places(text) == kept


def test_folders_with_spaces_go_whole(somebody):
    assert without_places(f"{somebody}/secret client/x.py and '{somebody}/a b/c d.py'") == "x.py and 'c d.py'"
    assert without_places(f"{somebody}/deep/secret/x.py -I{somebody}. {somebody}") == "x.py -I…. …"
    assert "zelda" not in without_places(f"in {somebody} and {somebody}/secret client")


def test_names_that_anybody_has_stay(monkeypatch):
    monkeypatch.setenv("USER", "runner")
    monkeypatch.setenv("LOGNAME", "root")
    assert without_places("runner.root") == "runner.root"
