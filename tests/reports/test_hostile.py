"""Strings that would like to be more than text stay text, wherever a recording may hold one: pages, Markdown, JSON, SARIF, the terminal."""

from __future__ import annotations

import html as markup
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from rich.console import Console
from tests.support import hostile_traces
from tests.support.hostile_traces import CASES, TEXTS

from tokenscope_trace import Trace
from tokenscope_trace.cli.console import print_summary
from tokenscope_trace.cli.html_command import main
from tokenscope_trace.comparison.page import compared_page
from tokenscope_trace.reports.icon import icon_of
from tokenscope_trace.reports.json_report import json_document
from tokenscope_trace.reports.page import html_page
from tokenscope_trace.reports.pull_request import comment_text
from tokenscope_trace.reports.sarif import sarif_log

_ELEMENTS = (
    "html head meta title style body a header p div section h1 h2 h3 main nav aside button ul ol li span bdi hr pre del ins mark details "
    "link summary table thead tbody tr th td colgroup col dl dt dd b kbd footer script"
)
_ATTRIBUTES = (
    "rel lang charset http-equiv content name class id href aria-label aria-hidden aria-live role tabindex hidden type title width start scope "
    "colspan data-format data-bytes data-code data-part data-minor"
)
_ICONS = [icon_of(key) for key in ("passes", "fails", "times-out", "not-run", "unchecked", "")]
MADE: dict[str, Trace] = {}


def made(case: str) -> Trace:
    if case not in MADE:
        MADE[case] = CASES[case]()
    return MADE[case]


class Page(HTMLParser):
    """The elements, attributes and addresses of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.addresses: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action")]

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data[:60]}")

    def handle_data(self, data):
        self.text += data


def pages() -> dict[str, str]:
    found = {case: html_page(made(case), title=f"title {hostile_traces.ALL}") for case in CASES}
    return found | {f"{case} twice": compared_page(made(case), made(case), title=hostile_traces.ALL) for case in CASES}


@pytest.fixture(scope="module")
def rendered() -> dict[str, str]:
    return pages()


def test_the_pages_have_no_element_no_attribute_and_no_address_but_their_own(rendered):
    for name, html in rendered.items():
        page = Page(html)
        assert set(page.elements) <= set(_ELEMENTS.split()), name
        assert page.attributes <= set(_ATTRIBUTES.split()), name
        assert all(address.startswith("#") or address in _ICONS for address in page.addresses), name
        assert page.elements.count("link") == (0 if "twice" in name else 1)
        assert page.elements.count("script") == (0 if "twice" in name else 4)
        assert page.elements.count("style") == page.elements.count("title") == 1
        assert page.elements.count("meta") == 6


def test_what_the_pages_say_holds_nothing_invisible(rendered):
    for name, html in rendered.items():
        shown = Page(re.sub(r"<(template|style|script)\b.*?</\1>", "", html, flags=re.DOTALL)).text
        odd = {f"U+{ord(c):04X}" for c in shown if not c.isprintable() and c not in "\n\t\r"}
        assert odd == set(), name
        assert "\u202e" not in markup.unescape(html)
        assert "canary(1)" in shown


def directives(html: str) -> dict[str, list[str]]:
    policy = markup.unescape(re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)[1])
    return {words[0]: words[1:] for words in (part.split() for part in policy.split(";"))}


def test_the_policies_admit_no_origin_and_nothing_unsafe(rendered):
    for name, html in rendered.items():
        found = directives(html)
        assert found["default-src"] == ["'none'"]
        for directive in ("base-uri", "form-action"):
            assert found[directive] == ["'none'"], name
        for directive, sources in found.items():
            if directive == "img-src":
                assert sources == ["data:"], name  # the icon; what is in the page asks nobody
                continue
            if directive in ("require-trusted-types-for", "trusted-types"):
                continue
            for source in sources:
                assert source == "'none'" or re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", source), (name, directive, source)
        if "twice" in name:
            assert "script-src" not in found  # so that default-src holds: nothing runs at all
        else:
            assert found["require-trusted-types-for"] == ["'script'"]
            assert found["trusted-types"] == ["tokenscope"]
            assert len(found["script-src"]) == 2
        head = html[: html.index('<meta http-equiv="Content-Security-Policy"')]
        assert not re.search(r"<(?!!doctype|html|head|meta charset)", head)  # nothing stands before the policy


def test_in_markdown_they_are_words_and_code():
    reader = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table", "strikethrough"])
    for case in CASES:
        text = comment_text(made(case), "report <b>`.html", title=hostile_traces.ALL)
        kinds, words = set(), []
        for token in reader.parse(text):
            kinds.add(token.type)
            for inner in token.children or ():
                kinds.add(inner.type)
                if inner.type == "text":
                    words.append(inner.content)
        allowed = {"heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline", "text", "code_inline", "softbreak", "fence",
                   "ordered_list_open", "ordered_list_close", "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close",
                   "strong_open", "strong_close", "text_special"}  # fmt: skip
        assert kinds <= allowed, kinds - allowed
        assert not re.search(r"[@#]\w|://|www\.|GH-\d", " ".join(words), re.IGNORECASE)
        assert all(c.isprintable() or c == "\n" for c in text)
        assert text.count("\n") < 60


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("make", [json_document, sarif_log])
def test_json_is_json_with_nothing_invisible_in_it(make, case):
    text = make(made(case), title=hostile_traces.ALL)
    document = json.loads(text)
    assert all(c.isprintable() or c == "\n" for c in text)
    if make is json_document:
        assert {token["text"] for token in document["tokens"]} & set(TEXTS)
        assert document["run"]["notes"][-len(TEXTS) :] == list(TEXTS)
    else:
        for result in document["runs"][0]["results"]:
            uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"[A-Za-z0-9._~/%!$&'()*+,;=@-]*", uri)  # no scheme, and no authority either
            assert not uri.startswith("/")
            assert not re.search(r"(?<!\\)\]\(", result["message"]["text"])


@pytest.mark.parametrize("case", CASES)
def test_the_command_writes_nothing_that_a_terminal_acts_upon(case, tmp_path, capsys):
    path = tmp_path / "t\x1b]0;owned\x07\u202e.tsc"
    made(case).save(path)
    for kind in ("html", "markdown", "json", "sarif"):
        main([str(path), "--format", kind, "--title", hostile_traces.ALL.replace("\0", "")], standalone_mode=False)
    for arguments in ([str(path)], [str(path), "-o", str(path)], [str(Path(tmp_path, "absent\x1b[2J.tsc"))]):
        with pytest.raises(SystemExit):
            main(arguments)
    err = capsys.readouterr().err
    assert err.count("\n") >= 7
    assert all(c.isprintable() or c == "\n" for c in err)


@pytest.mark.parametrize("case", CASES)
def test_the_summary_on_the_terminal_holds_no_escapes_of_the_recording(case):
    text = io.StringIO()
    trace = made(case)
    run = {
        **trace.run,
        "finish": "length",
        "clock": {"load_seconds": 1.0, "prefill_seconds": 1.0, "decode_seconds": 1.0, "replay_seconds": 1.0},
    }
    run["tree"] = trace.run.get("tree") and {**trace.run["tree"], "finish": "complete"}
    print_summary(Console(file=text, force_terminal=False, width=200), trace.replaced(run, {}), Path("t.tsc"), 5)
    assert all(c.isprintable() or c == "\n" for c in text.getvalue())
    assert "canary" in text.getvalue()
