"""The limit of the format: a recording whose columns are more than a file may hold is one that lacks some of them. A Trace in, a Trace out."""

from __future__ import annotations

from tokenscope_trace.failures import TOO_MUCH, Missing
from tokenscope_trace.reports.size_limit import fitted, with_fewer_branches
from tokenscope_trace.traces.container import MAX_PAYLOAD
from tokenscope_trace.traces.trace import Trace
from tokenscope_trace.traces.work_budget import excess_of

_FACTS_BYTES = 1 << 25  # what facts and names of columns take at most
_STAGES = {"attention": ("attention", False), "the logit lens": ("lens", False), "branches": ("tree", True)}


def within_format(trace: Trace, most: int = MAX_PAYLOAD - _FACTS_BYTES) -> tuple[Trace, list[Missing]]:
    """The recording with columns of at most so many bytes, and programs of its branches that keep to the work budget, and what it lacks
    for that; what a page leaves out first goes first.
    """
    found = fitted(trace, most, _column_bytes)
    reason = f"a trace holds at most {MAX_PAYLOAD >> 20} MiB"
    if not found.left_out:
        found = with_fewer_branches(trace, _is_little)
        reason = TOO_MUCH
    if not found.left_out:
        return trace, []
    missing = [
        Missing(stage, reason, partly)
        for words, (stage, partly) in _STAGES.items()
        if any(part.endswith(words) for part in found.left_out)
    ]
    others = [
        f"To keep to that, it lacks {part}." for part in found.left_out if part.endswith(("alternatives", "each token"))
    ]
    run = found.trace.run
    notes = [*run["notes"], *(one.sentence for one in missing), *others]
    return found.trace.replaced(
        {**run, "missing": [*(run.get("missing") or []), *(one.fact for one in missing)], "notes": notes}, {}
    ), missing


def _is_little(trace: Trace) -> bool:
    return not excess_of(trace.tables, trace.facts.main_leaf)


def _column_bytes(trace: Trace) -> int:
    return sum(column.nbytes for table in trace.tables.values() for column in table.values())
