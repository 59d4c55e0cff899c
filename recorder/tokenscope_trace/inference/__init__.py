"""A model run and measured in this process: decoding, the replay pass, attention, the lens, the engines of a tree.

In: a loaded model and token ids. Out: `InProcess`, the back end whose rows, layers and branches these are. Knows no syntax.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.inference.in_process import InProcess, is_device, load_quietly
else:
    __getattr__ = exports(__name__, __file__)

__all__ = ["InProcess", "is_device", "load_quietly"]
