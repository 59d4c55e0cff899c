"""What a recording's code comes to: a Trace in, a Trace out, with syntax, outcomes, decisions and the user's check.

Also numbers about one: where it was least certain, where the explored probability leads. Runs no model; the check is the user's command.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.analysis.behaviour import explored_probability, pass_share, probability_by_outcome
    from tokenscope_trace.analysis.check_command import fault_beforehand, names_file
    from tokenscope_trace.analysis.check_folder import place_in, require_copyable
    from tokenscope_trace.analysis.decisions import Decision, find_decisions
    from tokenscope_trace.analysis.kept import cut_at_stop
    from tokenscope_trace.analysis.pipeline import analysed, with_checks, with_decisions
    from tokenscope_trace.analysis.structure import Code, add_structure
    from tokenscope_trace.analysis.uncertainty import (
        UNCERTAIN,
        Line,
        best_other,
        changed_lines,
        changed_nodes,
        is_changed,
        least_certain_lines,
        near_certain,
        others,
        perplexity,
        ranked_files,
        surprised,
    )
    from tokenscope_trace.analysis.units import PromptUnit
else:
    __getattr__ = exports(__name__, __file__)

__all__ = [
    "UNCERTAIN",
    "Code",
    "Decision",
    "Line",
    "PromptUnit",
    "add_structure",
    "analysed",
    "best_other",
    "changed_lines",
    "changed_nodes",
    "cut_at_stop",
    "explored_probability",
    "fault_beforehand",
    "find_decisions",
    "is_changed",
    "least_certain_lines",
    "names_file",
    "near_certain",
    "others",
    "pass_share",
    "perplexity",
    "place_in",
    "probability_by_outcome",
    "ranked_files",
    "require_copyable",
    "surprised",
    "with_checks",
    "with_decisions",
]
