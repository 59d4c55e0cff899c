"""The configuration of a model in numbers, whatever its shape: for every layer alike, in lists, or layer by layer.

And the lists of modules that it speaks of, which are not found by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeGuard

from torch import nn

from tokenscope_trace.models.footprint import Shape

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


def shape_of(model: Any) -> Shape:
    """What a model's configuration and its weights say of its size."""
    config = model.config.get_text_config()
    hidden, heads = number(config, "hidden_size") or 0, number(config, "num_attention_heads") or 0
    return Shape(
        layers=layer_count(model),
        hidden=hidden,
        inner=number(config, "intermediate_size") or 4 * hidden,
        heads=heads,
        shared=number(config, "num_key_value_heads") or heads,
        width=number(config, "head_dim") or (hidden // heads if heads else 0),
        vocabulary=int(config.vocab_size),
        weights=sum(value.numel() for value in model.parameters()),
        itemsize=int(model.dtype.itemsize),
        tied=bool(getattr(config, "tie_word_embeddings", False)),
    )


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
