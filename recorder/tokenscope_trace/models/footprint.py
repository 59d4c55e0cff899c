"""The footprint of a recording in memory beside the model, said before it begins. From the model's shape alone; an estimate, not a bound."""

from __future__ import annotations

from dataclasses import dataclass

from tokenscope_trace.models.passes import BLOCK_BYTES, HEAD_ROWS
from tokenscope_trace.settings import ReplaySettings

_ENTRY_BYTES = 26  # of one kept source, from the pass until it is in the file: five copies, the last one compressed
BASE = 32 << 20  # bytes: what the interpreter and the libraries take on the way


@dataclass(frozen=True)
class Shape:
    """A model in numbers, 0 where it has none: `layers`; `hidden` and `inner` widths; attention's `heads`, the `shared` ones that keep keys
    and values, and the `width` of each; the `vocabulary`; all `weights`; the bytes of a number; whether embeddings and head are `tied`.
    """

    layers: int
    hidden: int
    inner: int
    heads: int
    shared: int
    width: int
    vocabulary: int
    weights: int
    itemsize: int
    tied: bool


def recording_bytes(
    shape: Shape | None, prompt: int, tokens: int, replay: ReplaySettings | None, *, cached: bool = True
) -> int:
    """Bytes for `prompt` tokens read in one pass and `tokens` in all: cache (if any), hidden states, logits, what is kept; 0 where
    nothing is known of the model.
    """
    if shape is None:
        return 0
    cache = 0 if not cached else 2 * shape.layers * shape.shared * shape.width * tokens * shape.itemsize
    states = prompt * (6 * shape.hidden + 3 * shape.inner) * shape.itemsize
    logits = HEAD_ROWS * shape.vocabulary * (shape.itemsize + 4)
    kept = 0
    replay = replay or ReplaySettings(attention_top=0)
    if replay.attention_top and shape.heads:
        looked = shape.layers if replay.attention_layers is None else len(replay.attention_layers)
        kept = 2 * BLOCK_BYTES + tokens * shape.heads * looked * (_ENTRY_BYTES * replay.attention_top + 8)
    if replay.lens:
        kept += shape.layers * HEAD_ROWS * shape.hidden * shape.itemsize
    return int(cache + states + logits + kept + BASE)
