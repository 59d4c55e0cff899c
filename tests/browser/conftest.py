"""The real page in a real Chromium, opened from a file; every test fails if the page does what it must not."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from tests.support import synthetic_traces

from tokenscope_trace import Trace
from tokenscope_trace.reports.page import html_page


@dataclass
class Opened:
    """A page, the trace it shows, and all that happened to it beside what it shows."""

    page: Page
    trace: Trace
    url: str
    incidents: list[str] = field(default_factory=list)

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        return self.page.evaluate(expression, argument)

    @property
    def address(self) -> str:
        """Where the page is. Asked of the page itself: playwright hears of a new hash a moment later."""
        return str(self.evaluate("location.href"))

    def program_text(self) -> str:
        """The text of the code as the page holds it once it is all there, control tokens left out."""
        self.page.wait_for_selector(".code:not(:has(.block:empty))", state="attached")
        text = self.evaluate(
            "[...document.querySelectorAll('.code .t:not(.chip), .code .rest.of-line')].map(cell => cell.textContent).join('')"
        )
        assert isinstance(text, str)
        return text

    def selected(self) -> int:
        """The node that is selected in the code, -1 for none."""
        return int(self.evaluate("Number(document.querySelector('.t.selected')?.dataset.n ?? -1)"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert executable, "these tests need Chromium; sh tests/ensure_browsers.sh installs Debian's"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        yield browser
        browser.close()


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Open the report of a trace (or a case of synthetic_traces) from disk; options go to the browser's context."""
    contexts: list[BrowserContext] = []
    opened: list[Opened] = []

    def open_(
        what: str | Trace,
        *,
        fragment: str = "",
        edit: Callable[[str], str] | None = None,
        boots: bool = True,
        **options: Any,
    ) -> Opened:
        trace = synthetic_traces.CASES[what]() if isinstance(what, str) else what
        html = html_page(trace)
        path = tmp_path / f"report{len(contexts)}.html"
        path.write_text(edit(html) if edit else html, encoding="utf-8", newline="")
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        report = Opened(page, trace, path.as_uri())
        opened.append(report)
        page.on("dialog", lambda dialog: (report.incidents.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("pageerror", lambda error: report.incidents.append(f"error {error}"))
        page.on("console", lambda message: report.incidents.append(f"console {message.type}: {message.text}"))
        page.on(
            "request",
            lambda request: request.url.split("#")[0] == report.url or report.incidents.append(f"request {request.url}"),
        )
        page.on("popup", lambda popup: report.incidents.append(f"popup {popup.url}"))
        page.goto(report.url + fragment)
        if boots and options.get("java_script_enabled", True):
            page.wait_for_selector("body.interactive", timeout=15_000)
        return report

    yield open_
    incidents = [incident for report in opened for incident in report.incidents]
    for context in contexts:
        context.close()
    assert incidents == []
