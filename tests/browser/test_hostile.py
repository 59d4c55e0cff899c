"""A page made of hostile strings is read in every view: nothing runs, nothing is asked for, nobody is sent anywhere."""

from __future__ import annotations

import re

import pytest
from tests.browser import firefox
from tests.support import hostile_traces

from tokenscope_trace.comparison.page import compared_page
from tokenscope_trace.reports.icon import icon_of
from tokenscope_trace.reports.page import html_page

WATCH = """() => {
  window.seen = [];
  window.canary = (number) => window.seen.push(`canary ${number}`);
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => window.seen.push(`policy ${violatedDirective} ${blockedURI}`));
  for (const name of ['beforeunload', 'submit', 'error']) window.addEventListener(name, () => window.seen.push(name), true);
}"""
ICONS = [icon_of(key) for key in ("passes", "fails", "times-out", "not-run", "unchecked", "")]  # the pages' only pictures
STRANGE = """() => [
  ...[...document.querySelectorAll('img, svg, base, iframe, frame, object, embed, link, form, audio, video, [srcdoc], [style*=url]')].filter((found) => !ICONS.includes(found.getAttribute('href'))).map((found) => found.outerHTML.slice(0, 200)),
  ...[...document.querySelectorAll('*')].flatMap((element) => [...element.attributes].filter(({ name }) => /^on/i.test(name)).map(({ name }) => `${element.tagName} ${name}`)),
  ...[...document.querySelectorAll('[href]')].filter((link) => !link.getAttribute('href').startsWith('#') && !ICONS.includes(link.getAttribute('href'))).map((link) => link.getAttribute('href')),
  ...(document.scripts.length > 4 ? [`${document.scripts.length} scripts`] : []),
  ...(document.querySelectorAll('style').length > 2 ? ['styles'] : []),
  ...(document.querySelectorAll('link').length > 1 ? ['links'] : []),
  ...window.seen,
]""".replace("ICONS", repr(ICONS))
GENERATED = (
    "", "#n=30", "#d=1", "#d2&b=1&diff=1", "#b=0&diff=1", "#tree=1", "#n=40&a=1", "#n=40&lens=1", "#n=40&x=1", "#syntax=1&n=30", "#s=1", "#b=3&n=60&tree=1",
    "#n=%22%3E%3Cscript%3Ecanary(20)%3C/script%3E", "#<img src=x onerror=canary(21)>", "#q=<svg onload=canary(22)>", "#m=__proto__&q=/(/",
)  # fmt: skip
SCORED = ("", "#f=1", "#f=3&changed=1", "#n=30&a=1", "#n=30&lens=1", "#syntax=1", "#f=6&x=1", "#f=99&q=canary")
KEYS = ("ArrowRight", "ArrowDown", "n", "p", "j", "j", "k", "]", "b", "c", "c", "u", "v", "v", "l", "l", "a", "a", "x", "x", "s", "s", "d", "d", "f", "F", "+", "+", "i", "Escape", "t", "t", "t", "y", "1", "2", "7", "Escape")  # fmt: skip


@pytest.mark.parametrize(("case", "fragments"), [("generated", GENERATED), ("scored", SCORED)])
def test_nothing_runs_in_any_view(open_report, case, fragments):
    report = open_report(hostile_traces.CASES[case]())
    page = report.page
    went = []
    page.on("framenavigated", lambda frame: went.append(frame.url.split("#")[0]))
    page.evaluate(WATCH)
    for fragment in fragments:
        page.evaluate("hash => { location.hash = hash; }", fragment)
        page.wait_for_timeout(30)
        assert report.evaluate(STRANGE) == [], fragment
    for key in KEYS:
        page.keyboard.press(key)
        page.wait_for_timeout(10)
        assert report.evaluate(STRANGE) == [], key
    page.evaluate("() => { for (const details of document.querySelectorAll('details')) details.open = true; }")
    page.evaluate("location.hash = ''")
    for cell in page.locator(".code .t").all()[:60:3]:
        for event in ("pointerover", "mouseover", "pointermove", "mousemove"):
            cell.dispatch_event(event)
    assert report.evaluate("document.querySelectorAll('.code .t').length") > 60
    for query in ("canary(1)", "/script|img/", "<img src=x onerror=canary(1)>"):
        page.keyboard.press("/")
        page.keyboard.type(query)
        page.keyboard.press("Enter")
        page.wait_for_timeout(60)
        assert report.evaluate(STRANGE) == [], query
        page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert report.evaluate(STRANGE) == []
    page.keyboard.press("Escape")
    for button in page.locator("button:visible").all():
        if not re.search("save|image|picture", button.inner_text(), re.IGNORECASE):
            button.evaluate("button => button.click()")
    assert report.evaluate(STRANGE) == []
    assert set(went) <= {report.url}
    assert page.url.split("#")[0] == report.url
    assert len(page.context.pages) == 1
    exact = report.program_text()
    if case == "generated":
        assert "<script>canary(1)</script>" in report.trace.text(report.trace.main).decode("utf-8", "replace")
        assert "<img src=//evil.example/a.png onerror=canary(2)>" in exact


def test_what_does_not_show_as_what_it_is_stands_written_out_in_the_code(open_report):
    report = open_report(hostile_traces.generated())
    shown = report.evaluate("[...document.querySelectorAll('.code .escape')].map((piece) => piece.dataset.show)")
    assert {
        "<U+202E>",
        "<U+2066>",
        "<U+200B>",
        "<U+0430>",
        "<U+FF45>",
        "<U+01C3>",
        "<U+037E>",
        "<U+00A0>",
        "<U+E0041>",
        "<U+001B>",
    } <= set(shown)
    assert report.evaluate(
        "[...document.querySelectorAll('.code .escape > .exact')].some((piece) => piece.textContent === '\\u0430')"
    )
    note = report.page.locator(".lead .note").first.inner_text()
    assert re.match(r"This text holds \d+ characters that do not show as what they are \(", note)
    assert "letters of another alphabet inside of a word" in note


def test_what_is_copied_is_the_text_and_no_markup(open_report):
    report = open_report(hostile_traces.generated(), permissions=["clipboard-read", "clipboard-write"])
    report.page.evaluate(WATCH)
    report.page.evaluate("location.hash = '#d1'")
    report.page.locator(".card .copy").first.click()
    copied = report.evaluate("navigator.clipboard.read().then((items) => items.flatMap((item) => [...item.types]))")
    assert copied == ["text/plain"]
    assert report.evaluate(STRANGE) == []


def test_the_comparison_of_two_runs_nothing(browser, tmp_path):
    for case, make in hostile_traces.CASES.items():
        path = tmp_path / f"{case}.html"
        path.write_text(compared_page(make(), make(), title=hostile_traces.ALL), encoding="utf-8", newline="")
        context = browser.new_context()
        page = context.new_page()
        happened: list[str] = []
        page.on("dialog", lambda dialog, happened=happened: (happened.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message, happened=happened: happened.append(message.text))
        page.on("pageerror", lambda error, happened=happened: happened.append(str(error)))
        page.on("popup", lambda popup, happened=happened: happened.append(popup.url))
        page.on("request", lambda request, happened=happened: happened.append(request.url))
        page.goto(path.as_uri())
        page.evaluate(WATCH)
        page.wait_for_timeout(300)
        assert page.evaluate(STRANGE.replace("document.scripts.length > 4", "document.scripts.length > 0")) == []
        assert happened == [path.as_uri()]
        context.close()


def test_nothing_runs_in_firefox(tmp_path):
    path = tmp_path / "report.html"
    path.write_text(html_page(hostile_traces.generated()), encoding="utf-8", newline="")
    with firefox.running() as browser:
        browser.open(path.as_uri())
        browser.wait_for("document.body.classList.contains('interactive')")
        browser.evaluate(f"({WATCH})() ?? 0")
        for fragment in GENERATED[:12]:
            browser.evaluate(f"(location.hash = {fragment!r}, 0)")
            assert browser.evaluate(f"({STRANGE})()") == [], fragment
        for key in "jknpvlaxs":
            browser.press(key)
        assert browser.evaluate(f"({STRANGE})()") == []
        assert browser.mistakes() == []
        assert {address.split("#")[0] for address in browser.requests()} <= {path.as_uri(), "about:blank"}
        assert browser.evaluate("location.href").split("#")[0] == path.as_uri()
