"""Debian's Firefox over the real page, by WebDriver BiDi, the protocol that it speaks itself."""

from __future__ import annotations

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

from tests.browser.engine import Engine, presses
from websockets.sync.client import ClientConnection, connect

NAMES = ("firefox-esr", "firefox")
PREFERENCES = {
    "remote.active-protocols": 1,  # BiDi
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "browser.download.folderList": 2,  # the one that browser.download.dir names
}


class Firefox(Engine):
    """A session of WebDriver BiDi."""

    def __init__(self, socket: ClientConnection, downloads: Path) -> None:
        self._socket = socket
        self.downloads = downloads
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
        self.events.clear()
        self.send("browsingContext.setViewport", context=self.tab, viewport={"width": width, "height": height})
        self.send("browsingContext.navigate", context=self.tab, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
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

    def press(self, *keys: str) -> None:
        actions = [{"type": "key", "id": "keys", "actions": presses(keys)}]
        self.send("input.performActions", context=self.tab, actions=actions)

    def mistakes(self) -> list[str]:
        logged = [event["params"] for event in self.events if event.get("method") == "log.entryAdded"]
        return [str(entry.get("text")) for entry in logged if entry.get("level") == "error"]

    def requests(self) -> list[str]:
        """All but what Firefox itself carries in data: addresses."""
        asked = [event["params"] for event in self.events if event.get("method") == "network.beforeRequestSent"]
        urls = [one["request"]["url"] for one in asked if one.get("context") == self.tab]
        return [url for url in urls if not url.startswith("data:")]


def executable() -> str | None:
    """Where Firefox is, None where it is not."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def running(*, dark: bool = False) -> Iterator[Firefox]:
    """A Firefox with an empty profile; `dark` as its system's choice."""
    path = executable()
    assert path is not None, "the tests need Firefox; tests/ensure_browsers.sh installs Debian's"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        downloads = Path(profile, "downloads")
        downloads.mkdir()
        chosen = {**PREFERENCES, "browser.download.dir": str(downloads), "ui.systemUsesDarkTheme": int(dark)}
        lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in chosen.items()]
        Path(profile, "user.js").write_text("\n".join(lines))
        process = subprocess.Popen(
            [path, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", profile],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        try:
            with connect(f"{_address(process)}/session", max_size=None, compression=None) as socket:
                firefox = Firefox(socket, downloads)
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
