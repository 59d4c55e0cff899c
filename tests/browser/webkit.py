"""WebKit over the real page: WebKitGTK's own MiniBrowser on a display of its own (Xvfb), by WebDriver over HTTP.

WebKit is Safari's engine, WebKitGTK no Safari: fonts, form controls and the system's settings are others.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.browser.engine import Engine, presses

PROGRAMS = {"WebKitWebDriver": "webkit2gtk-driver", "Xvfb": "xvfb"}
"""What is run, and Debian's package that has it; the driver knows its MiniBrowser."""

# WebDriver has no console, so the page listens itself. In front of the policy, which binds only what follows it.
_LISTENER = """<script>{
  const heard = window.heard = [];
  addEventListener('error', ({ error, message, target }) => heard.push(`${error?.stack ?? ''} ${message ?? target.outerHTML}`), true);
  addEventListener('unhandledrejection', ({ reason }) => heard.push(`rejected: ${reason}`));
  addEventListener('securitypolicyviolation', (e) => heard.push(`refused: ${e.violatedDirective} ${e.blockedURI}`), true);
  for (const kind of ['error', 'warn']) console[kind] = (...words) => heard.push(`console: ${words.join(' ')}`);
}</script>"""
# The window is never narrower than its toolbar; without padding that is less than a telephone.
_GTK_STYLE = "* { min-width: 0; padding: 0; margin: 0; border-width: 0; } entry { font-size: 4px; }"


class WebKit(Engine):
    """A session of WebKitWebDriver."""

    def __init__(self, driver: str, downloads: Path, arguments: list[str]) -> None:
        self.downloads = downloads
        self._at = driver
        wanted = {"webkitgtk:browserOptions": {"args": ["--automation", *arguments]}}
        session = self._send("POST", "/session", capabilities={"alwaysMatch": wanted})
        self._at += f"/session/{session['sessionId']}"
        self._send("POST", "/timeouts", script=60_000)

    def _send(self, method: str, path: str, **body: Any) -> Any:
        """The value of a command. Raises RuntimeError with the driver's words."""
        data = json.dumps(body).encode() if method == "POST" else None
        try:
            with urllib.request.urlopen(urllib.request.Request(self._at + path, data, method=method), timeout=120) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.read().decode()}") from None

    def open(self, url: str, *, width: int = 1280, height: int = 800) -> None:
        self._send("POST", "/window/rect", width=width, height=height)
        self._send("POST", "/url", url=url)
        self.wait_for(f"innerWidth === {width}")  # the window takes its size in its own time

    def evaluate(self, expression: str) -> Any:
        script = f"""const done = arguments[arguments.length - 1];
          (async () => JSON.stringify(await ({expression})) ?? 'null')().then((json) => done([json]), (error) => done([null, String(error)]));"""
        found, *error = self._send("POST", "/execute/async", script=script, args=[])
        if error:
            raise RuntimeError(error[0])
        return json.loads(found)

    def press(self, *keys: str) -> None:
        self._send("POST", "/actions", actions=[{"type": "key", "id": "keys", "actions": presses(keys)}])

    def mistakes(self) -> list[str]:
        heard: list[str] = self.evaluate("window.heard")
        return heard

    def requests(self) -> list[str]:
        """Of those from files the engine tells nothing; what the policy refuses is a mistake."""
        names: list[str] = self.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
        return names

    def watched(self, html: str) -> str:
        assert html.count('<meta charset="utf-8">') == 1
        return html.replace('<meta charset="utf-8">', '<meta charset="utf-8">' + _LISTENER)

    def end(self) -> None:
        """Close the browser."""
        self._send("DELETE", "")


@contextmanager
def running(*, dark: bool = False) -> Iterator[WebKit]:
    """A WebKit with an empty home; `dark` as its system's choice. Skips the test where the system has no such package."""
    require()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, _display() as display:
        style = Path(home, ".config", "gtk-3.0", "gtk.css")
        style.parent.mkdir(parents=True)
        style.write_text(_GTK_STYLE)
        places = {
            "HOME": home,
            "XDG_CONFIG_HOME": f"{home}/.config",
            "XDG_CACHE_HOME": f"{home}/.cache",
            "XDG_DATA_HOME": home,
        }
        environment = {**os.environ, **places, "DISPLAY": display, "GDK_BACKEND": "x11", "NO_AT_BRIDGE": "1"}
        port = _free_port()
        process = subprocess.Popen(
            ["WebKitWebDriver", f"--port={port}"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # with the browser that it starts, to be ended together
        )
        try:
            _wait_for(port, process)
            webkit = WebKit(f"http://127.0.0.1:{port}", Path(home), ["--dark-mode"] if dark else [])
            yield webkit
            with suppress(Exception):
                webkit.end()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def require() -> None:
    """Skip the test where WebKit cannot be had as a package, as ensure_browsers.sh says there; fail where it can, and is not there."""
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if not missing:
        return
    names = " ".join(missing)
    if not all(map(_packaged, missing)):
        pytest.skip(f"WebKit is not tested here: this system has no package {names}")
    pytest.fail(f"the tests need {names}; sh tests/ensure_browsers.sh installs Debian's")


def _packaged(name: str) -> bool:
    if shutil.which("apt-cache") is None:
        return False
    known = subprocess.run(["apt-cache", "policy", name], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    return re.search(r"Candidate: (?!\(none\))", known.stdout) is not None


@contextmanager
def _display() -> Iterator[str]:
    """A screen in memory, wide enough for any page of the tests; its name for DISPLAY."""
    here, there = os.pipe()
    process = subprocess.Popen(
        ["Xvfb", "-displayfd", str(there), "-screen", "0", "2600x1600x24", "-nolisten", "tcp"],
        pass_fds=[there],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(there)
    try:
        with os.fdopen(here) as told:
            number = told.readline().strip()  # nothing, where it ended
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise AssertionError("WebKitWebDriver did not start")
