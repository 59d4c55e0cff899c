"""What a model thinks of each token of a faulty program, and what would follow from what it would have rather written.

In: a loaded model and a text. Out: plain data. The numbers are those of the package's own `score`.
"""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import torch

import tokenscope_trace as ts
from tokenscope_trace.inference.tree_attention import TreeAttention
from tokenscope_trace.models.backend import Tip

LIKELY = 0.05
HORIZON = 12  # tokens behind a replaced one that are read again
ROWS = 160  # tokens in one pass: their logits are (ROWS, V) float32
BITS = 1 / log(2)


def read(model: ts.LoadedModel, text: str) -> dict[str, Any]:
    """The tokens of a Python text as columns, each with the line on which it begins; NaN of the first is None."""
    trace = ts.score(model, {"program.py": text})
    file = trace.files[0]
    kinds = {span.start: span.kind for span in file.spans("token")}
    starts = dict(zip(file.places.nodes.tolist(), file.places.start.tolist(), strict=True))
    nodes = file.nodes
    return {
        "ids": trace.nodes.token_id[nodes].tolist(),
        "texts": [trace.token_bytes(node).decode("utf-8", "replace") for node in nodes.tolist()],
        "lines": [file.line_of[node] for node in nodes.tolist()],
        "kinds": [kinds.get(starts[node], "") for node in nodes.tolist()],
        **{name: _rounded(getattr(trace.nodes, name)[nodes]) for name in ("surprisal", "entropy", "margin", "gap")},
        "rank": trace.nodes.rank[nodes].tolist(),
        "likely": [_likely(trace, node) for node in nodes.tolist()],
    }


def _likely(trace: ts.Trace, node: int) -> list[list[float]]:
    """[token id, probability] of the others at a token that are likely."""
    rows = trace.alternatives_of(node)
    pairs = zip(trace.alternatives.token_id[rows].tolist(), np.exp(trace.alternatives.logprob[rows]).tolist(), strict=True)
    return [[token, round(p, 4)] for token, p in pairs if p >= LIKELY and token != int(trace.nodes.token_id[node])]


def _rounded(values: Any) -> list[float | None]:
    return [None if np.isnan(value) else round(value, 4) for value in values.tolist()]


def suspects(reading: dict[str, Any], lines: set[int], most: int) -> list[tuple[int, int]]:
    """(place, token id) of others on these lines that are likely where they would stand, the likeliest first."""
    found = []
    for place, others in enumerate(reading["likely"]):
        if reading["lines"][place] in lines and reading["surprisal"][place] is not None:
            found += [(-p, place, int(token)) for token, p in others]
    return [(place, token) for _, place, token in sorted(found)[:most]]


@torch.no_grad()
def likelier_rest(model: ts.LoadedModel, reading: dict[str, Any], replaced: list[tuple[int, int]]) -> list[list[float]]:
    """By how many bits each of the next tokens becomes likelier where the one at a place is replaced: (HORIZON,) each, or fewer at the end.

    One prefill of the text; then all that is replaced is read behind it, each seeing its own path alone.
    """
    ids = reading["ids"]
    engine = TreeAttention(model.model, ids)
    found: list[list[float]] = []
    batch: list[Tip] = []
    wanted: list[tuple[int, int]] = []  # (first row, place) of each that is in the batch
    node = len(ids)

    def flush() -> None:
        if not batch:
            return
        logits = engine.advance(batch)
        logprobs = torch.log_softmax(logits.float(), dim=-1)
        for first, place in wanted:
            rest = torch.tensor(ids[place + 1 : place + 1 + HORIZON])
            new = logprobs[first : first + len(rest)].gather(1, rest[:, None])[:, 0].numpy() * BITS
            old = np.array(reading["surprisal"][place + 1 : place + 1 + HORIZON], dtype=np.float64)
            found.append([round(value, 2) for value in (new + old).tolist()])
        engine.release([tip.node for tip in batch])
        batch.clear()
        wanted.clear()

    for place, token in replaced:
        chain = [token, *ids[place + 1 : place + HORIZON]]
        chain = chain[: max(1, len(ids) - place - 1)]
        if len(batch) + len(chain) > ROWS:
            flush()
        wanted.append((len(batch), place))
        for step, one in enumerate(chain):
            batch.append(Tip(node=node, parent=place - 1 if step == 0 else node - 1, token=one, position=place + step))
            node += 1
    flush()
    return found
