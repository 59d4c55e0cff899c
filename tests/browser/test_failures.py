"""Whatever fails in the page is said in sight, with the summary; and nothing that was there before is gone."""

from __future__ import annotations

import pytest
from tests.support import synthetic_traces

SEEN = """() => {
    const box = document.getElementById('status').getBoundingClientRect();
    const at = document.elementFromPoint(box.left + 40, box.top + box.height / 2);
    return box.height > 10 && box.top >= 0 && box.bottom <= innerHeight && at?.id === 'status' && document.getElementById('status').innerText;
}"""
WAYS = {
    "a listener": "document.addEventListener('click', () => { throw new Error('broken') }, { once: true }); document.body.click()",
    "a timer": "setTimeout(() => { throw new Error('broken'); })",
    "a frame": "requestAnimationFrame(() => { throw new Error('broken'); })",
    "an observer": "new ResizeObserver(() => { throw new Error('broken'); }).observe(document.body)",
    "a promise": "void Promise.reject(new Error('broken'))",
    "a promise of no error": "void Promise.reject('broken')",
    "an error of nothing": "setTimeout(() => { throw 'broken'; })",
    "the stack": "setTimeout(() => { Math.max(...new Array(1e7).fill(0), 'broken'); })",
    "recursion": "setTimeout(() => { const more = () => more() + 1; more(); })",
}


def fails(report, reason):
    """The page says that it failed, in sight, and shows the summary and the code."""
    report.page.wait_for_selector(".status.failed")
    said = report.evaluate(SEEN)
    assert said, "the sentence is in sight"
    assert reason in said
    assert said.endswith("What follows is the summary.")
    assert report.page.locator("#summary").is_visible()
    assert "match = pattern.fullmatch(text)" in report.page.locator("#summary").inner_text()
    report.incidents.clear()


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_after_mounting_is_said_in_sight_and_loses_nothing(open_report, way):
    report = open_report("plausible")
    before = report.program_text()
    report.page.evaluate(f"() => {{ {WAYS[way]}; }}")
    fails(report, "Maximum call stack" if way in ("the stack", "recursion") else "The interactive view failed: ")
    assert report.program_text() == before
    assert report.page.locator(".code").is_visible()
    assert report.page.locator(".code .t").first.bounding_box()


@pytest.mark.parametrize("size", [(320, 568), (390, 844), (768, 1024), (1400, 900)])
def test_a_failure_is_in_sight_however_far_the_page_is_scrolled(open_report, size):
    report = open_report("plausible", viewport={"width": size[0], "height": size[1]}, fragment="#n=60")
    report.evaluate("(scrollTo(0, 1e6), document.getElementById('code').scrollTop = 1e6)")
    report.evaluate("void Promise.reject(new Error('broken'))")
    fails(report, "broken")


BROKEN = {
    "canvas": ("CanvasRenderingContext2D.prototype.fillRect = () => { throw new Error('no canvas'); }", "2"),
    "clipboard": ("Object.defineProperty(navigator, 'clipboard', { get() { throw new Error('x'); } })", "y"),
    "history": (
        "history.pushState = history.replaceState = () => { throw new DOMException('too many', 'SecurityError'); }",
        "n",
    ),
    "storage": (
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })",
        "t",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_browser_that_refuses_something_has_a_page_that_works_or_says_so(open_report, what):
    script, key = BROKEN[what]
    report = open_report("plausible")
    report.page.add_init_script(script)
    report.page.reload()
    if what == "canvas":
        fails(report, "no canvas")
        return
    report.page.wait_for_selector("body.interactive")
    report.page.keyboard.press(key)
    report.page.wait_for_timeout(100)
    assert report.page.locator(".status.failed").count() == 0


def test_a_frame_that_may_nothing_but_run_scripts_has_a_page_that_works(open_report, tmp_path):
    report = open_report("plausible")
    frame = tmp_path / "frame.html"
    frame.write_text(f'<iframe sandbox="allow-scripts" src="{report.url}" width=1000 height=700></iframe>')
    report.page.goto(frame.as_uri())
    inner = report.page.frame_locator("iframe")
    inner.locator("body.interactive").wait_for()
    inner.locator(".code").click()
    for key in "njtys12/":
        report.page.keyboard.press(key)
    assert inner.locator(".t.selected").count() == 1
    assert inner.locator(".status.failed").count() == 0
    report.incidents.clear()  # requests of a frame


def test_a_recording_that_cannot_be_unpacked_again_is_said_when_it_should_be_saved(open_report):
    report = open_report("plausible")
    report.evaluate("document.getElementById('trace').firstChild.deleteData(900, 4)")
    report.page.get_by_text("About this recording").click()
    report.page.get_by_role("button", name="save the recording").click()
    fails(report, "The recording inside this file is damaged: its checksum does not hold.")


@pytest.mark.parametrize(
    ("trace", "fragment", "place", "api"),
    [
        ("plausible", "#n=60", "#token", "Element.prototype.prepend"),
        ("changed", "#f=0", "#files", "HTMLElement.prototype.focus"),
    ],
)
def test_a_part_that_fails_alone_says_so_in_its_place_and_the_others_go_on(open_report, trace, fragment, place, api):
    report = open_report(getattr(synthetic_traces, trace)())
    if place == "#files":
        report.page.locator("#files button").nth(0).focus()
    report.evaluate(f"void ({api} = () => {{ throw new Error('<b>broken</b>'); }})")
    report.evaluate("hash => { location.hash = hash; }", "#f=1" if place == "#files" else fragment)
    report.page.wait_for_selector(f"{place} .failure")
    assert "failed: <b>broken</b>." in report.page.locator(f"{place} .failure").inner_text()
    assert report.page.locator(".status.failed").count() == 0
    report.page.keyboard.press("ArrowRight")
    assert report.selected() >= 0 or place == "#files"


def test_lines_that_cannot_be_drawn_say_so_and_the_others_are_drawn(open_report):
    report = open_report(synthetic_traces.large(1500))
    report.page.add_init_script("""
        const whole = Element.prototype.setAttribute;
        Element.prototype.setAttribute = function (name, value) {
            if (name === 'data-n' && value === '900') throw new Error('broken');
            return whole.call(this, name, value);
        };""")
    report.page.goto("about:blank")
    report.page.goto(report.url + "#n=900")
    report.page.wait_for_selector(".status.failed")
    assert "broken" in report.evaluate(SEEN)
    assert report.page.locator(".block .failure").count() == 1
    report.page.wait_for_selector(".code:not(:has(.block:empty))", state="attached")
    report.incidents.clear()
