"""What the tests ask of a browser beside playwright's Chromium: one class per engine, each by the protocol that its browser speaks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004", "ArrowRight": "\ue014", "ArrowDown": "\ue015"}
"""Of KeyboardEvent.key, the names that WebDriver (both protocols) writes as one private character."""


def presses(keys: tuple[str, ...]) -> list[dict[str, str]]:
    """Down and up of each key, as an action of WebDriver's input source "key"."""
    return [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]


class Engine(ABC):
    """One browser with one tab."""

    downloads: Path
    """Where it saves files, without asking."""

    @abstractmethod
    def open(self, url: str, *, width: int = 1280, height: int = 800) -> None:
        """Go there, with a viewport of this width and about this height, and wait until it is loaded. Of the page before, all is forgotten."""

    @abstractmethod
    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page, or of its promise, as JSON has it. Raises RuntimeError with the page's words."""

    @abstractmethod
    def press(self, *keys: str) -> None:
        """Real key presses, by the names of KeyboardEvent.key."""

    @abstractmethod
    def mistakes(self) -> list[str]:
        """What went wrong in the page: errors, and refusals by its policy."""

    @abstractmethod
    def requests(self) -> list[str]:
        """The addresses that the tab asked for, as far as the browser tells."""

    def watched(self, html: str) -> str:
        """The page in the form in which mistakes are heard; as it is, where the browser's protocol tells them."""
        return html

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
