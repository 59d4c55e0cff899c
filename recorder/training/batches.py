"""Serve training batches from the packed token rows, resumable at any position."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from corpus import Document
from numpy.typing import NDArray
from packing import pack, training_texts, windows
from tokenizers import Tokenizer
from torch import Tensor


def packed_tokens(
    folder: Path, documents: list[Document] | None, tokenizer: Tokenizer, window: int, seed: int
) -> NDArray[np.uint16]:
    """The packed row for one window length, kept on disk: shape (tokens,)."""
    path = folder / f"tokens-{window}-{seed}.npy"
    if not path.exists():
        assert documents is not None
        tokens = pack(training_texts(documents, window, seed), tokenizer, end_of_text=0)
        scratch = path.with_suffix(".part.npy")
        np.save(scratch, tokens)
        scratch.replace(path)
    row: NDArray[np.uint16] = np.load(path)
    return row


class Batches:
    """Windows of one length in seeded order; `position` counts the windows served so far."""

    def __init__(self, tokens: NDArray[np.uint16], length: int, seed: int) -> None:
        self.tokens = tokens
        self.length = length
        self.seed = seed
        self.position = 0
        self._epoch = -1
        self._starts: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def _start(self, index: int) -> int:
        count = (len(self.tokens) - 2) // self.length
        epoch, inside = divmod(index, count)
        if epoch != self._epoch:
            self._starts, self._epoch = windows(self.tokens, self.length, self.seed + epoch), epoch
        return int(self._starts[inside % len(self._starts)])

    def next(self, count: int) -> tuple[Tensor, Tensor]:
        """(inputs, targets), both of shape (count, length)."""
        rows = []
        for index in range(self.position, self.position + count):
            start = self._start(index)
            rows.append(self.tokens[start : start + self.length + 1].astype(np.int64))
        self.position += count
        block = torch.from_numpy(np.stack(rows))
        return block[:, :-1], block[:, 1:]
