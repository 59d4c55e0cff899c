"""Causality of a model: whether it goes on from text alone, and predicts each token from what stands before it; tried on a few tokens."""

from __future__ import annotations

from typing import Any

import torch

from tokenscope_trace.errors import ModelError
from tokenscope_trace.models.placement import input_device

_TOKENS = 6


@torch.no_grad()
def check_causal(model: Any) -> None:
    """Raises ModelError where the model needs more than text, or where a token changes the logits of those before it.

    Two texts that differ in their last token alone are read in one forward pass: all logits but those of the last place are equal.
    """
    size = int(model.config.get_text_config().vocab_size)
    texts = torch.arange(size // 2, size // 2 + _TOKENS) % size  # neither end of a vocabulary: special tokens live there
    ids = texts.repeat(2, 1).to(input_device(model))
    ids[1, -1] = size // 3
    try:
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits.float()
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:
        raise ModelError(f"{type(model).__name__} cannot go on from text alone: {_first_line(error)}") from error
    if logits.dim() != 3 or logits.shape[:2] != ids.shape:
        raise ModelError(f"{type(model).__name__} does not give one distribution for each token of a text.")
    first, second = logits[:, :-1]
    # Nearly always they are the same bits; which experts take part changes the order of sums.
    tolerance = (1e-3 if model.dtype == torch.float32 else 0.05) * float(logits.std())
    if not float((first - second).square().mean().sqrt()) <= tolerance:
        raise ModelError(
            f"{type(model).__name__} as it is configured reads texts in both directions: what it says of a token depends on those "
            "that follow. Load a causal language model (for models such as BERT: is_decoder in its config.json)."
        )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:200]
