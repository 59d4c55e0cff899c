"""The cost of context: how much more a step takes the more stands before it, measured behind a cache that is made longer by repeating it.

The numbers in such a cache mean nothing, and the work is the same. In: a model. Out: seconds for every token more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import torch

from tokenscope_trace.inference.replay import can_continue
from tokenscope_trace.models.forward import Reader

_READ = 64  # tokens that fill the cache at first
_ROUNDS = 3


@torch.no_grad()
def seconds_per_token_before(
    model: Any, ids: Sequence[int], width: int, short: int, long: int, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Of a forward of `width` tokens, between `short` and `long` tokens before it; 0.0 where this cannot be measured or costs nothing.

    A model whose layers do not keep all keys and values sees a window or a state, which does not grow.
    """
    if long <= short or not can_continue(model):
        return 0.0
    read = Reader(model)
    some = list(ids[:_READ])
    try:
        _, cache = read(some, range(len(some)), last=True)
        taken = []
        for length in (short, long):
            _lengthen(cache, max(1, length))
            taken.append(median(_timed(read, some, cache, width, clock) for _ in range(_ROUNDS)))
    except Exception:  # a model that counts its tokens beside the cache; its recording does not read behind one either
        return 0.0
    return max(0.0, taken[1] - taken[0]) / (long - short)


def _timed(read: Reader, ids: Sequence[int], cache: Any, width: int, clock: Callable[[], float]) -> float:
    begin = clock()
    logits, _ = read((list(ids) * width)[:width], range(width), cache=cache)
    logits.sum().item()  # an accelerator is waited for
    seconds = clock() - begin
    cache.crop(-width)
    return seconds


def _lengthen(cache: Any, length: int) -> None:
    for layer in cache.layers:
        index = torch.arange(length, device=layer.keys.device) % layer.keys.shape[-2]
        layer.keys, layer.values = layer.keys.index_select(-2, index), layer.values.index_select(-2, index)
