"""Syntax nodes: against Python's own ast, against the languages' own rules, and against any bytes at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import standard_library, synthetic_traces
from tests.support.code_traces import Twig, recorded
from transformers import AutoTokenizer

from tokenscope_trace import Trace
from tokenscope_trace.analysis.structure import add_structure
from tokenscope_trace.languages.definitions import LANGUAGES, by_file, by_name
from tokenscope_trace.languages.language import grammar, kinds
from tokenscope_trace.languages.parsing import parse
from tokenscope_trace.languages.passages import CodePassage, code_passages
from tokenscope_trace.models.loading import builtin_folder
from tokenscope_trace.models.token_bytes import Speller
from tokenscope_trace.traces.schema import SyntaxFlag
from tokenscope_trace.traces.syntax import TokenPlaces, aggregate, percentile

NAMES = [language.name for language in LANGUAGES]
PROGRAMS = {
    "python": "def f(a):\n    if a > 0:\n        return g(a)\n    elif a < 0:\n        return 'é😀'\n    else:\n        return 3\n",
    "javascript": "function f(a) {\n  if (a > 0) { return g(a); } else if (a < 0) { return 'é😀'; } else { return 3; }\n}\n",
    "typescript": "function f(a: number): any {\n  if (a > 0) { return g(a); } else if (a < 0) { return 'é😀'; } else { return 3; }\n}\n",
    "tsx": "function f(a: number): any {\n  if (a > 0) { return g(a); } else if (a < 0) { return 'é😀'; } else { return <b>{a}</b>; }\n}\n",
    "java": 'class A {\n  Object f(int a) { if (a > 0) { return g(a); } else if (a < 0) { return "é😀"; } else { return 3; } }\n}\n',
    "go": 'package m\n\nfunc f(a int) any {\n\tif a > 0 {\n\t\treturn g(a)\n\t} else if a < 0 {\n\t\treturn "é😀"\n\t} else {\n\t\treturn 3\n\t}\n}\n',
    "rust": 'fn f(a: i32) -> Thing {\n    if a > 0 { return g(a); } else if a < 0 { return h("é😀"); } else { return three(); }\n}\n',
    "c": 'int f(int a) {\n  if (a > 0) { return g(a); } else if (a < 0) { return h("é😀"); } else { return 3; }\n}\n',
    "cpp": 'int f(int a) {\n  if (a > 0) { return g(a); } else if (a < 0) { return h("é😀"); } else { return 3; }\n}\n',
    "bash": 'f() {\n  if [ "$1" = a ]; then g "$1"; elif [ "$1" = b ]; then echo "é😀"; else echo 3; fi\n}\n',
}


def whole(text, name):
    return parse(text, CodePassage(0, len(text), by_name(name)))


@pytest.mark.parametrize("name", NAMES)
def test_every_pattern_names_kinds_that_the_grammar_has(name):
    language = by_name(name)
    rules = language.rules
    for patterns in (
        *(language.expressions, language.statements, language.blocks, language.arms),
        *(rules.units.functions, rules.units.classes, rules.units.continued, rules.units.elements),
        *(
            rules.notation.comments,
            rules.notation.commas,
            rules.notation.tuples,
            rules.notation.strings,
            rules.notation.exact,
        ),
        *(rules.names.leaves, rules.names.types, rules.names.scopes, rules.names.raw),
        *(rules.effects.imports, rules.effects.control, rules.effects.literals),
    ):
        for pattern in patterns.split():
            assert kinds(language, pattern), pattern
    assert not kinds(language, language.arms) - kinds(language, language.blocks)
    assert grammar(language).node_kind_count > 20


def test_languages_are_found_by_suffix_and_name():
    assert by_file("a/b.PY").name == "python"
    assert [by_file(f"x{suffix}").name for suffix in (".tsx", ".h", ".hpp", ".sh")] == ["tsx", "c", "cpp", "bash"]
    assert by_file("Makefile") is None
    assert by_name("C++").name == "cpp"
    assert by_name("klingon") is None
    suffixes = [suffix for language in LANGUAGES for suffix in language.suffixes.split()]
    assert len(suffixes) == len(set(suffixes))


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_arms_of_a_branch_are_told_apart(name):
    text = PROGRAMS[name].encode()
    parsed = whole(text, name)
    assert not np.any(parsed.flags & (SyntaxFlag.ERROR | SyntaxFlag.MISSING))
    found = add_structure(synthetic_traces.make([], [text], source=f"x{by_name(name).suffixes.split()[0]}")).syntax
    blocks = [text[span.start : span.end] for span in found.spans(0, "block")]
    first = next(block for block in blocks if block.startswith(b"if"))
    assert b"g" in first
    assert "é".encode() not in first
    assert b"3" not in first
    assert b"three" not in first
    assert sum("é".encode() in block and b"3" not in block and b"three" not in block for block in blocks) >= 1
    calls = [
        text[a:b]
        for a, b, kind in zip(parsed.start, parsed.end, parsed.kind, strict=True)
        if "call" in kind or kind in ("method_invocation", "command")
    ]
    assert any(call.startswith(b"g") for call in calls), calls


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    text=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=120).map(str.encode),
        st.sampled_from(sorted(PROGRAMS.values())).map(str.encode),
    ),
    cut=st.integers(0, 400),
)
def test_any_bytes_give_one_tree_whose_children_lie_within_their_parents_in_order(name, text, cut):
    text = text[:cut]
    parsed = parse(b"\xff" * 3 + text, CodePassage(3, 3 + len(text), by_name(name)))
    assert parsed.parent[0] == -1
    assert np.all(parsed.parent[1:] < np.arange(1, len(parsed.kind)))
    assert np.all(parsed.parent[1:] >= 0)
    assert np.all(parsed.start <= parsed.end)
    assert np.all(parsed.start >= 3)
    above = parsed.parent[1:]
    assert np.all(parsed.start[1:] >= parsed.start[above])
    assert np.all(parsed.end[1:] <= parsed.end[above])
    last = {}
    for node, parent in enumerate(parsed.parent.tolist()):
        assert parsed.start[node] >= last.get(parent, 0)
        last[parent] = parsed.end[node]
    assert np.all((parsed.flags & SyntaxFlag.MISSING == 0) | (parsed.start == parsed.end))


def test_broken_code_shows_what_is_wrong():
    parsed = whole(b"def f(:\n    return ]\n", "python")
    assert np.any(parsed.flags & SyntaxFlag.ERROR)
    assert np.any(whole(b"int f() { return 1 }\n", "c").flags & SyntaxFlag.MISSING)


def test_the_standard_library_has_its_nodes_where_ast_has_them():
    """Some fifty files; `make sweep` takes all of them."""
    compared = [found for path in standard_library.some(50) if (found := standard_library.compare(path))]
    assert sum(found.nodes for found in compared) > 20_000
    assert [(found.path.name, found.missing) for found in compared if found.missing and not found.broken] == []
    assert sum(found.broken for found in compared) <= len(compared) // 50
    assert sum(found.misread for found in compared) < 100


def test_tokens_of_the_standard_library_hold_every_leaf_s_bytes_once():
    tokenizer = AutoTokenizer.from_pretrained(builtin_folder())
    speller = Speller(tokenizer)
    for path in standard_library.some(7, first=3):
        ids = tokenizer(path.read_bytes().decode("utf-8")).input_ids
        sizes = [0 if speller.is_special(token) else len(word) for token, word in zip(ids, speller.spell(ids), strict=True)]
        assert standard_library.tokens_cover(path, sizes), path


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(0, 80), st.integers(0, 80))
def test_shares_are_the_overlap_of_bytes(sizes, start, length):
    places = TokenPlaces.of(np.arange(len(sizes)), sizes)
    tokens, shares = places.within(start, start + length)
    owner = [token for token, size in enumerate(sizes) for _ in range(size)]
    inside = owner[start : start + length]
    assert tokens.tolist() == sorted(set(inside))
    for token, share in zip(tokens.tolist(), shares.tolist(), strict=True):
        assert share == pytest.approx(inside.count(token) / sizes[token])


def test_aggregates_and_percentiles_by_hand():
    found = aggregate(np.array([1.0, np.nan, 3.0, 8.0]), np.array([1.0, 1.0, 0.5, 0.25]))
    assert (found.sum, found.mean, found.min, found.max, found.median, found.count) == (4.5, 4.0, 1.0, 8.0, 3.0, 3)
    assert aggregate(np.array([np.nan]), np.ones(1)).count == 0
    assert percentile(np.array([1.0, 2.0, np.nan, 3.0, 3.0]), 3.0) == (0.5, 4)


def test_fences_of_a_conversation_are_parsed_each_in_its_language():
    text = b"Text\n```python\nx = 1\n```\nmore\n~~~js\nf();\n~~~\n``` klingon\nQapla\n```\n````\n```\nlast = 2"
    found = code_passages(text, "-", by_name("python"), conversation=True)
    assert [(p.language.name, text[p.start : p.end]) for p in found] == [
        ("python", b"x = 1\n"),
        ("javascript", b"f();\n"),
        ("python", b"```\nlast = 2"),
    ]
    assert [p.language.name for p in code_passages(text, "notes.md", None)] == ["python", "javascript"]
    assert code_passages(b"x", "x.unknown", None) == []
    assert code_passages(b"x", "x.unknown", by_name("go"))[0].language.name == "go"


@pytest.mark.parametrize(
    "case", ["plausible", "sampled", "fill_in_the_middle", "split_characters", "crlf", "hostile", "chat", "empty"]
)
def test_every_kind_of_trace_takes_its_syntax_and_keeps_the_rest(case):
    before = synthetic_traces.CASES[case]()
    trace = add_structure(before, by_name("python"))
    again = Trace.from_bytes(trace.to_bytes())
    assert again.to_bytes() == trace.to_bytes()
    assert np.array_equal(again.nodes.logprob, before.nodes.logprob, equal_nan=True)
    if trace.syntax is not None:
        text = trace.text(trace.main, special=False)
        assert trace.syntax.end.max() <= len(text)


def test_the_hole_of_a_file_is_parsed_in_its_place():
    trace = add_structure(synthetic_traces.fill_in_the_middle())
    assert not np.any(trace.syntax.flags & SyntaxFlag.ERROR)
    (function,) = [span for span in trace.syntax.spans(0, "block") if span.kind == "function_definition"]
    tokens, shares = trace.token_places(trace.texts[0].nodes).within(function.start, function.end)
    assert trace.text(tokens).startswith(b"def area(r):\n    return 3.14159")
    assert set(trace.output.tolist()) & set(tokens.tolist())
    assert shares.max() <= 1


def test_files_are_texts_of_their_own():
    trace = add_structure(synthetic_traces.changed())
    assert [(p.text, p.language) for p in trace.syntax.passages] == [(0, "python"), (1, "python")]
    for number, file in enumerate(trace.files):
        for span in trace.syntax.spans(number, "statement"):
            tokens, _ = trace.token_places(file.nodes).within(span.start, span.end)
            assert set(tokens.tolist()) <= set(file.nodes.tolist())
    innermost = trace.syntax.innermost(1, 5, 14)
    assert trace.syntax.kind[innermost] == "identifier"


def test_a_trace_has_spans_of_five_sizes():
    trace = add_structure(synthetic_traces.make([], [b"if a", b":\n    ", b"b = f(", b"1)\n", b"\r\n", b"c"], source="x.py"))
    text = trace.text(trace.main)

    def texts(size):
        return [text[span.start : span.end].decode() for span in trace.texts[0].spans(size)]

    assert texts("line") == ["if a:\n", "    b = f(1)\n", "\r\n", "c"]
    assert texts("token") == ["if a", ":\n    ", "b = f(", "1)\n", "\r\n", "c"]
    assert [span.kind for span in trace.texts[0].spans("token")] == [
        "if_statement",
        ":",
        "assignment",
        "argument_list",
        "white space",
        "identifier",
    ]
    assert texts("statement") == ["if a:\n    b = f(1)", "b = f(1)", "b = f(1)", "c"]
    assert "f(1)" in texts("expression")
    assert texts("block") == ["if a:\n    b = f(1)"]


def test_without_a_grammar_there_are_lines_and_tokens():
    trace = add_structure(synthetic_traces.make([], [b"Roses", b" are\n", b"red"], source="x.txt"))
    assert [(span.start, span.end, span.kind) for span in trace.texts[0].spans("line")] == [
        (0, 10, "line"),
        (10, 13, "line"),
    ]
    assert [span.kind for span in trace.texts[0].spans("token")] == ["", "", ""]
    assert trace.texts[0].spans("statement") == []


def test_a_branch_has_the_syntax_of_its_own_bytes_and_what_is_around_them():
    trace = add_structure(
        recorded(["def f(a):\n", "    x = 1\n"], ["    return a\n"], [Twig(1, ["    if", " a:\n", "        return 'é'\n"])])
    )
    (passage,) = trace.syntax.of_branches
    program = trace.programs.of_branch(0)
    rows = range(passage.first, passage.end)
    found = [
        (trace.syntax.kind[row], program.text[trace.syntax.start[row] : trace.syntax.end[row]].decode()) for row in rows
    ]
    assert found[0] == ("module", program.text.decode())
    assert ("function_definition", program.text.decode().strip()) in found
    assert ("if_statement", "if a:\n        return 'é'") in found
    assert not any(text == "x = 1" for _, text in found)
    assert len(trace.syntax.passages) == 1
    assert [span.kind for span in trace.syntax.spans(0, "statement")].count("if_statement") == 0
