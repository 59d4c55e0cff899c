"""The recording itself: a model and a prompt, or code that exists, become a Trace.

In: a model, a prompt or documents, settings, a Watcher. Out: a Trace without its analysis.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.recording.backends import backend_of, has_device, load_backend
    from tokenscope_trace.recording.documents import (
        Compared,
        Document,
        changed_documents,
        named_documents,
        texts_as_documents,
    )
    from tokenscope_trace.recording.facts import clock
    from tokenscope_trace.recording.recorder import record
    from tokenscope_trace.recording.scorer import WINDOW, score
else:
    __getattr__ = exports(__name__, __file__)

__all__ = [
    "WINDOW",
    "Compared",
    "Document",
    "backend_of",
    "changed_documents",
    "clock",
    "has_device",
    "load_backend",
    "named_documents",
    "record",
    "score",
    "texts_as_documents",
]
