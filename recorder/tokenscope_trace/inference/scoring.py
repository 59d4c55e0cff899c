"""Scoring in this process: texts that exist, read one after the other, each as if the model had to write it.

In: ids. Out: rows, and over all texts attention and the lens. Generates nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from tokenscope_trace.inference.generation import check_finite
from tokenscope_trace.inference.internals import Inside
from tokenscope_trace.inference.metrics import Meter, rows_of
from tokenscope_trace.inference.replay import Opinions, read_whole
from tokenscope_trace.models.passes import windows
from tokenscope_trace.models.placement import input_device
from tokenscope_trace.progress import Watcher
from tokenscope_trace.traces.layers import LayerAttention, LayerLens
from tokenscope_trace.traces.rows import Rows, joined_rows


class TextReader:
    """Reads one text after the other; its nodes follow those of the texts before."""

    def __init__(self, model: Any, inside: Inside) -> None:
        self._model = model
        self._inside = inside
        self._texts: list[tuple[int, list[LayerLens]]] = []  # the first id of each, and the lens over the others
        self._first = 0  # node of the next text

    @torch.no_grad()
    def read(self, ids: Sequence[int], window: int, alternatives: int, watcher: Watcher) -> Rows | None:
        """The numbers of its tokens but the first; None where it was interrupted."""
        parts, probes, meter = [], self._inside.probes, Meter(alternatives)
        tokens = torch.tensor(ids, device=input_device(self._model))
        opinions = Opinions(probes)
        for begin, end, row in windows(len(ids), window):
            node = self._first + begin
            for block in read_whole(self._model, ids[begin:end], probes, rows=row, first=node, skip=row, origin=node):
                place = begin + block.first + 1
                following = tokens[place : place + len(block.logits)]
                measured = meter.measure(block.logits, following)
                check_finite(measured, "code")
                parts.append(rows_of(measured))
                opinions.add(block, following)
                watcher.on_read(place, len(ids))
            if watcher.should_stop():
                return None
        self._texts.append((ids[0], opinions.layers(0) if len(ids) > 1 else []))
        self._first += len(ids)
        return joined_rows(parts) if parts else _no_rows(alternatives)

    def layers(self) -> tuple[list[LayerAttention], list[LayerLens]]:
        """Attention and the lens over all texts; the first token of each was not predicted by anything. To be called once."""
        probes = self._inside.probes
        attention = probes.tap.found(self._first) if probes.tap is not None else []
        lens = [] if probes.lens is None else [self._layer(place, number) for place, number in enumerate(probes.lens_layers)]
        return attention, lens

    def _layer(self, place: int, number: int) -> LayerLens:
        columns: dict[str, list[Any]] = {"token_id": [], "probability": [], "rank": [], "logprob": []}
        for root, layers in self._texts:
            unmeasured = {"token_id": root, "probability": np.nan, "rank": 0, "logprob": np.nan}
            for name, values in columns.items():
                values.append(np.array([unmeasured[name]]))
                if layers:
                    values.append(getattr(layers[place], name))
        token_id, probability, rank, logprob = (np.concatenate(values) for values in columns.values())
        return LayerLens(
            number,
            0,
            token_id.astype(np.int32),
            probability.astype(np.float32),
            rank.astype(np.int32),
            logprob.astype(np.float32),
        )


def _no_rows(alternatives: int) -> Rows:
    empty = np.empty(0, np.float32)
    none = np.empty((0, alternatives), np.float32)
    rank = np.empty(0, np.int32)
    return Rows(empty, empty, empty, rank, empty, empty, empty, empty, none.astype(np.int32), none, none)
