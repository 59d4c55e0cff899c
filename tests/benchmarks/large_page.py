"""How fast the page of a very large recording opens and answers, as ratios within one run; the pages are opened in turn.

- report: the real page, opened from disk.
- empty: as many bytes, the same recording decoded (base64, gzip, msgpack, columns) by the same modules, one line shown. The yardstick.
- naive: rows as JSON, one span per token, no containment, recoloured by rewriting every span.

Every opening is a fresh context, or a fresh tab. Measured from inside of the page by large_page/measure.js: `own` is main-thread time
(handler, then style, layout and paint of the frame that shows the answer; not what other threads rasterise), beside that of a
frame in which nothing happens. Memory is the private share (PSS) of the page's process in Chromium, of the whole browser in Firefox, when all is quiet, and
in Chromium the script's heap after a collection. Linux only.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))
from large_recording import make
from large_rivals import SCRIPTS, empty, naive
from tests.browser import firefox

from tokenscope_trace.reports.page import html_page

PAGES = ("report", "empty", "naive")
SETTLE = 2.0  # seconds until a page is quiet
MB = 1 << 20
MEASURE = (SCRIPTS / "measure.js").read_text(encoding="utf-8")

Opened = dict[str, Any]


@contextmanager
def chromium() -> Iterator[Callable[[str, int], Opened]]:
    """Open a page, let it be measured, close it."""
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser: Browser = playwright.chromium.launch(executable_path=executable)

        def open_(url: str, repeats: int) -> Opened:
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            page = context.new_page()
            page.add_init_script(MEASURE)
            whole = browser.new_browser_cdp_session()
            page.goto(url, wait_until="commit")
            found = {"first": page.evaluate("large.first")}
            time.sleep(SETTLE)
            found["state"] = page.evaluate("large.state()")
            protocol = context.new_cdp_session(page)
            protocol.send("HeapProfiler.collectGarbage")
            heap = protocol.send("Runtime.getHeapUsage")
            renderers = [p["id"] for p in whole.send("SystemInfo.getProcessInfo")["processInfo"] if p["type"] == "renderer"]
            found["memory"] = {
                "process": max(map(pss, renderers)),
                "script heap": heap["usedSize"] / MB,
                "typed arrays": heap.get("backingStorageSize", float("nan")) / MB,
            }
            if repeats:
                found["actions"] = page.evaluate("repeats => large.actions(repeats)", repeats)
            context.close()
            return found

        yield open_
        browser.close()


@contextmanager
def gecko() -> Iterator[Callable[[str, int], Opened]]:
    """The same with Firefox."""
    with firefox.running() as browser:
        browser.send("script.addPreloadScript", functionDeclaration=f"() => {{ {MEASURE} }}")
        home = browser.tab

        def open_(url: str, repeats: int) -> Opened:
            browser.tab = browser.send("browsingContext.create", type="tab")["context"]
            browser.open(url)
            found = {"first": browser.evaluate("large.first")}
            time.sleep(SETTLE)
            found["state"] = browser.evaluate("large.state()")
            found["memory"] = {"process": sum(map(pss, descendants(os.getpid())))}
            if repeats:
                found["actions"] = browser.evaluate(f"large.actions({repeats})")
            browser.send("browsingContext.close", context=browser.tab)
            browser.tab = home
            time.sleep(SETTLE)
            return found

        yield open_


BROWSERS = {"chromium": chromium, "firefox": gecko}


def pss(process: int) -> float:
    """Proportional memory of a process, MB; 0 where it has ended."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024 / MB


def descendants(process: int) -> list[int]:
    """All processes below one."""
    found = []
    for line in subprocess.run(["ps", "-eo", "pid=,ppid="], check=True, capture_output=True, text=True).stdout.splitlines():
        pid, parent = map(int, line.split())
        found.append((pid, parent))
    below: list[int] = []
    waiting = [process]
    while waiting:
        own = waiting.pop()
        children = [pid for pid, parent in found if parent == own]
        below += children
        waiting += children
    return below


def told(values: list[float]) -> str:
    """Median, and in brackets the smallest and the largest."""
    return f"{statistics.median(values):8.1f} ({min(values):.1f} to {max(values):.1f})"


def table(title: str, rows: dict[str, dict[str, list[float]]]) -> None:
    """One line per measure: each page, then the report in terms of the empty page, the naive page in terms of the report."""
    print(f"\n{title:34}" + "".join(f"{page:>28}" for page in PAGES) + "   report/empty  naive/report")
    for name, by_page in rows.items():
        middle = {page: statistics.median(values) for page, values in by_page.items() if values}
        cells = "".join(f"{told(by_page[page]) if by_page.get(page) else '-':>28}" for page in PAGES)
        ratios = [
            f"{middle[a] / middle[b]:.2f}" if a in middle and b in middle and middle[b] else "-"
            for a, b in (("report", "empty"), ("naive", "report"))
        ]
        print(f"{name:34}{cells}{ratios[0]:>15}{ratios[1]:>14}")


def summarise(browser: str, opened: dict[str, list[Opened]]) -> None:
    """Print what one browser made of the pages."""

    def rows(pick: Callable[[Opened], dict[str, list[float]]]) -> dict[str, dict[str, list[float]]]:
        found: dict[str, dict[str, list[float]]] = {}
        for page, runs in opened.items():
            for run in runs:
                for name, values in pick(run).items():
                    found.setdefault(name, {}).setdefault(page, []).extend(values)
        return found

    names = {
        "shown": "first frame with tokens",
        "answered": "first key answered, since opening",
        "latency": "first key answered, by itself",
    }
    table(f"{browser}: opening, ms", rows(lambda run: {name: [run["first"][key]] for key, name in names.items()}))
    for what, unit in (
        ("own", "main thread until it is seen, ms"),
        ("after", "the frame behind it, ms"),
        ("latency", "waiting included, ms"),
    ):
        table(
            f"{browser}: {unit}",
            rows(lambda run, what=what: {k: [one[what] for one in v] for k, v in run.get("actions", {}).items()}),
        )
    table(f"{browser}: memory, MB", rows(lambda run: {name: [value] for name, value in run["memory"].items()}))
    table(f"{browser}: in the page", rows(lambda run: {name: [float(value)] for name, value in run["state"].items()}))


@click.command()
@click.option("--nodes", default=100_000, show_default=True, help="Nodes of the recording.")
@click.option("--tokens", default=20_000, show_default=True, help="Of them on the shown path.")
@click.option("--layers", default=2, show_default=True, help="Layers whose attention it holds.")
@click.option("--runs", default=7, show_default=True, help="Openings of each page, after one to warm up.")
@click.option("--repeats", default=9, show_default=True, help="Times of each action in an opening; the first is left out.")
@click.option(
    "--browser", "browsers", multiple=True, type=click.Choice(list(BROWSERS)), help="Default: those that are there."
)
@click.option("--page", "pages", multiple=True, type=click.Choice(PAGES), default=PAGES, help="Default: all.")
def main(
    nodes: int, tokens: int, layers: int, runs: int, repeats: int, browsers: tuple[str, ...], pages: tuple[str, ...]
) -> None:
    """Print milliseconds, ratios and memory."""
    begin = time.perf_counter()
    trace = make(nodes, tokens, layers)
    print(
        f"recording: {len(trace.nodes):,} nodes, {len(trace.main):,} on the shown path, {len(trace.branches):,} branches, "
        f"{len(trace.alternatives):,} alternatives, {len(trace.payload) / 1e6:.1f} MB of columns; {time.perf_counter() - begin:.1f} s to make"
    )
    begin = time.perf_counter()
    report = html_page(trace)
    print(f"render: {time.perf_counter() - begin:.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        texts = {"report": report, "empty": empty(report), "naive": naive(trace) if "naive" in pages else ""}
        for page in pages:
            Path(folder, f"large-{page}.html").write_text(texts[page], encoding="utf-8")
            print(f"{page}: {len(texts[page].encode()) / 1e6:.2f} MB")
        for name in browsers or [name for name in BROWSERS if name != "firefox" or firefox.executable()]:
            opened: dict[str, list[Opened]] = {page: [] for page in pages}
            with BROWSERS[name]() as open_:
                for number in range(runs + 1):
                    for page in pages:
                        found = open_(
                            Path(folder, f"large-{page}.html").as_uri(), 0 if page == "empty" or not number else repeats + 1
                        )
                        for results in found.get("actions", {}).values():
                            del results[0]
                        if number:
                            opened[page].append(found)
            summarise(name, opened)


if __name__ == "__main__":
    main()
