"""The forward of any causal language model, called with the argument names that it has. Knows no tree and no trace."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tokenscope_trace.models.placement import input_device


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
        last: int = 0,
        **more: Any,
    ) -> tuple[Tensor, Any]:
        """(logits (T, V), cache afterwards) of ids (T,) at positions (T,); with `last`, so many of the logits' last rows at least.

        `more` are further arguments of the model's forward.

        Positions are always given: some architectures count from 0 again where they are left out beside a cache.
        """
        options: dict[str, Any] = {"use_cache": use_cache, **more}
        if "position_ids" in self._names:
            options["position_ids"] = torch.tensor([list(positions)], device=self.device)
        if cache is not None:
            options[self._cache_name] = cache
        if last and "logits_to_keep" in self._names:
            options["logits_to_keep"] = int(last)
        output = self._model(input_ids=torch.tensor([list(ids)], device=self.device), **options)
        logits = output.logits[0]
        assert isinstance(logits, Tensor)
        return logits, getattr(output, self._cache_name, None)
