"""Passages of code: their own text and the text around them, and that bytes of the one are found in the other."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.languages.test_fences import MARKDOWN

from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.languages.literals import find_literals
from tokenscope_trace.languages.parsing import parse
from tokenscope_trace.languages.passages import code_passages, code_piece
from tokenscope_trace.traces.schema import SyntaxFlag

PYTHON = by_name("python")


def passages(text, breaks=()):
    return code_passages(text, "-", PYTHON, conversation=True, breaks=breaks)


CODE = 'def f(x):\n    """Döc\n    here."""\n\n    return x\n\n\nprint(f(1))  # é\n'
AROUND = {
    "plain": ("Text\n```python\n", "", "```\nmore\n"),
    "one blank": ("Text\n ```python\n", " ", " ```\n"),
    "three blanks": ("   ```py\n", "   ", "```\n"),
    "list": ("- a\n\n  ```python\n", "  ", "  ```\n- b\n"),
    "numbers": ("10. a\n    ```python title='x'\n", "    ", "    ```\n"),
    "list in a list": ("- a\n  - b\n    ~~~ {python}\n", "    ", "    ~~~\n"),
    "quotation": ("> ```Python3\n", "> ", "> ```\n"),
    "quotation in a list": ("- > ```\n", "  > ", "  > ```\n"),
    "unclosed": ("- ```\n", "  ", "\nText\n"),
}


@pytest.mark.parametrize("case", AROUND)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_code_is_found_without_what_stands_before_its_lines(case, line_end):
    before, margin, after = AROUND[case]
    text = (
        (before + "".join(margin + line for line in CODE.splitlines(keepends=True)) + after).replace("\n", line_end).encode()
    )
    (passage,) = passages(text)
    own = passage.text(text)
    assert ast.dump(ast.parse(own)) == ast.dump(ast.parse(CODE))
    parsed = parse(text, passage)
    assert not np.any(parsed.flags & (SyntaxFlag.ERROR | SyntaxFlag.MISSING))
    found = {kind: text[a:b].decode() for kind, a, b in zip(parsed.kind, parsed.start, parsed.end, strict=True)}
    assert found["comment"].rstrip("\r") == "# é"
    assert found["return_statement"] == "return x"
    assert found["call"].startswith(("print", "f(1)"))
    literals = find_literals(text, "-", PYTHON, conversation=True)
    hidden = b"".join(text[a:b] for a, b in literals.comments)
    assert "# é".encode() in hidden
    assert b"return" not in hidden


@settings(max_examples=400, deadline=None)
@given(MARKDOWN, st.integers(0, 60))
def test_bytes_are_found_there_and_back(text, written):
    data = text.encode()
    for passage in passages(data):
        own = passage.text(data)
        inside = [place for one in passage.pieces for place in range(one.start, one.end)] or range(
            passage.start, passage.end
        )
        for place in inside:
            byte = passage.own(place)
            assert passage.outer(byte) == place
            assert own[byte : byte + 1] == data[place : place + 1]
            assert passage.outer_end(byte + 1) == place + 1
        places = [passage.own(place) for place in range(passage.start, passage.end + 1)]
        assert places == sorted(places)
        assert (places[0] >= 0, places[-1]) == (True, len(own))
        outer = [passage.outer(byte) for byte in range(len(own) + 1)]
        assert outer == sorted(outer)
        assert all(passage.start <= place <= passage.end for place in outer)
        piece = code_piece(data, passage, ended=False, written=written)
        assert 0 <= piece.program.written <= len(own)
        parsed = parse(data, passage)
        assert np.all(parsed.start <= parsed.end)
        above = parsed.parent[1:]
        assert np.all(parsed.start[1:] >= parsed.start[above])
        assert np.all(parsed.end[1:] <= parsed.end[above])


def test_messages_are_documents_of_their_own():
    text = b"user\nSee ```\n```python\nx = (\nassistant\n    y = 1\n```python\nz = 2\n```\n"
    whole = passages(text)
    apart = passages(text, (text.index(b"See"), text.index(b"assistant"), text.index(b"    y")))
    assert next(one.text(text) for one in whole) != b"x = (\n"
    assert [one.text(text) for one in apart] == [b"x = (\n", b"z = 2\n"]
    assert passages(text, ()) == whole
