"""The tree of alternatives: which are continued, how far, and in which order.

In: the main path with its numbers, and what continues it. Out: branches as columns. Knows no file and no words.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.tree.finishing import to_finish
    from tokenscope_trace.tree.forced_paths import encode_forced
    from tokenscope_trace.tree.growth import Growth, grow_tree
    from tokenscope_trace.tree.nodes import Grown
    from tokenscope_trace.tree.search import KEPT_BACK, Finishing, wave_of
else:
    __getattr__ = exports(__name__, __file__)

__all__ = [
    "KEPT_BACK",
    "Finishing",
    "Grown",
    "Growth",
    "encode_forced",
    "grow_tree",
    "to_finish",
    "wave_of",
]
