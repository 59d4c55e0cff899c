"""Fences: CommonMark's own examples, what models write, and that no byte of any text shifts."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tokenscope_trace.languages.fences import find_fences

# The code blocks that CommonMark 0.31.2 has for its examples (spec.txt, by number): 119 to 147 are "Fenced code blocks".
EXAMPLES = {
    119: ("```\n<\n >\n```\n", ["<\n >\n"]),
    120: ("~~~\n<\n >\n~~~\n", ["<\n >\n"]),
    121: ("``\nfoo\n``\n", []),
    122: ("```\naaa\n~~~\n```\n", ["aaa\n~~~\n"]),
    123: ("~~~\naaa\n```\n~~~\n", ["aaa\n```\n"]),
    124: ("````\naaa\n```\n``````\n", ["aaa\n```\n"]),
    125: ("~~~~\naaa\n~~~\n~~~~\n", ["aaa\n~~~\n"]),
    126: ("```\n", [""]),
    127: ("`````\n\n```\naaa\n", ["\n```\naaa\n"]),
    128: ("> ```\n> aaa\n\nbbb\n", ["aaa\n"]),
    129: ("```\n\n  \n```\n", ["\n  \n"]),
    130: ("```\n```\n", [""]),
    131: (" ```\n aaa\naaa\n```\n", ["aaa\naaa\n"]),
    132: ("  ```\naaa\n  aaa\naaa\n  ```\n", ["aaa\naaa\naaa\n"]),
    133: ("   ```\n   aaa\n    aaa\n  aaa\n   ```\n", ["aaa\n aaa\naaa\n"]),
    134: ("    ```\n    aaa\n    ```\n", []),
    135: ("```\naaa\n  ```\n", ["aaa\n"]),
    136: ("   ```\naaa\n  ```\n", ["aaa\n"]),
    137: ("```\naaa\n    ```\n", ["aaa\n    ```\n"]),
    138: ("``` ```\naaa\n", []),
    139: ("~~~~~~\naaa\n~~~ ~~\n", ["aaa\n~~~ ~~\n"]),
    140: ("foo\n```\nbar\n```\nbaz\n", ["bar\n"]),
    141: ("foo\n---\n~~~\nbar\n~~~\n# baz\n", ["bar\n"]),
    142: ("```ruby\ndef foo(x)\n  return 3\nend\n```\n", ["def foo(x)\n  return 3\nend\n"]),
    143: ("~~~~    ruby startline=3 $%@#$\ndef foo(x)\n  return 3\nend\n~~~~~~~\n", ["def foo(x)\n  return 3\nend\n"]),
    144: ("````;\n````\n", [""]),
    145: ("``` aa ```\nfoo\n", []),
    146: ("~~~ aa ``` ~~~\nfoo\n~~~\n", ["foo\n"]),
    147: ("```\n``` aaa\n```\n", ["``` aaa\n"]),
    237: ("> ```\nfoo\n```\n", ["", ""]),  # "Block quotes": no laziness in a fence
    263: ("1.  foo\n\n    ```\n    bar\n    ```\n\n    baz\n\n    > bam\n", ["bar\n"]),  # "List items"
    278: ("-\n  foo\n-\n  ```\n  bar\n  ```\n-\n      baz\n", ["bar\n"]),
    318: ("- a\n- ```\n  b\n\n\n  ```\n- c\n", ["b\n\n\n"]),  # "Lists"
    321: ("- a\n  > b\n  ```\n  c\n  ```\n- d\n", ["c\n"]),
    324: ("1. ```\n   foo\n   ```\n\n   bar\n", ["foo\n"]),
}  # fmt: skip


def code(text, breaks=()):
    """The code of each fence."""
    return [
        b"".join(b" " * line.blanks + text[line.start : line.end] for line in fence.lines)
        for fence in find_fences(text, breaks)
    ]


@pytest.mark.parametrize("number", EXAMPLES)
def test_commonmark_s_own_examples(number):
    text, expected = EXAMPLES[number]
    assert [one.decode() for one in code(text.encode())] == expected


@pytest.mark.parametrize(("before", "after"), [("\n", "\r\n"), ("\n", "\r")])
@pytest.mark.parametrize("number", EXAMPLES)
def test_they_are_the_same_with_other_line_ends(number, before, after):
    text, expected = EXAMPLES[number]
    assert [one.decode() for one in code(text.replace(before, after).encode())] == [
        one.replace(before, after) for one in expected
    ]


@pytest.mark.parametrize(
    ("info", "name"),
    [
        ("python", "python"),
        ("Python3", "Python3"),
        (" py", "py"),
        ('python title="x"', "python"),
        ("python {.numberLines}", "python"),
        ("{python}", "python"),
        ("{.python .x}", "python"),
        ("{ .python }", "python"),
        ("c++", "c++"),
        ("python,linenos", "python"),
        ("python:a/b.py", "python"),
        ("", ""),
        ("é", "é"),
        ("{", ""),
    ],
)
def test_a_fence_names_its_language(info, name):
    (fence,) = find_fences(f"```{info}\nx\n```\n".encode())
    assert fence.name == name


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("```\na\n```", True),
        ("```\na\n", False),
        ("```\na\n``", False),
        ("```", False),
        ("> ```\n> a\n\nb", True),
        ("- ```\n  a\n", False),
        ("- ```\n  a\n\nb", True),
    ],
)
def test_a_fence_is_closed_where_nothing_more_can_stand_in_it(text, closed):
    (fence,) = find_fences(text.encode())
    assert fence.closed is closed


def test_a_message_ends_its_fences():
    user, rest = b"Look:\n```python\nx = (\n", b"assistant\nSure.\n```js\nf();\n```\n"
    assert code(user + rest, [len(user)]) == [b"x = (\n", b"f();\n"]
    (swallowed,) = code(user + rest)
    assert swallowed.startswith(b"x = (\nassistant")
    inside = b"Look:\n```\na"
    assert code(inside + b"b\n```\n", [len(inside)]) == [b"a", b""]


MARKDOWN = st.lists(
    st.sampled_from(
        ["```", "~~~", "````", "`", "\n", "\n", "\r\n", "\r", " ", "  ", "    ", "\t", "> ", ">", "- ", "1. ", "x", "é😀", "\0", "\u2028", "\x85",
         "\x0c", "python", "<!--", "-->", "<div>", "[a]: b", "---", "#"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(MARKDOWN)
def test_every_fence_reads_as_markdown_it_says_and_no_byte_shifts(text):
    assume(not re.search(r"(?:\A|[\r\n])[ \t>]+\Z", text))  # a line that has only begun: that is another test
    data = text.encode()
    tokens = [token for token in MarkdownIt("commonmark").parse(text) if token.type == "fence"]
    read = [one.decode().replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd") for one in code(data)]
    assert read == [token.content for token in tokens]
    last = 0
    for fence in find_fences(data):
        for line in fence.lines:
            assert last <= line.start <= line.end <= len(data)
            last = line.end


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.lists(st.integers(0, 80), max_size=4).map(sorted))
def test_any_bytes_and_any_breaks_are_read(text, breaks):
    for whole in (text, b"```\n" + text, b"> ```\n> " + text, b"- ~~~\n\t" + text):
        for fence in find_fences(whole, breaks):
            assert all(0 <= line.start <= line.end <= len(whole) for line in fence.lines)


@pytest.mark.parametrize(
    "text",
    [
        b"`" * 100_000,
        b"> " * 10_000 + b"```",
        b"- " * 10_000 + b"```",
        b"```\na\n" * 20_000,
        b"> ```\n" * 20_000,
        b"\t" * 50_000 + b"```",
        b"```" + b"x" * 100_000,
        b"[" * 50_000 + b"```",
        b"a\n" * 50_000 + b"```",
        b"<!--" * 20_000 + b"```",
    ],
)
def test_hostile_texts_are_read(text):
    assert len(find_fences(text)) <= 20_001


@pytest.mark.parametrize(
    "text", ["```py\nif x:\n   ", "```py\n\t", "> ```py\n> if x:\n>    ", "- ```py\n  if x:\n     ", "~~~py\nif x:\n\n    "]
)
def test_a_line_that_has_only_begun_closes_no_fence(text):
    for begun in range(1, 4):
        (fence,) = find_fences((text + " " * begun).encode())
        assert not fence.closed
        (longer,) = find_fences((text + " " * begun + "y").encode())
        assert len(fence.lines) == len(longer.lines)
    (ended,) = find_fences(b"```py\nx\n```\n   ")
    assert ended.closed
