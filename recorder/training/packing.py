"""Turn documents into windows of token ids that begin where a piece of text begins."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from corpus import STDLIB, Document
from fim import hole, segments
from numpy.typing import NDArray
from tokenizer_training import HOLE_IDS
from tokenizers import Tokenizer

FIM_SHARE = 0.5
STDLIB_REPEATS = 2  # each repeat draws its own holes
CHARACTERS_BETWEEN_BREAKS = 600
NOTHING = 65535  # fills the end of a window
END = 0

Ids = NDArray[np.uint16]
# What is encoded apart, with the ids before, between and after.
_Parts = list["str | int"]


def broken(text: str, rng: random.Random) -> list[str]:
    """The text cut at random places, more often than not after a line end.

    A prompt ends anywhere, and its tokens end there too: the model must have seen text
    that goes on after a token that an uncut text would not have.
    """
    line_ends = [match.end() for match in re.finditer("\n", text)]
    places = set()
    for _ in range(len(text) // CHARACTERS_BETWEEN_BREAKS):
        places.add(rng.choice(line_ends) if line_ends and rng.random() < 0.7 else rng.randint(0, len(text)))
    edges = [0, *sorted(places - {0, len(text)}), len(text)]
    return [text[first:second] for first, second in pairwise(edges)]


def training_pieces(documents: list[Document], window: int, seed: str) -> Iterator[_Parts]:
    """Each document in seeded order, about half of them as pieces with a hole.

    `window` is the length in tokens that a piece with a hole should fit into.
    """
    rng = random.Random(seed)
    repeated = documents + [d for d in documents if d.source == STDLIB] * (STDLIB_REPEATS - 1)
    rng.shuffle(repeated)
    before, between, middle = HOLE_IDS
    for document in repeated:
        if rng.random() >= FIM_SHARE:
            yield [*broken(document.text, rng), END]
            continue
        for piece in segments(document.text, longest=window * 2, rng=rng):
            first, second = hole(piece, rng)
            yield [before, piece[:first], between, piece[second:], middle, piece[first:second], END]


def encoded(pieces: list[_Parts], tokenizer: Tokenizer) -> Iterator[Ids]:
    """The pieces as ids; what looks like a special token in a file is plain text."""
    tokenizer.encode_special_tokens = True
    for start in range(0, len(pieces), 512):
        block = pieces[start : start + 512]
        texts = iter(tokenizer.encode_batch([part for piece in block for part in piece if isinstance(part, str)]))
        for piece in block:
            ids: list[int] = []
            for part in piece:
                ids.extend([part] if isinstance(part, int) else next(texts).ids)
            yield np.asarray(ids, dtype=np.uint16)


def pack(pieces: Iterator[Ids], width: int) -> Ids:
    """Windows (rows, width): pieces side by side, best fit first; long pieces are cut, `NOTHING` fills up.

    A piece with a hole that is too long for a window is left out: cut in two it would teach nothing.
    """
    full: list[Ids] = []
    rest: list[Ids] = []
    for piece in pieces:
        if len(piece) > width and piece[0] == HOLE_IDS[0]:
            continue
        whole = len(piece) // width * width
        full.extend(piece[:whole].reshape(-1, width))
        if whole < len(piece):
            rest.append(piece[whole:])
    rest.sort(key=len, reverse=True)
    bins: list[list[Ids]] = []
    by_room: list[list[int]] = [[] for _ in range(width + 1)]
    for piece in rest:
        room = next((size for size in range(len(piece), width + 1) if by_room[size]), None)
        if room is None:
            bins.append([])
            index, room = len(bins) - 1, width
        else:
            index = by_room[room].pop()
        bins[index].append(piece)
        by_room[room - len(piece)].append(index)
    rows = np.full((len(full) + len(bins), width), NOTHING, dtype=np.uint16)
    for row, window in zip(rows, full, strict=False):
        row[:] = window
    for row, members in zip(rows[len(full) :], bins, strict=True):
        joined = np.concatenate(members)
        row[: len(joined)] = joined
    return rows
