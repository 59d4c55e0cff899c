"""What a program calls: each call as often as it is made, whatever its arguments, in words that grow with the program."""

from __future__ import annotations

import pytest

from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.languages.incomplete import parse_incomplete
from tokenscope_trace.languages.normal_form import normalise


def effects(code, name="python"):
    language, text = by_name(name), code.encode()
    return normalise(text, [parse_incomplete(text, language).root_node], language, local=False).effects()


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("a().b().c()", "a(1).b(2, 3).c(d)"),
        ("f()()()", "f(1)(2)(3)"),
        ("'a'.join(x)", "'bc'.join(x)"),
        ("def f(v):\n    v().b()", "def f(w):\n    w().b()"),
        ("f(); g()", "g(); f()"),
        ("a[f()].g()", "a[f(1)].g(2)"),
    ],
)
def test_the_same_calls_are_the_same(one, two):
    assert effects(one) == effects(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("a().b().c()", "a().b().d()"),
        ("a().b().c()", "a().x().c()"),
        ("a().b().c()", "z().b().c()"),
        ("f()()", "f()"),
        ("f(); f()", "f()"),
        ("f(g())", "f(h())"),
        ("a[f()].g()", "a[h()].g()"),
        ("ab.c()", "a.bc()"),
        ("import a", "import b"),
    ],
)
def test_other_calls_are_others(one, two):
    assert effects(one) != effects(two)


@pytest.mark.parametrize("name", ["python", "javascript", "java", "rust", "go"])
@pytest.mark.parametrize("link", [".f(1)", "(1)", ".a[0].b()"])
def test_words_of_a_chain_of_calls_grow_with_its_length(name, link):
    def words(count):
        found = effects(f"x{link * count}" if name != "java" else f"class A {{ void g() {{ x{link * count}; }} }}", name)
        return sum(len(call) * times for call, times in found.items())

    assert words(2000) < 40 * 2000


def test_words_of_calls_within_calls_grow_with_their_depth():
    found = effects("f(" * 800 + "1" + ")" * 800)
    assert sum(len(call) * times for call, times in found.items()) < 10 * 800
    inner = effects("a[" * 400 + "b()" + "]()" * 400)
    assert sum(len(call) * times for call, times in inner.items()) < 20 * 400
