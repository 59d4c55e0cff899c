"""The footprint of a recording in memory beside the model, said before it begins. From the configuration alone; an estimate, not a bound."""

from __future__ import annotations

from typing import Any

from tokenscope_trace.inference.attention import BLOCK_BYTES
from tokenscope_trace.models.configuration import layer_count, number
from tokenscope_trace.models.head import HEAD_ROWS
from tokenscope_trace.settings import ReplaySettings

_ENTRY_BYTES = 26  # of one kept source, from the pass until it is in the file: five copies, the last one compressed
BASE = 32 << 20  # bytes: what the interpreter and the libraries take on the way


def recording_bytes(model: Any, prompt: int, tokens: int, replay: ReplaySettings | None, *, cached: bool = True) -> int:
    """Bytes for `prompt` tokens read in one pass and `tokens` in all: cache (if any), hidden states, logits, what is kept."""
    config = model.config.get_text_config()
    hidden, layers = number(config, "hidden_size") or 0, layer_count(model)
    heads = number(config, "num_attention_heads") or 0
    shared = number(config, "num_key_value_heads") or heads
    width = number(config, "head_dim") or (hidden // heads if heads else 0)
    inner = number(config, "intermediate_size") or 4 * hidden
    size = model.dtype.itemsize
    cache = 0 if not cached else 2 * layers * shared * width * tokens * size
    states = prompt * (6 * hidden + 3 * inner) * size
    logits = HEAD_ROWS * int(config.vocab_size) * (size + 4)
    kept = 0
    replay = replay or ReplaySettings(attention_top=0)
    if replay.attention_top and heads:
        looked = layers if replay.attention_layers is None else len(replay.attention_layers)
        kept = 2 * BLOCK_BYTES + tokens * heads * looked * (_ENTRY_BYTES * replay.attention_top + 8)
    if replay.lens:
        kept += layers * HEAD_ROWS * hidden * size
    return int(cache + states + logits + kept + BASE)
