"""The real page in a real Firefox: it opens from a file, shows what it shows in Chromium, and asks for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import synthetic_traces
from tests.browser.firefox import Firefox, running

from tokenscope_trace import Trace
from tokenscope_trace.report import render
from tokenscope_trace.structure import add_structure

BOOTED = "document.body.classList.contains('interactive')"


@pytest.fixture(scope="module")
def firefox() -> Iterator[Firefox]:
    with running() as browser:
        yield browser


def opened(firefox: Firefox, trace: Trace, folder: Path, fragment: str = "", **size: int) -> str:
    """Open the report of a trace; its address."""
    page = folder / "report.html"
    page.write_text(render(trace), encoding="utf-8", newline="")
    firefox.events.clear()
    firefox.open("about:blank")
    firefox.open(page.as_uri() + fragment, **size)
    firefox.wait_for(BOOTED)
    return page.as_uri()


def text_of_the_program(firefox: Firefox) -> str:
    cells = "[...document.querySelectorAll('.code .t:not(.chip)')].map((cell) => cell.textContent).join('')"
    return str(firefox.evaluate(cells))


def nothing_happened(firefox: Firefox, url: str) -> None:
    assert firefox.mistakes() == []
    assert {address.split("#")[0] for address in firefox.requests()} <= {url, "about:blank"}


@pytest.mark.parametrize("case", sorted(synthetic_traces.CASES))
def test_every_case_opens_without_a_mistake_and_without_a_request(firefox, tmp_path, case):
    url = opened(firefox, synthetic_traces.CASES[case](), tmp_path)
    nothing_happened(firefox, url)


def test_the_program_is_there_letter_by_letter(firefox, tmp_path):
    trace = synthetic_traces.plausible()
    opened(firefox, trace, tmp_path)
    assert text_of_the_program(firefox).replace("↵", "\n").split() == trace.text(trace.main).decode().split()


def test_the_style_that_the_viewer_brings_is_applied(firefox, tmp_path):
    opened(firefox, synthetic_traces.plausible(), tmp_path)
    colours = (
        "new Set([...document.querySelectorAll('.code .t')].map((cell) => getComputedStyle(cell).backgroundColor)).size"
    )
    assert firefox.wait_for(f"({colours}) > 2 && ({colours})") > 2
    assert "mono" in firefox.evaluate("getComputedStyle(document.querySelector('.code .t')).fontFamily").lower()


def test_decisions_are_walked_opened_and_compared_by_keys(firefox, tmp_path):
    trace = synthetic_traces.decided()
    url = opened(firefox, trace, tmp_path)
    assert firefox.evaluate("document.querySelectorAll('.card').length") == 10
    firefox.press("j")
    firefox.wait_for("location.hash === '#d1'")
    firefox.press("j")
    firefox.wait_for("location.hash === '#d2'")
    assert firefox.evaluate("document.querySelector('.card[aria-current]').id") == "d2"
    firefox.evaluate("document.querySelector('#d2 a[href*=\"b=\"]').click()")
    firefox.wait_for("location.hash.startsWith('#d2&b=') && !document.getElementById('diff').hidden")
    firefox.evaluate("history.back()")
    firefox.wait_for("location.hash === '#d2' && document.getElementById('diff').hidden")
    nothing_happened(firefox, url)


@pytest.mark.parametrize(
    ("view", "fragment"),
    [("matrix", "#n=60&a=1&x=1&lens=1"), ("structure", "#syntax=1&n=60"), ("tree", "#b=0&tree=1&diff=1")],
)
def test_the_expert_views_open(firefox, tmp_path, view, fragment):
    url = opened(firefox, add_structure(synthetic_traces.looking(synthetic_traces.branching())), tmp_path, fragment)
    firefox.wait_for(f"!document.getElementById('{view}').hidden && document.getElementById('{view}').children.length > 0")
    nothing_happened(firefox, url)


def test_on_a_phone_nothing_is_wider_than_the_screen(firefox, tmp_path):
    opened(firefox, synthetic_traces.decided(), tmp_path, width=400, height=800)
    assert firefox.evaluate("document.documentElement.scrollWidth <= innerWidth")
