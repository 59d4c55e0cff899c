"""Metrics: the numbers of one position, from the logits that decided it. Tensors in, tensors or columns out; knows no model and no tree.

Notation: z the raw logits, cast to float32 before any reduction; m their maximum; Z = sum exp(z - m); p = softmax(z);
t the token; q the distribution that was sampled from. With x = z - m: ln p = x - ln Z, which loses less than
z - logsumexp(z) where the logits are large. Axis letters: R rows, V vocabulary, K alternatives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from tokenscope_trace.traces.columns import Floats
from tokenscope_trace.traces.rows import Rows

# A few rows at a time stay in the processor's cache: wide blocks cost several times more per row on a CPU.
METER_ROWS = 8
_FLOOR = -1e30  # in place of -inf, so that exp(x) * x is 0 and not NaN


@dataclass(frozen=True)
class Measured:
    """Metrics of R positions. All float32 but `rank` and `top_ids` (int64)."""

    logprob: Tensor  # (R,) nats: ln p[t]
    entropy: Tensor  # (R,) bits: -sum p log2 p
    margin: Tensor  # (R,): p1 - p2
    rank: Tensor  # (R,): 1 + #{v: z[v] > z[t]}
    gap: Tensor  # (R,) nats: ln p1 - ln p[t]
    top_ids: Tensor  # (R, K), most probable first
    top_logprobs: Tensor  # (R, K) nats


class Meter:
    """Measures rows of logits with one reused workspace: fresh temporaries of this size cost more than the arithmetic."""

    def __init__(self, alternatives: int) -> None:
        self.alternatives = alternatives
        self._workspace: Tensor | None = None

    def measure(self, logits: Tensor, tokens: Tensor) -> Measured:
        """Metrics of `tokens` (R,) under `logits` (R, V), any float dtype; at most `alternatives` rows of top-k."""
        blocks = [
            self._measure_block(logits[first : first + METER_ROWS], tokens[first : first + METER_ROWS])
            for first in range(0, len(logits), METER_ROWS)
        ]
        return concatenate(blocks)

    def _measure_block(self, logits: Tensor, tokens: Tensor) -> Measured:
        z = logits.float()
        top_z, top_ids = largest(z, min(max(self.alternatives, 2), z.shape[-1]))  # (R, K)
        m = top_z[:, :1]  # (R, 1)
        x, e = self._buffers(z)  # (R, V) each
        torch.sub(z, m, out=x).clamp_(min=_FLOOR)
        torch.exp(x, out=e)
        total = e.sum(-1)  # (R,)
        log_total = total.log()
        mean_x = torch.linalg.vecdot(e, x) / total
        z_t = z.gather(-1, tokens[:, None])  # (R, 1)
        rank = 1 + count_above(z, z_t, x)
        top_x = top_z - m
        second = top_x[:, 1] if top_x.shape[1] > 1 else torch.full_like(log_total, -math.inf)
        return Measured(
            logprob=(z_t - m).squeeze(-1) - log_total,
            entropy=((log_total - mean_x) / math.log(2)).clamp_(min=0),
            margin=torch.exp(-log_total) * -torch.expm1(second),
            rank=rank,
            gap=(m - z_t).squeeze(-1),
            top_ids=top_ids[:, : self.alternatives],
            top_logprobs=(top_x - log_total[:, None])[:, : self.alternatives],
        )

    def _buffers(self, like: Tensor) -> tuple[Tensor, Tensor]:
        rows, width = like.shape
        space = self._workspace
        if space is None or space.shape[1] < rows or space.shape[2] != width or space.device != like.device:
            space = self._workspace = torch.empty((2, rows, width), dtype=torch.float32, device=like.device)
        return space[0, :rows], space[1, :rows]


def largest(z: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest of each row and their places, largest first: z (R, V) -> (R, K) both.

    They lie in the `count` blocks of the largest maxima, which a CPU finds four times as fast.
    """
    rows, width = z.shape
    block = block_width(width)
    if z.device.type != "cpu" or block < 16 or width < 8 * block * count:
        found = torch.topk(z, count, dim=-1)
        return found.values, found.indices
    blocks = z.view(rows, width // block, block)
    chosen = torch.topk(blocks.amax(-1), count, dim=-1, sorted=False).indices  # (R, K)
    within = blocks[torch.arange(rows)[:, None], chosen].view(rows, -1)
    best = torch.topk(within, count, dim=-1)
    places = chosen.gather(1, best.indices // block) * block + best.indices % block
    return best.values, places


def block_width(width: int) -> int:
    """A width of blocks that a row of this width can be divided into."""
    return next(size for size in (128, 64, 32, 16, 8, 4, 2, 1) if width % size == 0)


def count_above(z: Tensor, bound: Tensor, space: Tensor) -> Tensor:
    """How many of each row are larger: z (R, V), bound (R, 1), space (R, V) float32 to write into -> (R,) int64.

    Counted as floats, four times as fast as booleans on a CPU, and exact up to 2 ** 24.
    """
    return torch.gt(z, bound, out=space).sum(-1).long()


def concatenate(blocks: list[Measured]) -> Measured:
    """One Measured of all rows, in order; `blocks` is not empty."""
    return Measured(
        **{field.name: torch.cat([getattr(block, field.name) for block in blocks]) for field in fields(Measured)}
    )


def log_softmax_at(scores: Tensor, ids: Tensor) -> Tensor:
    """Ln softmax(scores)[ids]: scores (V,) float32, possibly -inf; ids (K,) -> (K,) nats, -inf where q is 0."""
    return scores[ids] - torch.logsumexp(scores, dim=-1)


def log_softmax_rows(logits: Tensor, tokens: Tensor) -> Tensor:
    """Ln softmax(logits)[token] of each row: logits (R, V), any float dtype, tokens (R,) -> (R,) nats, float32."""
    found = []
    space = torch.empty((METER_ROWS, logits.shape[-1]), dtype=torch.float32, device=logits.device)
    for first in range(0, len(logits), METER_ROWS):
        z = logits[first : first + METER_ROWS].float()
        m = z.amax(-1, keepdim=True)
        own = z.gather(-1, tokens[first : first + METER_ROWS, None])
        found.append((own - m)[:, 0] - torch.sub(z, m, out=space[: len(z)]).exp_().sum(-1).log())
    return torch.cat(found)


def rows_of(measured: Measured, sampled: Tensor | None = None) -> Rows:
    """Columns from tensors; `sampled` (R, 1 + K) is ln q of the tokens and of their alternatives, None where q is p."""
    ids, logprobs = measured.top_ids.cpu().numpy().astype(np.int32), _numpy(measured.top_logprobs)
    count, width = ids.shape
    q = np.full((count, 1 + width), np.nan, np.float32) if sampled is None else np.minimum(_numpy(sampled), 0)
    # Ties come in any order: by id, so that equal runs give equal bytes.
    order = np.lexsort((ids, -logprobs))
    sampled_logprobs = np.take_along_axis(q[:, 1:], order, axis=-1)
    return Rows(
        logprob=_numpy(measured.logprob),
        entropy=_numpy(measured.entropy),
        margin=_numpy(measured.margin),
        rank=measured.rank.cpu().numpy().astype(np.int32),
        gap=_numpy(measured.gap),
        tail=_rest(logprobs),
        sampled_logprob=q[:, 0],
        sampled_tail=_rest(sampled_logprobs),
        ids=np.take_along_axis(ids, order, axis=-1),
        logprobs=np.take_along_axis(logprobs, order, axis=-1),
        sampled_logprobs=sampled_logprobs,
    )


def _rest(logprobs: Floats) -> Floats:
    """1 - sum of exp(logprob) over the last axis, summed in float64; (R, K) -> (R,)."""
    rest: Floats = np.clip(1 - np.exp(logprobs.astype(np.float64)).sum(-1), 0, 1).astype(np.float32)
    return rest


def _numpy(values: Tensor) -> Floats:
    array: Floats = values.float().cpu().numpy()
    return array
