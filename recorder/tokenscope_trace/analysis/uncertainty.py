"""Uncertainty of a recording: its least certain lines and tokens, its perplexity. In: a Trace. Out: plain data. Reads only; draws nothing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.schema import SURPRISAL_EDGES
from tokenscope_trace.traces.texts import Text
from tokenscope_trace.traces.trace import Trace

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


def is_changed(file: Text, line: int) -> bool:
    """Whether a line of a scored file, from 1, is one that was changed."""
    ranges = file.changed or ()
    place = bisect_right(ranges, line, key=lambda lines: lines[0])
    return place > 0 and line <= ranges[place - 1][1]


def changed_lines(file: Text) -> int:
    """How many lines of a scored file were changed."""
    return sum(last - first + 1 for first, last in file.changed or ())


def changed_nodes(file: Text) -> Array:
    """The tokens of a scored file that begin on a changed line."""
    numbers = file.line_of
    return np.array([node for node in file.nodes.tolist() if is_changed(file, numbers[node])], dtype=np.int32)


def ranked_files(trace: Trace) -> list[Text]:
    """The scored files: those with changes first, by the surprisal of these lines, then the others by theirs."""

    def weight(file: Text) -> tuple[bool, float]:
        nodes = changed_nodes(file) if file.changed else file.nodes
        return not file.changed, -float(np.nansum(trace.nodes.surprisal[nodes], dtype=np.float64))

    return sorted(trace.files, key=weight)


def least_certain_lines(trace: Trace, count: int | None = None) -> list[Line]:
    """The lines whose tokens of output or scored code carry the most surprisal, changed lines first, then most first;
    at most `count` of them.

    A token counts where its first byte stands.
    """
    if trace.files:
        found = [line for file in trace.files for line in _lines_of(file, file.nodes, file.source)]
    else:
        found = _lines_of(trace.texts[0], trace.output)
    return sorted(found, key=lambda line: (not line.changed, -line.bits, line.number))[:count]


def _lines_of(text: Text, counted: Array, file: str | None = None) -> list[Line]:
    """The lines of a text on which a measured one of the counted tokens begins."""
    lines = text.bytes.split(b"\n")
    surprisal = text.trace.nodes.surprisal
    nodes_of: dict[int, list[int]] = {}
    for node in counted[~np.isnan(surprisal[counted])].tolist():
        nodes_of.setdefault(text.line_of[node], []).append(node)
    return [
        Line(
            number=number,
            text=lines[number - 1].decode("utf-8", "replace"),
            bits=float(surprisal[nodes].sum(dtype=np.float64)),
            node=max(nodes, key=lambda node: float(surprisal[node])),
            file=file,
            changed=is_changed(text, number),
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
