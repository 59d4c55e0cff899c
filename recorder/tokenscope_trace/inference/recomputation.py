"""The engine that recomputes: every token by a forward over its whole sequence, slow, and exact for whatever can compute logits at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from tokenscope_trace.models.backend import Tip
from tokenscope_trace.models.forward import Reader


class Recomputation:
    """The engine. `prefix` are the ids of the main path."""

    name = "recomputation"

    def __init__(self, model: Any, prefix: Sequence[int]) -> None:
        self._read = Reader(model)
        self._tips = {node: Tip(node, node - 1, token, node) for node, token in enumerate(prefix)}

    def advance(self, tips: Sequence[Tip]) -> Tensor:
        """See Engine."""
        rows = []
        for tip in tips:
            self._tips[tip.node] = tip
            ids = self._sequence(tip)
            logits, _ = self._read(ids, range(len(ids)), use_cache=False, last=True)
            rows.append(logits[-1])
        return torch.stack(rows)

    def release(self, nodes: Iterable[int]) -> None:
        """See Engine: nothing is kept but ids."""

    def _sequence(self, tip: Tip) -> list[int]:
        ids = [tip.token]
        while tip.parent >= 0:
            tip = self._tips[tip.parent]
            ids.append(tip.token)
        return ids[::-1]
