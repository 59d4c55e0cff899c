"""Uncertainty of a recording: its least certain lines and tokens, its perplexity. In: a Trace. Out: plain data. Reads only; draws nothing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.programs import line_of_nodes, program_bytes
from tokenscope_trace.traces.schema import SURPRISAL_EDGES
from tokenscope_trace.traces.trace import File, Trace

NEAR_CERTAIN = SURPRISAL_EDGES[0]  # bits: the first edge of the report's colour scale, a probability of 93 %
UNCERTAIN = 1.0  # bits: a probability of a half or less


@dataclass(frozen=True)
class Line:
    """One line of the program, as the report numbers it: its text, the surprisal of its output tokens in bits (their sum),
    and the output node in it with the largest surprisal; `file` and `changed` are those of scored code.
    """

    number: int
    text: str
    bits: float
    node: int
    file: str | None = None
    changed: bool = False


def perplexity(logprobs: NDArray[np.float32]) -> float:
    """exp(mean of -ln p) over a span, >= 1; NaN where nothing was measured."""
    measured = logprobs[~np.isnan(logprobs)].astype(np.float64)
    with np.errstate(over="ignore"):
        return float(np.exp(-measured.mean())) if len(measured) else float("nan")


def near_certain(surprisals: NDArray[np.float32]) -> tuple[int, int]:
    """(tokens with less than NEAR_CERTAIN bits of surprisal, tokens that were measured)."""
    measured = surprisals[~np.isnan(surprisals)]
    return int(np.count_nonzero(measured < NEAR_CERTAIN)), len(measured)


def surprised(surprisals: NDArray[np.float32]) -> tuple[int, int]:
    """(tokens with UNCERTAIN bits of surprisal or more, tokens that were measured)."""
    measured = surprisals[~np.isnan(surprisals)]
    return int(np.count_nonzero(measured >= UNCERTAIN)), len(measured)


def is_changed(file: File, line: int) -> bool:
    """Whether a line of a scored file, from 1, is one that was changed."""
    ranges = file.changed or ()
    place = bisect_right(ranges, line, key=lambda lines: lines[0])
    return place > 0 and line <= ranges[place - 1][1]


def changed_lines(file: File) -> int:
    """How many lines of a scored file were changed."""
    return sum(last - first + 1 for first, last in file.changed or ())


def changed_nodes(trace: Trace, file: File) -> Array:
    """The tokens of a scored file that begin on a changed line."""
    numbers = line_of_nodes(trace, file.nodes)
    return np.array([node for node in file.nodes.tolist() if is_changed(file, numbers[node])], dtype=np.int32)


def ranked_files(trace: Trace) -> list[File]:
    """The scored files: those with changes first, by the surprisal of these lines, then the others by theirs."""

    def weight(file: File) -> tuple[bool, float]:
        nodes = changed_nodes(trace, file) if file.changed else file.nodes
        return not file.changed, -float(np.nansum(trace.nodes.surprisal[nodes], dtype=np.float64))

    return sorted(trace.files, key=weight)


def least_certain_lines(trace: Trace, count: int | None = None) -> list[Line]:
    """The lines whose tokens of output or scored code carry the most surprisal, changed lines first, then most first;
    at most `count` of them.

    A token counts where its first byte stands.
    """
    if trace.files:
        found = [line for file in trace.files for line in _lines_of(trace, file.nodes, file.nodes, file)]
    else:
        found = _lines_of(trace, trace.texts[0], trace.output)
    return sorted(found, key=lambda line: (not line.changed, -line.bits, line.number))[:count]


def _lines_of(trace: Trace, path: Array, counted: Array, file: File | None = None) -> list[Line]:
    """The lines of a path on which a measured one of the counted tokens begins."""
    numbers = line_of_nodes(trace, path)
    texts = program_bytes(trace, path).split(b"\n")
    surprisal = trace.nodes.surprisal
    nodes_of: dict[int, list[int]] = {}
    for node in counted[~np.isnan(surprisal[counted])].tolist():
        nodes_of.setdefault(numbers[node], []).append(node)
    return [
        Line(
            number=number,
            text=texts[number - 1].decode("utf-8", "replace"),
            bits=float(surprisal[nodes].sum(dtype=np.float64)),
            node=max(nodes, key=lambda node: float(surprisal[node])),
            file=file.source if file else None,
            changed=file is not None and is_changed(file, number),
        )
        for number, nodes in nodes_of.items()
    ]


def others(trace: Trace, node: int) -> Iterator[tuple[int, float]]:
    """(token id, probability) of the stored alternatives that do not stand at the node, most probable first."""
    rows = trace.alternatives_of(node)
    own = int(trace.nodes.token_id[node])
    for token_id, logprob in zip(trace.alternatives.token_id[rows], trace.alternatives.logprob[rows], strict=True):
        if int(token_id) != own:
            yield int(token_id), float(np.exp(logprob))


def best_other(trace: Trace, node: int) -> tuple[int, float] | None:
    """The first of `others`, None where there is none."""
    return next(others(trace, node), None)
