"""The check of an engine: what it computes for forks, beside what plain forwards without a cache compute for the same ids.

No two ways to the same logits round alike, and how far they part depends on the model and on its number format: on Gemma 3 270M in
bfloat16 decoding behind a cache moves the logits of random ids by a tenth of their own spread, in float32 by a hundred-thousandth. So the
bar is measured: an engine may differ from plain forwards by `FACTOR` times what plain cached decoding differs from them, on the
same ids, in the same format. A wrong mask, a lost window or a shifted position moves them by their own spread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tokenscope_trace.inference.engines import Engine
from tokenscope_trace.models.backend import Tip
from tokenscope_trace.models.forward import Reader

PROBE_TOKENS = 16
DEPTH = 8  # tokens of the longest forks
# Measured on SmolLM2 135M and Gemma 3 270M in bfloat16: sound engines come to 0.6 to 2.0, the least of five defects to 4.6.
FACTOR = 3.0
LARGEST = 0.5  # of the spread: above it nothing can be told from a defect, whatever decoding itself differs by


@dataclass(frozen=True)
class _Forks:
    """Forks of one main path: all ids of each path, and how many of them, its last, it has for itself; the waves they are read in."""

    main: list[int]
    ids: list[list[int]]
    own: list[int]
    waves: list[list[Tip]]
    owner: list[int]  # the path of each tip, in the order of the waves

    @property
    def first(self) -> int:
        """The earliest place from which one departs."""
        return min(len(ids) - own for ids, own in zip(self.ids, self.own, strict=True))


@torch.no_grad()
def agrees(model: Any, build: Callable[[Sequence[int], int], Engine], length: int = PROBE_TOKENS) -> bool:
    """Whether forks of `length` random tokens, three of them nested, get the logits of plain forwards but for rounding.

    `build` makes the engine of a main path whose forks come after so many of its tokens. Raises what the engine and the model raise.
    """
    size = int(model.config.get_text_config().vocab_size)
    forks = _forks(np.random.default_rng(0).integers(min(5, size - 1), size, length + 5 * DEPTH).tolist(), length)
    exact = _plain(model, forks)
    found = _read(build(forks.main, forks.first), forks)
    if not bool(torch.isfinite(found).all()):
        return False
    error = _difference(found, exact)
    return within(
        error, max(1e-4, torch.finfo(model.dtype).eps / 8), LARGEST, lambda: _difference(_decoded(model, forks), exact)
    )


def within(error: float, least: float, largest: float, noise: Callable[[], float]) -> bool:
    """Whether an error is that of the number format: at most `least`, or `FACTOR` times its noise and at most `largest`.

    The noise, in the unit of the error, is measured where it is needed.
    """
    return error <= least or (error <= largest and error <= FACTOR * noise())


def _forks(random: list[int], length: int) -> _Forks:
    """Three from the main path, at different places; then two that depart from these, and one from one of those."""
    main, spare = random[:length], iter(random[length:])
    departs = [(0, None, length // 4), (0, None, length // 2 + 1), (0, None, length), (2, 0, 2), (3, 2, 1), (3, 3, 1)]
    ids = [main[:kept] if base is None else [] for _, base, kept in departs]
    nodes: list[list[int]] = [[] for _ in departs]
    waves: list[list[Tip]] = []
    owner: list[int] = []
    for wave in range(DEPTH):
        tips = []
        for path, (begins, base, kept) in enumerate(departs):
            if wave < begins or (begins and len(nodes[path]) == DEPTH // 2):
                continue
            if base is not None and not nodes[path]:
                ids[path] = ids[base][: len(ids[base]) - len(nodes[base]) + kept]
            parent = nodes[path][-1] if nodes[path] else kept - 1 if base is None else nodes[base][kept - 1]
            tips.append(Tip(length + len(owner), parent, next(spare), len(ids[path])))
            owner.append(path)
            ids[path].append(tips[-1].token)
            nodes[path].append(tips[-1].node)
        waves.append(tips)
    return _Forks(main, ids, [len(own) for own in nodes], waves, owner)


def _read(engine: Engine, forks: _Forks) -> Tensor:
    """What the engine says: logits (R, V) float32, path by path."""
    rows = torch.cat([engine.advance(wave) for wave in forks.waves]).float()
    return rows[np.argsort(forks.owner, kind="stable").tolist()]


def _plain(model: Any, forks: _Forks) -> Tensor:
    """The same by one forward over each path."""
    read = Reader(model)
    return torch.cat(
        [
            read(ids, range(len(ids)), use_cache=False, last=own)[0][-own:].float()
            for ids, own in zip(forks.ids, forks.own, strict=True)
        ]
    )


def _decoded(model: Any, forks: _Forks) -> Tensor:
    """The same by plain decoding: each path token by token, behind a cache of what it departs from."""
    read, rows = Reader(model), []
    for ids, own in zip(forks.ids, forks.own, strict=True):
        _, cache = read(ids[:-own], range(len(ids) - own), last=1)
        for place in range(len(ids) - own, len(ids)):
            logits, cache = read([ids[place]], [place], cache=cache)
            rows.append(logits[-1].float())
    return torch.stack(rows)


def _difference(found: Tensor, exact: Tensor) -> float:
    """The root mean square, over rows, of how far logits (R, V) lie apart, in units of their row's spread."""
    error = (found - exact).square().mean(-1).sqrt() / exact.std(-1).clamp_(min=1e-12)
    return float(error.square().mean().sqrt())
