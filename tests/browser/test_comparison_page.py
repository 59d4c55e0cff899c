"""The page of two recordings, opened from a file: nothing runs, nothing is asked for, and axe-core has nothing to say."""

from __future__ import annotations

import pytest
from tests.browser.test_accessibility import AXE, RULES
from tests.comparison.test_side_by_side import one, two
from tests.support import synthetic_traces

from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.comparison.page import compared_page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("case", ["decided", "hostile", "changed"])
def test_it_opens_reads_and_fits(browser, tmp_path, case, scheme, width):
    pairs = {
        "decided": (synthetic_traces.decided, lambda: analysed(synthetic_traces.branching())),
        "hostile": (synthetic_traces.hostile_branches, synthetic_traces.hostile),
        "changed": (synthetic_traces.changed, lambda: synthetic_traces.scored(seed=3)),
    }
    page_file = tmp_path / "comparison.html"
    page_file.write_text(compared_page(*(make() for make in pairs[case])), encoding="utf-8", newline="")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    incidents: list[str] = []
    page.on("console", lambda message: incidents.append(message.text))
    page.on("pageerror", lambda error: incidents.append(str(error)))
    page.on("dialog", lambda dialog: (incidents.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: request.url == page_file.as_uri() or incidents.append(request.url))
    page.goto(page_file.as_uri())
    assert page.get_by_role("heading", level=1).is_visible()
    assert page.get_by_role("table").count() >= 2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(RULES) == []
    assert incidents == []
    context.close()


@pytest.mark.parametrize("width", [320, 360, 700])
@pytest.mark.parametrize("case", ["decided", "changed", "small"])
def test_both_recordings_are_in_sight_on_a_phone(browser, tmp_path, case, width):
    pairs = {
        "decided": (synthetic_traces.decided(), analysed(synthetic_traces.branching())),
        "changed": (synthetic_traces.changed(), synthetic_traces.scored(seed=3)),
        "small": (one(), two()),
    }
    page_file = tmp_path / "comparison.html"
    names = ("a_rather_long_name_of_a_recording_before.tsc", "a_rather_long_name_of_a_recording_after.tsc")
    page_file.write_text(compared_page(*pairs[case], names=names), encoding="utf-8", newline="")
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = """width => [...document.querySelectorAll('.beside-table td, .beside-table th, .sides td, .sides th')].filter(cell => {
        const { left, right, width: wide } = cell.getBoundingClientRect();
        return wide > 1 && getComputedStyle(cell).display !== 'none' && (left < 0 || right > width);
    }).map(cell => cell.outerHTML.slice(0, 80))"""
    assert page.evaluate(outside, width) == []
    assert case != "small" or page.locator("tr.changed").count() == 1
    for row in page.locator("tr.changed").all()[:5]:
        before, after = (row.locator(sign).bounding_box() for sign in ("del", "ins"))
        assert after["y"] >= before["y"] + before["height"] - 1, "B stands below A"
        assert before["x"] == after["x"]
    for sign in ("ins", "del"):
        assert all(element.is_visible() for element in page.locator(sign).all()[:20])
    if case == "changed":
        assert page.locator("tr.same .change-cell").first.is_visible(), "the bits of equal lines are compared"
    context.close()
