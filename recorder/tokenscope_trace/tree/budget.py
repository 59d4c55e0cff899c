"""The budget of a tree that nobody gave a number for: it follows the output's length, and takes at most a fixed multiple of its time. Pure."""

from __future__ import annotations

PER_TOKEN = (
    32  # nodes for each token of output: what the likely alternatives of code need to reach the end of their function
)
LEAST, MOST = 256, 4096
FEWEST = 64  # of a model that is slow
TIMES = 10  # the output's own time


def default_nodes(tokens: int, output_seconds: float | None = None, seconds_per_node: float | None = None) -> int:
    """Nodes for an output of so many tokens: a power of two, so that a machine's moods seldom move it. The times are None where nothing is
    known of them.
    """
    most = min(max(PER_TOKEN * tokens, LEAST), MOST)
    if output_seconds and seconds_per_node:
        most = min(most, int(TIMES * output_seconds / seconds_per_node))
    return max(1 << (max(most, 1).bit_length() - 1), FEWEST)
