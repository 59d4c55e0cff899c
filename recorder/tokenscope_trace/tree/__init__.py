"""The tree of alternatives: which are continued, how far, and in which order.

In: the main path with its numbers, and what continues it. Out: branches as columns. Knows no file and no words.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.tree.budget import default_nodes
    from tokenscope_trace.tree.forced_paths import MOST_TOKENS, encode_forced
    from tokenscope_trace.tree.growth import Growth, grow_tree
    from tokenscope_trace.tree.nodes import Grown
    from tokenscope_trace.tree.search import wave_of
    from tokenscope_trace.tree.surroundings import Surroundings
else:
    __getattr__ = exports(__name__, __file__)

__all__ = [
    "MOST_TOKENS",
    "Grown",
    "Growth",
    "Surroundings",
    "default_nodes",
    "encode_forced",
    "grow_tree",
    "wave_of",
]
