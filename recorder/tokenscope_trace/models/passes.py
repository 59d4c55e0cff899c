"""The passes of a model: how many tokens it reads at once, and how many rows are made of them at once."""

from __future__ import annotations

HEAD_ROWS = 256  # of logits at once: the fewer, the more often the head's weights are read
REPLAY_CHUNK = 128  # queries at once behind a cache: wide enough for the arithmetic, narrow enough for their logits
BLOCK_BYTES = 16 << 20  # of attention's scores at once: larger blocks leave the cache


def windows(count: int, window: int) -> list[tuple[int, int, int]]:
    """(begin, end, first row) of the passes over `count` tokens: each scores the tokens after its first row up to its end.

    The rows are counted from `begin`. Every token but the first is scored once, behind half a window of context at least or
    behind all that there is.
    """
    found = [(0, min(count, window), 0)]
    while found[-1][1] < count:
        end = found[-1][1]
        begin = end - window // 2
        found.append((begin, min(count, begin + window), end - 1 - begin))
    return found
