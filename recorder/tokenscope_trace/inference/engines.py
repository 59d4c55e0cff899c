"""What the tree asks of whatever computes its logits, and one way to call any model. Knows no search and no trace."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from tokenscope_trace.models.placement import input_device


@dataclass(frozen=True)
class Tip:
    """A token to be read: its node, the node before it, its id, and its position in its sequence, from 0.

    The nodes of the main path are 0, 1, ... in order; the others have larger numbers, each larger than its parent's.
    """

    node: int
    parent: int
    token: int
    position: int


class Engine(Protocol):
    """Reads tokens and says what would come next, each in its own branch of the tree."""

    name: str

    def advance(self, tips: Sequence[Tip]) -> Tensor:
        """Logits (len(tips), V) after each tip. Every parent was on the main path or a tip before, and is not released."""

    def recall(self, tips: Sequence[Tip]) -> None:
        """Make ready to go on after the last of these tips, each the parent of the next, which may have been released."""

    def release(self, nodes: Iterable[int]) -> None:
        """Nothing departs from these nodes any more: what is kept for them may go."""


class Reader:
    """Calls a causal language model with the argument names that its forward has."""

    def __init__(self, model: Any) -> None:
        self.device = input_device(model)
        self._model = model
        self._names = set(inspect.signature(model.forward).parameters)
        self._cache_name = "cache_params" if "cache_params" in self._names else "past_key_values"

    def __call__(
        self,
        ids: Sequence[int],
        positions: Sequence[int],
        *,
        cache: Any = None,
        use_cache: bool = True,
        last: bool = False,
        **more: Any,
    ) -> tuple[Tensor, Any]:
        """(logits (T, V), cache afterwards) of ids (T,) at positions (T,); with `last`, the last row of the logits at least.

        `more` are further arguments of the model's forward.

        Positions are always given: some architectures count from 0 again where they are left out beside a cache.
        """
        options: dict[str, Any] = {"use_cache": use_cache, **more}
        if "position_ids" in self._names:
            options["position_ids"] = torch.tensor([list(positions)], device=self.device)
        if cache is not None:
            options[self._cache_name] = cache
        if last and "logits_to_keep" in self._names:
            options["logits_to_keep"] = 1
        output = self._model(input_ids=torch.tensor([list(ids)], device=self.device), **options)
        logits = output.logits[0]
        assert isinstance(logits, Tensor)
        return logits, getattr(output, self._cache_name, None)
