"""The configuration of a model in numbers, whatever its shape: for every layer alike, in lists, or layer by layer.

And the lists of modules that it speaks of, which are not found by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeGuard

from torch import nn

# Of decoders that stand alone the first name counts their layers; where an encoder is configured beside them, the last counts its own.
_LAYER_COUNTS = ("decoder_layers", "num_decoder_layers", "num_hidden_layers")


def number(config: Any, name: str) -> int | None:
    """The value of this name, the largest where layers differ; None where there is none."""
    try:
        value = getattr(config, name, None)
    except Exception:  # a configuration whose layers differ refuses to give one value for all
        return max((own for layer in _layers(config) if (own := number(layer, name)) is not None), default=None)
    if isinstance(value, list | tuple):
        return max((entry for entry in value if _is_number(entry)), default=None)
    return value if _is_number(value) else None


def layer_count(model: Any) -> int:
    """How many layers the text passes, 0 where the configuration does not say."""
    config = model.config.get_text_config()
    return next((count for name in _LAYER_COUNTS if (count := number(config, name)) is not None), 0)


def layer_lists(model: Any) -> list[list[nn.Module]]:
    """What may be the model's layers, lowest first: what looks at pictures may have as many."""
    count = layer_count(model)
    return [list(module) for module in model.modules() if isinstance(module, nn.ModuleList) and len(module) == count > 0]


def _layers(config: Any) -> Iterable[Any]:
    try:
        return list(config.per_layer_config)
    except Exception:
        return ()


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
