"""Strings and comments of every language are found whole, and rather too much than too little of what is broken."""

from __future__ import annotations

import re

import pytest

from tokenscope_trace.languages.definitions import LANGUAGES, by_name
from tokenscope_trace.languages.language import grammar
from tokenscope_trace.languages.literals import COMMENTS, STRINGS, find_literals

# QQ stands in strings only, KK in comments only, vis in code only; DD is documentation, and counts as both.
PROGRAMS = {
    "python": '''"""DD"""
vis = "QQ" + r'QQ' + f"QQ{QQ}QQ" + b"QQ" """QQ
QQ"""  # KK
def vis():
    """DD"""
    return 'QQ'
''',
    "javascript": "const vis = 'QQ' + \"QQ\" + `QQ${QQ}QQ` + /QQ/; // KK\n/* KK */ vis(<b a='QQ'>QQ</b>);\n",
    "typescript": "const vis: string = 'QQ' + `QQ${QQ}QQ`; // KK\ntype Vis = `QQ${string}`; /* KK */\n",
    "tsx": "const vis = <b a='QQ'>QQ</b>; // KK\n",
    "java": 'class Vis { String vis = "QQ" + """\nQQ\n"""; char vis2 = \'Q\'; /* KK */ // KK\n}\n',
    "go": "package vis\nvar vis = \"QQ\" + `QQ\nQQ` // KK\nvar vis2 = 'Q' /* KK */\n",
    "rust": '/// KK\nfn vis() { let vis = "QQ\nQQ"; let v = r#"QQ"#; let b = b"QQ"; println!("QQ {}", vis); } // KK\n/* KK */\n',
    "c": '#define VIS "QQ" // KK\n#include <vis.h>\nchar *vis = "QQ" "QQ"; /* KK */ char c = \'Q\'; // KK\n#error "DD"\n#warning it\'s DD\n#pragma DD\n',
    "cpp": 'auto vis = R"(QQ\nQQ)"; std::string s = "QQ"s; // KK\n#define VIS vis("QQ")\n/* KK */\n',
    "json": '{"QQ": ["QQ", 1, true]} // KK\n',
    "bash": "vis=\"QQ $vis QQ\" # KK\nvis 'QQ' $'QQ' <<EOF\nQQ\nEOF\ncat <<< \"QQ\"\n",
}


def covered(text: bytes, ranges) -> str:
    """The text with a blank for every byte in one of the ranges."""
    shown = bytearray(text)
    for start, end in ranges:
        shown[start:end] = b" " * (end - start)
    return shown.decode()


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_literals_of_every_language(language):
    text = PROGRAMS[language.name].encode()
    found = find_literals(text, "-", language)
    strings, comments = covered(text, found.strings), covered(text, found.comments)
    assert not re.search("Q|DD", strings), strings
    assert not re.search("KK|DD", comments), comments
    assert len(re.findall("(?i)vis", strings)) >= len(re.findall("(?i)vis", text.decode())) - len(
        re.findall(r"\$vis", text.decode())
    )
    assert re.findall("(?i)vis|Q+", comments) == re.findall("(?i)vis|Q+", text.decode())


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_every_kind_that_looks_like_a_literal_was_thought_of(language):
    """A grammar's update may bring kinds: those that hold text by themselves are listed, the others are parts of those."""
    from fnmatch import fnmatchcase

    known = grammar(language)
    kinds = {known.node_kind_for_id(i) for i in range(known.node_kind_count) if known.node_kind_is_named(i)}
    texts = {
        kind
        for kind in kinds
        if re.search("string|char|comment|heredoc|regex|jsx_text|rune|template_(string|literal)", kind)
    }
    listed = {kind for kind in texts if any(fnmatchcase(kind, pattern) for pattern in (*STRINGS.split(), *COMMENTS.split()))}
    parts = {
        "character", "concatenated_string", "heredoc_content", "heredoc_end", "heredoc_redirect", "heredoc_start",
        "herestring_redirect", "html_character_reference", "interpreted_string_literal_content", "multiline_string_fragment",
        "raw_string_content", "raw_string_delimiter", "raw_string_literal_content", "regex_flags", "regex_pattern",
        "string_content", "string_end", "string_fragment", "string_interpolation", "string_start", "inner_doc_comment_marker",
        "outer_doc_comment_marker", "system_lib_string",
    }  # fmt: skip
    assert texts - listed - parts == set()


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("python", 'vis = "QQ\nQQ = 1\n', "vis = "),
        ("python", "f(vis, 'QQ', \"QQ", "f(vis, "),
        ("python", "vis = f'QQ{vis + \"QQ", "vis = f"),
        ("python", "vis = 'QQ's QQ'\nQQ", "vis = "),
        ("python", "vis(1, (2", "vis(1, (2"),  # cut off, and no string in it
        ("javascript", "vis(`QQ ${QQ} QQ", "vis("),
        ("rust", 'let vis = "QQ; QQ', "let vis = "),
        ("bash", 'vis="QQ\nQQ\n', "vis="),
        ("c", 'int vis = 1; char *s = "QQ;\nQQ', "int vis = 1; char *s = "),
    ],
)
def test_what_was_never_closed_goes_to_the_end(name, text, shown):
    assert covered(text.encode(), find_literals(text.encode(), "-", by_name(name)).strings).rstrip() == shown.rstrip()


def test_a_comment_that_was_never_closed_goes_to_the_end():
    assert (
        covered(b"int vis; /* KK\nKK", find_literals(b"int vis; /* KK\nKK", "-", by_name("c")).comments).rstrip()
        == "int vis;"
    )


def test_what_is_not_known_to_be_code_counts_as_text():
    chat = b"QQ\n```python\nvis = 1\n```\nQQ\n```nolanguage\nQQ\n```\n"
    for source, conversation in (("-", True), ("notes.md", False)):
        found = find_literals(chat, source, None, conversation=conversation)
        assert covered(chat, found.strings).strip() == "vis = 1"
        assert covered(chat, found.comments).strip() == "vis = 1"
    assert find_literals(b"QQ", "-", None, conversation=True).strings == ((0, 2),)
    assert find_literals(b"QQ", "notes.txt", None) is None


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("bash", "export API_TOKEN=QQ PORT=4711", "export API_TOKEN= PORT="),
        ("bash", "A=QQ vis -x --all --key=QQ -pQQ QQ/QQ $vis", "A= vis -x --all    $vis"),
        ("bash", "vis() { for i in QQ QQ; do vis; done; }", "vis() { for i in  ; do vis; done; }"),
        ("bash", "vis > QQ <<< QQ", "vis >  <<< "),
        ("bash", "a=(QQ QQ)\nvis <<E\nQQ", "a=( )\nvis <<E\n"),
        ("c", "#error QQ it's\n#pragma QQ\n#define VIS 1\n", "#error\n#pragma\n#define VIS 1\n"),
        ("javascript", "vis(<b>QQ", "vis(<b>"),
        ("javascript", "vis.match(/QQ", "vis.match(/"),
    ],
)
def test_texts_without_quotation_marks_are_strings_too(name, text, shown):
    found = covered(text.encode(), find_literals(text.encode(), "-", by_name(name)).strings)
    assert "Q" not in found
    assert found.split() == shown.split()


@pytest.mark.parametrize("name", ["javascript", "typescript", "tsx", "rust"])
def test_a_hash_bang_is_a_comment(name):
    text = b"#!/usr/bin/env KK\nlet vis = 1;\n"
    assert covered(text, find_literals(text, "-", by_name(name)).comments).split() == ["let", "vis", "=", "1;"]
