"""Causality of a model: whether it goes on from text alone, and predicts each token from what stands before it; tried on a few tokens."""

from __future__ import annotations

from typing import Any

import torch

from tokenscope_trace.errors import ModelError
from tokenscope_trace.models.checkpoint import broken_tensor
from tokenscope_trace.models.placement import input_device
from tokenscope_trace.models.refusals import words_of

_TOKENS = 6
_LARGE = 1e30


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
        raise ModelError(f"{type(model).__name__} cannot go on from text alone: {_with_kind(error)}.") from error
    if logits.dim() != 3 or logits.shape[:2] != ids.shape:
        raise ModelError(f"{type(model).__name__} does not give one distribution for each token of a text.")
    if not bool(torch.isfinite(logits).any(-1).all()) or bool(torch.isnan(logits).any()):
        raise ModelError(_overflow(model))
    first, second = logits[:, :-1].clamp(-_LARGE, _LARGE)  # a model may rule out ids for good, by minus infinity
    spread = logits[torch.isfinite(logits)].std()
    # Nearly always they are the same bits; which experts take part changes the order of sums.
    tolerance = (1e-3 if model.dtype == torch.float32 else 0.05) * float(spread)
    if not float((first - second).square().mean().sqrt()) <= tolerance:
        raise ModelError(
            f"{type(model).__name__} as it is configured reads texts in both directions: what it says of a token depends on those "
            "that follow. Load a causal language model (for models such as BERT: is_decoder in its config.json)."
        )


def _with_kind(error: Exception) -> str:
    kind, said = type(error).__name__, words_of(error)
    return said if said.startswith(kind) else f"{kind}: {said}"


def _overflow(model: Any) -> str:
    broken = broken_tensor(model)
    if broken is not None:
        return f"the weights of {type(model).__name__} hold numbers that are not finite, in {broken}: the file is damaged, or overflowed when it was written."
    return f"the logits of {type(model).__name__} are not finite; its dtype overflows, try --dtype float32."
