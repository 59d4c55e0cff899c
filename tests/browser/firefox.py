"""Debian's Firefox over the real page, by WebDriver BiDi, the protocol that it speaks itself."""

from __future__ import annotations

import base64
import itertools
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("firefox-esr", "firefox")
PREFERENCES = {
    "remote.active-protocols": 1,  # BiDi
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
_KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004", "ArrowRight": "\ue014", "ArrowDown": "\ue015"}


class Firefox:
    """One browser with one tab; makes a promise's value out of `evaluate`, as playwright does."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self.tab = self.send("browsingContext.getTree")["contexts"][0]["context"]

    def send(self, method: str, **params: Any) -> Any:
        """The result of a command. Raises RuntimeError with the browser's words."""
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("id") != number:
                self.events.append(message)
            elif message["type"] == "error":
                raise RuntimeError(f"{method}: {message['message']}")
            else:
                return message["result"]

    def open(self, url: str, *, width: int = 1280, height: int = 800) -> None:
        """Go there and wait until it is loaded."""
        self.send("browsingContext.setViewport", context=self.tab, viewport={"width": width, "height": height})
        self.send("browsingContext.navigate", context=self.tab, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page, as JSON has it."""
        found = self.send(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then((value) => JSON.stringify(value) ?? 'null')",
            target={"context": self.tab},
            awaitPromise=True,
            userActivation=True,
        )
        if found["type"] == "exception":
            raise RuntimeError(found["exceptionDetails"]["text"])
        return json.loads(found["result"]["value"])

    def wait_for(self, expression: str) -> Any:
        """The value of an expression once it is true. Raises AssertionError where that does not happen."""
        waiting = f"""new Promise((resolve) => {{
          const end = Date.now() + 30000;
          const look = () => {{ const value = {expression}; if (value || Date.now() > end) resolve(value); else setTimeout(look, 20); }};
          look();
        }})"""
        value = self.evaluate(waiting)
        assert value, f"it never came true: {expression}"
        return value

    def press(self, *keys: str) -> None:
        """Real key presses, by the names of KeyboardEvent.key."""
        actions = [{"type": kind, "value": _KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self.send("input.performActions", context=self.tab, actions=[{"type": "key", "id": "keys", "actions": actions}])

    def screenshot(self) -> bytes:
        """What is seen, as PNG."""
        return base64.b64decode(self.send("browsingContext.captureScreenshot", context=self.tab)["data"])

    def mistakes(self) -> list[str]:
        """What the page logged as an error, and refusals by its policy."""
        logged = [event["params"] for event in self.events if event.get("method") == "log.entryAdded"]
        return [str(entry.get("text")) for entry in logged if entry.get("level") == "error"]

    def requests(self) -> list[str]:
        """The addresses that the tab asked for, but for what Firefox itself carries in data: addresses."""
        asked = [event["params"] for event in self.events if event.get("method") == "network.beforeRequestSent"]
        urls = [one["request"]["url"] for one in asked if one.get("context") == self.tab]
        return [url for url in urls if not url.startswith("data:")]


def executable() -> str | None:
    """Where Firefox is, None where it is not."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def running() -> Iterator[Firefox]:
    """A Firefox with a new, empty profile."""
    path = executable()
    assert path is not None, "the tests need Firefox; tests/ensure_browsers.sh installs Debian's"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in PREFERENCES.items()]
        Path(profile, "user.js").write_text("\n".join(lines))
        process = subprocess.Popen(
            [path, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", profile],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        try:
            with connect(f"{_address(process)}/session", max_size=None, compression=None) as socket:
                firefox = Firefox(socket)
                yield firefox
                with suppress(Exception):
                    firefox.send("session.end")
        finally:
            process.kill()
            process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"BiDi listening on (ws://\S+)", line):
            return found[1]
    raise AssertionError("Firefox did not start")
