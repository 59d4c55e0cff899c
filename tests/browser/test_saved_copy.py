"""A copy that a browser saves of a page that is at work: it works as the page does, or says that it does not."""

from __future__ import annotations

import re

import pytest
from tests.browser import firefox
from tests.support import synthetic_traces

from tokenscope_trace.reports.page import html_page

WHOLE = "'<!doctype html>\\n' + document.documentElement.outerHTML"
# As Chromium writes "web page, complete": element by element, the children of each; what a template holds is none of them.
BY_CHILDREN = """(() => {
    const plain = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
    const VOID = /^(meta|link|hr|col|br|input)$/;
    const write = (node) => {
        if (node.nodeType === Node.TEXT_NODE) return /^(SCRIPT|STYLE|NOSCRIPT)$/.test(node.parentNode.nodeName) ? node.data : plain(node.data);
        if (node.nodeType !== Node.ELEMENT_NODE) return '';
        const name = node.nodeName.toLowerCase();
        if (name === 'meta' && node.hasAttribute('charset')) return '';
        const attributes = [...node.attributes].map(({ name, value }) => ` ${name}="${plain(value).replace(/"/g, '&quot;')}"`).join('');
        const meta = name === 'head' ? '<meta http-equiv="Content-Type" content="text/html; charset=UTF-8">' : '';
        return `<${name}${attributes}>${meta}${[...node.childNodes].map(write).join('')}${VOID.test(name) ? '' : `</${name}>`}`;
    };
    return `<!DOCTYPE html>\\n<!-- saved from url=(0016)http://localhost -->\\n${write(document.documentElement)}`;
})()"""
SERIALISERS = {"outerHTML": WHOLE, "by children": BY_CHILDREN}
HARMLESS = re.compile("inline style|style-src-attr")  # of elements that are made anew
IDLE = ".code:not(:has(.block:empty))"


def use(page):
    """Open what can be open, so that every view has left something."""
    for key in ("n", "l", "a", "d", "s", "v", "?", "Escape", "i", "Escape", "t", "/"):
        page.keyboard.press(key)
    page.keyboard.type("return")
    page.wait_for_selector(IDLE, state="attached")


@pytest.mark.parametrize("how", SERIALISERS)
@pytest.mark.parametrize("case", ["plausible", "decided", "changed", "hostile", "fill_in_the_middle", "chat"])
def test_a_saved_copy_is_the_page_again(open_report, tmp_path, how, case):
    trace = synthetic_traces.CASES[case]() if case in synthetic_traces.CASES else getattr(synthetic_traces, case)()
    report = open_report(trace)
    text = report.program_text()
    use(report.page)
    copies = [tmp_path / "copy.html", tmp_path / "copy of the copy.html"]
    for copy in copies:
        copy.write_text(report.evaluate(SERIALISERS[how]), encoding="utf-8", newline="")
        report.url = copy.as_uri()
        report.page.goto(report.url)
        report.page.wait_for_selector("body.interactive")
        assert report.program_text() == text
        for once in ("#tools .tool:first-child", ".code", "#save button", "body > .tooltip", "style[data-part]"):
            assert report.page.locator(once).count() == 1, once
        assert report.page.locator("dialog").count() == 2, "help and pictures"
        assert not report.page.locator("#summary").is_visible()
        assert report.page.locator(".status.failed").count() == 0
        report.page.keyboard.press("Escape")
        report.page.evaluate("document.activeElement?.blur()")
        report.page.keyboard.press("ArrowRight")
        assert report.selected() >= 0
        use(report.page)
        assert [one for one in report.incidents if not HARMLESS.search(one)] == []
    report.incidents.clear()


def test_a_copy_of_a_page_that_failed_tries_again(open_report, tmp_path):
    report = open_report("plausible")
    report.evaluate("void Promise.reject(new Error('broken'))")
    report.page.wait_for_selector(".status.failed")
    copy = tmp_path / "copy.html"
    copy.write_text(report.evaluate(WHOLE), encoding="utf-8", newline="")
    report.page.goto(copy.as_uri())
    report.page.wait_for_selector("body.interactive")
    assert report.page.locator(".status.failed").count() == 0
    assert not report.page.locator("#status").is_visible()
    report.incidents.clear()


@pytest.mark.parametrize(("block", "reason"), [("trace", "recording"), ("viewer", "viewer"), ("sheet", "viewer")])
def test_a_copy_that_lost_what_is_packed_says_so(open_report, tmp_path, block, reason):
    report = open_report("plausible")
    copy = tmp_path / "copy.html"
    html = report.evaluate(WHOLE)
    copy.write_text(re.sub(rf'<script type="text/plain" id="{block}".*?</script>', "", html), encoding="utf-8", newline="")
    report.page.goto(copy.as_uri())
    report.page.wait_for_selector(".status.failed")
    said = report.page.locator("#status").inner_text()
    assert said == f"This copy of the page was saved without its {reason}. What follows is the summary."
    assert "match = pattern.fullmatch(text)" in report.page.locator("#summary").inner_text()
    report.incidents.clear()


def test_an_archive_of_one_file_shows_what_was_seen_and_says_that_it_does_not_answer(open_report, tmp_path):
    report = open_report("plausible", fragment="#n=60")
    report.page.wait_for_selector(IDLE, state="attached")
    text = report.program_text()
    session = report.page.context.new_cdp_session(report.page)
    copy = tmp_path / "copy.mhtml"
    copy.write_text(session.send("Page.captureSnapshot")["data"], encoding="utf-8", newline="")
    page = report.page.context.new_page()
    page.goto(copy.as_uri())
    said = page.locator(".of-copy")
    assert said.is_visible()
    assert "a copy without its scripts" in said.inner_text()
    assert "".join(page.locator(".code .t:not(.chip)").all_text_contents()) == text
    assert page.locator(".code .t.b3, .code .t.b4").count() > 0
    shown = page.evaluate("getComputedStyle(document.querySelector('.t.output.b4, .t.output.b3')).backgroundColor")
    assert shown != "rgba(0, 0, 0, 0)", "it has its colours"
    report.incidents.clear()


def test_paper_holds_all_of_the_code(open_report, tmp_path):
    report = open_report(synthetic_traces.large(1500))
    made = report.page.pdf(path=str(tmp_path / "page.pdf"))
    assert made.startswith(b"%PDF")
    assert report.evaluate("document.querySelectorAll('.block:empty').length") == 0


def test_a_saved_copy_works_in_firefox(tmp_path):
    path = tmp_path / "report.html"
    path.write_text(html_page(synthetic_traces.decided()), encoding="utf-8", newline="")
    copy = tmp_path / "copy.html"
    cells = "document.querySelectorAll('.code .t').length"
    with firefox.running() as browser:
        browser.open(path.as_uri())
        browser.wait_for("document.body.classList.contains('interactive') && !document.querySelector('.block:empty')")
        count = browser.evaluate(cells)
        for key in "nds?":
            browser.press(key)
        for way in SERIALISERS.values():
            copy.write_text(browser.evaluate(way), encoding="utf-8", newline="")
            browser.open(copy.as_uri())
            browser.wait_for("document.body.classList.contains('interactive') && !document.querySelector('.block:empty')")
            assert browser.evaluate(cells) == count
            assert [one for one in browser.mistakes() if not HARMLESS.search(one)] == []
