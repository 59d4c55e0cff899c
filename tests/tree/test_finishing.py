"""Which branches are brought to an end, and when they are there."""

from __future__ import annotations

from tests.support.code_traces import END, Twig, Word, recorded

from tokenscope_trace.traces.schema import BranchEnd
from tokenscope_trace.tree.finishing import to_finish

PROMPT = ["def f(a):\n"]
OUTPUT = [Word("    x", 0.5, {"    y": 0.4}), " = 1\n", "    return a\n", "\n\n", "def", " g():\n"]


def chosen(*twigs, output=OUTPUT, finish="length", **options):
    words = {}
    trace = recorded(PROMPT, output, twigs, finish=finish, **options)
    finishing = to_finish(trace, None, lambda token: words.get(token, b""))

    def reached(branch, *texts):
        words.update(enumerate(text.encode() for text in texts))
        return finishing.reached(branch, list(range(len(texts))))

    return list(finishing.branches), reached


def test_a_branch_that_was_cut_goes_on_until_its_function_is_complete():
    branches, reached = chosen(Twig(0, ["    y", " = 2\n", "    re"], [0.4]))
    assert branches == [0]
    assert not reached(0, "    y", " = 2\n", "    re", "turn")
    assert not reached(0, "    y", " = 2\n", "    re", "turn", " y\n")
    assert reached(0, "    y", " = 2\n", "    re", "turn", " y\n", "\n\n", "class")


def test_where_the_output_itself_is_cut_a_statement_is_enough():
    output = [*OUTPUT[:2], "    ret"]
    assert chosen(Twig(0, ["    y", " = 2\n", "    re"], [0.4]), output=output)[0] == []
    branches, reached = chosen(Twig(0, ["    y", " = ["], [0.4]), output=output)
    assert branches == [0]
    assert not reached(0, "    y", " = [", "\n")
    assert reached(0, "    y", " = [", "]\n", "    b")


def test_what_is_complete_or_the_same_text_or_no_code_does_not_go_on():
    whole = Twig(0, ["    y", " = 2\n", "    return a\n", END], [0.4], BranchEnd.END_OF_TEXT)
    ended = [*OUTPUT[:3], END]
    assert chosen(whole, output=ended, finish="end-of-text")[0] == []
    assert chosen(Twig(0, ["    ", "x"], [0.1], BranchEnd.REJOINED, 1))[0] == []
    assert chosen(Twig(0, ["    y"], [0.4]), source="a.txt")[0] == []


def test_the_likely_decisions_come_first():
    output = [Word("    x", 0.9, {"    y": 0.05}), Word(" = 1\n", 0.5, {" = 2\n": 0.4}), *OUTPUT[2:]]
    assert chosen(Twig(0, ["    y", " ="], [0.05]), Twig(1, [" = 2\n", "    re"], [0.4]), output=output)[0] == [1, 0]
