"""How a caller follows a recording, and may end it. Knows nothing of what is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

OnToken = Callable[[int], None]  # called after each token with the number of tokens so far
ShouldStop = Callable[[], bool]


@dataclass(frozen=True)
class Watcher:
    """Called before anything runs with the bytes of memory it needs beside the model, then after each token of the output,
    while tokens are read again (so many of so many), before the tree, and after each of its steps.

    `on_plan(nodes, seconds, engine)` says what the tree will take at most; the seconds are None where none were measured.
    """

    on_need: Callable[[int], None] = lambda _bytes: None
    on_token: OnToken = lambda _count: None
    on_read: Callable[[int, int], None] = lambda _done, _all: None
    on_plan: Callable[[int, float | None, str], None] = lambda _nodes, _seconds, _engine: None
    on_nodes: Callable[[int], None] = lambda _count: None
    should_stop: ShouldStop = lambda: False
