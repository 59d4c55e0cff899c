"""The style in two sheets: page.css for what a page shows without its script, viewer.css for the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from tests.support import synthetic_traces

from tokenscope_trace.reports.assets import page_style, viewer_style
from tokenscope_trace.reports.page import html_page
from tokenscope_trace.traces.schema import OUTCOME_WORDS, SURPRISAL_EDGES

ROOT = Path(__file__).parents[2]
TEMPLATES = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "templates").glob("*.jinja"))]
# Classes that a template makes of the data.
MADE = {
    *(f"b{step}" for step in range(len(SURPRISAL_EDGES) + 1)),
    *(key for key, _ in OUTCOME_WORDS.values()),
    *("passes", "fails", "times-out", "not-run", "unchecked"),
    *("failed", "interactive"),  # boot.js and the viewer say so
}
HEAD = re.compile(r"(?:^|(?<=[{};]))\s*([^{};@]+)\{")
NOT = re.compile(r":not\([^()]*\)")
IS = re.compile(r":(?:is|where)\(([^()]*)\)")
VOID = {"br", "col", "hr", "input", "link", "meta"}
WORD = r"[A-Za-z][\w-]*"


def selectors(style: str) -> Iterator[str]:
    """Every selector of a sheet, without what stands in quotation marks or in `:not()`."""
    for head in HEAD.findall(re.sub(r'"[^"]*"', "", style)):
        yield from re.split(r",(?![^()]*\))", NOT.sub("", head))


def may_apply(selector: str, names: set[str]) -> bool:
    """Whether every class and id in it exists: of `:is()` in one of its alternatives."""
    if not all(any(named(one) <= names for one in choice.split(",")) for choice in IS.findall(selector)):
        return False
    return named(IS.sub("", selector)) <= names


def named(selector: str) -> set[str]:
    return set(re.findall(rf"[.#]{WORD}", selector))


def in_templates() -> set[str]:
    """All classes and ids that the templates may make; the words of their expressions count, too."""
    values = [found for text in TEMPLATES for found in re.findall(r'\b(class|id)="((?:\{\{.*?\}\}|\{%.*?%\}|[^"])*)"', text)]
    words = {
        ("." if kind == "class" else "#") + word for kind, value in values for word in re.findall(r"[A-Za-z][\w-]*", value)
    }
    return words | {f".{name}" for name in MADE}


class Shown(HTMLParser):
    """The classes and ids of elements that hold something."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.open: list[set[str]] = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        own = {f".{name}" for name in (values.get("class") or "").split()} | {
            f"#{values['id']}" for _ in [0] if values.get("id")
        }
        if tag in VOID:
            self.names |= own
        else:
            self.open.append(own)

    def handle_endtag(self, tag):
        self.open.pop()

    def handle_data(self, data):
        if data.strip():
            for own in self.open:
                self.names |= own


def shown() -> set[str]:
    """What pages show without a script."""
    parser = Shown()
    for make in (synthetic_traces.plausible, synthetic_traces.changed, synthetic_traces.decided):
        parser.feed(re.sub(r"<(script|style|template)\b.*?</\1>", "", html_page(make()), flags=re.DOTALL))
    return parser.names


def test_the_sheet_of_the_page_has_nothing_that_only_the_viewer_makes():
    names = in_templates()
    assert [selector for selector in selectors(page_style()) if not may_apply(selector, names)] == []


def test_all_that_a_page_shows_without_a_script_has_its_rules_in_the_sheet_of_the_page():
    names = shown()
    assert {".excerpt", "#status"} & names
    assert [one for one in selectors(viewer_style()) if named(one) and may_apply(one, names)] == []
