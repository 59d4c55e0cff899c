"""Charts as pictures: SVG files that hold the chart's text, and PNG in the clipboard."""

import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tests.browser.test_accessibility import violations
from tests.support import synthetic_traces

from tokenscope_trace import Trace

SVG = "{http://www.w3.org/2000/svg}"
SAMPLE = Path(__file__).parents[2] / "samples" / "merge.tsc"
# A view, and what it brings into sight.
SIGHTS = {
    "": ("Strip", "Code", "Where the alternatives lead"),
    "tree=1": ("Branches",),
    "d1&b=0&diff=1": ("Comparison", "Decision", "Alternatives"),
}


def saved(report, name):
    report.page.keyboard.press("i")
    with report.page.expect_download() as download:
        report.page.get_by_label(f"save SVG: {name}", exact=True).click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert download.value.suggested_filename.endswith(f"-{name.lower().replace(' ', '-')}.svg")
    return ET.fromstring(text)


def words_of(svg):
    return " ".join(element.text for element in svg.iter(f"{SVG}text"))


@pytest.mark.parametrize("view", SIGHTS)
def test_every_chart_in_sight_becomes_an_svg_with_its_text(open_report, view):
    trace = synthetic_traces.decided() if view else Trace.load(SAMPLE)  # of which enough was explored for a chart
    report = open_report(trace, fragment=f"#{view}" if view else "")
    for name in SIGHTS[view]:
        svg = saved(report, name)
        width, height = float(svg.get("width")), float(svg.get("height"))
        assert 40 < width < 1400
        assert 40 < height < 1000
        drawn = [element for element in svg.iter() if element.tag in (f"{SVG}rect", f"{SVG}text", f"{SVG}image")]
        assert len(drawn) > 2
        for element in drawn[1:]:
            if element.tag == f"{SVG}rect":
                assert 0 <= float(element.get("x")) < width
                assert 0 <= float(element.get("y")) < height
        assert words_of(svg).endswith(" · TokenScope")
        assert words_of(svg).count(f"{name} · ") == 1


def test_the_code_as_a_picture_holds_the_lines_in_sight_and_their_colours(open_report):
    report = open_report(synthetic_traces.plausible())
    svg = saved(report, "Code")
    seen = "".join(words_of(svg).split())
    for line in report.page.locator("#code").inner_text().splitlines()[:5]:
        assert "".join(line.split()) in seen
    fills = {element.get("fill") for element in svg.iter(f"{SVG}rect")}
    assert len(fills) > 3


def test_hostile_text_stays_text_in_the_picture(open_report):
    report = open_report("hostile")
    svg = saved(report, "Code")
    assert {element.tag for element in svg.iter()} <= {f"{SVG}{name}" for name in ("svg", "rect", "text", "image")}
    assert "<script>" in words_of(svg)


def test_a_png_reaches_the_clipboard_at_twice_the_size(open_report):
    report = open_report(synthetic_traces.decided(), permissions=["clipboard-read", "clipboard-write"])
    svg = saved(report, "Strip")
    report.page.keyboard.press("i")
    report.page.get_by_label("copy PNG: Strip", exact=True).click()
    report.page.get_by_text("Picture copied.").wait_for()
    header = report.evaluate(
        """async () => {
          const [item] = await navigator.clipboard.read();
          return [...new Uint8Array(await (await item.getType('image/png')).arrayBuffer()).slice(0, 24)];
        }"""
    )
    assert bytes(header[:8]) == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", bytes(header[16:])) == (2 * int(svg.get("width")), 2 * int(svg.get("height")))


def test_where_the_clipboard_is_closed_the_png_is_saved(open_report):
    report = open_report(synthetic_traces.decided())
    report.evaluate("() => { navigator.clipboard.write = () => Promise.reject(new Error('closed')); }")
    report.page.keyboard.press("i")
    with report.page.expect_download() as download:
        report.page.get_by_label("copy PNG: Code", exact=True).click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    report.page.get_by_text("Saved as ").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_list_of_pictures(open_report, scheme):
    report = open_report(synthetic_traces.decided(), color_scheme=scheme)
    report.page.keyboard.press("i")
    report.page.get_by_role("dialog", name="Images").wait_for()
    assert violations(report) == []
