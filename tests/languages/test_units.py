"""Units of a program: which functions and statements are around a byte, and when nothing can follow that is still part of them."""

from __future__ import annotations

import pytest

from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.languages.equivalence import compare_programs
from tokenscope_trace.languages.units import Program, complete_scope
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
