"""Parsing within bounded work: ordinary code has the tree that it always had, and whatever would take too much has none."""

from __future__ import annotations

from pathlib import Path

import pytest
import tree_sitter
from tests.support import synthetic_traces
from tests.support.code_traces import Twig, recorded

from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.analysis.structure import add_structure
from tokenscope_trace.languages.bounded_parsing import MAX_PARSED, bounded_tree
from tokenscope_trace.languages.definitions import LANGUAGES, by_name
from tokenscope_trace.languages.incomplete import can_parse, parse_incomplete
from tokenscope_trace.languages.language import grammar
from tokenscope_trace.languages.literals import find_literals
from tokenscope_trace.privacy.redaction import redacted
from tokenscope_trace.settings import Redaction
from tokenscope_trace.traces.schema import Outcome

PYTHON = by_name("python")
CONTINUED = b"x = " + b"\\\n" * 20_000 + b"1\n"
# The bracket counts of the last two are far beyond what tree-sitter's own stack survives.
TOO_MUCH = {
    "lines that go on": ("python", CONTINUED),
    "calls of Bash": ("bash", b"x" + b".f()" * 20_000),
    "comments in a function": ("python", b"def f():\n" + b"    # one of very many\n" * 20_000 + b"    pass\n"),
    "very long": ("json", b"[" + b"1, " * (MAX_PARSED // 3) + b"1]"),
    "open brackets": ("go", b"{[" * 500_000),
    "open brackets behind closed ones": ("go", b")" * 50_000 + b"{[" * 500_000),
}


@pytest.mark.parametrize(
    "path", [*sorted(Path(tree_sitter.__file__).parent.glob("*.py*")), Path(__file__)], ids=lambda path: path.name
)
def test_ordinary_code_has_the_tree_that_it_always_had(path):
    text = path.read_bytes()
    tree = bounded_tree(text, PYTHON)
    assert str(tree.root_node) == str(tree_sitter.Parser(grammar(PYTHON)).parse(text).root_node)
    assert tree.root_node.end_byte == len(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("python", b"# a line of a long comment\n" * 20_000),
        ("python", b"def f():\n" + b"    # commented out\n" * 1000 + b"    pass\n"),
        ("python", b'x = """' + b"a line\n" * 100_000 + b'"""\n'),
        ("python", b"x = [\n" + b"    1, 2, 3,\n" * 50_000 + b"]\n"),
        ("python", b"(" * 5000 + b")" * 5000),
        ("javascript", b"/*" + b" a line\n" * 50_000 + b"*/ x();\n"),
        ("bash", b"cat <<EOF\n" + b"a line of $some length\n" * 5000 + b"EOF\n"),
        ("c", b"#define X " + b" foo(); \\\n" * 3000 + b"\n"),
        ("json", b'[{"a": [1, 2]},\n' * 5000),
    ],
)
def test_long_code_is_parsed(name, text):
    assert bounded_tree(text, by_name(name)) is not None


@pytest.mark.parametrize(("name", "text"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_what_would_take_too_much_work_has_no_tree(name, text):
    language = by_name(name)
    assert bounded_tree(text, language) is None
    assert not can_parse(text, language)
    assert parse_incomplete(text, language).root_node.has_error


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_in_place_of_no_tree_stands_an_error(language):
    assert parse_incomplete(b" " * (MAX_PARSED + 1), language).root_node.has_error


@pytest.mark.parametrize(("name", "text"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_all_of_it_is_left_out_as_strings_and_as_comments(name, text):
    found = find_literals(text, "x", by_name(name))
    assert found.strings == found.comments == ((0, len(text)),)


def test_a_recording_says_what_was_not_parsed():
    files = {"a.py": "x = 1\n", "b.py": CONTINUED.decode()}
    trace = synthetic_traces.scored(files)
    found = add_structure(trace)
    assert {passage.text for passage in found.syntax.passages} == {0}
    assert (
        "1 piece of code could not be parsed within bounded work (4 MiB at most): nothing is said of its syntax, nor of what it leads to."
        in (found.facts.notes)
    )
    gone = redacted(found, [Redaction.STRINGS])
    assert gone.texts[0].bytes == b"x = 1\n"
    assert b"1" not in gone.texts[1].bytes


def test_branches_of_code_that_was_not_parsed_are_not_compared():
    twigs = [Twig(1, ["3\n"], [0.4]), Twig(1, ["4\n"], [0.3])]
    trace = analysed(recorded([CONTINUED.decode() + "y = "], ["x", "2\n"], twigs))
    assert trace.outcomes.outcome.tolist() == [Outcome.NOT_COMPARED] * 2
    assert trace.syntax is None
    assert sum("could not be parsed" in note for note in trace.facts.notes) == 1
    assert not trace.facts.program.broken
