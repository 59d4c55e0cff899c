"""Causal attention for training on a CPU: plain matrix products over blocks of queries.

On the machine this was written for, torch's own CPU kernel spends more time in its bf16 backward
pass than all other matrix products of a small model together.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

NAME = "blocked"
BLOCK = 128


def _future(size: int, device: torch.device) -> Tensor:
    """True where a key lies after its query: (size, size)."""
    return torch.ones(size, size, dtype=torch.bool, device=device).triu_(1)


class _BlockedAttention(torch.autograd.Function):
    """Each block of queries sees the keys up to its own end; the probabilities are kept for the way back."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        length = query.shape[1]
        output = torch.empty_like(query)
        kept = []
        for start in range(0, length, BLOCK):
            end = min(start + BLOCK, length)
            scores = torch.bmm(query[:, start:end], key[:, :end].mT).mul_(scale)
            scores[:, :, start:].masked_fill_(_future(end - start, query.device), float("-inf"))
            weights = scores.softmax(-1)
            torch.bmm(weights, value[:, :end], out=output[:, start:end])
            kept.append(weights)
        ctx.scale = scale
        ctx.save_for_backward(query, key, value, output, *kept)
        return output

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        query, key, value, output, *kept = ctx.saved_tensors
        (grad,) = grads
        grad_query = torch.empty_like(query)
        grad_key = torch.zeros_like(key, dtype=torch.float32)
        grad_value = torch.zeros_like(value, dtype=torch.float32)
        for index, weights in enumerate(kept):
            start = index * BLOCK
            end = start + weights.shape[1]
            slope = grad[:, start:end]
            grad_value[:, :end] += torch.bmm(weights.mT, slope)
            inner = (slope * output[:, start:end]).sum(-1, keepdim=True)
            by_score = torch.bmm(slope, value[:, :end].mT).sub_(inner).mul_(weights).mul_(ctx.scale)
            torch.bmm(by_score, key[:, :end], out=grad_query[:, start:end])
            grad_key[:, :end] += torch.bmm(by_score.mT, query[:, start:end])
        return grad_query, grad_key.to(key.dtype), grad_value.to(value.dtype), None


def blocked_attention(
    _module: nn.Module, query: Tensor, key: Tensor, value: Tensor, _mask: Tensor | None, *, scaling: float, **_: Any
) -> tuple[Tensor, None]:
    """Transformers' attention interface; query (batch, heads, length, width), key and value with fewer heads.

    Whole causal windows only: the mask is not looked at.
    """
    batch, heads, length, width = query.shape
    groups = key.shape[1]
    # The heads of a group share keys: put them beside each other in the batch.
    spread = (batch, groups, heads // groups, length, width)
    keys = key[:, :, None].expand(spread).reshape(-1, length, width)
    values = value[:, :, None].expand(spread).reshape(-1, length, width)
    mixed = _BlockedAttention.apply(query.reshape(-1, length, width), keys, values, scaling)  # type: ignore[no-untyped-call]
    return mixed.view(batch, heads, length, width).transpose(1, 2), None


AttentionInterface.register(NAME, blocked_attention)
