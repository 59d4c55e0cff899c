"""Learning rate and window length, both as functions of the share of the time that is gone."""

from __future__ import annotations

WARM_UP = 0.02
LONG_FROM = 0.85  # from here on windows have the model's full context length
SHORT_WINDOW = 512
LONG_WINDOW = 2048


def rate_factor(done: float) -> float:
    """Factor on the peak learning rate: linear warm-up, then linear decay to zero."""
    if done < WARM_UP:
        return max(done, 1e-3) / WARM_UP
    return max(0.0, (1.0 - done) / (1.0 - WARM_UP))


def window_length(done: float) -> int:
    """Tokens per training window."""
    return SHORT_WINDOW if done < LONG_FROM else LONG_WINDOW
