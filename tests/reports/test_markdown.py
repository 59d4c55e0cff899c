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


@pytest.mark.parametrize("text", ["by @octocat", "fixes #12", "see https://evil.example", "WWW.evil.example"])
def test_mentions_and_links_become_code(text):
    assert plain(text) == f"`{text}`"
