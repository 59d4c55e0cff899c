"""The noise floor: how far every number may differ between two recordings of one run by rounding alone. Pure.

The rule, in full. F, in nats, is four times the noise of the recording that is run again: the noise is the largest difference in ln p
that the same model on the same machine found between deciding a token of the output and reading it again, a few dozen differences as a
rule, and a tree has thousands of numbers. It is never less than 64 float32 units at 1, 7.6e-6, which is what rounding leaves of logits
of usual size; where nothing was read again, it is 64 units of the number format that the model ran in. The noise of the other recording
does not count: where a run in bfloat16 is compared with one in float32, the coarser must not hide that it is coarse.

With e = exp(F) - 1, differences up to these are rounding; ln p, ln q, gap and entropy get four float32 units of themselves more:

    ln p                         F           ln q               2 F / min(1, temperature)
    gap                          2 F         margin, tails, p   e
    entropy H                    2 H F       rank               see `agreement_numbers`
    attention, code c of 255     1 + 255 F / 2     (c / 255)^2 is the weight, so c moves half as much as its logarithm
    attention, mass not kept     1 / 65535 + e

Of entropy: to the first order dH = sum p dlnp (s - H), s the surprisal in bits, and the mean of |s - H| is at most 2 H.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.facts import Facts
from tokenscope_trace.traces.schema import UNKEPT_STEPS, WEIGHT_STEPS

Doubles = NDArray[np.float64]
_TIMES = 4
_UNITS = 64
_STORED = 4 * 2.0**-23
_EPS = {"float32": 2.0**-23, "bfloat16": 2.0**-7, "float16": 2.0**-10}


@dataclass(frozen=True)
class Floor:
    """F in nats, whether it was measured, and how much sharper q is than p, 1 / min(1, temperature)."""

    nats: float
    measured: bool
    sharper: float = 1.0

    @property
    def share(self) -> float:
        """How far a probability moves at most."""
        return math.expm1(self.nats)

    @property
    def code(self) -> float:
        """How far the code of an attention weight moves at most."""
        return 1 + WEIGHT_STEPS * self.nats / 2

    @property
    def unkept(self) -> float:
        """How far the code of the mass that attention does not keep moves at most."""
        return 1 + UNKEPT_STEPS * self.share

    def of(self, column: str, values: Array) -> Doubles:
        """The floor at each of these values of a column of `nodes`, `alternatives` or `lens`, as an array of their shape."""
        size = np.abs(np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0))
        found: Doubles = self._plain(column, size) + _STORED * size
        return found

    def _plain(self, column: str, size: Doubles) -> Doubles | float:
        if column == "entropy":
            return np.maximum(2 * size * self.nats, self.share)
        return {
            "logprob": self.nats,
            "gap": 2 * self.nats,
            "sampled_logprob": 2 * self.nats * self.sharper,
            "sampled_tail": math.expm1(2 * self.nats * self.sharper),
        }.get(column, self.share)


def floor_of(facts: Facts) -> Floor:
    """The floor of a recording with these facts."""
    temperatures = [part.temperature for part in (facts.sampling, facts.tree) if part is not None]
    sharpest = min([1.0, *(float(value) for value in temperatures if value)])
    noise = facts.replay.noise if facts.replay is not None else None
    eps = _EPS.get(str(facts.model.dtype), _EPS["float32"])
    least = _UNITS * (_EPS["float32"] if noise is not None else eps)
    return Floor(max(_TIMES * (noise or 0.0), least), noise is not None, 1 / max(sharpest, 0.01))
