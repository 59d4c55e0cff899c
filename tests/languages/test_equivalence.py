"""The class of a branch's program: by hand for every language, for Python against its own ast, and for texts cut off anywhere."""

from __future__ import annotations

import ast
import re
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.languages.test_parsing import PROGRAMS
from tests.support import python_meaning, standard_library
from tests.support.program_pairs import PAIRS

from tokenscope_trace.languages.definitions import LANGUAGES, by_name
from tokenscope_trace.languages.equivalence import compare_programs, output_error
from tokenscope_trace.languages.indentation import misindented
from tokenscope_trace.languages.language import grammar, kinds
from tokenscope_trace.languages.own_parser import own_verdict
from tokenscope_trace.languages.units import Program, complete_scope
from tokenscope_trace.traces.schema import Outcome, Scope

TEXTS = sorted({(language, main) for language, main, _, _ in PAIRS} | set(PROGRAMS.items()))
SAME = (Outcome.SAME_TEXT, Outcome.UNFINISHED)


def whole(text, language="python"):
    text = text.encode() if isinstance(text, str) else text
    return Program(text, by_name(language), ended=True, written=len(text))


def cut(text, language="python"):
    text = text.encode() if isinstance(text, str) else text
    return Program(text, by_name(language), ended=False, written=len(text))


def fork_of(main, branch):
    """The first byte in which two texts differ."""
    pairs = zip(main.text, branch.text, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(main.text), len(branch.text)))


def compared(main, branch):
    return compare_programs(main, branch, fork_of(main, branch))


def parses(program):
    verdict = own_verdict(program.text, program.language, program.root)
    refused = verdict is not None and verdict.refused_at is not None
    return not program.root.has_error and not refused and not list(misindented(program))


# By hand


@pytest.mark.parametrize(("language", "main", "branch", "expected"), PAIRS)
def test_pairs_of_whole_programs(language, main, branch, expected):
    found = compared(whole(main, language), whole(branch, language))
    assert found.outcome.name == expected
    assert (found.scope, found.start) == (Scope.WHOLE, 0)
    assert (found.main_end, found.branch_end) == (len(main.encode()), len(branch.encode()))


def test_every_language_has_pairs_of_every_class_that_it_knows():
    plain = {"SAME_PROGRAM", "OTHER_EXPRESSION", "DOES_NOT_PARSE"}
    for language in LANGUAGES:
        classes = {expected for name, _, _, expected in PAIRS if name == language.name}
        wanted = plain if language.name == "json" else plain | {"RENAMED", "OTHER_CONTROL_FLOW", "OTHER_CALLS"}
        assert wanted <= classes or language.name == "tsx", language.name


CUT_PAIRS = [
    # what is written in the function goes on behind it
    (
        "python",
        "def f(a):\n    b = a\n    return b\nx",
        "def f(a):\n    c = a\n    return c\ny",
        Outcome.RENAMED,
        Scope.FUNCTION,
        "def f(a):\n    c = a\n    return c",
    ),
    # a comment before the statement
    (
        "python",
        "def f(a):\n    b = a\n    ret",
        "def f(a):\n    # a\n    b = a + 1\n    ret",
        Outcome.OTHER_EXPRESSION,
        Scope.STATEMENT,
        "# a\n    b = a + 1",
    ),
    # the function may go on, the statement may not
    ("python", "def f(a):\n    b = a\n    ret", "def f(a):\n    c = a\n    ret", Outcome.RENAMED, Scope.STATEMENT, "c = a"),
    ("python", "def f(a, c):\n    b = a\n", "def f(a, c):\n    c = a\n", Outcome.OTHER_EXPRESSION, Scope.STATEMENT, "c = a"),
    ("python", "def f(c):  # b\n    b = c\n", "def f(c):  # b\n    d = c\n", Outcome.RENAMED, Scope.STATEMENT, "d = c"),
    ("python", "b = a\nx", "c = a\nx", Outcome.RENAMED, Scope.STATEMENT, "c = a"),
    ("python", "class A:\n    b = 1\n", "class A:\n    c = 1\n", Outcome.OTHER_EXPRESSION, Scope.STATEMENT, "c = 1"),
    # the statement itself is not complete
    ("python", "x = f(a, b", "x = g(a, c", Outcome.UNFINISHED, Scope.NONE, ""),
    ("python", "x = 1", "x = 2", Outcome.UNFINISHED, Scope.NONE, ""),
    ("python", "if a:\n    b()\n", "if a:\n    c()\n", Outcome.OTHER_CALLS, Scope.STATEMENT, "c()"),
    ("python", "if a:\n    b()\n", "if x:\n    b()\n", Outcome.UNFINISHED, Scope.NONE, ""),
    ("python", "if a:\n    b()\nel", "if x:\n    b()\nel", Outcome.UNFINISHED, Scope.NONE, ""),
    ("python", "if a:\n    b()\nels ", "if x:\n    b()\nels ", Outcome.OTHER_EXPRESSION, Scope.STATEMENT, "if x:\n    b()"),
    # another statement in its place, behind white space that differs
    (
        "python",
        "def f(a):\n    x = 1\n    return a\n",
        "def f(a):\n    x = 1\n\n    y = a\n",
        Outcome.OTHER_CONTROL_FLOW,
        Scope.STATEMENT,
        "\n    y = a",
    ),
    # whether the block goes on: the smallest statement around it
    (
        "python",
        "def f(a):\n    if a:\n        x = 1\n        y = 2\n    z = 3\n",
        "def f(a):\n    if a:\n        x = 1\n    y = 2\n    z = 3\n",
        Outcome.OTHER_EXPRESSION,
        Scope.STATEMENT,
        "if a:\n        x = 1",
    ),
    (
        "python",
        "def f():\n    a()\n    b()\nx",
        "def f():\n    a()\nb()\nx",
        Outcome.OTHER_CALLS,
        Scope.FUNCTION,
        "def f():\n    a()",
    ),
    # an error that the end does not explain, and one that it does
    ("python", "x = 1\ny = 2\nz = 3\n", "x = = 1\ny = 2\nz = 3\n", Outcome.DOES_NOT_PARSE, Scope.STATEMENT, "x = = 1"),
    ("python", "x = 1\ny = 2\nz = 3\n", "x = 2\ny = 2\nz = = 3", Outcome.OTHER_EXPRESSION, Scope.STATEMENT, "x = 2"),
    ("python", "x = '''a\nb", "x = '''c\nd = 1\ne = 2\n", Outcome.UNFINISHED, Scope.NONE, ""),
    (
        "javascript",
        "function f() { a(); }",
        "function f() { b(); }",
        Outcome.OTHER_CALLS,
        Scope.FUNCTION,
        "function f() { b(); }",
    ),
    ("javascript", "f(x => { a(1);\n  b(", "f(x => { a(2);\n  b(", Outcome.OTHER_EXPRESSION, Scope.STATEMENT, "a(2);"),
    ("javascript", "if (a) { b(1) }", "if (a) { b(2) }", Outcome.OTHER_EXPRESSION, Scope.STATEMENT, "b(2)"),
    ("javascript", "if (a) { b() }", "if (c) { b() }", Outcome.UNFINISHED, Scope.NONE, ""),
    ("javascript", "a = b\n", "a = c\n", Outcome.UNFINISHED, Scope.NONE, ""),
    (
        "tsx",
        "f = () => {\n  g(1);\n  return <a>{b.map(c => {\n",
        "f = () => {\n  g(2);\n  return <a>{b.map(c => {\n",
        Outcome.OTHER_EXPRESSION,
        Scope.STATEMENT,
        "g(2);",
    ),
    (
        "java",
        "class A { int f() { return 1; } int g",
        "class A { int f() { return 2; } int g",
        Outcome.OTHER_EXPRESSION,
        Scope.FUNCTION,
        "int f() { return 2; }",
    ),
    (
        "java",
        "class A { void f() { try { g(1); h(",
        "class A { void f() { try { g(2); h(",
        Outcome.OTHER_EXPRESSION,
        Scope.STATEMENT,
        "g(2);",
    ),
    ("go", "func f() {\n\ta := 1\n\tb(", "func f() {\n\tc := 1\n\tb(", Outcome.RENAMED, Scope.STATEMENT, "c := 1"),
    ("rust", "fn f() { g(1); h(", "fn f() { g(2); h(", Outcome.OTHER_EXPRESSION, Scope.STATEMENT, "g(2);"),
    ("c", "int f() { int a = 1; g(", "int f() { int b = 1; g(", Outcome.RENAMED, Scope.STATEMENT, "int b = 1;"),
    ("cpp", "int f() { try { a = 1; g(", "int f() { try { a = 2; g(", Outcome.OTHER_EXPRESSION, Scope.STATEMENT, "a = 2;"),
    (
        "bash",
        "f() {\n  if a; then\n    b=1\n    c",
        "f() {\n  if a; then\n    d=1\n    c",
        Outcome.RENAMED,
        Scope.STATEMENT,
        "d=1",
    ),
    ("bash", "cat <<E\na\n", "cat <<E\nb\nc d\ne\n", Outcome.UNFINISHED, Scope.NONE, ""),
    ("json", '{"a": 1, "b": [', '{"a": 2, "b": [', Outcome.OTHER_EXPRESSION, Scope.STATEMENT, '"a": 2'),
]


@pytest.mark.parametrize(("language", "main", "branch", "outcome", "scope", "unit"), CUT_PAIRS)
def test_pairs_of_texts_that_were_cut(language, main, branch, outcome, scope, unit):
    found = compared(cut(main, language), cut(branch, language))
    assert (found.outcome, found.scope) == (outcome, scope)
    assert branch.encode()[found.start : found.branch_end].decode() == unit


def test_the_scope_is_the_largest_that_is_complete_in_both():
    main, branch = "def f():\n    a = 1\n    return a\nx = 1\n", "def f():\n    a = 2\n    return a\nx = 1\n"
    scopes = [
        compared(whole(main), whole(branch)).scope,
        compared(whole(main), cut(branch)).scope,
        compared(whole(main), cut(branch[:23])).scope,
        compared(cut(main[:23]), whole(branch)).scope,
        compared(whole(main), cut(branch[:18])).scope,
    ]
    assert scopes == [Scope.WHOLE, Scope.FUNCTION, Scope.STATEMENT, Scope.STATEMENT, Scope.NONE]
    fork = main.index("1")
    assert [complete_scope(program, fork) for program in (whole(main), cut(main), cut(main[:23]), cut(main[:18]))] == [
        Scope.WHOLE,
        Scope.FUNCTION,
        Scope.STATEMENT,
        Scope.NONE,
    ]


def test_an_error_is_the_branch_s_own_where_no_unit_is_complete():
    main = whole("if a:\n    b()\n")
    assert compared(main, whole("if ) a:\n    b()\n")).outcome == Outcome.DOES_NOT_PARSE
    broken = cut("if a b:\n    c()\n    d()\n    e()\n    f")
    assert compared(cut("if a:\n    b()"), broken).outcome == Outcome.DOES_NOT_PARSE


def test_an_error_before_the_fork_is_not_the_branch_s():
    before = "x = = 1\n\n\ndef f(a):\n    return "
    assert compared(whole(before + "a\n"), whole(before + "(a)\n")).outcome == Outcome.SAME_PROGRAM
    assert compared(whole(before + "a\n"), whole(before + "a +\n")).outcome == Outcome.DOES_NOT_PARSE


def test_what_follows_a_hole_counts_only_if_the_hole_was_filled():
    before, after = "def f(a):\n    b = ", "\n    return b\n\n\nx = f(1)\n"

    def filled(middle, *, ended):
        text = (before + middle + after).encode()
        return Program(text, by_name("python"), ended=ended, written=len((before + middle).encode()))

    fork = len(before)
    found = compare_programs(filled("a + 1", ended=True), filled("(a + 1)", ended=True), fork)
    assert (found.outcome, found.scope) == (Outcome.SAME_PROGRAM, Scope.WHOLE)
    found = compare_programs(
        filled("a + 1\n    a = 2\n    c", ended=False), filled("a + 2\n    a = 2\n    c", ended=False), fork
    )
    assert (found.outcome, found.scope, found.branch_end) == (Outcome.OTHER_EXPRESSION, Scope.STATEMENT, fork + 5)
    assert compare_programs(filled("a + 1", ended=True), filled("a + ", ended=False), fork).outcome == Outcome.UNFINISHED


def test_deep_trees_and_texts_that_are_no_unicode_are_no_trouble():
    deep = "x = " + "(" * 3000 + "1" + ")" * 3000 + "\n"
    assert compared(whole(deep), whole("x = 1\n")).outcome == Outcome.SAME_PROGRAM
    assert compare_programs(whole(b"x = '\xff'\n"), whole(b"x = '\xfe'\n"), 5).outcome == Outcome.OTHER_EXPRESSION
    assert compare_programs(whole(b""), whole(b""), 0).outcome == Outcome.SAME_TEXT


# The function first

PY_HEAD = "def f(x):\n"
ONLY = (Outcome.ONLY_WHAT_FOLLOWS, Scope.FUNCTION)
FOLLOWED = [  # (language, before, main, branch, (class, scope)): what is written behind `before`
    ("python", PY_HEAD, "    return x\n\nprint(f(1))\n", "    return (x)\n\nf(2)\n", ONLY),
    ("python", PY_HEAD, "    return x\n\nprint(f(1))\n", "    return x\n\nf(2)\n", ONLY),
    ("python", PY_HEAD, "    return x\n", "    return x\n\nf(2)\n", ONLY),
    ("python", PY_HEAD, "    return x\n", "    return x\n\n# f(2)\n", (Outcome.SAME_PROGRAM, Scope.WHOLE)),
    ("python", PY_HEAD, "    return x\n\ng(1)\n", "    return x + 1\n\nh(2)\n", (Outcome.OTHER_EXPRESSION, Scope.FUNCTION)),
    ("python", PY_HEAD, "    y = x\n    return y\ng(1)\n", "    z = x\n    return z\n", (Outcome.RENAMED, Scope.FUNCTION)),
    ("python", PY_HEAD, "    return x\n\ng(1)\n", "    return x + 1\n\ng(1)\n", (Outcome.OTHER_EXPRESSION, Scope.WHOLE)),
    ("python", PY_HEAD, "    return x\n\ng(1)\n", "    return x\n\ng(1\n", (Outcome.DOES_NOT_PARSE, Scope.WHOLE)),
    ("python", PY_HEAD, "    return x\n\nso it is\n", "    return (x)\n\nThat is all.\n", ONLY),
    ("python", "class A:\n    def f(self):\n", "        return 1\n\n    def g(self): pass\n", "        return 1\n", ONLY),
    ("python", "x = 1\n", "y = 2\nz = 3\n", "y = 2\nz()\n", (Outcome.OTHER_CALLS, Scope.WHOLE)),
    ("javascript", "function f(x) {\n", "  return x;\n}\nf(1);\n", "  return x;\n}\ng(1);\n", ONLY),
    ("javascript", "a(() => {\n", "  x();\n});\nf(1);\n", "  x();\n});\ng(1);\n", ONLY),
    ("javascript", "function f(x) {\n", "  return x;\n}\n", "  return x;\n}\n}\n", (Outcome.DOES_NOT_PARSE, Scope.WHOLE)),
    (
        "java",
        "class A {\n  int f() {\n",
        "    return 1;\n  }\n  int g() { return 1; }\n}\n",
        "    return (1);\n  }\n}\n",
        ONLY,
    ),
    ("go", "package m\n\nfunc f() int {\n", "\treturn 1\n}\n\nfunc g() {}\n", "\treturn (1)\n}\n", ONLY),
    ("rust", "fn f() -> i32 {\n", "    1\n}\n\nfn g() {}\n", "    (1)\n}\n", ONLY),
    ("c", "int f() {\n", "  return 1;\n}\nint g() { return 1; }\n", "  return (1);\n}\n", ONLY),
    ("bash", "f() {\n", "  a\n}\nf 1\n", "  a\n}\nf 2\n", ONLY),
]


@pytest.mark.parametrize(("language", "before", "written", "other", "expected"), FOLLOWED)
def test_the_function_that_was_begun_is_compared_first(language, before, written, other, expected):
    main, branch = whole(before + written, language), whole(before + other, language)
    found = compare_programs(main, branch, fork_of(main, branch), len(before))
    assert (found.outcome, found.scope) == expected
    if expected == ONLY:
        assert main.text[found.start : found.main_end].strip().endswith((b"x", b"1", b"}"))
        assert compare_programs(branch, main, fork_of(main, branch), len(before)).outcome == found.outcome


def test_what_follows_counts_as_far_as_it_is_there():
    before = len(PY_HEAD)
    main, branch = whole(PY_HEAD + "    return x\n\nprint(f(1))\n"), cut(PY_HEAD + "    return x\n\nprint(f(")
    assert compare_programs(main, branch, len(branch.text), before).outcome in SAME
    branch = cut(PY_HEAD + "    return x\n\nassert f(")
    assert compare_programs(main, branch, fork_of(main, branch), before).outcome == Outcome.ONLY_WHAT_FOLLOWS
    # without a place where something was begun, a fork behind the function is one of the file
    main, branch = whole(PY_HEAD + "    return x\n\nprint(f(1))\n"), whole(PY_HEAD + "    return x\n\nf(2)\n")
    assert compared(main, branch).outcome == Outcome.OTHER_CALLS


@pytest.mark.parametrize(
    ("language", "before", "main", "branch"),
    [
        ("python", PY_HEAD, "    # todo\n    # todo\n    # todo", "    return x\n"),
        ("python", PY_HEAD, "    return [1, 1, 1, 1", "    return x\n"),
        ("javascript", "function f(x) {\n", "  // a\n  // a\n", "  return x;\n}\n"),
        ("go", "package m\n\nfunc f() int {\n", "\treturn 1 + 1 + 1 +", "\treturn 2\n}\n"),
        ("c", "int f() {\n", "  return 1 + 1 + 1 +", "  return 2;\n}\n"),
    ],
)
def test_a_branch_may_be_complete_where_the_output_is_not(language, before, main, branch):
    output = cut(before + main, language)
    for ended in (whole(before + branch, language), cut(before + branch + "\n\nx\n", language)):
        found = compare_programs(output, ended, fork_of(output, ended), len(before))
        assert (found.outcome, found.scope) == (Outcome.OUTPUT_UNFINISHED, Scope.NONE)
        back = compare_programs(ended, output, fork_of(output, ended), len(before))
        assert back.outcome == Outcome.UNFINISHED


def test_a_branch_that_ends_broken_is_not_complete():
    output = cut(PY_HEAD + "    # todo\n    # todo\n")
    assert compared(output, whole(PY_HEAD + "    return )\n")).outcome == Outcome.DOES_NOT_PARSE


# The output itself

OUTPUTS = [  # (language, before, written, behind, how the text goes on from the first error, None where there is none)
    (
        "go",
        "package m\n\nfunc f(t string) bool {\n",
        "\tvar count vowels bool = true\n\treturn true\n}\n",
        "",
        "bool",
    ),
    ("javascript", "function f() {\n", "  let a b = 1;\n  y();\n}\n", "", "a b"),
    ("java", "class A { int f() {\n", "  int a b = 1;\n  return 1; } }\n", "", "a b"),
    ("c", "int f() {\n", "  int a b = 1;\n  return 1; }\n", "", "a b"),
    ("python", "def f(x):\n", "    return x )\n\ng()\n", "", "return x )"),
    ("python", "%timeit f\n!ls\n\ndef f(x):\n", "    return x\n", "", None),
    ("python", "def f(x):\n    y = ", "x", "\n    return y\n%timeit f(1)\n", None),
    ("python", "def f(x):\n    y = ", "x +", "\n    return y\n%timeit f(1)\n", ""),
    ("rust", "fn f() {\n", "    let a = 1;\n}\n", "", None),
    ("json", '{"a": ', "1 1", "}\n", "1"),
]


@pytest.mark.parametrize(("language", "before", "written", "behind", "wrong"), OUTPUTS)
def test_an_output_s_own_error_is_found(language, before, written, behind, wrong):
    text = before + written + behind
    program = Program(text.encode(), by_name(language), ended=True, written=len(before + written))
    found = output_error(program, len(before))
    assert (found is not None) == (wrong is not None)
    if found is not None and wrong is not None:
        assert text[found:].lstrip().startswith(wrong.strip())
    if wrong is None and not behind:
        for end in range(len(before), len(text)):
            assert output_error(cut(text[:end], language), len(before)) is None, text[:end]


@pytest.mark.parametrize(("language", "text"), TEXTS)
def test_a_text_that_parses_has_no_error_wherever_it_is_cut(language, text):
    data = text.encode()
    if parses(whole(data, language)):
        for end in range(0, len(data) + 1, 3):
            assert output_error(cut(data[:end], language), 0) is None, data[:end]
            assert output_error(whole(data, language), end) is None, end


# Names that the output itself introduces

FILE_NAMES = [  # (language, before, what is written with its own names P, Q and R, behind)
    ("python", "import x\n\n\n", "def P(a):\n    return P(a - 1) if a else 1\n\n\nprint(P(3))\n", ""),
    ("python", "", "class P(Base):\n    def f(self):\n        return P()\n\n\nQ = P()\n\n\ndef R():\n    print(Q)\n", ""),
    ("python", "", "P = 1\nQ = [P for _ in range(P)]\nfor R in Q:\n    print(R, P)\n", ""),
    ("python", "", "@g\nasync def P(a):\n    await P(a)\n\nasync def Q():\n    pass\n", "h()\n"),
    ("javascript", "", "const P = (a) => { return P(a - 1); };\nfunction* Q() { yield P(1); }\nclass R extends S { f() { return new R(); } }\n", ""),
    ("typescript", "", "interface P { a: number }\ntype Q = P | null;\nclass R implements P { a = 1; f(): R { return new R(); } }\n", ""),
    ("tsx", "", "function P(a: T) { return <b c={a}>{P(a)}</b>; }\nenum Q { A }\nlet R: Q = Q.A;\n", ""),
    ("java", "class A {\n", "  static int P(int a) { return P(a - 1); }\n  int Q() { return P(1) + Q(); }\n", "}\n"),
    ("java", "", "class P { P() { } P f() { return new P(); } }\ninterface Q { P g(); }\n", ""),
    ("go", "package m\n\n", "type P struct{ a int }\n\nfunc Q(a P) P { return Q(P{1}) }\n\nvar R = Q(P{2})\n", ""),
    ("rust", "", "struct P { a: u8 }\nfn q_P(a: P) -> P { q_P(P { a: 1 }) }\nconst R: u8 = 1;\nfn f() -> u8 { P::g(R) }\n", ""),
    ("c", "#include <a.h>\n", "#define R 3\nstruct P { int a; };\nint *Q(struct P *a) { return Q(a + R); }\n", "int main() { return 0; }\n"),
    ("cpp", "", "class P { public: P(); void b(); };\nP::~P() { }\nvoid P::b() { }\ntemplate <class T> int Q(T a) { P p; return Q<T>(a); }\n", ""),
    ("bash", "", "P() {\n  echo 1\n}\nP 1 | cat\nx=$(P)\n", ""),
]  # fmt: skip


def in_place(before, written, behind, language, names):
    text = before + re.sub(r"(?<![a-z])[PQR](?![a-z])|(?<=_)P", lambda found: names[found[0]], written)
    size = len(text.encode())
    return Program((text + behind).encode(), by_name(language), ended=True, written=size)


@pytest.mark.parametrize(("language", "before", "written", "behind"), FILE_NAMES)
def test_a_name_that_both_introduce_is_a_renaming(language, before, written, behind):
    first = {"P": "Pone", "Q": "Qone", "R": "Rone"}
    other = {name: f"{name}_other_{name}" for name in first}
    main = in_place(before, written, behind, language, first)
    assert not main.root.has_error
    for changed in ({**first, "P": other["P"]}, other):
        assert compared(main, in_place(before, written, behind, language, changed)).outcome == Outcome.RENAMED
    # one of the two is what the file knows already, behind or before
    for known in ("# Pone\n", "# P_other_P\n"):
        sign = known if language in ("python", "bash") else known.replace("#", "//")
        branch = in_place(before + sign, written, behind, language, other)
        assert compared(in_place(before + sign, written, behind, language, first), branch).outcome != Outcome.RENAMED
        branch = in_place(before, written, behind + sign, language, other)
        assert compared(in_place(before, written, behind + sign, language, first), branch).outcome != Outcome.RENAMED
    # one occurrence is another name: what is meant is another thing
    last = written.rindex("P")
    if written.count("P") > 1:
        branch = in_place(before, written[:last] + "Pnobody" + written[last + 1 :], behind, language, first)
        assert Outcome.RENAMED < compared(main, branch).outcome < Outcome.DOES_NOT_PARSE


@pytest.mark.parametrize(
    ("language", "main", "branch"),
    [
        ("python", "class A:\n    def f(self): pass\n", "class A:\n    def g(self): pass\n"),
        ("python", "class A:\n    x = 1\n", "class A:\n    y = 1\n"),
        ("python", "import a as x\n", "import a as y\n"),
        ("python", "__all__ = []\n", "__path__ = []\n"),
        ("python", "x = f\nprint(x)\n", "print = f\nprint(print)\n"),
        ("python", "f(1)\n", "g(1)\n"),
        ("python", "def f(a):\n    x.b = a\n", "def f(a):\n    y.b = a\n"),
        ("c", "int main() { return 0; }\n", "int run() { return 0; }\n"),
        ("go", "package m\n\nfunc init() {}\n", "package m\n\nfunc start() {}\n"),
        ("java", "class A { void f(B b) { b.g(); } }\n", "class A { void f(B b) { b.h(); } }\n"),
        ("javascript", "f = 1;\n", "g = 1;\n"),
        ("javascript", "const a = 1; export { a };\n", "const b = 1; export { b };\n"),
        ("rust", "impl A { fn f(&self) {} }\n", "impl A { fn g(&self) {} }\n"),
        ("bash", "f 1\n", "g 1\n"),
        ("bash", "PATH=1\n", "OTHER=1\n"),
    ],
)
def test_a_name_that_others_may_know_is_none(language, main, branch):
    assert Outcome.RENAMED < compared(whole(main, language), whole(branch, language)).outcome < Outcome.DOES_NOT_PARSE


def test_the_name_of_a_function_that_goes_on_is_compared_from_its_first_sign():
    main = whole("def is_prime(n):\n    return n > 1\n\nprint(is_prime(3))\n")
    assert compared(main, whole("def is_(n):\n    return n > 1\n\nprint(is_(3))\n")).outcome == Outcome.RENAMED
    assert compared(cut("find_largest_number = 1\nx"), cut("find_ = 1\nx")).outcome == Outcome.RENAMED


# Against Python's own ast

MUTATIONS = [
    python_meaning.rename_one,
    python_meaning.rename_once,
    python_meaning.swap_two,
    python_meaning.exchange_two,
    python_meaning.other_operator,
    python_meaning.drop_statement,
    python_meaning.swap_branches,
    python_meaning.other_call,
    python_meaning.to_while,
]
RENAMINGS = (python_meaning.rename_one, python_meaning.exchange_two)


def standard_functions(count):
    """(source, its ast) of the functions in about so many files of the standard library that are not methods."""
    for path in standard_library.some(count):
        try:
            text = path.read_text("utf-8")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = ast.parse(text)
        except (UnicodeDecodeError, SyntaxError, ValueError):
            continue
        if not parses(whole(text)):
            continue
        for node in module.body:
            if isinstance(node, ast.FunctionDef):
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                yield "\n".join(text.split("\n")[first - 1 : node.end_lineno]) + "\n", node


def is_sound(main, branch, outcome):
    """Whether a class says no more than ast does."""
    same = python_meaning.meaning(main) == python_meaning.meaning(branch)
    if outcome in (Outcome.SAME_TEXT, Outcome.SAME_PROGRAM):
        return same
    renamed = python_meaning.renaming_form(main) == python_meaning.renaming_form(branch)
    return not same and (renamed or outcome != Outcome.RENAMED)


def test_changed_functions_of_the_standard_library_are_classified_as_ast_has_them():
    seen = dict.fromkeys(Outcome, 0)
    for _, function in standard_functions(35):
        main = ast.unparse(function) + "\n"
        for change in MUTATIONS:
            other = python_meaning.mutated(function, change)
            if other is None:
                continue
            branch = ast.unparse(other) + "\n"
            outcome = compared(whole(main), whole(branch)).outcome
            assert is_sound(main, branch, outcome), (change.__name__, outcome, main, branch)
            if python_meaning.renaming_form(main) == python_meaning.renaming_form(branch):
                assert outcome <= Outcome.RENAMED or change not in RENAMINGS, (change.__name__, main, branch)
            seen[outcome] += 1
    assert min(seen[outcome] for outcome in Outcome if 2 <= outcome <= 6 and outcome != Outcome.SAME_PROGRAM) > 20


def test_functions_of_the_standard_library_are_the_same_program_when_written_anew():
    """Where ast.unparse changes nothing that ast does not know, which `spelling` lists."""
    count = 0
    for source, function in standard_functions(55):
        anew = ast.unparse(function) + "\n"
        outcome = compared(whole(source), whole(anew)).outcome
        if python_meaning.spelling(source) == python_meaning.spelling(anew):
            assert outcome <= Outcome.SAME_PROGRAM, (outcome, source, anew)
            count += 1
    assert count > 100


def test_comments_and_blank_lines_change_nothing():
    for source, function in standard_functions(28):
        lines = source.splitlines(keepends=True)
        first = function.end_lineno - len(lines) + 1
        for node in ast.walk(function):
            if isinstance(node, ast.stmt) and node is not function and node.col_offset:
                at = node.lineno - first
                if not lines[at][: node.col_offset].strip():
                    lines[at] = (
                        f"\n{' ' * node.col_offset}# note\n{lines[at].lstrip(chr(10))}"
                        if "# note" not in lines[at]
                        else lines[at]
                    )
        outcome = compared(whole(source), whole("".join(lines))).outcome
        if ast.dump(ast.parse("".join(lines))) == ast.dump(ast.parse(source)):
            assert outcome <= Outcome.SAME_PROGRAM, (source, "".join(lines))


# Any texts


@pytest.mark.parametrize(("language", "text"), TEXTS)
def test_a_branch_that_is_cut_off_main_differs_in_nothing(language, text):
    data = text.encode()
    main, cut_main = whole(data, language), cut(data, language)
    if not parses(main):
        return
    for fork in range(0, len(data), 9):
        for end in range(fork, len(data) + 1, 1 if fork == 0 else 6):
            branch = cut(data[:end], language)
            for other in (main, cut_main):
                assert compare_programs(other, branch, fork).outcome in SAME, (fork, end)
                assert compare_programs(branch, other, fork).outcome in SAME, (fork, end)


@settings(max_examples=150, deadline=None)
@given(
    pair=st.sampled_from(TEXTS),
    start=st.integers(0, 300),
    length=st.integers(0, 12),
    put=st.sampled_from(
        ["", " ", "\n", "a", "x", "1", "(", ")", "{", "}", ";", ":", "'", '"', "\\", "é", "if", "=", "#", "//", ","]
    ),
    ended=st.tuples(st.booleans(), st.booleans()),
)
def test_any_change_has_a_class_which_is_symmetric_where_both_parse(pair, start, length, put, ended):
    language, text = pair
    changed = text[:start] + put + text[start + length :]
    main, branch = ((whole if end else cut)(part, language) for part, end in zip((text, changed), ended, strict=True))
    fork = fork_of(main, branch)
    found, back = compare_programs(main, branch, fork), compare_programs(branch, main, fork)
    assert found.start <= min(found.main_end, found.branch_end)
    assert found.main_end <= len(main.text)
    assert found.branch_end <= len(branch.text)
    assert compare_programs(main, main, fork).outcome in SAME
    if parses(main) and parses(branch):
        one_sided = Outcome.OUTPUT_UNFINISHED in (found.outcome, back.outcome)
        assert found.outcome == back.outcome or (one_sided and Outcome.UNFINISHED in (found.outcome, back.outcome))
        assert found.outcome != Outcome.DOES_NOT_PARSE


@settings(max_examples=80, deadline=None)
@given(
    name=st.sampled_from([language.name for language in LANGUAGES]),
    texts=st.tuples(st.binary(max_size=60), st.binary(max_size=60)),
)
def test_any_bytes_have_a_class(name, texts):
    for make in (whole, cut):
        found = compared(make(texts[0], name), make(texts[1], name))
        assert found.outcome != Outcome.NOT_COMPARED


# The rules themselves


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_every_place_is_one_that_the_grammar_has(language):
    known = grammar(language)
    fields = {known.field_name_for_id(number) for number in range(1, known.field_count + 1)}
    names = {known.node_kind_for_id(number) for number in range(known.node_kind_count)}
    rules = language.rules
    places = [
        *(rules.notation.hulls, rules.notation.kept, rules.effects.calls),
        *(
            getattr(rules.names, name)
            for name in (
                "properties",
                "shorthands",
                "binds",
                "binds_function",
                "patterns",
                "outside",
                "declares",
                "filewide",
            )
        ),
        *(getattr(rules.names, name) for name in ("first_outside", "late", "fixed", "mentions")),
    ]
    for pattern in " ".join(places).split():
        where, _, beside = pattern.partition("/")
        kind, _, field = where.partition(".")
        assert kinds(language, kind), pattern
        assert field in ("", "-") or field in fields, pattern
        assert not beside or beside.removeprefix("!") in names, pattern
    for pattern in rules.notation.silent.split():
        kind, _, token = pattern.partition(".")
        assert kinds(language, kind), pattern
        assert token in names, pattern
