"""The choice of a back end. The only module above `inference` that reaches torch, when a recording starts: help and mistakes cost
nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tokenscope_trace.models.backend import Backend
from tokenscope_trace.settings import ModelSettings

if TYPE_CHECKING:
    from tokenscope_trace.models.loading import LoadedModel


def backend_of(model: Backend | LoadedModel) -> Backend:
    """The back end that runs a model: itself, or this process for one that is loaded here."""
    if isinstance(model, Backend):
        return model
    from tokenscope_trace.inference.in_process import InProcess

    return InProcess(model)


def load_backend(settings: ModelSettings) -> Backend:
    """The back end of a model by its name; its libraries say nothing on the way. Raises ModelError."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from tokenscope_trace.inference.in_process import load_quietly

    return load_quietly(settings)


def has_device(name: str) -> bool:
    """Whether a model can run here on the device of this name."""
    from tokenscope_trace.inference.in_process import is_device

    return is_device(name)
