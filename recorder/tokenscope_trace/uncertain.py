"""Where a recording was least certain, for summaries. In: a Trace. Out: plain data. Reads only; draws nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.program_text import file_order, lines, program
from tokenscope_trace.traces import Trace

NEAR_CERTAIN = 0.1  # bits: the first edge of the report's colour scale, a probability of 93 %


@dataclass(frozen=True)
class Line:
    """One line of the program, as the report numbers it: its text, the surprisal of its output tokens in bits (their sum),
    and the output node in it with the largest surprisal.
    """

    number: int
    text: str
    bits: float
    node: int


def perplexity(logprobs: NDArray[np.float32]) -> float:
    """exp(mean of -ln p) over a span, >= 1; NaN where nothing was measured."""
    measured = logprobs[~np.isnan(logprobs)].astype(np.float64)
    return float(np.exp(-measured.mean())) if len(measured) else float("nan")


def near_certain(surprisals: NDArray[np.float32]) -> tuple[int, int]:
    """(tokens with less than NEAR_CERTAIN bits of surprisal, tokens that were measured)."""
    measured = surprisals[~np.isnan(surprisals)]
    return int(np.count_nonzero(measured < NEAR_CERTAIN)), len(measured)


def least_certain_lines(trace: Trace, count: int) -> list[Line]:
    """The lines whose output tokens carry the most surprisal, most first; a token counts where its first byte stands."""
    path = file_order(trace)
    numbers = lines(trace, path)
    texts = program(trace, path).split(b"\n")
    surprisal = trace.nodes.surprisal
    nodes_of: dict[int, list[int]] = {}
    for node in trace.output[~np.isnan(surprisal[trace.output])].tolist():
        nodes_of.setdefault(numbers[node], []).append(node)
    found = [
        Line(
            number=number,
            text=texts[number - 1].decode("utf-8", "replace"),
            bits=float(surprisal[nodes].sum(dtype=np.float64)),
            node=max(nodes, key=lambda node: float(surprisal[node])),
        )
        for number, nodes in nodes_of.items()
    ]
    return sorted(found, key=lambda line: (-line.bits, line.number))[:count]


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
