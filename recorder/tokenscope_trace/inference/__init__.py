"""A model run and measured in this process: decoding, the replay pass, attention, the lens, the engines of a tree.

In: a loaded model and token ids. Out: `InProcess`, the back end whose rows, layers and branches these are. Knows no syntax.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.inference.footprint import BASE, recording_bytes
    from tokenscope_trace.inference.in_process import InProcess
    from tokenscope_trace.inference.lens import spread_layers
    from tokenscope_trace.inference.replay import REPLAY_CHUNK, can_continue
    from tokenscope_trace.inference.scoring import windows
else:
    __getattr__ = exports(__name__, __file__)

__all__ = ["BASE", "REPLAY_CHUNK", "InProcess", "can_continue", "recording_bytes", "spread_layers", "windows"]
