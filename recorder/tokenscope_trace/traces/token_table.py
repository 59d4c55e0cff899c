"""The token table of a recording: one row a token, as columns that pandas, polars and numpy take without a loop. A Trace in, arrays out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.schema import CheckResult, Origin

if TYPE_CHECKING:
    from tokenscope_trace.traces.trace import Trace

_METRICS = ("logprob", "probability", "surprisal", "entropy", "margin", "rank", "gap", "tail", "sampled_logprob", "noise")
_VERDICTS = {0: "", CheckResult.PASS: "pass", CheckResult.FAIL: "fail", CheckResult.TIME_OUT: "time out"}


def tabulate_tokens(trace: Trace) -> dict[str, Array]:
    """The columns, (N,) each, in the order of the nodes: prompt and output or files, then branch after branch."""
    count = len(trace.nodes)
    branch = np.full(count, -1, dtype=np.int32)
    for number, (first, size) in enumerate(zip(trace.branches.first, trace.branches.count, strict=True)):
        branch[first : first + size] = number
    file, kind = _of_texts(trace)
    return {
        "node": np.arange(count, dtype=np.int32),
        "parent": trace.nodes.parent,
        "origin": np.array([origin.name.lower() for origin in Origin])[trace.nodes.origin],
        "branch": branch,
        "token_id": trace.nodes.token_id,
        "text": _words(trace.token_bytes(node).decode("utf-8", "replace") for node in range(count)),
        "kind": kind,
        "file": file,
        "line": token_lines(trace),
        **{name: getattr(trace.nodes, name) for name in _METRICS},
        "verdict": _verdicts(trace, branch),
    }


def token_lines(trace: Trace) -> NDArray[np.int32]:
    """The line, from 1, on which each token begins in the program that it belongs to, (N,)."""
    line = np.zeros(len(trace.nodes), dtype=np.int32)
    for text in trace.texts:
        line[text.nodes] = list(text.line_of.values())
    breaks = [piece.count(b"\n") for piece in trace.program_pieces]
    parent = trace.nodes.parent.tolist()
    for node in np.flatnonzero(line == 0).tolist():  # of branches, each behind its parent
        line[node] = line[parent[node]] + breaks[parent[node]]
    return line


def _of_texts(trace: Trace) -> tuple[Array, Array]:
    """(file, kind of syntax) of every token, (N,) each; a branch's have no kind."""
    count = len(trace.nodes)
    files, kinds = [trace.texts[0].source] * count, [""] * count
    for text in trace.texts:
        for node in text.nodes.tolist():
            files[node] = text.source
        spans = iter(text.spans("token"))
        for node, start, end in zip(text.nodes.tolist(), text.places.start.tolist(), text.places.end.tolist(), strict=True):
            if end > start:  # others have no span
                kinds[node] = next(spans).kind
    return _words(files), _words(kinds)


def _verdicts(trace: Trace, branch: NDArray[np.int32]) -> Array:
    """What the user's command said of the program that a token belongs to: the output's, or the branch's; empty for nothing."""
    said = np.zeros(len(trace.branches) + 1, dtype=np.uint8)  # the last is the output's
    said[trace.checks.branch] = trace.checks.result
    own = np.where((branch >= 0) | (trace.nodes.origin == Origin.MAIN), said[branch], 0)
    return np.array([_VERDICTS[code] for code in range(len(_VERDICTS))])[own]


def _words(values: Any) -> Array:
    """Texts as objects, each of its own length: fixed widths would take the longest one's room for all."""
    listed = list(values)
    column = np.empty(len(listed), dtype=object)
    column[:] = listed
    return column
