"""How the bytes of a text move when some of its tokens become others of another length. Arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.syntax import TokenPlaces

Offsets = NDArray[np.int64]


@dataclass(frozen=True)
class Moved:
    """Tokens before and after: their bytes [start, end) then and their begin now, (T + 1,) with the text's end; which are hidden."""

    start: Offsets  # (T,)
    end: Offsets  # (T,)
    now: Offsets  # (T + 1,)
    hidden: NDArray[np.bool_]  # (T,)

    @classmethod
    def of(cls, places: TokenPlaces, sizes: Sequence[int], hidden: Array) -> Moved:
        """From the places that were, and the sizes in bytes that are."""
        now = np.concatenate([[0], np.cumsum(np.array(sizes, dtype=np.int64))]).astype(np.int64)
        return cls(places.start, places.end, now, np.asarray(hidden, dtype=bool))

    def starts(self, values: Array) -> NDArray[np.uint32]:
        """Where what began at these bytes begins: within a hidden token, at its begin."""
        token, within = self._within(values)
        return (self.now[token] + np.where(self._is_hidden(token), 0, within)).astype(np.uint32)

    def ends(self, values: Array) -> NDArray[np.uint32]:
        """Where what ended at these bytes ends: within a hidden token, at its end."""
        token, within = self._within(values)
        end = np.where(within > 0, self.now[np.minimum(token + 1, len(self.now) - 1)], self.now[token])
        return np.where(self._is_hidden(token), end, self.now[token] + within).astype(np.uint32)

    def hides(self, start: Array, end: Array) -> NDArray[np.bool_]:
        """Whether hidden tokens alone hold the bytes [start, end), or what has no bytes lies within one."""
        first = np.searchsorted(self.end, start, side="right")
        last = np.searchsorted(self.start, end, side="left")
        shown = np.concatenate([[0], np.cumsum(~self.hidden & (self.end > self.start))])
        hides: NDArray[np.bool_] = (first < last) & (shown[np.maximum(first, last)] == shown[first])
        return hides

    def _within(self, values: Array) -> tuple[Offsets, Offsets]:
        """(the token that holds each byte, T at the text's end; how far it lies behind the token's begin)."""
        values = np.asarray(values, dtype=np.int64)
        token = np.searchsorted(self.end, values, side="right")
        begin = np.append(self.start, self.end[-1] if len(self.end) else 0)
        return token.astype(np.int64), np.maximum(values - begin[token], 0)

    def _is_hidden(self, token: Offsets) -> NDArray[np.bool_]:
        return np.append(self.hidden, False)[token]
