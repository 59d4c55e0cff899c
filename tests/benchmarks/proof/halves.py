"""The two halves of the benchmark: what may be looked at while something is tuned, and what is judged once, at the end.

A program's half hangs on its name alone, so no program is added to, or taken from, a half by what comes beside it; all mutants of a
program are in its half.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

SEED = "tokenscope proof 1"


class Half(StrEnum):
    """To tune on, or held out."""

    TUNING = "tuning"
    HELD_OUT = "held-out"


def digest(*words: str) -> int:
    """A number, the same on every machine, of the seed and some words."""
    return int.from_bytes(hashlib.sha256("\0".join((SEED, *words)).encode()).digest()[:8], "big")


def half_of(program: str) -> Half:
    """The half of a program of this name."""
    return Half.TUNING if digest("half", program) % 2 == 0 else Half.HELD_OUT
