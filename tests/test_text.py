"""Text in which nothing stays invisible, and numbers as text."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenscope_trace.text import (
    deceptive,
    decimal,
    escaped_json,
    fact_text,
    file_size,
    percent,
    told_apart,
    visible_line,
    visible_text,
    visible_token,
)


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"plain", "plain"),
        (b"", "(empty)"),
        (b"  x y ", "··x y·"),
        (b"   ", "···"),
        (b"\n    ", "↵····"),
        (b"\r\n\t", "\\r↵→"),
        (b"\r", "\\r"),
        (b"a\rb", "a<U+000D>b"),
        (b"\xff", "\\xFF"),
        (b"\xe3\x81", "\\xE3\\x81"),
        ("\u202eevil\u202c".encode(), "<U+202E>evil<U+202C>"),
        ("\U0001f468\u200d\U0001f469".encode(), "\U0001f468\u200d\U0001f469"),
        ("1\ufe0f".encode(), "1<U+FE0F>"),
    ],
)
def test_a_token_in_visible_form(content, shown):
    assert visible_token(content) == shown


def test_lines_and_texts_differ_in_their_breaks():
    assert visible_line("a\n\tb\x00") == "a↵→b<U+0000>"
    assert visible_text(b"a\r\n\tb\x00") == "a\r\n\tb<U+0000>"


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("p\u0430yload", "p<U+0430>yload"),  # Cyrillic a
        ("\u043f\u0430\u0440\u043e\u043b\u044c = 1", "\u043f\u0430\u0440\u043e\u043b\u044c = 1"),  # a Russian word
        ("is_\u0391dmin", "is_<U+0391>dmin"),  # Greek Alpha
        ("\u03b1_max, \u0394", "\u03b1_max, \u0394"),  # names of mathematics
        ("\u0394t", "<U+0394>t"),
        ("\U0001d41eval", "<U+1D41E>val"),
        ("if (env\u01c3=x)\u037e", "if (env<U+01C3>=x)<U+037E>"),
        ("\u65e5\u672cabc", "\u65e5\u672cabc"),
        ("na\u00efve fa\u00e7ade", "na\u00efve fa\u00e7ade"),
    ],
)
def test_letters_and_signs_in_disguise_are_written_out(content, shown):
    assert visible_line(content) == shown


def test_what_does_not_show_as_what_it_is_is_counted():
    assert deceptive([b"plain\r\n\ttext", "\u65e5\u672c \U0001f468\u200d\U0001f469 \u043f\u0430".encode(), b"\xff"]) == ""
    assert deceptive([b"a\x1bb"]) == (
        "This text holds one character that does not show as what it is (1 control character). What a program reads there is written out, "
        "as in <U+202E>."
    )
    texts = ["\u202e\u2066 a\u00a0b \u200b", "p\u0430y\u043c d\u01c3 \U000e0041\ufe00 \r"]
    assert deceptive(text.encode() for text in texts) == (
        "This text holds 10 characters that do not show as what they are (3 invisible characters, 2 bidirectional controls, "
        "2 letters of another alphabet inside of a word, 1 unusual space, 1 sign that looks like another, 1 control character). "
        "What a program reads there is written out, as in <U+202E>."
    )


def test_json_holds_nothing_invisible_and_means_the_same():
    value = {"a\u202e": ["\x1b[2J\u009b", "p\u0430yload\U000e0041", "\u043f\u0430", '"\\\n\t', 1.5, None]}
    text = escaped_json(value)
    assert json.loads(text) == value
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "\u043f\u0430" in text


@given(st.binary(max_size=40))
@settings(max_examples=300)
def test_nothing_invisible_is_left(content):
    for character in visible_token(content):
        assert character.isprintable() or character in "\u200d\ufe0f"


def test_the_page_writes_the_same():
    """viewer/reading/text.js holds the same rule; characters that only one of the two Unicode versions knows are left aside."""
    samples = [
        *(bytes([i]) for i in range(256)),
        *(chr(i).encode() for i in range(0x80, 0x3100, 7) if chr(i).isprintable() or i in range(0x2000, 0x2070)),
        *("\u202e \u00a0 \u2028 \ufeff \U000e0041 \u034f \u115f \u2800 \u3000 \u3164".encode().split(b" ")),
        "❤\ufe0f".encode(), "\U0001f468\u200d\U0001f469\U0001f3fd".encode(), "1\ufe0f\u20e3".encode(), "a\u200db".encode(),
        *("p\u0430yload \u043f\u0430\u0440\u043e\u043b\u044c \u0391_max \u03b1_max \u0430_ x_\u0430 1\u04301 \uff41bc \U0001d41eval \u2163x a\u037e b\u01c3= \u0391".encode().split(b" ")),
        b"a" + b"_" * 31 + "\u0430".encode(), b"a" + b"_" * 32 + "\u0430".encode(), "a\u0301\u0430".encode(),
        b"  a b  ", b"\r\n\r", b"\xe3\x81", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"a\xff\xfeb",
    ]  # fmt: skip
    program = (
        "import { piecesOfToken, visible } from '#viewer/reading/text';"
        "const samples = JSON.parse(process.argv[1]).map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')));"
        "console.log(JSON.stringify(samples.map((bytes) => visible(piecesOfToken(bytes)).map(({ text }) => text).join(''))));"
    )
    root = Path(__file__).parents[1]
    finished = subprocess.run(
        [shutil.which("node"), "--input-type=module", "-e", program, json.dumps([sample.hex() for sample in samples])],
        cwd=root, capture_output=True, check=True,
    )  # fmt: skip
    for sample, shown in zip(samples, json.loads(finished.stdout), strict=True):
        assert shown == visible_token(sample), sample


def test_numbers_never_read_as_what_they_are_not():
    assert [percent(p) for p in (0, 1e-9, 0.541, 0.9999, 1)] == ["0 %", "<0.1 %", "54.1 %", ">99.9 %", "100 %"]
    assert [decimal(v, "bits") for v in (0, 1e-9, 1.234, float("inf"), float("nan"))] == [
        "0.00 bits",
        "<0.01 bits",
        "1.23 bits",
        "infinite bits",
        "–",
    ]


def test_sizes_keep_their_order_of_magnitude():
    assert [file_size(count) for count in (0, 9_999, 10_000, 131_000, 1_500_000)] == [
        "0 bytes",
        "9,999 bytes",
        "10 kB",
        "131 kB",
        "1.5 MB",
    ]


@pytest.mark.parametrize(
    ("typed", "fact"),
    [
        ("plain.py", "plain.py"),
        ("grün.py", "grün.py"),
        (b"bad\xff.py".decode("utf-8", "surrogateescape"), r"bad\xFF.py"),
        ("grün.py".encode().decode("ascii", "surrogateescape"), "grün.py"),  # as Python reads a name in the locale C
        ("gr\udcc3\udcbcn\udcff", r"grün\xFF"),
        ("ü\udcff", r"ü\xFF"),
        ("half\ud83d", "half<U+D83D>"),
        ("half\ud83d\udcff", r"half<U+D83D>\xFF"),
    ],
)
def test_a_fact_is_what_was_meant_and_always_utf_8(typed, fact):
    assert fact_text(typed) == fact
    assert fact.encode().decode() == fact_text(fact) == fact


@given(st.text(alphabet=st.characters(codec=None)))
def test_every_text_is_a_fact_and_no_terminal_s_business(text):
    fact = fact_text(text)
    assert fact.encode().decode() == fact
    assert visible_line(fact).encode().decode() == visible_line(fact)


@given(st.lists(st.sampled_from(["a.py", "b.py", "(2)/a.py", "(3)/a.py", "\udcff", r"\xFF"])))
def test_names_are_told_apart_and_the_first_keeps_its_own(names):
    found = told_apart(names)
    assert len(set(found)) == len(found) == len(names)
    assert all(own.endswith(fact_text(name)) for own, name in zip(found, names, strict=True))


def test_very_many_files_of_one_name_are_told_apart_at_once():
    assert told_apart(["a"] * 8192)[-1] == "(8192)/a"
