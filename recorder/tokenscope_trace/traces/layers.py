"""Layers: attention and logit lens as they stand in a trace, and as arrays. Columns in, arrays out, and back; never imports torch.

Axis letters: L recorded layers, Q query tokens, H heads of a layer, N kept sources of a row, C tokens under the lens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.traces.columns import Array, Floats
from tokenscope_trace.traces.facts import AttentionFacts, LensFacts
from tokenscope_trace.traces.schema import UNKEPT_STEPS, WEIGHT_STEPS


@dataclass(frozen=True)
class LayerAttention:
    """What one layer looked at: per query and head the heaviest sources, heaviest first, and the mass of all others.

    `layer` counts from 0. An entry of weight 0 is no entry: its row had fewer sources, or what followed was nothing.
    """

    layer: int
    sources: NDArray[np.int32]  # (Q, H, N) node indices, 0 where there is no entry
    codes: NDArray[np.uint8]  # (Q, H, N) the weights, as stored
    unkept_codes: NDArray[np.uint16]  # (Q, H)

    @property
    def weights(self) -> Floats:
        """(Q, H, N), in [0, 1]."""
        return decode_weights(self.codes)

    @property
    def unkept(self) -> Floats:
        """(Q, H), in [0, 1]: 1 - the sum of the exact weights of the kept sources."""
        unkept: Floats = self.unkept_codes.astype(np.float32) / np.float32(UNKEPT_STEPS)
        return unkept


@dataclass(frozen=True)
class LayerLens:
    """What one layer would have said in place of each token: C tokens, from node `first` on. Rank 0: not measured."""

    layer: int
    first: int
    token_id: NDArray[np.int32]  # (C,) the most probable token by this layer
    probability: Floats  # (C,) its p, NaN where not measured
    rank: NDArray[np.int32]  # (C,) of the token that stands there
    logprob: Floats  # (C,) nats, of the token that stands there


def encode_weights(weights: Floats) -> NDArray[np.uint8]:
    """Weights in [0, 1] as codes; `decode_weights` gives them back within sqrt(w) / 255 + 4e-6."""
    codes: NDArray[np.uint8] = np.rint(WEIGHT_STEPS * np.sqrt(weights)).astype(np.uint8)
    return codes


def decode_weights(codes: Array) -> Floats:
    """Weights in [0, 1] of stored codes."""
    weights: Floats = np.square(codes.astype(np.float32) / WEIGHT_STEPS)
    return weights


def encode_unkept(unkept: Floats) -> NDArray[np.uint16]:
    """Masses in [0, 1] as codes, within 8e-6."""
    return np.rint(UNKEPT_STEPS * np.clip(unkept, 0, 1)).astype(np.uint16)


def attention_tables(layers: Sequence[LayerAttention]) -> dict[str, dict[str, Array]]:
    """The tables of some layers, in ascending order of `layer`; all have the same Q and N."""
    return {
        "attention_layers": {
            "layer": np.array([layer.layer for layer in layers], dtype=np.uint16),
            "heads": np.array([layer.unkept_codes.shape[1] for layer in layers], dtype=np.uint16),
        },
        "attention_rows": {"unkept": _joined([layer.unkept_codes for layer in layers], np.uint16)},
        "attention": {
            "node": _joined([layer.sources for layer in layers], np.int32),
            "weight": _joined([layer.codes for layer in layers], np.uint8),
        },
    }


def lens_tables(layers: Sequence[LayerLens]) -> dict[str, dict[str, Array]]:
    """The table of some layers, in ascending order of `layer`; all have the same tokens."""
    return {
        "lens": {
            "token_id": _joined([layer.token_id for layer in layers], np.int32),
            "probability": _joined([layer.probability for layer in layers], np.float32),
            "rank": _joined([layer.rank for layer in layers], np.int32),
            "logprob": _joined([layer.logprob for layer in layers], np.float32),
        }
    }


def read_attention(facts: AttentionFacts | None, tables: Mapping[str, Mapping[str, Array]]) -> list[LayerAttention]:
    """The layers of a trace, from `run.attention` and its tables; arrays are views."""
    if facts is None:
        return []
    queries, top = facts.queries, facts.top
    found, row = [], 0
    for layer, heads in zip(*(tables["attention_layers"][name].tolist() for name in ("layer", "heads")), strict=True):
        end = row + queries * heads
        entries = slice(row * top, end * top)
        found.append(
            LayerAttention(
                layer=layer,
                sources=tables["attention"]["node"][entries].reshape(queries, heads, top),
                codes=tables["attention"]["weight"][entries].reshape(queries, heads, top),
                unkept_codes=tables["attention_rows"]["unkept"][row:end].reshape(queries, heads),
            )
        )
        row = end
    return found


def read_lens(facts: LensFacts | None, tables: Mapping[str, Mapping[str, Array]]) -> list[LayerLens]:
    """The layers of a trace, from `run.lens` and its table."""
    if facts is None:
        return []
    first, count = facts.first, facts.count
    return [
        LayerLens(layer, first, **{name: values[i * count : (i + 1) * count] for name, values in tables["lens"].items()})
        for i, layer in enumerate(facts.layers)
    ]


def _joined(parts: Sequence[Array], dtype: type[Any]) -> Array:
    return np.concatenate([part.reshape(-1) for part in parts]) if parts else np.empty(0, dtype)
