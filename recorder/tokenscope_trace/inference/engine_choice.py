"""The choice of an engine for this model's tree: by trying, not by a list of architectures.

Each engine, the fastest first, must pass two checks: over a few random tokens it must give the logits that a plain forward
without a cache gives, and over the recording's own path those that decided its tokens. A model whose decoding does not agree with
plain forwards by and large gets no tree.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tokenscope_trace.failures import Unfit, is_memory
from tokenscope_trace.inference.engines import Engine
from tokenscope_trace.inference.recomputation import Recomputation
from tokenscope_trace.inference.snapshots import Snapshots
from tokenscope_trace.inference.tree_attention import TreeAttention
from tokenscope_trace.models.backend import Tip
from tokenscope_trace.traces.rows import Rows

PROBE_TOKENS = 16
CHECKED_ALONE = 4  # places of the recording's path, where nothing else is compared
Build = Callable[[Any, Sequence[int], int], Engine]


@dataclass(frozen=True)
class Chosen:
    """The engine, ready on the main path, and the seconds that `width` tips took it (None where nothing was measured)."""

    engine: Engine
    seconds: float | None
    width: int


@torch.no_grad()
def choose_engine(model: Any, ids: Sequence[int], prompt: int, rows: Rows, wave: int, cache: Any = None) -> Chosen:
    """The fastest exact engine for the main path `ids` (T,), whose tokens from `prompt` on were measured as `rows`; raises Unfit.

    `cache` holds the main path, if somebody has read it; `wave` main tokens at once are read again as a check and as a measure of what a step of the tree takes.
    """
    # An attention of the model's own making may have a window that a short probe cannot see: probe it at full length.
    foreign = not getattr(model, "_supports_attention_backend", False)
    beyond = len(ids) + PROBE_TOKENS if foreign else PROBE_TOKENS
    for build, places, probed in ((_tree_attention, wave, beyond), (Snapshots, 2, PROBE_TOKENS)):
        try:
            if not _agrees(model, build, probed):
                continue
            engine = TreeAttention(model, ids, cache) if build is _tree_attention else build(model, ids, prompt)
            seconds, width, exact = _read_again(model, engine, ids, prompt, rows, places)
        except Exception as error:  # an architecture that does not fit an engine may fail in any way inside its own code
            if is_memory(error):
                raise
            continue
        if exact:
            return Chosen(engine, seconds, width)
    engine = Recomputation(model, ids)
    try:
        seconds, width, exact = _read_again(model, engine, ids, prompt, rows, CHECKED_ALONE, by_and_large=True)
    except Exception as error:
        if is_memory(error):
            raise
        raise Unfit(f"its forward pass over prompt and output fails ({type(error).__name__})") from error
    if not exact:
        raise Unfit("read again without a cache, the output does not get the numbers that decided it")
    return Chosen(engine, seconds, width)


def _tree_attention(model: Any, ids: Sequence[int], _prompt: int) -> Engine:
    return TreeAttention(model, ids)


def _agrees(model: Any, build: Build, length: int) -> bool:
    """Whether forks of `length` random tokens, one of them nested, get the logits of plain forwards."""
    size = int(model.config.get_text_config().vocab_size)
    random = np.random.default_rng(0).integers(min(5, size - 1), size, length + 8).tolist()
    prefix, spare = random[:length], random[length:]
    early, late, last = length // 4, length // 2 + 1, length
    waves = [
        [
            Tip(last, early - 1, spare[0], early),
            Tip(last + 1, late - 1, spare[1], late),
            Tip(last + 2, last - 1, spare[2], last),
        ],
        [
            Tip(last + 3, last, spare[3], early + 1),
            Tip(last + 4, last + 1, spare[4], late + 1),
            Tip(last + 5, last + 2, spare[5], last + 1),
        ],
        [Tip(last + 6, last + 1, spare[6], late + 1), Tip(last + 7, last + 5, spare[7], last + 2)],
    ]
    engine, reference = build(model, prefix, early), Recomputation(model, prefix)
    found = torch.cat([engine.advance(wave) for wave in waves]).float()
    if isinstance(engine, TreeAttention) and engine.mask_calls == 0:
        return False
    exact = torch.cat([reference.advance(wave) for wave in waves]).float()
    return _close(found, exact, model.dtype)


def _close(found: Tensor, exact: Tensor, dtype: torch.dtype) -> bool:
    """Whether logits (R, V) differ by rounding only: a lost window or a leaking branch moves them by their own spread."""
    if not bool(torch.isfinite(found).all()):
        return False
    error = (found - exact).square().mean().sqrt()
    spread = exact.std(dim=-1).mean()
    return bool(error <= (1e-4 if dtype == torch.float32 else 0.1) * spread)


def _read_again(
    model: Any, engine: Engine, ids: Sequence[int], prompt: int, rows: Rows, places: int, *, by_and_large: bool = False
) -> tuple[float | None, int, bool]:
    """(seconds, tips, whether all is as it was recorded) of reading main tokens once more, each as a branch of its own.

    `by_and_large` puts up with more than rounding in float32.
    """
    count = len(ids) - prompt - 1  # tokens whose successor was measured
    if count < 1:
        return None, 1, True
    chosen = np.unique(np.linspace(0, count - 1, min(count, places)).astype(int))
    if by_and_large and prompt > 1:
        chosen = np.concatenate([[-1], chosen])  # the prompt's last token, too
    tips = [
        Tip(len(ids) + row, prompt + place - 1, ids[prompt + place], prompt + place)
        for row, place in enumerate(chosen.tolist())
    ]
    begin = time.perf_counter()
    logits = engine.advance(tips)
    seconds = time.perf_counter() - begin
    engine.release([tip.node for tip in tips])
    top = torch.from_numpy(rows.ids[chosen + 1].astype(np.int64)).to(logits.device)
    found = torch.log_softmax(logits.float(), dim=-1).gather(1, top).cpu().numpy()
    recorded = rows.logprobs[chosen + 1]
    known = np.isfinite(recorded)
    difference = np.abs(found - recorded)[known]
    if model.dtype != torch.float32:
        exact = difference.mean() <= 0.2
    else:
        exact = difference.mean() <= 0.02 if by_and_large else difference.max() <= 1e-3
    return seconds, len(tips), bool(exact)
