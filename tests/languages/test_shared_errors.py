"""Shared errors: what is broken in both programs is broken in neither, wherever it stands, and hides nothing that is."""

from __future__ import annotations

import pytest

from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.languages.equivalence import compare_programs
from tokenscope_trace.languages.units import Program
from tokenscope_trace.traces.schema import Outcome


def program(text, language, *, ended=True):
    return Program(text.encode(), by_name(language), ended=ended, written=len(text.encode()))


# (language, before, what one writes, the same otherwise, another expression, broken, behind): HERE is where it is written
SHARED = [
    ("python", "def f(a):\n    return HERE\n\n%timeit f(1)\n!pip install x\nf?\n", ("a + 1", "(a + 1)", "a + 2", "a + )")),
    ("python", "%matplotlib inline\n!ls -la | grep 'x'\n\ndef f(a):\n    return HERE\n", ("a + 1", "(a + 1)", "a + 2", "a + )")),
    ("python", "if True:\n    %timeit f(1)\nx = HERE\n%%bash\nls -la *.py\n", ("1", "(1)", "2", "1 2")),
    ("python", "x = HERE\n<<<<<<< HEAD\ny = 2\n=======\ny = 3\n>>>>>>> main\nz = 1\n", ("1", "(1)", "2", "= 1")),
    ("python", "{% if a %}\nx = HERE\n{% endif %}\ny = {{ value }}\n", ("1", "(1)", "2", "1 1")),
    ("python", "x = HERE\n{% for a in b %}\ny.append({{ a | tojson }})\n{% endfor %}\n", ("1", "(1)", "2", "(1")),
    ("javascript", "function f(a) {\n  return HERE;\n}\n<<<<<<< a\nf(1);\n=======\nf(2);\n>>>>>>> b\n", ("a + 1", "(a + 1)", "a + 2", "a +")),
    ("javascript", "{% if a %}\nvar x = HERE;\n{% endif %}\nvar y = {{ value|safe }};\n", ("1", "(1)", "2", "1 1")),
    ("typescript", "let x = HERE;\n#if DEBUG\nlet y: number = 1;\n#endif\n", ("1", "(1)", "2", "1 1")),
    ("tsx", "let x = HERE;\n<<<<<<< a\nlet y: number = 1;\n=======\n>>>>>>> b\n", ("1", "(1)", "2", "1 1")),
    ("java", "class A {\n  int f() { return HERE; }\n  @@MACRO@@\n  int g() { return ${x}; }\n}\n", ("1", "(1)", "2", "1 +")),
    ("go", "package m\n\nfunc f() int {\n\treturn HERE\n}\n\n{{ range .Types }}\nfunc {{ .Name }}() {}\n{{ end }}\n", ("1", "(1)", "2", "1 +")),
    ("rust", "fn f() -> i32 {\n    g(HERE)\n}\n<<<<<<< a\nfn h() {}\n=======\n>>>>>>> b\n", ("1", "(1)", "2", "1 +")),
    ("c", "int f() {\n  return HERE;\n}\nMODULE_LICENSE(\"GPL\") MODULE_INIT\n__attribute__ foo bar\nint g() { return 1; }\n", ("1", "(1)", "2", "1 +")),
    ("cpp", "class A : public B {\n  Q_OBJECT\n\npublic:\n  explicit A(B *p = nullptr);\n  int f() { return HERE; }\n\nsignals:\n  void g(int);\n};\n", ("1", "1 /* one */", "2", "1 +")),
    ("bash", "x=HERE\n{{ if .a }}\necho b\n{{ end }}\n<<<<<<< a\n=======\n>>>>>>> b\necho c\n", ("1", "1 ", "2", "$(")),
    ("json", "{\n  \"a\": HERE,\n  // why\n  \"b\": {{ b }},\n  \"c\": 1,\n}\n", ("1", "1 ", "2", "1 1")),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "parts"), SHARED)
def test_an_error_that_both_share_is_nobody_s(language, text, parts):
    written, same, other, broken = (text.replace("HERE", part) for part in parts)
    main = program(written, language)
    assert main.root.has_error or language == "cpp"
    fork = text.encode().index(b"HERE")

    def outcome(branch, start=fork):
        return compare_programs(main, program(branch, language), start).outcome

    assert outcome(same) <= Outcome.SAME_PROGRAM
    assert Outcome.SAME_PROGRAM < outcome(other) < Outcome.DOES_NOT_PARSE
    assert outcome(broken) == Outcome.DOES_NOT_PARSE


@pytest.mark.parametrize("ended", [True, False])
def test_errors_that_both_wrote_at_other_places_are_nobody_s_either(ended):
    before = "import x\n"
    main = before + "a = 1\n%timeit f(a)\nb = 2\n%timeit g(b)\nc = 3\nd = 4\n"
    branch = before + "a = 2\nz = 1\n%timeit f(a)\n\n\nb = 3\nc = 3\n%timeit g(b)\nd = 4\n"
    pair = [program(text, "python", ended=ended) for text in (main, branch)]
    assert compare_programs(*pair, len(before) + 4).outcome != Outcome.DOES_NOT_PARSE
    worse = program(branch.replace("%timeit g(b)", "%timeit h(b)"), "python")
    assert compare_programs(program(main, "python"), worse, len(before) + 4).outcome == Outcome.DOES_NOT_PARSE


def test_a_brace_too_many_in_both_is_not_taken_for_another():
    main = "function f() {\n  a();\n}\n}\n"
    branch = "function f() {\n  b();\n}\n}\n"
    assert compare_programs(program(main, "javascript"), program(branch, "javascript"), 17).outcome == Outcome.OTHER_CALLS
    branch = "function f() {\n  b();\n}\n}\n}\n"
    assert compare_programs(program(main, "javascript"), program(branch, "javascript"), 17).outcome == Outcome.DOES_NOT_PARSE


@pytest.mark.parametrize("line", ["%timeit f(1)\n", "= ", ") ] } ", "x = = 1\n", "{% if a %}\n"])
def test_of_texts_full_of_errors_the_one_that_is_not_shared_is_found(line):
    many = line * 5000
    main, branch = "x = 1\n" + many + "\nz = 1\n", "y = 2\nx x\n" + many + "\nz = 1\n"
    assert compare_programs(program(main, "python"), program(branch, "python"), 0).outcome == Outcome.DOES_NOT_PARSE
    branch = "y = 2\n" + many + "\nz = 1\n"
    assert compare_programs(program(main, "python"), program(branch, "python"), 0).outcome != Outcome.DOES_NOT_PARSE
