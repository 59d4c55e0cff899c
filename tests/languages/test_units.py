"""Units of a program: which functions and statements are around a byte, and when nothing can follow that is still part of them."""

from __future__ import annotations

import pytest

from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.languages.equivalence import compare_programs
from tokenscope_trace.languages.units import Program, complete_scope, is_in_function, unit_end
from tokenscope_trace.traces.schema import Outcome, Scope


def cut(text, language="python"):
    return Program(text.encode(), by_name(language), ended=False, written=len(text.encode()))


def whole(text, language="python"):
    return Program(text.encode(), by_name(language), ended=True, written=len(text.encode()))


# A brace that the parser had to add ends nothing

OPEN = [
    ("javascript", "function f(t) {\n  let a b = 1;\n  for (;;) {\n    y(t);\n  }"),
    ("javascript", "const f = (t) => {\n  let a b = 1;\n  while (t) {\n    y(t);\n  }"),
    ("javascript", "class A {\n  f(t) {\n    let a b = 1;\n    if (t) {\n      y(t);\n    }"),
    ("typescript", "function f(t: any): void {\n  let a b = 1;\n  for (;;) {\n    y(t);\n  }"),
    ("tsx", "function f(t: any) {\n  let a b = 1;\n  for (;;) {\n    y(t);\n  }"),
    ("java", "class A {\n  int f(int t) {\n    int a b = 1;\n    for (;;) {\n      y(t);\n    }"),
    ("go", "package m\n\nfunc f(t string) bool {\n\tvar c v bool = true\n\tfor _, v := range t {\n\t\ty(v)\n\t}"),
    ("rust", "fn f(t: u8) {\n    let a b = 1;\n    loop {\n        y(t);\n    }"),
    ("c", "int f(int t) {\n  int a b = 1;\n  for (;;) {\n    y(t);\n  }"),
    ("cpp", "int f(int t) {\n  int a b = 1;\n  for (auto v : t) {\n    y(v);\n  }"),
    ("bash", "f() {\n  ) x\n  g() {\n    y\n  }"),
]


@pytest.mark.parametrize(("language", "text"), OPEN)
def test_a_brace_that_the_parser_added_ends_no_function(language, text):
    program = cut(text, language)
    fork = text.index("y(") if "y(" in text else text.index("y\n")
    assert complete_scope(program, fork) != Scope.FUNCTION
    other = cut(text.replace("y(", "z(", 1).replace("y\n", "z\n", 1), language)
    assert compare_programs(program, other, fork).scope != Scope.FUNCTION
    assert compare_programs(program, other, fork).outcome != Outcome.DOES_NOT_PARSE


@pytest.mark.parametrize(("language", "text"), [one for one in OPEN if one[0] not in ("bash", "rust")])
def test_the_function_s_own_brace_does_whatever_is_wrong_before_it(language, text):
    closed = cut(text + "\n}", language)
    assert complete_scope(closed, text.index("y(")) == Scope.FUNCTION


# Comments behind a function

BODY = "def f(x):\n    return x\n"
METHOD = "class A:\n    def f(self):\n        return 1\n"


@pytest.mark.parametrize(
    "text",
    [
        BODY + "\n# print(f(1))\n# print(f(2))\n# prin",
        BODY + "# a\n#",
        BODY + "    # the end\n# a\n\n\n#",
        BODY + "# a\nx",
        BODY.replace("\n", "\r\n") + "\r\n# a\r\n# b",
        BODY.replace("return x", "return 'é\U0001f600'") + "# é\n# é",
        METHOD + "    # a\n    # b",
        METHOD + "# a\n# b",
        "@g\n" + BODY + "# a\n# b",
        "async " + BODY + "# a\n# b",
    ],
)
def test_lines_of_comment_no_deeper_than_a_function_end_it(text):
    assert complete_scope(cut(text), text.index("return")) == Scope.FUNCTION


@pytest.mark.parametrize(
    "text",
    [
        BODY,
        BODY + "\n\n",
        BODY + "# a",
        BODY + "# a\n",
        BODY + "    # a\n    # b\n",
        BODY[:-1] + "  # a\n# b\n",
        METHOD + "        # a\n    # b\n",
        BODY + "# a\n    y",
        BODY + "# a\n\n    # b",
        "def f(x):\n    return '''\n# a\n# b",
        "def f(x):\n    return (\n# a\n# b",
        "def f(x):\n    if x:\n        return x\n    # a\n    # b",
    ],
)
def test_what_may_still_go_on_is_not_ended_by_comments(text):
    assert complete_scope(cut(text), text.index("return")) != Scope.FUNCTION


def test_a_statement_that_may_take_a_clause_is_not_ended_by_comments():
    text = "if x:\n    y()\n# a\n# b"
    assert complete_scope(cut(text), 0) == Scope.NONE
    assert complete_scope(cut(text + "\nelse"), 0) == Scope.NONE
    assert complete_scope(cut(text + "\nz = 1\n"), 0) == Scope.STATEMENT


def test_a_function_with_a_tail_of_comments_is_compared():
    main = whole("def f(x):\n    return x\n")
    branch = cut("def f(x):\n    return (x)\n\n# print(f(1))\n# print(f(2))\n# print(")
    found = compare_programs(main, branch, main.text.index(b" x\n") + 1)
    assert (found.outcome, found.scope) == (Outcome.SAME_PROGRAM, Scope.FUNCTION)


# The unit that a text broke off in

FUNCTION_ENDS = [  # (language, before, written of the function, what shows that it has ended)
    ("python", 'def f(x):\n    """Doc."""\n', "    return x", "\n\nd"),
    ("python", 'def f(x):\n    """Doc."""\n', "    return x", "\n\n# a\n#"),
    ("python", "def f(x", "):\n    return (\nx)", "\n\nx"),
    ("python", "def ", "f(x): return x", "\nx"),
    ("python", "@g\n", "def f(x):\n    return x", "\nx"),
    ("python", "async def f(x):\n", "    '''\nx\n'''\n    return x", "\nx"),
    ("python", "class A:\n    def f(self):\n", "        return 1", "\n\n    d"),
    ("python", "class A:\n    @g\n    def f(self):\n", "        return 1", "\nd"),
    ("python", "def f():\n    def g():\n", "        return 1\n    return g", "\nx"),
    ("python", "def f(x):\n    if x:\n", "        return 1\n    else:\n        return 2", "\nx"),
    ("javascript", "function f(x) {\n", "  if (x) { y(); }\n  return `${x}`;\n}", ""),
    ("javascript", "class A {\n  f(x) {\n", "    return () => { y(); };\n  }", ""),
    ("javascript", "const f = async (x) => {\n", "  await x;\n}", ""),
    ("javascript", "export default function f(x) {\n", "  return x;\n}", ""),
    ("javascript", "describe('a', () => {\n  it('b', () => {\n", "    x();\n  });", ""),
    ("javascript", "(function () {\n  function f() {\n", "    x();\n  }", ""),
    ("typescript", "class A {\n  private f(x: number): number {\n", "    return x;\n  }", ""),
    ("tsx", "export function F({ a }: P) {\n", "  return <b>{a}</b>;\n}", ""),
    ("java", "class A {\n  @Override\n  int f(int x) {\n", "    R r = () -> { y(); };\n    return 1;\n  }", ""),
    ("java", "class A {\n  int f(int x)", " {\n    return 1;\n  }", ""),
    ("go", "package m\n\nfunc f(x int) int {\n", "\tgo func() {\n\t\ty()\n\t}()\n\treturn 1\n}", ""),
    ("rust", "impl A {\n    fn f(x: i32) -> i32 {\n", "        let c = |a| { a + 1 };\n        c(x)\n    }", ""),
    ("c", "int f(int x)\n", "{\n  if (x) { y(); } else { z(); }\n  return 1;\n}", ""),
    ("cpp", "template <class T>\nT f(T x) {\n", "  auto g = [] { y(); };\n  return x;\n}", ""),
    ("bash", "f() {\n", "  if a; then\n    b\n  fi\n}", ""),
]
STATEMENT_ENDS = [
    ("python", "x = ", "1 + 2", "\n"),
    ("python", "x = 1\n", "y = f(\n1)", "\n"),
    ("python", "for i in x:\n", "    print(i)", "\ny "),
    ("python", "if x:\n    a()\nelse:\n", "    b()", "\ny "),
    ("python", "def f(x):\n    for i in x:\n", "        print(i)", "\n    r"),
    ("python", "def f(x):\n    a = 1\n", "    b = 2", "\n"),
    ("javascript", "for (let i = 0; i < 3; i++) {\n", "  y();\n}", ""),
    ("javascript", "const x = ", "[1,\n2];", ""),
    ("java", "class A { void f() { int x = ", "1;", ""),
    ("go", "package m\n\nvar x = ", "1", "\n"),
    ("rust", "fn f() { let x = ", "1;", ""),
    ("c", "int x = ", "1;", ""),
    ("bash", "x=", "1", "\n"),
]


def ends(language, before, rest, scope):
    """What is written of the unit, and what behind it shows that it has ended, as a text goes on byte by byte."""
    start = len(before.encode())
    text = (before + rest).encode()
    for end in range(start, len(text) + 1):
        program = Program(text[:end], by_name(language), ended=False, written=end)
        found = unit_end(program, start, scope)
        if found is not None:
            return text[start:found].decode(), text[found:end].decode()
    return None


@pytest.mark.parametrize(("language", "before", "written", "proof"), FUNCTION_ENDS)
def test_a_function_ends_where_nothing_more_of_it_can_follow(language, before, written, proof):
    assert ends(language, before, written + proof + "\nx = 1\n\n}\n", Scope.FUNCTION) == (written, proof)
    assert ends(language, before, written[:-1], Scope.FUNCTION) is None


@pytest.mark.parametrize(("language", "before", "written", "proof"), STATEMENT_ENDS)
def test_a_statement_ends_where_nothing_more_of_it_can_follow(language, before, written, proof):
    found = ends(language, before, written + proof + "\nx = 1\n", Scope.STATEMENT)
    assert found is not None
    assert (found[0], found[1].strip()) == (written, proof.strip())


@pytest.mark.parametrize(("language", "before"), sorted({(language, before) for language, before, _, _ in FUNCTION_ENDS}))
def test_a_text_that_breaks_off_in_a_function_is_known_to(language, before):
    assert is_in_function(cut(before, language), len(before))


@pytest.mark.parametrize(
    ("language", "before"),
    [
        ("python", ""),
        ("python", "x = 1\n"),
        ("python", "class A:\n"),
        ("python", "if x:\n"),
        ("python", "def f():\n    return 1\n\n\nx = "),
        ("javascript", "function f() { return 1; }\n"),
        ("javascript", "if (x)"),
        ("java", "class A {\n  void f() { }\n"),
        ("c", "int f() { return 1; }\nint x = "),
        ("json", '{"a": '),
    ],
)
def test_a_text_that_does_not_begins_none(language, before):
    assert not is_in_function(cut(before, language), len(before))
    assert ends(language, before, "1\n\n\ny = 1\n", Scope.FUNCTION) is None


def test_where_nothing_of_a_function_is_written_there_is_no_end():
    before = 'def f(x):\n    """Doc."""\n'
    assert ends("python", before, "\n\ndef g(x):\n    return x\n\n\ny = 1\n", Scope.FUNCTION) is None
