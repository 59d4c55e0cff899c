"""Next-token loss that never holds all logits at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CHUNK = 512


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
            y = targets[start : start + CHUNK, None]
            logits = (x @ weight.T).float()
            log_sum = logits.logsumexp(dim=-1, keepdim=True)
            total += (log_sum - logits.gather(1, y)).sum()
            # gradient of the loss by the logits, in place: softmax - one-hot
            logits.sub_(log_sum).exp_()
            logits.scatter_add_(1, y, torch.full_like(y, -1, dtype=logits.dtype))
            slope = logits.mul_(scale).to(x.dtype)
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
