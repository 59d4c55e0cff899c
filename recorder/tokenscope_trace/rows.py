"""What was measured at some positions, as the numpy columns of a trace. Tensors in, columns out; knows no tree.

Axis letters: R positions, K alternatives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from tokenscope_trace.metrics import Measured

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Rows:
    """Columns of the `nodes` table, (R,) each, and of the `alternatives`, (R, K) each, most probable first.

    Float32 but `rank`, `ids` (int32). `sampled_*` are NaN where the distribution sampled from is p.
    """

    logprob: Floats
    entropy: Floats
    margin: Floats
    rank: NDArray[np.int32]
    gap: Floats
    tail: Floats
    sampled_logprob: Floats
    sampled_tail: Floats
    ids: NDArray[np.int32]
    logprobs: Floats
    sampled_logprobs: Floats

    def __len__(self) -> int:
        return len(self.logprob)


SCALARS = ("logprob", "entropy", "margin", "rank", "gap", "tail", "sampled_logprob", "sampled_tail")


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


def alternative_row(rows: Rows, row: int, place: int) -> Rows:
    """One row: the numbers of the alternative at `place`, as if it stood where the row's token stands.

    Exact, because it belongs to the same distribution: fewer tokens than K are more probable than it.
    """
    logprobs = rows.logprobs[row]
    one = slice(row, row + 1)
    return Rows(
        logprob=logprobs[place : place + 1],
        entropy=rows.entropy[one],
        margin=rows.margin[one],
        rank=np.array([1 + np.count_nonzero(logprobs > logprobs[place])], dtype=np.int32),
        gap=logprobs[:1] - logprobs[place],
        tail=rows.tail[one],
        sampled_logprob=rows.sampled_logprobs[row, place : place + 1],
        sampled_tail=rows.sampled_tail[one],
        ids=rows.ids[one],
        logprobs=rows.logprobs[one],
        sampled_logprobs=rows.sampled_logprobs[one],
    )


def joined(parts: Iterable[Rows]) -> Rows:
    """All rows in order; there is at least one part, and all have one K."""
    listed = list(parts)
    return Rows(**{field.name: np.concatenate([getattr(part, field.name) for part in listed]) for field in fields(Rows)})


def taken(rows: Rows, places: NDArray[np.int64]) -> Rows:
    """The rows at `places`, in that order."""
    return Rows(**{field.name: getattr(rows, field.name)[places] for field in fields(Rows)})


def _rest(logprobs: Floats) -> Floats:
    """1 - sum of exp(logprob) over the last axis, summed in float64; (R, K) -> (R,)."""
    rest: Floats = np.clip(1 - np.exp(logprobs.astype(np.float64)).sum(-1), 0, 1).astype(np.float32)
    return rest


def _numpy(values: Tensor) -> Floats:
    array: Floats = values.float().cpu().numpy()
    return array
