"""Serve training batches, pass after pass over the documents, resumable at any position."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from corpus import Document, collect, sources_table, training_documents
from numpy.typing import NDArray
from packing import NOTHING, encoded, pack, training_pieces
from tokenizers import Tokenizer
from torch import Tensor


class Passes:
    """The packed windows of every pass, kept on disk; each pass draws its own holes and breaks."""

    def __init__(self, folder: Path, tokenizer: Tokenizer, seed: int) -> None:
        self.folder = folder
        self.tokenizer = tokenizer
        self.seed = seed

    @cached_property
    def documents(self) -> list[Document]:
        """All documents; writes the table of their sources for the model card."""
        documents = collect()
        (self.folder / "sources.md").write_text(sources_table(documents) + "\n")
        return documents

    def rows(self, number: int, length: int) -> NDArray[np.uint16]:
        """The windows of pass `number`: (rows, length + 1)."""
        path = self.folder / f"windows-{length}-{self.seed}-{number}.npy"
        if not path.exists():
            documents = training_documents(self.documents)
            pieces = list(training_pieces(documents, length, f"{self.seed} {length} {number}"))
            scratch = path.with_suffix(".part.npy")
            np.save(scratch, pack(encoded(pieces, self.tokenizer), length + 1))
            scratch.replace(path)
        rows: NDArray[np.uint16] = np.load(path, mmap_mode="r")
        return rows


class Batches:
    """Windows of one length in seeded order; `number` counts the passes, `position` the windows of the pass."""

    def __init__(self, passes: Passes, length: int) -> None:
        self.passes = passes
        self.length = length
        self.number = 0
        self.position = 0

    @cached_property
    def _rows(self) -> NDArray[np.uint16]:
        return self.passes.rows(self.number, self.length)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.random.default_rng([self.passes.seed, self.length, self.number]).permutation(len(self._rows))

    @property
    def place(self) -> tuple[int, int]:
        """(pass, windows of it that were served), for the checkpoint."""
        return self.number, self.position

    @place.setter
    def place(self, place: tuple[int, int]) -> None:
        self.number, self.position = place
        for name in ("_rows", "_order"):
            self.__dict__.pop(name, None)

    def next(self, count: int) -> tuple[Tensor, Tensor]:
        """(inputs, targets), both (count, length); a target of -1 is nothing to learn."""
        if self.position + count > len(self._rows):
            self.place = (self.number + 1, 0)
        chosen = self._order[self.position : self.position + count]
        self.position += count
        block = torch.from_numpy(self._rows[chosen].astype(np.int64))
        block[block == NOTHING] = -1
        return block[:, :-1].clamp(min=0), block[:, 1:]
