"""Next-token loss that never holds all logits at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

CHUNK = 512


def slope_and_loss(logits: Tensor, targets: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """(gradient of the scaled loss by the logits, summed loss): softmax minus one-hot.

    logits: (tokens, vocabulary), targets: (tokens, 1); the gradient has the logits' shape and dtype.
    """
    exact = logits.float()
    log_sum = exact.logsumexp(dim=-1, keepdim=True)
    hit = torch.arange(exact.shape[1], device=targets.device) == targets
    slope = ((exact - log_sum).exp() - hit.float()) * scale
    return slope.to(logits.dtype), (log_sum - exact.gather(1, targets)).sum()


@cache
def kernel() -> Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]:
    """`slope_and_loss`, compiled where the machine has a compiler: five times faster, and it is a quarter of a step."""
    return torch.compile(slope_and_loss, dynamic=True) if shutil.which("c++") else slope_and_loss


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Forward computes the mean loss and, chunk by chunk, both gradients as well."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        hidden_grad = torch.empty_like(hidden)
        weight_grad = torch.zeros_like(weight, dtype=torch.float32)
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        scale = 1.0 / targets.numel()
        for start in range(0, len(targets), CHUNK):
            x = hidden[start : start + CHUNK]
            slope, loss = kernel()(x @ weight.T, targets[start : start + CHUNK, None], scale)
            total += loss
            hidden_grad[start : start + CHUNK] = slope @ weight
            weight_grad += slope.T @ x
        ctx.save_for_backward(hidden_grad, weight_grad.to(weight.dtype))
        return total * scale

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        hidden_grad, weight_grad = ctx.saved_tensors
        return hidden_grad * grads[0], weight_grad * grads[0], None


def next_token_loss(hidden: Tensor, weight: Tensor, targets: Tensor, never: Tensor) -> Tensor:
    """Mean cross-entropy in nats, over the positions whose target is not one of the ids `never`.

    hidden: (tokens, width), weight: (vocabulary, width), targets: (tokens,), never: (ids,).
    """
    learned = ~torch.isin(targets, never)
    hidden, targets = hidden[learned], targets[learned]
    loss: Tensor = _ChunkedCrossEntropy.apply(hidden, weight, targets)  # type: ignore[no-untyped-call]
    return loss
