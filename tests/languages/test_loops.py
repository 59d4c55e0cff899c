"""Where a text begins to repeat itself, and what only looks like it."""

from __future__ import annotations

import pytest

from tokenscope_trace.languages.loops import repeats_from

LOOPS = {  # the text, and what stands before the second round
    "lines": ("a = b\n" * 3, "a = b\n"),
    "lines behind others": ("x = 1\n" + "    y = f(x)\n" * 5, "x = 1\n    y = f(x)"),
    "a comment that counts": ("# print(f(1))\n# print(f(2))\n# print(f(3))\n", "# print(f(1))\n# "),
    "a sum that counts": ("return l[0] + l[1] + l[2] + l[3] + l[4] + l[5] + l[6]", "return l[0] + "),
    "words within a line": ("or i in 'aeiou' " * 4, "or i in 'aeiou' "),
    "functions": ("def a():\n    pass\n\n\n" * 3, "def a():\n    pass"),
    "functions that count": (
        "".join(f"def f{i}(x):\n    return x + {i}\n\n\n" for i in range(7)),
        "def f0(x):\n    return x + 0",
    ),
    "letters": ("".join(f"if t == '{c}':\n    x = 1\n" for c in "abcdefgh"), "if t == 'a':\n    x = 1\n"),
    "digits": ("x = 1" + "0" * 120, "x = 10"),
    "another script": ("наш дом " * 8, "наш дом "),
    "cut in a round": ("total += item\n" * 4 + "tot", "total += item\n"),
    "tabs": ("\tf(x)\n\tg(y)\n" * 3, "\tf(x)\n\tg(y)"),
    "carriage returns": ("a = f(b)\r\n" * 3, "a = f(b)"),
}
ORDINARY = {
    "nothing": "",
    "blank lines": "\n" * 50,
    "two rounds": "a = f(b)\n" * 2,
    "a short sum": "return l[0] + l[1] + l[2]",
    "zeros": "[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]",
    "numbers": "PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]",
    "closers": "            }\n        }\n    }\n}\n",
    "brackets": "f(g(h(i(j(k(x))))))",
    "a ruler": "# " + "-" * 77,
    "a table": "d = {'I': 1, 'V': 5, 'X': 10, 'L': 50, 'C': 100, 'D': 500}",
    "three tests": "assert f(1) == 2\nassert f(2) == 3\nassert f(3) == 4\n",
    "nested loops": "for i in range(3):\n    for j in range(3):\n        for k in range(3):\n            pass\n",
    "a loop that ended": "a = b\n" * 5 + "return a\n",
    "three passes": "pass\npass\npass\n",
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_begins_with_its_second_round(name):
    text, before = (part.encode() for part in LOOPS[name])
    found = repeats_from(text)
    assert found is not None
    assert (
        text[:found].strip() == before.strip() or abs(found - len(before)) <= 12
    )  # which round is the first depends on its edge
    assert found <= len(before) + 12


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_code_is_none(name):
    assert repeats_from(ORDINARY[name].encode()) is None


def test_a_long_text_is_looked_at_in_one_go():
    text = b"".join(b"x%d = y%d\n" % (i * i, i) for i in range(30_000)) + b"end\n"
    assert repeats_from(text) is None
