import base64
import gzip
import re

import pytest
from tests.support import synthetic_traces

from tokenscope_trace.reports.assets import boot_script, viewer_script


@pytest.mark.parametrize("case", synthetic_traces.CASES)
def test_no_width_makes_the_page_scroll_sideways(open_report, case):
    report = open_report(case, fragment="#n=3")
    for width in (320, 360, 400, 768, 900, 1280, 2560):
        report.page.set_viewport_size({"width": width, "height": 800})
        assert report.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_strings_are_shown_and_not_run(open_report):
    report = open_report("hostile")
    assert "<img src=x onerror=alert(1)>" in report.program_text()
    assert (
        report.evaluate("document.querySelectorAll('img, svg, base, iframe, object, link:not([rel=icon]), form').length")
        == 0
    )
    assert report.evaluate("document.scripts.length") == 4
    for node in report.trace.main.tolist():
        report.evaluate("node => { location.hash = `n=${node}`; }", node)
    report.page.locator(".t").nth(4).hover()
    report.page.get_by_text("About this recording").click()
    assert "<U+202E>" in report.page.locator(".masthead").inner_text()
    assert report.page.title() == "<img src=x onerror=alert(6)><U+202E>.py \u00b7 TokenScope"


RUN = "[...document.scripts].filter(script => script.type !== 'text/plain')"  # the others hold data


def test_two_scripts_run_and_the_policy_names_both(open_report):
    report = open_report("plausible")
    assert report.evaluate(f"{RUN}.map(script => script.text)") == [boot_script()], "the viewer's takes itself away"
    assert report.evaluate(
        """async (texts) => {
        const policy = document.querySelector('meta[http-equiv="Content-Security-Policy"]').content;
        const digests = texts.map(text => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
        const hashes = (await Promise.all(digests)).map(digest => `'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`);
        return policy.includes(`script-src ${hashes.join(' ')};`);
    }""",
        [boot_script(), viewer_script()],
    )


INJECT = """async () => {
    await new Promise(done => setTimeout(done));  // from here on as the page itself, not as its debugger
    const script = document.createElement('script');
    try { script.text = 'window.injected = true'; } catch { return 'refused'; }
    document.body.append(script);
    return script.text;
}"""


@pytest.mark.parametrize(
    ("edit", "outcome"),
    [(None, "refused"), (lambda html: re.sub('; require-trusted-types-for[^"]*', "", html), "window.injected = true")],
    ids=["trusted types", "hash alone"],
)
def test_a_script_of_another_text_does_not_run(open_report, edit, outcome):
    report = open_report("plausible", edit=edit)
    assert report.evaluate(INJECT) == outcome
    report.page.wait_for_timeout(200)
    assert report.evaluate("window.injected") is None
    assert report.incidents, "the browser tells of it on the console"
    report.incidents.clear()


def test_nobody_else_can_make_trusted_scripts(open_report):
    report = open_report("plausible")
    made = report.evaluate("""async () => {
        await new Promise(done => setTimeout(done));
        return ['tokenscope', 'default', 'other'].filter(name => {
            try { return trustedTypes.createPolicy(name, { createScript: text => text }); } catch { return false; }
        });
    }""")
    report.page.wait_for_timeout(200)
    report.incidents.clear()
    assert made == []


def test_the_policy_stops_what_the_page_never_does(open_report):
    report = open_report("plausible")
    ran = report.evaluate("""async () => {
        await new Promise(done => setTimeout(done));  // from here on as the page itself, not as its debugger
        const tries = {
            eval: () => eval('1'), function: () => new Function('return 1')(), markup: () => { document.createElement('p').innerHTML = '<b>x</b>'; },
            timer: () => setTimeout('1'), import: () => import('data:text/javascript,1'), fetch: () => fetch('data:text/plain,x'),
        };
        const ran = [];
        for (const [name, attempt] of Object.entries(tries)) {
            try { await attempt(); ran.push(name); } catch { }
        }
        return ran;
    }""")
    report.page.wait_for_timeout(200)
    report.incidents.clear()  # the browser tells of each on the console
    assert ran == []


def test_without_scripts_the_summary_stands(open_report):
    report = open_report("plausible", java_script_enabled=False)
    text = report.page.locator("body").inner_text()
    for words in (
        "parse_duration.py",
        "tiny-code-model",
        "greedy",
        "nearly certain of",
        "needs JavaScript",
        "LEAST CERTAIN",
        "perplexity",
    ):
        assert words in text
    assert "match = pattern.fullmatch(text)" in text
    assert "def parse_duration(text):" in text
    marked = report.page.locator("mark").first
    assert marked.get_attribute("id").startswith("n=")


def test_without_scripts_hostile_strings_are_text(open_report):
    report = open_report("hostile", java_script_enabled=False)
    assert "<svg onload=alert(2)>" in report.page.locator("body").inner_text()
    assert report.page.locator("img, svg, base, iframe").count() == 0


def flip_a_byte(html):
    start = html.index('data-bytes="')
    at = html.index(">", start) + 400
    return html[:at] + ("A" if html[at] != "A" else "B") + html[at + 1 :]


def with_viewer(change):
    """An edit of the page that changes the bytes of its compressed viewer."""

    def changed(found):
        return found[1] + base64.b64encode(change(bytearray(base64.b64decode(found[2])))).decode()

    return lambda html: re.sub(r'(<script type="text/plain" id="viewer">)([^<]*)', changed, html)


def flipped(at):
    def flip(packed):
        packed[at] ^= 1
        return packed

    return flip


def tampered(packed):
    return gzip.compress(gzip.decompress(packed).replace(b"'use strict';", b"'use strict'; document.title = 'tampered';"))


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (flip_a_byte, "damaged"),
        (lambda html: html.replace('data-format="1"', 'data-format="2"'), "format version 2"),
        (lambda html: re.sub(r'data-bytes="\d+"', 'data-bytes="5"', html), "longer than it says"),
        (lambda html: re.sub(r'(data-bytes="\d+"[^>]*>)[^<]*', r"\1", html), "damaged"),
        (with_viewer(flipped(9000)), "viewer inside this file is damaged"),
        (with_viewer(flipped(-6)), "its checksum does not hold"),  # the checksum itself: the script is whole
        (with_viewer(lambda packed: packed[:9000]), "viewer inside this file is damaged"),
        (with_viewer(lambda packed: b""), "viewer inside this file is damaged"),
        (
            lambda html: html.replace('<script type="text/plain" id="viewer">', '<script type="text/plain" id="viewer">!'),
            "viewer inside this file is damaged",
        ),
    ],
)
def test_a_report_that_cannot_open_says_why_and_keeps_the_summary(open_report, edit, reason):
    report = open_report("plausible", edit=edit, boots=False)
    report.page.wait_for_selector(".status.failed")
    assert reason in report.page.locator("#status").inner_text()
    assert "match = pattern.fullmatch(text)" in report.page.locator("#code").inner_text()


def test_a_browser_without_the_means_is_told_so(open_report, browser):
    report = open_report("plausible")
    report.page.add_init_script("delete window.DecompressionStream;")
    report.page.reload()
    report.page.wait_for_selector(".status.failed")
    assert "cannot unpack the viewer: it lacks DecompressionStream" in report.page.locator("#status").inner_text()


def test_a_tampered_script_does_not_run(open_report):
    report = open_report(
        "plausible",
        edit=lambda html: html.replace("'use strict';", "'use strict'; document.title = 'tampered';"),
        boots=False,
    )
    report.page.wait_for_timeout(300)
    assert "tampered" not in report.page.title()
    assert report.page.locator(".interactive").count() == 0
    report.incidents.clear()


def test_a_tampered_viewer_does_not_run_and_the_page_says_so(open_report):
    report = open_report("plausible", edit=with_viewer(tampered), boots=False)
    report.page.wait_for_selector(".status.failed")
    assert "security policy does not admit the viewer" in report.page.locator("#status").inner_text()
    assert "match = pattern.fullmatch(text)" in report.page.locator("#code").inner_text()
    assert "tampered" not in report.page.title()
    assert any("Content Security Policy" in incident for incident in report.incidents)
    report.incidents.clear()


def test_line_ends_rewritten_on_the_way_do_no_harm(open_report):
    report = open_report("plausible", edit=lambda html: html.replace("\n", "\r\n"))
    assert report.program_text() == report.trace.text(report.trace.main).decode()


def test_on_a_phone_the_token_is_a_sheet_at_the_bottom(open_report):
    report = open_report("plausible", viewport={"width": 400, "height": 800}, fragment="#n=60", has_touch=True)
    sheet = report.page.locator("#token").bounding_box()
    token = report.page.locator(".t.selected").first.bounding_box()
    assert sheet["y"] + sheet["height"] == pytest.approx(800, abs=1)
    assert 0 <= token["y"] < sheet["y"] - token["height"]
    report.page.get_by_role("button", name="Close").click()
    assert report.selected() == -1


def test_on_paper_there_are_the_code_and_the_summary(open_report):
    report = open_report("plausible", fragment="#n=40")
    report.page.emulate_media(media="print")
    assert report.page.locator(".code").is_visible()
    assert report.page.locator("#overview").is_visible()
    assert not report.page.locator("#token").is_visible()
    assert not report.page.locator("#tools").is_visible()
    assert report.evaluate("getComputedStyle(document.querySelector('.block')).contentVisibility") == "visible"


def test_with_forced_colours_uncertainty_is_a_line_of_growing_thickness(open_report):
    report = open_report("plausible", forced_colors="active")
    thickness = "step => parseFloat(getComputedStyle(document.querySelector(`.t.output.${step}`)).textDecorationThickness)"
    assert report.evaluate(thickness, "b2") < report.evaluate(thickness, "b3")


def test_twenty_thousand_tokens_stay_smooth(open_report):
    trace = synthetic_traces.large(20_000)
    report = open_report(trace)
    assert report.program_text() == trace.text(trace.main).decode()
    frames = report.evaluate("""async () => {
        const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
        const press = key => document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        const timed = async work => { const start = performance.now(); work(); await frame(); return performance.now() - start; };
        const median = list => list.sort((a, b) => a - b)[list.length >> 1];
        await frame();
        const result = { recolour: [], walk: [], scroll: [] };
        const sheet = document.getElementById('code');
        for (let i = 0; i < 9; i++) result.recolour.push(await timed(() => press(String(1 + i % 5))));
        for (let i = 0; i < 9; i++) result.walk.push(await timed(() => press('ArrowRight')));
        for (let i = 0; i < 30; i++) result.scroll.push(await timed(() => { sheet.scrollTop += 80; }));
        return Object.fromEntries(Object.entries(result).map(([name, list]) => [name, median(list)]));
    }""")
    assert all(time < 400 for time in frames.values()), frames


@pytest.fixture(scope="module")
def four_thousand():
    return synthetic_traces.large(4000)


@pytest.fixture
def busy(open_report, four_thousand):
    """A page of many blocks in a browser that never has time to fill those that nobody sees."""
    report = open_report(four_thousand)
    report.page.add_init_script("window.requestIdleCallback = () => 0")

    def reopen(fragment=""):
        report.page.goto("about:blank")
        report.page.goto(report.url + fragment)
        report.page.wait_for_selector("body.interactive")
        assert report.evaluate("[...document.querySelectorAll('.block')].some(block => !block.firstChild)")
        return report

    return reopen


IN_SIGHT = """() => {
    const { top, bottom } = document.getElementById('code').getBoundingClientRect();
    return [...document.querySelectorAll('.block')].filter(block => {
        const box = block.getBoundingClientRect();
        return box.bottom > top + 1 && box.top < Math.min(bottom, innerHeight) - 1;
    });
}"""


def test_a_link_to_a_far_token_finds_its_surroundings_drawn(busy):
    report = busy("#n=3000")
    assert report.selected() == 3000
    assert report.evaluate(f"({IN_SIGHT})().every(block => block.firstChild)")
    assert not report.evaluate("document.querySelector('.block[data-block=\"3\"]').firstChild")


def test_what_is_scrolled_into_sight_is_drawn_and_coloured(busy):
    report = busy()
    report.page.keyboard.press("2")
    report.evaluate("""async () => {
        document.getElementById('code').scrollTop = 5000;
        for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
    }""")
    assert report.evaluate(f"({IN_SIGHT})().every(block => block.firstChild)")
    assert report.evaluate(
        f"({IN_SIGHT})().flatMap(b => [...b.querySelectorAll('.t')]).every(t => / (b\\d|missing)/.test(t.className))"
    )


def test_copy_and_print_hold_all_of_the_code(busy, four_thousand):
    report = busy()
    copied = report.evaluate("""() => {
        document.getSelection().selectAllChildren(document.querySelector('.code'));
        const clipboardData = new DataTransfer();
        document.dispatchEvent(new ClipboardEvent('copy', { clipboardData, bubbles: true }));
        return clipboardData.getData('text/plain');
    }""")
    assert copied == four_thousand.text(four_thousand.main).decode()
    report = busy()
    report.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert report.program_text() == copied
    assert report.evaluate("[...document.querySelectorAll('.code .t')].every(t => / (b\\d|missing)/.test(t.className))")


def test_the_last_blocks_are_coloured_too(open_report):
    report = open_report(synthetic_traces.large(4000))
    report.page.keyboard.press("2")
    report.page.wait_for_timeout(1500)
    assert report.evaluate("[...document.querySelectorAll('.code .t')].every(t => / (b\\d|missing)/.test(t.className))")
