"""Turn documents into one long row of token ids."""

from __future__ import annotations

import random

import numpy as np
from corpus import STDLIB, Document
from fim import segments, with_hole
from numpy.typing import NDArray
from tokenizers import Tokenizer

FIM_SHARE = 0.5
STDLIB_REPEATS = 2  # each repeat draws its own holes


def training_texts(documents: list[Document], window: int, seed: int) -> list[str]:
    """Documents in seeded order; about half of them cut into pieces with holes.

    `window` is the length in tokens that the pieces should fit into.
    """
    rng = random.Random(f"{seed} {window}")
    repeated = documents + [d for d in documents if d.source == STDLIB] * (STDLIB_REPEATS - 1)
    rng.shuffle(repeated)
    texts: list[str] = []
    for document in repeated:
        if rng.random() < FIM_SHARE:
            pieces = segments(document.text, longest=window * 3, rng=rng)
            texts.extend(with_hole(piece, rng) for piece in pieces)
        else:
            texts.append(document.text)
    return texts


def pack(texts: list[str], tokenizer: Tokenizer, end_of_text: int) -> NDArray[np.uint16]:
    """All texts, each followed by the end-of-text token: shape (tokens,)."""
    rows: list[NDArray[np.uint16]] = []
    for start in range(0, len(texts), 512):
        encodings = tokenizer.encode_batch(texts[start : start + 512])
        rows.extend(np.asarray([*encoding.ids, end_of_text], dtype=np.uint16) for encoding in encodings)
    return np.concatenate(rows)


def windows(tokens: NDArray[np.uint16], length: int, seed: int) -> NDArray[np.int64]:
    """Start positions of the windows of `length` + 1 tokens, in seeded random order."""
    starts = np.arange(0, len(tokens) - length - 1, length, dtype=np.int64)
    return np.random.default_rng(seed).permutation(starts)
