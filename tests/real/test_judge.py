"""The judge itself: pairs of texts whose classes are known by hand, ends of functions, stop strings, fences."""

from __future__ import annotations

import pytest
from tests.real.classes import Class, class_of
from tests.real.judge import RIGHT, as_program, class_of_units, judge
from tests.real.paths import NotJudged, before_stop, fences
from tests.real.places import comments, in_loop
from tests.real.units import State, is_hopeless, open_function, read_unit
from tests.support.program_pairs import PAIRS, PY_F
from tests.support.real_models import ROOT

from tokenscope_trace import Trace
from tokenscope_trace.traces.schema import Outcome

PROMPT = b'def add(x, y):\n    """Add.\n    >>> add(2, 3)\n    5\n    """'
OURS = b"\n    result = x + y\n    return result\n\n"


@pytest.mark.parametrize(
    ("branch", "expected"),
    [
        (b"\n    result = x + y\n    return result\n\n\n# more\nprint(1)", Class.SAME_TEXT),
        (b"\n    result = (x + y)\n    return result\n\ndef sub", Class.SAME_PROGRAM),
        (b"\n    # sum\n    result = x + y\n\n    return result\n@a", Class.SAME_PROGRAM),
        (b"\n    total = x + y\n    return total\n\ndef", Class.RENAMED),
        (b"\n    total = x + y\n    return result\n\ndef", Class.OTHER_EXPRESSION),
        (b"\n    result = y + x\n    return result\n\nx", Class.OTHER_EXPRESSION),
        (b"\n    return x + y\n\ndef", Class.OTHER_EXPRESSION),
        (b"\n    result = sum([x, y])\n    return result\n\nx", Class.OTHER_CALLS),
        (b"\n    if x:\n        return y\n    return x + y\n\nx", Class.OTHER_CONTROL_FLOW),
        (b"\n    import math\n    return x + y\n\nx", Class.OTHER_CALLS),
        (b"\n    result = x + y\n    return result", Class.UNFINISHED),
        (b"\n    result = x + y\n    return result\n# add(1, 2)\n# add(2", Class.SAME_TEXT),
        (b"\n    result = x + y\n    return result\n# add(1, 2)", Class.UNFINISHED),
        (b"\n    result = x + y\n    return result\n# add(1, 2)\n# add(2\n    a b\n", Class.SAME_TEXT),
        (b"\n    result = x + y\n# why\n# not\n    ret", Class.UNFINISHED),
        (b"\n    result = x + y\n# why\n    return result\nx", Class.SAME_PROGRAM),
        (b'\n    s = """\nx = 1\n"""\n    return x + y\n\nx', Class.OTHER_EXPRESSION),
        (b"\n    return sum([\nx, y\n])\n\nx", Class.OTHER_CALLS),
        (b"\n    result = x +\n    return result\n\nx", Class.DOES_NOT_PARSE),
        (b"\n    let a b\n    return", Class.DOES_NOT_PARSE),
        (b"\n    if x:\n    return y\n    ", Class.DOES_NOT_PARSE),
        (b"\n    return f(x, ", Class.UNFINISHED),
        (b"\n    return f(x,\n\ndef g():\n", Class.DOES_NOT_PARSE),
        (b"\n    return '", Class.UNFINISHED),
    ],
)
def test_what_a_branch_is_beside_the_output(branch, expected):
    main = read_unit(PROMPT, OURS, ended=True)
    assert main.state is State.COMPLETE
    assert class_of_units(main, read_unit(PROMPT, branch, ended=False)) is expected


def test_an_output_that_was_cut_or_is_broken_is_no_fault_of_a_branch():
    cut, broken = read_unit(PROMPT, b"\n    # TODO\n", ended=False), read_unit(PROMPT, b"\n    a b\n\n", ended=True)
    whole = read_unit(PROMPT, OURS, ended=True)
    assert class_of_units(cut, whole) is Class.OUTPUT_UNFINISHED
    assert class_of_units(cut, cut) is Class.UNFINISHED
    assert class_of_units(broken, whole) is Class.OUTPUT_DOES_NOT_PARSE
    assert class_of_units(broken, broken) is Class.NEITHER_PARSES


# Where the judge says something else than the comparison of programs, by intention.
OTHERWISE = {
    ("x = '\\'a'\n", 'x = "\'a"\n'): "SAME_PROGRAM",  # ast does not tell spellings of a string apart
    # ... nor `elif` from `else` with an `if` in it
    ("if a:\n    b = 1\nelif c:\n    b = 2\n", "if a:\n    b = 1\nelse:\n    if c:\n        b = 2\n"): "SAME_PROGRAM",
    # a name that the output itself introduces
    ("x = 1\ny = x\n", "z = 1\ny = z\n"): "RENAMED",
    (PY_F, PY_F.replace("f(", "g(")): "RENAMED",
}


@pytest.mark.parametrize(("language", "main", "branch", "expected"), [pair for pair in PAIRS if pair[0] == "python"])
def test_pairs_that_the_comparison_was_built_by(language, main, branch, expected):
    found = class_of_units(*(read_unit(b"", text.encode(), ended=True) for text in (main, branch)))
    assert found.name == OTHERWISE.get((main, branch), expected)


@pytest.mark.parametrize(
    ("prompt", "line"),
    [
        (PROMPT, 0),
        (b"def f(x):", 0),
        (b"def f(x):\n    return 1\n\n", 0),
        (b"def f(x):\n    return 1\n\nprint(", None),
        (b"import os\n\n\nasync def f(x):\n    # a\n", 3),
        (b"class A:\n    def f(self):\n        return 1\n\n    def g(self):\n", 4),
        (b"class A:\n    def f(self):\n        return 1\n\n    x = ", None),
        (b"def f():\n    def g():\n        return 1\n    y = ", 0),
        (b'def f():\n    """Doc\ndef g():\nof it.\n    """\n', 0),
        (b"x = 1\n", None),
        (b"", None),
    ],
)
def test_the_function_that_a_prompt_ends_inside_of(prompt, line):
    found = open_function(prompt)
    assert (found[0] if found else None) == line


@pytest.mark.parametrize(
    ("text", "ended", "state", "kept"),
    [
        (b"\n    return x\n\ndef g():\n  return", False, State.COMPLETE, b"\n    return x\n"),
        (b"\n    return x\n", False, State.UNFINISHED, None),
        (b"\n    return x", True, State.COMPLETE, b"\n    return x"),
        (b"\n    return x\nx y z", False, State.COMPLETE, b"\n    return x\n"),
        (b"\n    return x\n# a\n# b\n", False, State.COMPLETE, b"\n    return x\n"),
        (b"\n    return x\n# a\n    # b", False, State.UNFINISHED, None),
        (b"\n    return (", True, State.BROKEN, None),
    ],
)
def test_the_end_of_a_function(text, ended, state, kept):
    found = read_unit(PROMPT, text, ended=ended)
    assert found.state is state
    if kept is not None:
        assert (PROMPT + text)[: found.end] == PROMPT + kept


def test_a_method_ends_at_the_next_one():
    prompt = b"class A:\n    def f(self):\n        x = 1"
    assert read_unit(prompt, b"\n        return x\n\n    def g(self", ended=False).state is State.COMPLETE
    assert read_unit(prompt, b"\n        return x\n\n        y", ended=False).state is State.UNFINISHED


def test_what_no_continuation_mends():
    for text in (b"x = )", b"let a b = 1\n", b"x = a b c", b"if x:\npass", b"f(a b\n", b"def f():\n    x\n  y\n", b"x\0\ny"):
        assert is_hopeless(text), text
    for text in (
        b"x = a i",
        b"for x i",
        b"if x:\n",
        b"f(a,\n",
        b"'''a\n",
        b"x = 'a",
        b"@a\n",
        b"x = 1 +",
        b"retu",
        b"",
        b"try:\n  a\n",
    ):
        assert not is_hopeless(text), text


def test_a_stop_string_is_cut_unless_it_closes():
    assert before_stop(b"  return x\n\ndef sub", [b"\ndef ", b"\nclass "]) == (11, True)
    assert before_stop(b"  return x\n", [b"\ndef "]) == (11, False)
    assert before_stop(b"a {\n}\nb", [b"\n}"]) == (5, True)
    assert before_stop(b"a\nend b", [b"\nend"]) == (5, True)
    assert before_stop(b"a\nendless", [b"\nendless"]) == (1, True)
    assert before_stop(b"a\nprint(\nclass ", [b"\nclass ", b"\nprint("]) == (1, True)


def test_fences_of_an_answer():
    assert list(fences(b"Sure:\n```python\nx = 1\n```\nand\n~~~\ny")) == [(16, 22, True), (34, 35, False)]
    assert list(fences(b"no code")) == []
    assert list(fences(b"````\n```\n````\n")) == [(5, 9, True)]


def test_names_that_an_output_introduces_itself():
    assert class_of(b"def f(a):\n    return f(a - 1)\n", b"def g(b):\n    return g(b - 1)\n") is Class.RENAMED
    assert class_of(b"def f(a):\n    return f(a - 1)\n", b"def g(b):\n    return f(b - 1)\n") is Class.OTHER_CALLS
    assert class_of(b"x = 1\nx = x\n", b"x = 1\ny = x\n") is Class.OTHER_EXPRESSION
    assert class_of(b"x = 1\n", b"xs = 1\n") is Class.RENAMED


def test_comments_are_found_in_code_that_does_not_parse():
    text = b'def f(:\n  x = \'#\' # one\n  y = """\n# no\n"""#two\n  z = \'open # no\n# three'
    assert [text[start:end] for start, end in comments(text)] == [b"# one", b"#two", b"# three"]


def test_a_loop_is_what_repeats_for_the_third_time():
    assert in_loop([1, 2, 3, 4, 5] + [6, 7, 8, 9] * 4) == [False] * 13 + [True] * 8
    assert in_loop([6, 7, 8, 9] * 2 + [6, 7]) == [False] * 10
    assert in_loop([1, 1, 1, 2]) == [False] * 4
    assert in_loop([5] * 14) == [False] * 2 + [True] * 12
    assert in_loop([]) == []


def test_every_outcome_that_is_reported_can_be_right_or_wrong():
    assert set(RIGHT) == set(Outcome)


@pytest.mark.parametrize("sample", ["stack", "median"])
def test_other_recordings_are_not_judged(sample):
    with pytest.raises(NotJudged, match="only chats"):
        judge(Trace.load(ROOT / "samples" / f"{sample}.tsc"))


def test_a_statement_by_itself():
    text = b"def f(x):\n    y = 1\n\n    if x:\n        y = 2\n    return y\nz = 1; w = 2"
    second = b"if 1:\n    if x:\n        y = 2\n"
    assert as_program(text, text.index(b"if x"), text.index(b"\n    return")) == second
    assert as_program(text, text.index(b"\n\n    if"), text.index(b"\n    return")) == second
    assert as_program(text, text.index(b"    if"), text.index(b"\n    return")) == second
    assert as_program(text, text.index(b"z ="), text.index(b";")) == b"z = 1\n"
    assert as_program(text, text.index(b" w ="), len(text)) == b"w = 2\n"
    assert as_program(text, text.index(b"\nz ="), text.index(b";")) == b"z = 1\n"
