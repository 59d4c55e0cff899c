"""A model run and measured in this process: decoding, the replay pass, attention, the lens, the engines of a tree.

In: a loaded model and token ids. Out: rows of numbers, layers, engines. Knows no syntax and writes nothing.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.inference.engine_choice import Chosen, choose_engine
    from tokenscope_trace.inference.engines import Engine, Tip
    from tokenscope_trace.inference.footprint import BASE, recording_bytes
    from tokenscope_trace.inference.generation import NOT_FINITE, Generated, branch_decoding, check_finite, generate
    from tokenscope_trace.inference.internals import Inside
    from tokenscope_trace.inference.lens import spread_layers
    from tokenscope_trace.inference.metrics import Meter, rows_of
    from tokenscope_trace.inference.replay import REPLAY_CHUNK, Opinions, Replayed, can_continue, read_again, read_whole
    from tokenscope_trace.inference.sampling import BranchDecoding, sampled_logprobs
    from tokenscope_trace.inference.tree_attention import TreeAttention
else:
    __getattr__ = exports(__name__, __file__)

__all__ = [
    "BASE",
    "NOT_FINITE",
    "REPLAY_CHUNK",
    "BranchDecoding",
    "Chosen",
    "Engine",
    "Generated",
    "Inside",
    "Meter",
    "Opinions",
    "Replayed",
    "Tip",
    "TreeAttention",
    "branch_decoding",
    "can_continue",
    "check_finite",
    "choose_engine",
    "generate",
    "read_again",
    "read_whole",
    "recording_bytes",
    "rows_of",
    "sampled_logprobs",
    "spread_layers",
]
