"""What stands around a fork: code, prose, nothing that decides; and where the unit around it ends."""

from __future__ import annotations

import pytest

from tokenscope_trace.analysis.units import PromptUnit
from tokenscope_trace.tree.surroundings import Ground, Surroundings, is_loop, may_end_unit

HEAD = 'def f(a):\n    """Says what."""\n'


def around(before=HEAD, *, source="p.py", until="function", behind="", conversation=False):
    text = before.encode()
    unit = PromptUnit(until, source, None, conversation, len(text))
    return Surroundings(unit, lambda _token: b"", text, behind.encode())


def ground(written, place, other, own="?", *, stops=(), last="", **options):
    look = around(**options).look(written.encode(), last.encode(), [stop.encode() for stop in stops])
    return look.ground(written.index(place) if isinstance(place, str) else place, other.encode(), own.encode())


CODE, PROSE, NOWHERE, PLAIN = Ground.CODE, Ground.PROSE, Ground.NOWHERE, Ground.PLAIN
PLACES = {
    "code": ("    return a + 1\n", "+", " -", CODE),
    "a comment's inside": ("    # adds one\n    return a\n", "adds", "subtracts", NOWHERE),
    "a comment's first token": ("    # adds one\n    return a\n", "    #", "    return", CODE),
    "a comment's end, going on": ("    # adds one\n    return a\n", "\n", " more", NOWHERE),
    "a comment's end, another line": ("    # adds one\n    return a\n", "\n", "\n    x", CODE),
    "documentation": ('    def g():\n        """It says."""\n        return 1\n', "says", "asks", NOWHERE),
    "a string that is used": ('    x = "It says."\n    return x\n', "says", "asks", CODE),
    "behind the function": ("    return a\n\ndef g():\n    pass\n", "g()", "h", NOWHERE),
    "the end of the function": ("    return a\n\ndef g():\n    pass\n", "\n\ndef", " + 1", CODE),
    "the same word broken off": ("    return a\n", "    return", "    re", NOWHERE),
}


@pytest.mark.parametrize("name", PLACES)
def test_forks_that_decide_nothing_are_known(name):
    written, place, other, expected = PLACES[name]
    own = "    return" if name == "the same word broken off" else "?"
    assert ground(written, place, other, own) == expected


def test_what_follows_the_function_is_behind_it_where_the_text_goes_on():
    written = "    return a\n\n\ndef g():\n    return 1\n"
    assert ground(written, "return a", "pass", until="text") == CODE
    assert ground(written, "return 1", "pass", until="text") == Ground.BEHIND


def test_the_tokens_that_decide_are_counted():
    words = [b"Sure:\n", b"```python\n", b"x", b" = ", b"1\n", b"```\n", b"Bye"]
    places = around("Write.\n", source="-", until="text", conversation=True)
    assert places.deciding(words, []) == 4  # those of the code, and what ends it
    assert places.deciding([b"Only", b" words"], []) == 2
    assert places.deciding([], []) == 0
    assert around().deciding([b"    # one\n", b"    return", b" a", b"\n"], []) == 4


def test_a_stop_string_and_a_loop_end_what_decides():
    assert ground("    return a\n\nx = ", "x = ", "y", stops=("\nx",), last="x = ", until="text") == NOWHERE
    lines = "    a += 1\n" * 6
    assert ground(lines, 4, "b", until="text") == CODE
    assert ground(lines, 60, "b", until="text") == NOWHERE


def test_prose_beside_code_waits_and_prose_alone_is_plain():
    answer = "Sure:\n```python\nx = 1\n```\nDone.\n"
    options = {"before": "Write.\n", "source": "-", "until": "text", "conversation": True}
    assert ground(answer, "Sure", "Yes", **options) == PROSE
    assert ground(answer, "x = 1", "y", **options) == CODE
    assert ground(answer, "Done", "Bye", **options) == NOWHERE, "no code follows"
    more = answer + "For example:\n```python\nprint(x)\n```\n"
    assert ground(more, "Done", "Bye", **options) == PROSE
    assert ground(more, "print", "assert", **options) == Ground.BEHIND
    assert ground("Only words.\n", "words", "prose", **options) == PLAIN
    assert ground("Only words.\n", "words", "prose", source="a.txt", until="text") == PLAIN


UNITS = {
    "p.py": (HEAD, ["    return a", "\n", "\n", "def"], 3),
    "p.js": ("function f(a) {\n", ["  return a;", "\n", "}", "\n"], 2),
    "p.go": ("func f(a int) int {\n", ["\tif a > 0 {", "\n\t\treturn 1\n\t}", "\n\treturn 0\n}", "\n"], 2),
    "p.java": ("class A {\n  int f(int a) {\n", ["    return a;\n", "  }", "\n"], 1),
    "p.rs": ("fn f(a: i32) -> i32 {\n", ["    a + 1\n", "}", "\n"], 1),
}


@pytest.mark.parametrize("source", UNITS)
def test_a_path_is_complete_with_the_token_that_shows_it(source):
    before, pieces, last = UNITS[source]
    places = around(before, source=source)
    found = [places.is_complete("".join(pieces[: count + 1]).encode(), 0) for count in range(len(pieces))]
    assert found[: last + 1] == [False] * last + [True]


def test_without_a_unit_of_the_prompt_it_is_the_one_around_the_fork():
    places = around("import os\n", until="text")
    written = b"def f():\n    return 1\n\n\ndef g():\n    return 2\n\n\nx"
    assert places.is_complete(written, written.index(b"return 2"))
    assert not places.is_complete(written[:-4], written.index(b"return 2"))
    assert places.is_complete(b"a = [\n1]\nb", 4)
    assert not places.is_complete(b"a = [\n1,", 4)


def test_in_a_hole_no_unit_is_complete():
    assert not around("def f():\n", behind="\n    return x\n").is_complete(b"    x = 1\n\n\ndef g", 0)


def test_the_prompt_says_whether_it_breaks_off_in_a_function():
    def until(text, source="p.py"):
        return PromptUnit("text", source, None, False, len(text.encode())).resolved(text.encode()).until

    inside = (
        "def f(a):",
        "def f(a):\n",
        HEAD,
        HEAD.rstrip(),
        HEAD + "    if a:\n",
        "class A:\n    def f(self):\n",
        "x = 1\n\ndef f():\n    ret",
    )
    outside = ("", "x = 1\n", "class A:\n", "def f():\n    return 1\n\n\nx = ", "# only words\n")
    assert {until(text) for text in inside} == {"function"}
    assert {until(text) for text in outside} == {"text"}
    assert until("function f() {\n", "p.js") == until("void f() {\n  int x", "p.c") == "function"
    assert until("function f() {}\n", "p.js") == until("words", "p.txt") == "text"


def test_only_some_tokens_can_end_a_unit():
    assert may_end_unit([b"x", b"\n"])
    assert may_end_unit([b"x", b"\n\n", b"def"])
    assert may_end_unit([b" }"])
    assert not may_end_unit([b"\n", b"    ", b"re", b"turn"])


def test_a_loop_is_seen_at_the_end_of_a_text():
    assert is_loop(b"x = 1\n" + b"y = f(x)\n" * 4)
    assert not is_loop(b"y = f(x)\n" * 4 + b"return y\n")
