"""The engine of a tree: what the tree asks of whatever computes its logits. Knows no search and no trace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from torch import Tensor

from tokenscope_trace.models.backend import Tip


class Engine(Protocol):
    """Reads tokens and says what would come next, each in its own branch of the tree."""

    name: str

    def advance(self, tips: Sequence[Tip]) -> Tensor:
        """Logits (len(tips), V) after each tip. Every parent was on the main path or a tip before, and is not released."""

    def release(self, nodes: Iterable[int]) -> None:
        """Nothing departs from these nodes any more: what is kept for them may go."""
