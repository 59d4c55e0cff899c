"""Rows of numbers as numpy columns: what was measured at some positions. Knows no torch and no tree.

Axis letters: R positions, K alternatives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.traces.columns import Floats


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


def joined_rows(parts: Iterable[Rows]) -> Rows:
    """All rows in order; there is at least one part, and all have one K."""
    listed = list(parts)
    return Rows(**{field.name: np.concatenate([getattr(part, field.name) for part in listed]) for field in fields(Rows)})


def taken_rows(rows: Rows, places: NDArray[np.int64]) -> Rows:
    """The rows at `places`, in that order."""
    return Rows(**{field.name: getattr(rows, field.name)[places] for field in fields(Rows)})
