"""One recording from its settings to its file: jobs, stages, output, signals, repetition.

In: a Job, a Plan, a Display. Out: a trace that is written, and an exit code. What a stage gave outlives whatever befalls those after it.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.session.checked_settings import (
        checked_check,
        checked_fim,
        checked_generation,
        checked_language,
        checked_model,
        checked_number,
        checked_replay,
        checked_tree,
    )
    from tokenscope_trace.session.display import Watched
    from tokenscope_trace.session.interrupts import abortable
    from tokenscope_trace.session.jobs import Job, generation_job, scoring_job
    from tokenscope_trace.session.recorded_settings import RecordedRequest, placed_check, recorded_model, recorded_request
    from tokenscope_trace.session.repetition import repetition_job
    from tokenscope_trace.session.runner import Plan, exit_code, perform, rehearse, run
else:
    __getattr__ = exports(__name__, __file__)

__all__ = [
    "Job",
    "Plan",
    "RecordedRequest",
    "Watched",
    "abortable",
    "checked_check",
    "checked_fim",
    "checked_generation",
    "checked_language",
    "checked_model",
    "checked_number",
    "checked_replay",
    "checked_tree",
    "exit_code",
    "generation_job",
    "perform",
    "placed_check",
    "recorded_model",
    "recorded_request",
    "rehearse",
    "repetition_job",
    "run",
    "scoring_job",
]
