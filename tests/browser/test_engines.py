"""The real page in Firefox and in WebKit: it opens from a file, shows what it shows in Chromium, and asks for nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser import firefox, webkit
from tests.browser.engine import Engine
from tests.support import synthetic_traces

from tokenscope_trace import Trace
from tokenscope_trace.analysis.structure import add_structure
from tokenscope_trace.reports.page import html_page

ENGINES = {"firefox": firefox.running, "webkit": webkit.running}
BOOTED = "document.body.classList.contains('interactive')"


@pytest.fixture(scope="module", params=ENGINES)
def engine(request) -> Iterator[Engine]:
    with ENGINES[request.param]() as browser:
        yield browser


def opened(engine: Engine, trace: Trace, folder: Path, fragment: str = "", **size: int) -> str:
    """Open the report of a trace; its address."""
    page = folder / "report.html"
    page.write_text(engine.watched(html_page(trace)), encoding="utf-8", newline="")
    engine.open("about:blank")
    engine.open(page.as_uri() + fragment, **size)
    engine.wait_for(BOOTED)
    return page.as_uri()


def nothing_happened(engine: Engine, url: str) -> None:
    assert engine.mistakes() == []
    assert {address.split("#")[0] for address in engine.requests()} <= {url, "about:blank"}


def text_of_the_program(engine: Engine) -> str:
    return str(
        engine.evaluate(
            "[...document.querySelectorAll('.code .t:not(.chip), .code .rest.of-line')].map((cell) => cell.textContent).join('')"
        )
    )


def lightness(engine: Engine, property_: str) -> int:
    """Of a colour of the whole page: the sum of red, green and blue, 0 to 765."""
    values = engine.evaluate(
        f"getComputedStyle(document.documentElement).{property_}.match(/\\d+/g).slice(0, 3).map(Number)"
    )
    return sum(values)


def saved(folder: Path) -> Path:
    """The trace that the browser saved, once it is whole. Browsers write beside, or into, what they will rename."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = [path for path in folder.glob("*.tsc*") if path.stat().st_size]
        if [path.suffix for path in found] == [".tsc"]:
            return found[0]
        time.sleep(0.05)
    raise AssertionError("nothing was saved")


@pytest.mark.parametrize("case", sorted(synthetic_traces.CASES))
def test_every_case_opens_with_all_tokens_without_a_mistake_and_without_a_request(engine, tmp_path, case):
    trace = synthetic_traces.CASES[case]()
    url = opened(engine, trace, tmp_path)
    shown = engine.evaluate("[...new Set([...document.querySelectorAll('.code .t')].map((cell) => Number(cell.dataset.n)))]")
    if case == "long_lines":  # of which a part is drawn as letters until somebody looks at it
        assert sorted(shown)[:1000] == trace.main.tolist()[:1000]
        assert text_of_the_program(engine) == trace.text(trace.main).decode()
    else:
        assert sorted(shown) == trace.main.tolist()  # in the file's order
    nothing_happened(engine, url)


def test_the_file_as_it_is_starts_under_its_own_policy(engine, tmp_path):
    page = tmp_path / "report.html"
    page.write_text(html_page(synthetic_traces.plausible()), encoding="utf-8", newline="")
    engine.open(page.as_uri())
    engine.wait_for(BOOTED)


def test_the_program_is_there_letter_by_letter(engine, tmp_path):
    trace = synthetic_traces.plausible()
    opened(engine, trace, tmp_path)
    assert text_of_the_program(engine) == trace.text(trace.main).decode()


def test_the_style_that_the_viewer_brings_is_applied(engine, tmp_path):
    opened(engine, synthetic_traces.plausible(), tmp_path)
    colours = (
        "new Set([...document.querySelectorAll('.code .t')].map((cell) => getComputedStyle(cell).backgroundColor)).size"
    )
    assert engine.wait_for(f"({colours}) > 2 && ({colours})") > 2
    assert "mono" in engine.evaluate("getComputedStyle(document.querySelector('.code .t')).fontFamily").lower()


def test_decisions_are_walked_opened_and_compared_by_keys(engine, tmp_path):
    url = opened(engine, synthetic_traces.decided(), tmp_path)
    assert engine.evaluate("document.querySelectorAll('.card').length") == 10
    for key, hash_ in (("j", "#d1"), ("j", "#d2"), ("j", "#d3"), ("k", "#d2")):
        engine.press(key)
        engine.wait_for(f"location.hash === '{hash_}'")
    assert engine.evaluate("document.querySelector('.card[aria-current]').id") == "d2"
    engine.evaluate("document.querySelector('#d2 a[href*=\"b=\"]').focus()")
    engine.press("Enter")
    engine.wait_for("location.hash.startsWith('#d2&b=') && !document.getElementById('diff').hidden")
    engine.evaluate("history.back()")
    engine.wait_for("location.hash === '#d2' && document.getElementById('diff').hidden")
    nothing_happened(engine, url)


@pytest.mark.parametrize(
    ("fragment", "views"),
    [
        ("#n=60&a=1&x=1&lens=1", ["#matrix", "#token .attention", "#token .lens"]),
        ("#syntax=1&n=60", ["#structure"]),
        ("#b=0&tree=1&diff=1", ["#tree", "#diff"]),
    ],
)
def test_the_expert_views_open(engine, tmp_path, fragment, views):
    url = opened(engine, add_structure(synthetic_traces.looking(synthetic_traces.branching())), tmp_path, fragment)
    for view in views:
        found = f"document.querySelector('{view}')"
        engine.wait_for(f"{found}?.children.length > 0 && {found}.checkVisibility()")
    nothing_happened(engine, url)


def test_a_query_is_typed_counted_marked_and_walked(engine, tmp_path):
    trace = synthetic_traces.plausible()
    url = opened(engine, trace, tmp_path)
    wanted = [node for node in trace.main.tolist() if trace.nodes.gap[node] > 0.5]
    engine.press("/")
    engine.wait_for("document.activeElement.matches('.query')")
    engine.press(*"gap > 0.5", "Enter")
    engine.wait_for(f"document.querySelector('.found-count').textContent === '1 of {len(wanted)}'")
    marked = "[...new Set([...document.querySelectorAll('.code .found')].map((cell) => Number(cell.dataset.n)))]"
    assert engine.wait_for(f"({marked}).length === {len(wanted)} && {marked}") == wanted
    assert engine.evaluate("Number(document.querySelector('.t.selected').dataset.n)") == wanted[0]
    nothing_happened(engine, url)


def test_on_a_phone_nothing_is_wider_than_the_screen(engine, tmp_path):
    for fragment in ("", "#d1"):
        opened(engine, synthetic_traces.decided(), tmp_path, fragment, width=360, height=800)
        assert engine.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_recording_can_be_saved_as_it_was(engine, tmp_path):
    trace = synthetic_traces.plausible()
    opened(engine, trace, tmp_path)
    button = (
        "[...document.querySelectorAll('button')].find(({ textContent }) => textContent.startsWith('save the recording'))"
    )
    engine.evaluate(f"{button}.click()")
    assert Trace.load(saved(engine.downloads)).payload == trace.payload
    assert engine.mistakes() == []


@pytest.mark.parametrize("name", ENGINES)
def test_where_the_system_is_dark_the_page_is(name, tmp_path):
    with ENGINES[name](dark=True) as engine:
        opened(engine, synthetic_traces.plausible(), tmp_path)
        assert lightness(engine, "backgroundColor") < 150
        assert lightness(engine, "color") > 600
        engine.press("t")  # light, whatever the system says
        engine.wait_for("document.documentElement.dataset.theme === 'light'")
        assert lightness(engine, "backgroundColor") > 700
