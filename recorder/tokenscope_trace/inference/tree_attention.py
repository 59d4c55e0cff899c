"""The engine of tree attention: all branches in one forward, over one key-value cache that they share.

The cache holds one slot per token read, in the order of reading. A forward reads the tips of all live branches at once, each
at its own position; a mask lets each see the slots of its own path alone. The mask goes in by transformers' mask interface:
the model's own rule (causal, sliding, chunked) is asked about *positions* instead of slots, so that layers with a window keep
it. Whether an architecture plays by that interface is for engine_check.py to find out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

from tokenscope_trace.models.backend import Tip
from tokenscope_trace.models.forward import Reader
from tokenscope_trace.models.placement import input_device

PREFILL_CHUNK = 512
COMPACT_ABOVE = 512  # slots of ended branches that are worth moving the others together for
_FORCE_GQA = "TRANSFORMERS_SDPA_FORCE_GQA"


@dataclass(eq=False)
class _Chain:
    """Slots of one run of tokens, and where it departs: after `visible` tokens of `base`, or of the prefix."""

    base: _Chain | None
    visible: int
    slots: list[int] = field(default_factory=list)


class TreeAttention:
    """The engine. `prefix` are the ids of the main path; reading it is one prefill, unless a `cache` holds it already.

    Every layer of such a cache keeps all of its keys and values.
    """

    name = "tree-attention"

    def __init__(self, model: Any, prefix: Sequence[int], cache: Any = None) -> None:
        self._model = model
        # Without the model's config every layer keeps its whole length, also those with a window: the mask has the window.
        self._cache = DynamicCache() if cache is None else cache
        self._prefix = len(prefix)
        self._positions = np.arange(len(prefix), dtype=np.int64)  # of every slot
        self._place: dict[int, tuple[_Chain, int]] = {}  # node -> its chain, and how many of its slots lie on the path
        self._dead = 0
        self.mask_calls = 0
        self._read = Reader(model)
        for first in range(self._cache.get_seq_length(), len(prefix), PREFILL_CHUNK):
            end = min(first + PREFILL_CHUNK, len(prefix))
            self._read(prefix[first:end], range(first, end), cache=self._cache, last=True)

    @property
    def bytes_per_slot(self) -> float:
        """Memory of one token in the cache, bytes."""
        tensors = [tensor for layer in self._cache.layers for tensor in (layer.keys, layer.values) if tensor is not None]
        return float(sum(tensor.numel() * tensor.element_size() for tensor in tensors)) / max(1, len(self._positions))

    @property
    def slots(self) -> int:
        """Tokens in the cache, prefix included."""
        return len(self._positions)

    def advance(self, tips: Sequence[Tip]) -> Tensor:
        """See Engine."""
        self._compact()
        first = len(self._positions)
        positions = np.array([tip.position for tip in tips], dtype=np.int64)
        slot_positions = np.concatenate([self._positions, positions])
        visible = np.zeros((len(tips), len(slot_positions)), dtype=bool)
        for row, tip in enumerate(tips):  # a tip may depart from one before it
            chain, length = self._chain_after(tip.parent)
            self._mark(visible[row], chain, length)
            visible[row, first + row] = True
            if chain is None or length < len(chain.slots):  # a fork
                chain = _Chain(chain, length)
            chain.slots.append(first + row)
            self._place[tip.node] = (chain, len(chain.slots))
        self._positions = slot_positions
        with self._masked(visible, positions, slot_positions):
            logits, _ = self._read([tip.token for tip in tips], positions.tolist(), cache=self._cache)
        return logits

    def release(self, nodes: Iterable[int]) -> None:
        """See Engine."""
        for node in nodes:
            if self._place.pop(node, None) is not None:
                self._dead += 1

    def _chain_after(self, node: int) -> tuple[_Chain | None, int]:
        """The chain that a child of the node sees, and how far: None is the prefix."""
        return (None, node + 1) if node < self._prefix else self._place[node]

    def _mark(self, row: NDArray[np.bool_], chain: _Chain | None, length: int) -> None:
        prefix = length
        for link, visible in _links(chain, length):
            row[link.slots[:visible]] = True
            prefix = link.visible
        row[:prefix] = True

    def _compact(self) -> None:
        """Move the slots that are still on somebody's path together, once enough others have gathered."""
        if self._dead < max(COMPACT_ABOVE, len(self._positions) // 4):
            return
        needed: dict[_Chain, int] = {}
        for place in self._place.values():
            for chain, length in _links(*place):
                if needed.get(chain, 0) >= length:
                    break
                needed[chain] = length
        keep = [np.arange(self._prefix)]
        for chain, length in needed.items():
            del chain.slots[length:]
            keep.append(np.array(chain.slots, dtype=np.int64))
        kept = np.sort(np.concatenate(keep))
        for chain in needed:
            chain.slots[:] = np.searchsorted(kept, chain.slots).tolist()
        index = torch.from_numpy(kept)
        for layer in self._cache.layers:
            if layer.is_initialized:
                here = index.to(layer.keys.device)
                layer.keys, layer.values = layer.keys.index_select(-2, here), layer.values.index_select(-2, here)
        self._positions = self._positions[kept]
        self._dead = 0

    @contextmanager
    def _masked(self, visible: NDArray[np.bool_], positions: NDArray[np.int64], slots: NDArray[np.int64]) -> Iterator[None]:
        """While inside, every layer of this model's attention asks for its mask here."""
        device = input_device(self._model)
        shared = torch.from_numpy(visible)[None, None].to(device)
        q, k = torch.from_numpy(positions).to(device)[:, None], torch.from_numpy(slots).to(device)[None, :]
        zero = torch.zeros((), dtype=torch.long, device=device)

        def mask(*, mask_function: Callable[..., Tensor], dtype: torch.dtype = torch.float32, **_: Any) -> Tensor:
            self.mask_calls += 1
            allowed = shared & mask_function(zero, zero, q, k)
            if name != "eager":
                return allowed
            return torch.zeros(allowed.shape, dtype=dtype, device=device).masked_fill_(~allowed, torch.finfo(dtype).min)

        name = self._model.config._attn_implementation
        gqa = os.environ.get(_FORCE_GQA)
        ALL_MASK_ATTENTION_FUNCTIONS[name] = mask
        if device.type == "cpu":  # else every layer copies its keys and values once per query head
            os.environ[_FORCE_GQA] = "1"
        try:
            yield
        finally:
            del ALL_MASK_ATTENTION_FUNCTIONS[name]
            if gqa is None:
                os.environ.pop(_FORCE_GQA, None)
            else:
                os.environ[_FORCE_GQA] = gqa


def _links(chain: _Chain | None, length: int) -> Iterator[tuple[_Chain, int]]:
    """The chains of a path, the last first, each with how many of its slots lie on the path."""
    while chain is not None:
        link = chain
        yield link, length
        chain, length = link.base, link.visible
