import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenscope_trace.visible import visible_line, visible_text, visible_token


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


@given(st.binary(max_size=40))
@settings(max_examples=300)
def test_nothing_invisible_is_left(content):
    for character in visible_token(content):
        assert character.isprintable() or character in "\u200d\ufe0f"


def test_the_page_writes_the_same():
    """viewer/text.js holds the same rule; characters that only one of the two Unicode versions knows are left aside."""
    samples = [
        *(bytes([i]) for i in range(256)),
        *(chr(i).encode() for i in range(0x80, 0x3100, 7) if chr(i).isprintable() or i in range(0x2000, 0x2070)),
        *("\u202e \u00a0 \u2028 \ufeff \U000e0041 \u034f \u115f \u2800 \u3000 \u3164".encode().split(b" ")),
        "❤\ufe0f".encode(), "\U0001f468\u200d\U0001f469\U0001f3fd".encode(), "1\ufe0f\u20e3".encode(), "a\u200db".encode(),
        b"  a b  ", b"\r\n\r", b"\xe3\x81", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"a\xff\xfeb",
    ]  # fmt: skip
    program = (
        "import { piecesOfToken, visible } from '#viewer/text';"
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
