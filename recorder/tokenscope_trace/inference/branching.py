"""The branching of a main path in this process: an engine that reads, processors that choose, a meter that measures.

In: a model, its main path and the bounds. Out: tokens and their rows. Knows no tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from tokenscope_trace.inference.engine_choice import choose_engine
from tokenscope_trace.inference.metrics import Meter, rows_of
from tokenscope_trace.inference.sampling import BranchDecoding, sampled_logprobs
from tokenscope_trace.inference.tree_attention import TreeAttention
from tokenscope_trace.models.backend import MainPath, Step
from tokenscope_trace.models.forward import Reader
from tokenscope_trace.models.memory import available_bytes
from tokenscope_trace.models.placement import input_device
from tokenscope_trace.traces.rows import Rows

MEMORY_SHARE = 0.5  # of what is left, for the tree's cache
_ALONE = (
    "Branches were computed one after the other ({engine}), a forward pass for every token, where up to {wave} branches share one as a "
    "rule: tree attention was tried, and {why}."
)


class LocalBranching:
    """See Branching. `cache` holds the main path, if somebody has read it. Raises Unfit."""

    @torch.no_grad()
    def __init__(self, model: Any, main: MainPath, decoding: BranchDecoding, wave: int, cache: Any = None) -> None:
        chosen = choose_engine(model, main.ids, main.prompt, main.rows, wave, cache)
        self._engine, self._decoding = chosen.engine, decoding
        self._meter = Meter(main.rows.ids.shape[1])
        self._read = Reader(model)
        self.engine, self.release = chosen.engine.name, chosen.engine.release
        self.ends, self.stop = decoding.ends, decoding.stop
        self.seconds_per_node = None if chosen.seconds is None else chosen.seconds / chosen.width
        self.wave = 1
        self.notes: tuple[str, ...] = ()
        self.most_nodes: int | None = None
        if isinstance(chosen.engine, TreeAttention):
            self.wave, self.most_nodes = wave, _room(chosen.engine, input_device(model))
        elif chosen.why is not None:
            self.notes = (_ALONE.format(engine=self.engine, why=chosen.why, wave=wave),)

    @torch.no_grad()
    def step(self, steps: Sequence[Step]) -> tuple[list[int], Rows]:
        """See Branching."""
        raw = self._engine.advance([step.tip for step in steps]).float()
        scores = self._decoding.process(raw, lambda row: steps[row].path())
        tokens = self._decoding.choose(scores, [step.branch for step in steps])
        for row, step in enumerate(steps):
            if step.forced is not None:
                tokens[row] = step.forced
        measured = self._meter.measure(raw, tokens)
        ids = torch.cat([tokens[:, None], measured.top_ids], dim=1)
        return tokens.tolist(), rows_of(measured, None if scores is raw else sampled_logprobs(scores, raw, ids))

    @torch.no_grad()
    def logprob_after(self, ids: list[int], token: int) -> tuple[float, int]:
        """See Branching."""
        logits = self._read(ids, range(len(ids)), use_cache=False, last=True)[0][-1].float()
        return float(torch.log_softmax(logits, dim=-1)[token]), 1 + int((logits > logits[token]).sum())


def _room(engine: TreeAttention, device: torch.device) -> int | None:
    """How many nodes more the memory holds; None where the system does not say."""
    room = available_bytes(device)
    return None if room is None else int(room * MEMORY_SHARE / max(engine.bytes_per_slot, 1.0))
