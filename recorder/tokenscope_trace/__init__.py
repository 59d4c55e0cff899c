"""TokenScope: how a language model came to write a piece of code, token by token.

    import tokenscope_trace as ts

    model = ts.load_model("Qwen/Qwen2.5-Coder-0.5B")
    trace = ts.record(model, "def mean(values):", source="mean.py")
    trace.save("mean.tsc")

`__all__` is the interface; everything deeper may change. Each name is imported when it is asked for, torch when a model is loaded:
reading a trace, `ts.Trace.load("mean.tsc")`, needs none.
"""

from typing import TYPE_CHECKING

from tokenscope_trace import errors
from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.api import (
        analyse,
        compare,
        html,
        json_report,
        load_model,
        markdown,
        record,
        redact,
        sarif,
        score,
    )
    from tokenscope_trace.comparison.side_by_side import SideBySide
    from tokenscope_trace.models.loading import LoadedModel
    from tokenscope_trace.progress import Watcher
    from tokenscope_trace.settings import (
        CheckSettings,
        Forced,
        ForcedPath,
        GenerationSettings,
        ModelSettings,
        ReplaySettings,
        TreeSettings,
    )
    from tokenscope_trace.traces.trace import Trace
else:
    __getattr__ = exports(__name__, __file__)

__all__ = [
    "CheckSettings",
    "Forced",
    "ForcedPath",
    "GenerationSettings",
    "LoadedModel",
    "ModelSettings",
    "ReplaySettings",
    "SideBySide",
    "Trace",
    "TreeSettings",
    "Watcher",
    "__version__",
    "analyse",
    "compare",
    "errors",
    "html",
    "json_report",
    "load_model",
    "markdown",
    "record",
    "redact",
    "sarif",
    "score",
]
__version__ = "0.1.0"


def __dir__() -> list[str]:
    return __all__
