"""The style in two parts, one in the page and one that the viewer brings."""

import base64
import hashlib

import pytest
from tests.support import synthetic_traces

from tokenscope_trace.comparison.page import compared_page
from tokenscope_trace.reports.assets import page_style, viewer_style


def digest(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@pytest.mark.parametrize("case", ["plausible", "changed", "decided"])
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_without_scripts_the_part_of_the_style_that_is_there_is_all_that_matters(open_report, case, scheme, width):
    whole = page_style() + viewer_style()

    def with_all_of_it(html):
        return html.replace(page_style(), whole).replace(digest(page_style()), digest(whole))

    trace = getattr(synthetic_traces, case)()
    options = {"java_script_enabled": False, "color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    some = open_report(trace, **options).page.screenshot(full_page=True)
    assert some == open_report(trace, edit=with_all_of_it, **options).page.screenshot(full_page=True)


def long_diff():
    """Files whose first changed line is far down."""
    text = "".join(f"value_{i} = {i}\n" for i in range(300))
    return synthetic_traces.scored({"a.py": text, "b.py": text}, changed={"a.py": [[200, 203]], "b.py": [[290, 290]]})


KINDS = {
    "generation": synthetic_traces.CASES["plausible"],
    "decided": synthetic_traces.decided,
    "chat": synthetic_traces.CASES["chat"],
    "fim": synthetic_traces.CASES["fill_in_the_middle"],
    "scored": lambda: synthetic_traces.scored({"a.py": "x = 1\n" * 400}),
    "diff": long_diff,
    "long": lambda: synthetic_traces.large(1500),
}


@pytest.mark.parametrize("width", [320, 390, 768, 1400])
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_opens_at_its_top(open_report, kind, width):
    report = open_report(KINDS[kind](), viewport={"width": width, "height": 800})
    report.page.wait_for_timeout(200)
    assert report.evaluate("scrollY") == 0
    assert report.page.locator("h1").bounding_box()["y"] < 400
    if kind == "diff" and width == 1400:
        line = report.page.locator(".line.changed").first.bounding_box()
        assert 0 < line["y"] < 800, "the code scrolls by itself there"


@pytest.mark.parametrize("fragment", ["#f=1", "#n=700", "#q=value_250"])
def test_an_address_that_names_a_place_opens_there(open_report, fragment):
    report = open_report(long_diff(), viewport={"width": 390, "height": 800}, fragment=fragment)
    report.page.wait_for_timeout(200)
    assert report.evaluate("scrollY") > 500


def test_two_recordings_open_at_the_top(browser, tmp_path):
    path = tmp_path / "two.html"
    path.write_text(compared_page(synthetic_traces.large(900), synthetic_traces.large(900)), encoding="utf-8", newline="")
    for width in (320, 390, 768, 1400):
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.goto(path.as_uri())
        assert page.evaluate("scrollY") == 0
        page.close()


SHOWN = "[...document.querySelectorAll('.card .choice, .card .choice-percent')].filter((one) => !one.getClientRects().length || getComputedStyle(one).visibility !== 'visible').length"
CUT = """[...document.querySelectorAll('.panel, .panel *, .code, .sheet, .work, .desk')].filter((one) => {
    const { overflowY, position } = getComputedStyle(one);
    return position === 'fixed' || (/auto|scroll|hidden/.test(overflowY) && one.scrollHeight > one.clientHeight + 1 && one.getClientRects().length
        && !one.matches('.visually-hidden, .token-text, .gauge, .stack'));
}).map((one) => one.className)"""


@pytest.mark.parametrize("width", [320, 390, 768, 1400])
def test_every_card_shows_all_that_it_says_at_every_width(open_report, width):
    report = open_report(synthetic_traces.decided(), viewport={"width": width, "height": 900})
    assert report.page.locator(".card .choice").count() > 5
    assert report.page.locator(".card .unexplored").count() > 0
    assert report.evaluate(SHOWN) == 0


@pytest.mark.parametrize("fragment", ["", "#d1", "#n=3"])
@pytest.mark.parametrize("paper", [(420, 595), (794, 1123), (1123, 794), (1587, 1123)])
def test_every_card_and_the_code_are_on_paper_of_every_size(open_report, paper, fragment):
    width, height = paper
    report = open_report(synthetic_traces.decided(), viewport={"width": width, "height": height}, fragment=fragment)
    report.page.emulate_media(media="print")
    assert report.evaluate(SHOWN) == 0
    assert report.evaluate(CUT) == []
    assert report.page.locator(".code .t").first.is_visible()
    assert report.evaluate("document.documentElement.scrollWidth") <= width
