"""Sampling of a branch's tokens: the model's own logits processors, then the best token or a sample.

Logits in, tokens out; knows no tree. Each branch has a random state of its own, so that a sampled branch does not depend on
which others grow beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tokenscope_trace.inference.metrics import log_softmax_at

Sequences = Callable[[int], list[int]]  # row -> the ids before the token that is chosen


@dataclass(frozen=True)
class BranchDecoding:
    """`processors` as transformers made them for the run; `ends` are ids that end a text; `stop` strings as bytes; `states` are the
    branches' own, by name.
    """

    processors: Any
    sampled: bool
    ends: frozenset[int]
    stop: tuple[bytes, ...]
    seed: int
    states: dict[str, torch.Generator] = field(default_factory=dict)

    def process(self, logits: Tensor, sequences: Sequences) -> Tensor:
        """Scores (R, V) float32 that the tokens are chosen from; the logits themselves where nothing changes them."""
        raw = logits.float()
        if not len(self.processors):
            return raw
        rows = []
        for row in range(len(raw)):
            ids = torch.tensor([sequences(row)], device=raw.device)
            rows.append(self.processors(ids, raw[row : row + 1].clone()))
        return torch.cat(rows)

    def choose(self, scores: Tensor, branches: list[str]) -> Tensor:
        """Tokens (R,) from scores (R, V), each row with the random state of the branch of this name."""
        if not self.sampled:
            return scores.argmax(-1)
        probabilities = scores.softmax(-1).cpu()
        drawn = [
            torch.multinomial(row, 1, generator=self._state(name)) for row, name in zip(probabilities, branches, strict=True)
        ]
        return torch.cat(drawn).to(scores.device)

    def _state(self, name: str) -> torch.Generator:
        """The random state of the branch called `name`: it begins alike in every run with one seed."""
        if name not in self.states:
            digest = hashlib.blake2b(f"{self.seed} {name}".encode(), digest_size=8).digest()
            self.states[name] = torch.Generator().manual_seed(int.from_bytes(digest, "big") >> 1)
        return self.states[name]


def sampled_logprobs(scores: Tensor, raw: Tensor, ids: Tensor) -> Tensor:
    """Ln q (R, 1 + K) of ids (R, 1 + K) under softmax(scores); NaN in rows where the scores are the logits."""
    q = torch.stack([log_softmax_at(row, chosen) for row, chosen in zip(scores, ids, strict=True)])
    unchanged = (scores == raw).all(-1)
    return q.masked_fill(unchanged[:, None], torch.nan)
