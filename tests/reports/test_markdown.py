"""Foreign text in Markdown stays text."""

from __future__ import annotations

import pytest

from tokenscope_trace.reports.markdown import code_span, fenced, plain


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("x = 1", "`x = 1`"),
        ("a `b` c", "``a `b` c``"),
        ("`", "`` ` ``"),
        ("``", "``` `` ```"),
        (" x", "`  x `"),
        ("two\nlines", "`two lines`"),
        ("", "` `"),
    ],
)
def test_a_code_span_has_as_many_backticks_as_it_needs(text, span):
    assert code_span(text) == span


def test_a_fence_is_longer_than_any_in_the_text():
    assert fenced("x") == "```\nx\n```"
    assert fenced("````\nx", "diff") == "`````diff\n````\nx\n`````"


def test_words_are_no_markup():
    assert plain("in __init__, a [link](x) <b>") == r"in \_\_init\_\_, a \[link\](x) \<b\>"
    assert (plain("1. first"), plain("- [x] done"), plain("== a")) == (r"1\. first", r"\- \[x\] done", "== a")
    assert plain("greedy, built-in model (0.5B)") == "greedy, built-in model (0.5B)"


@pytest.mark.parametrize(
    "word",
    [
        "@octocat", "#12", "GH-2", "gh-2", "!13", "&4", "$5", "%6", "~bug", "%\"next\"", "~\"a", "^alert#7", "JIRA-123", "owner/repo#1", "owner/repo@abc1234",
        "group/project!13", "https://evil.example", "WWW.evil.example", "mailto:a", "0f1e2d3", "0f1e2d3c4b5a69788796a5b4c3d2e1f001122334", "(#12)", ":tada:",
        "[vulnerability:1]", "a@b.example", "(0f1e2d3)", "x=#1", "*iteration:2",
    ],
)  # fmt: skip
def test_what_a_forge_makes_a_link_of_becomes_code(word):
    assert plain(f"see {word} there") == f"see `{word}` there"


def test_words_beside_a_mention_are_still_no_markup():
    assert plain("*by* @octo`cat <b>") == r"\*by\* ``@octo`cat`` \<b\>"


def test_what_a_forge_leaves_alone_stays_as_it_is():
    for text in ("12.5 % of all", "line 1,234,567", "a - b", "python3 -m doctest", "3 of 4: none", "default"):
        assert plain(text) == text


def test_nothing_is_longer_than_a_comment_takes():
    assert len(code_span("x" * 10**6)) < 500
    assert code_span("x" * 10**6).endswith("…`")
    assert len(fenced("x" * 10**6 + "\ny")) < 500
