"""In files of settings all of a line is a value but the name that it begins with."""

from __future__ import annotations

import pytest

from tokenscope_trace.languages.settings_files import is_settings_file, settings_literals


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.local",
        "prod.env",
        "a/b.ini",
        "Makefile",
        "Dockerfile",
        "web.Dockerfile",
        "c.yaml",
        "x.YML",
        ".npmrc",
        "p.toml",
    ],
)
def test_files_of_settings(name):
    assert is_settings_file(name)


@pytest.mark.parametrize("name", ["a.py", "notes.txt", "environment", "make.py", "-", ""])
def test_other_files(name):
    assert not is_settings_file(name)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("NAME=QQ", "NAME="),
        ("export NAME = QQ # QQ", "export NAME ="),
        ("a.b: QQ", "a.b:"),
        ("  - key: 'QQ'", "  - key:"),
        ("  - QQ", ""),
        ("CC := QQ", "CC :="),
        ("\techo QQ", ""),
        ("FROM QQ", ""),
        ("ENV A=QQ", ""),
        ("[section]", "[section]"),
        ("# QQ=QQ", ""),
        ("QQ", ""),
    ],
)
def test_what_is_shown_of_a_line(line, shown):
    text = bytearray(f"x=\n{line}\ny=\n".encode())
    for start, end in settings_literals(bytes(text))[0]:
        text[start:end] = b"\0" * (end - start)
    assert text.replace(b"\0", b"").decode() == f"x=\n{shown}\ny=\n"


def test_remarks_are_found_in_values_too():
    text = b"a=b # KK\n; KK\nc=d;e#f\n"
    assert [text[start:end] for start, end in settings_literals(text)[1]] == [b"# KK", b"; KK"]
