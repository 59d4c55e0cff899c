"""Python's own parser: what it refuses does not parse, what is newer than it is not called broken, and nothing makes it fall over."""

from __future__ import annotations

import ast
import sys
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.languages.equivalence import compare_programs, output_error
from tokenscope_trace.languages.own_parser import JUDGE, own_verdict
from tokenscope_trace.languages.units import Program
from tokenscope_trace.traces.schema import Outcome

PYTHON = by_name("python")


def program(text, *, ended=True, written=None):
    data = text.encode() if isinstance(text, str) else text
    return Program(data, PYTHON, ended, len(data) if written is None else written)


def verdict(text):
    one = program(text)
    return own_verdict(one.text, one.language, one.root)


def outcome(main, branch, *, ended=True):
    first, second = program(main, ended=ended), program(branch, ended=ended)
    fork = next(
        (at for at, (a, b) in enumerate(zip(first.text, second.text, strict=False)) if a != b),
        min(len(first.text), len(second.text)),
    )
    return compare_programs(first, second, fork).outcome


REFUSED = [
    ("x = 1\n", "  x = 1\n"),
    ("def f(x):\n    return x\n", "def f(x):\nreturn x\n"),
    ("if x:\n    pass\n", "if x:\npass\n"),
    ("for a in b:\n    c()\n", "for a in b:\nc()\n"),
    ("class A:\n    x = 1\n", "class A:\nx = 1\n"),
    ("try:\n    a()\nfinally:\n    b()\n", "try:\n    a()\nfinally:\nb()\n"),
    ("match a:\n    case 1:\n        b()\n", "match a:\n    case 1:\n    b()\n"),
    ("def f():\n    x = 1\n    y = 2\n", "def f():\n    x = 1\n      y = 2\n"),
    ("def f():\n    if a:\n        b()\n    c()\n", "def f():\n    if a:\n        b()\n      c()\n"),
    ('print("a")\n', 'print "a"\n'),
    ("exec(a)\n", "exec a\n"),
    ("f(a)\n", "f(b for b in c, d)\n"),
    ("x = 1\n", "1 = x\n"),
    ("x = 1\n", "x = 1\\\n"),
    ("x = a\n", "x = a <> b\n"),
    ("x = 1\n", "x = 01\n"),
]  # fmt: skip


@pytest.mark.parametrize("rest", ["", "y = 1\nz = 2\n"])
@pytest.mark.parametrize(("main", "branch"), REFUSED)
def test_what_python_refuses_does_not_parse(main, branch, rest):
    assert verdict(main + rest).refused_at is None
    assert verdict(branch + rest).refused_at is not None
    assert outcome(main + rest, branch + rest) == Outcome.DOES_NOT_PARSE
    assert outcome(branch + rest, main + rest) != Outcome.DOES_NOT_PARSE
    assert output_error(program(branch + rest), 0) is not None
    assert output_error(program(main + rest), 0) is None


@pytest.mark.parametrize(("main", "branch"), [pair for pair in REFUSED if "\\" not in pair[1]])
def test_so_it_does_where_the_texts_were_cut(main, branch):
    assert outcome(main + "y = 1\nz", branch + "y = 1\nz", ended=False) == Outcome.DOES_NOT_PARSE


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n",
        "def f(x):\n    # todo\n",
        "class A:\n\n    def f(self):\n",
        "if x:\n    a()\nelse:\n",
        "x = [\n  1,\n",
        "def f():\n\tif a:\n\t\tb()\n",
        "if a:\n        x = 1\nelse:\n  y = 1\n",
    ],
)
def test_indentation_that_may_be_right_is_none_of_a_text_that_was_cut(text):
    assert output_error(program(text, ended=False), 0) is None
    assert output_error(program(text + "  ", ended=False), 0) is None


@pytest.mark.parametrize("behind", ["%timeit f(1)\n", "!ls\n", 'print "a"\nexec b\n', "if a:\n    %time b\n", "  y = 1\n"])
def test_what_is_given_and_refused_is_nobody_s(behind):
    def filled(middle):
        return program(f"x = {middle}\n{behind}", written=len(f"x = {middle}"))

    main = filled("1")
    assert compare_programs(main, filled("(1)"), 4).outcome == Outcome.SAME_PROGRAM
    assert compare_programs(main, filled("2"), 4).outcome == Outcome.OTHER_EXPRESSION
    assert compare_programs(main, filled("1 1"), 4).outcome == Outcome.DOES_NOT_PARSE
    assert output_error(main, 4) is None
    assert output_error(filled("1 1"), 4) is not None


def test_code_that_is_indented_as_a_whole_is_compared_as_it_stands():
    assert outcome("    x = 1\n    y = 2\n", "    x = 1\n    y = 3\n") == Outcome.OTHER_EXPRESSION
    assert outcome("    x = 1\n    y = 2\n", "    x = 2\n    y = 2\n") == Outcome.OTHER_EXPRESSION


NEWER = [  # (version, what it knows, the same otherwise)
    ((3, 12), "type X = int\n", "type X = str\n"),
    ((3, 12), "def f[T](a: T): pass\n", "def f[T](b: T): pass\n"),
    ((3, 12), "class A[T]: x = 1\n", "class A[T]: x = 2\n"),
    ((3, 12), "x = f'{a['b']}'\n", "x = f'{a['c']}'\n"),
    ((3, 12), "x = f'{'\\n'.join(a)}'\n", "x = f'{'\\n'.join(b)}'\n"),
    ((3, 14), "try: pass\nexcept A, B: pass\n", "try: pass\nexcept A, C: pass\n"),
    ((3, 14), "x = t'{a}'\n", "x = t'{b}'\n"),
    ((3, 15), "x = [*a for a in b]\n", "x = [*a for a in c]\n"),
]  # fmt: skip


@pytest.mark.parametrize(("version", "main", "branch"), NEWER)
def test_syntax_that_is_newer_than_the_interpreter_is_not_called_broken(version, main, branch):
    found = verdict(main)
    assert found is None if sys.version_info[:2] < version else found.refused_at is None
    assert outcome(main, branch) != Outcome.DOES_NOT_PARSE
    assert outcome("x = 1\n" + main, "x = 2\n" + main) == Outcome.OTHER_EXPRESSION
    assert outcome(main, "y = 1\n" + main) != Outcome.DOES_NOT_PARSE


def test_syntax_that_the_oldest_interpreter_knows_is_judged():
    text = "match a:\n    case 1: pass\ntry: pass\nexcept* A: pass\nif (n := 1): pass\nx = a[*b]\n"
    assert verdict(text).refused_at is None
    assert verdict(text + "if x:\npass\n").refused_at == len(text) + 6
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in JUDGE


N = 20_000
HOSTILE = {
    "minus": "-" * N + "1",
    "not": "not " * N + "x",
    "dots": "a" + ".a" * N,
    "plus": "1" + "+1" * N,
    "lambdas": "lambda:" * N + "1",
    "conditions": "1 if 1 else " * N + "1",
    "calls": "a" + "()" * N,
    "parentheses": "(" * N,
    "brackets": "[" * N + "]" * N,
    "templates": "f'{" * N,
    "powers": "1" + "**1" * N,
    "blocks": "".join(" " * i + "if 1:\n" for i in range(300)),
    "arms": "if 1: pass\n" + "elif 1: pass\n" * N,
    "digits": "9" * N,
    "zeros": "\0" * N,
    "a zero": "x = '\0'\n",
    "no text": b"x = '\xff'\n",
    "a cookie": "# coding: rot13\nx = 1\n",
    "a mark": "\ufeffx = 1\n",
    "surrogates": b"x = '\xed\xa0\x80'\n",
    "large": "#" * 500_000,
    "form feeds": "\f" * N + "x = 1\n",
    "returns": "x = 1\r" * 2000,
    "continued": "\\\n" * 500,
    "warned of": "x = '\\d' is 1\nassert (1, 2)\n",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_nothing_is_raised_said_or_warned_of_hostile_texts(case, capfd):
    text = HOSTILE[case]
    data = text.encode("utf-8") if isinstance(text, str) else text
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        found = verdict(data)
    assert (seen, capfd.readouterr()) == ([], ("", ""))
    assert found is None or found.refused_at is None or case in ("digits", "zeros", "a zero", "continued")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["x", " ", "\n", "    ", "if x:", "def f():", "(", ")", "=", "1", "#", "'", "return", "\t", "\\", "else:", ";"]
        ),
        max_size=14,
    ).map("".join)
)
def test_no_text_that_python_takes_has_an_error_and_none_that_it_refuses_is_the_same_as_one(text):
    try:
        ast.parse(text)
    except SyntaxError:
        assert output_error(program(text), 0) is not None
        assert outcome("x = 1\n", text) in (Outcome.DOES_NOT_PARSE, Outcome.ONLY_WHAT_FOLLOWS)
    else:
        assert output_error(program(text), 0) is None
        assert outcome("x = 1\n", text) != Outcome.DOES_NOT_PARSE
