"""The choice of a back end. The only module above `inference` that reaches torch: inside of its functions, so that help and mistakes
cost nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenscope_trace.models.backend import Backend

if TYPE_CHECKING:
    from tokenscope_trace.models.loading import LoadedModel


def backend_of(model: Backend | LoadedModel) -> Backend:
    """The back end that runs a model: itself, or this process for one that is loaded here."""
    if isinstance(model, Backend):
        return model
    from tokenscope_trace.inference.in_process import InProcess

    return InProcess(model)
