"""The engine of snapshots: one branch at a time, each from a copy of the cache where it departs, exact for every architecture with a cache.

State-space and hybrid caches cannot be cut back and cannot be shared by branches, but they can be copied. Copies of the main
path's cache are kept at a few places; from the nearest one the way to a fork is read again, token by token: several at once
are silently wrong for some of these architectures.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from tokenscope_trace.models.backend import Tip
from tokenscope_trace.models.forward import Reader

KEPT_ON_MAIN = 8


class Snapshots:
    """The engine. `prefix` are the ids of the main path, the first `prompt` of them read in one pass: forks come after.

    Raises ValueError where the model returns no cache.
    """

    name = "snapshots"

    def __init__(self, model: Any, prefix: Sequence[int], prompt: int) -> None:
        self._read = Reader(model)
        self._tips = {node: Tip(node, node - 1, token, node) for node, token in enumerate(prefix)}
        self._caches: dict[int, Any] = {}  # node -> the cache after it
        _, cache = self._read(prefix[:prompt], range(prompt), last=True)
        if cache is None:
            raise ValueError("the model returns no cache")
        self._caches[prompt - 1] = copy.deepcopy(cache)
        step = max(1, -(-(len(prefix) - prompt) // KEPT_ON_MAIN))
        for node in range(prompt, len(prefix)):
            _, cache = self._read([prefix[node]], [node], cache=cache)
            if (node - prompt + 1) % step == 0:
                self._caches[node] = copy.deepcopy(cache)
        self._pinned = frozenset(self._caches)

    def advance(self, tips: Sequence[Tip]) -> Tensor:
        """See Engine."""
        rows = []
        for tip in tips:
            self._tips[tip.node] = tip
            logits, self._caches[tip.node] = self._read([tip.token], [tip.position], cache=self._after(tip.parent))
            rows.append(logits[-1])
        return torch.stack(rows)

    def release(self, nodes: Iterable[int]) -> None:
        """See Engine."""
        for node in nodes:
            if node not in self._pinned:
                self._caches.pop(node, None)

    def _after(self, node: int) -> Any:
        """The cache after a node, for a child of it to use up."""
        if node in self._caches and node not in self._pinned:
            return self._caches.pop(node)  # another child will read its way here again
        way: list[Tip] = []
        while node not in self._caches:
            way.append(self._tips[node])
            node = self._tips[node].parent
        cache = copy.deepcopy(self._caches[node])
        for tip in reversed(way):
            _, cache = self._read([tip.token], [tip.position], cache=cache)
        return cache
