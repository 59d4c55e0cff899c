"""TokenScope: how a language model came to write a piece of code, token by token.

Reading a trace needs no torch: `from tokenscope_trace import Trace`.
"""

from tokenscope_trace.traces.trace import Trace

__all__ = ["Trace", "__version__"]
__version__ = "0.1.0"
