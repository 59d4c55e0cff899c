"""What a model thinks of each token of a faulty program, and what would follow from what it would have rather written.

In: a loaded model and a text. Out: plain data. The numbers are those of the package's own `score`.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import tokenscope_trace as ts
from tokenscope_trace.inference.tree_attention import TreeAttention
from tokenscope_trace.models.backend import Tip
from tokenscope_trace.models.forward import Reader

LIKELY = 0.05
HORIZON = 10  # tokens behind a replaced one that are read again
ROWS = 160  # tokens in one pass: their logits are (ROWS, V) float32


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
def likelier_rest(model: ts.LoadedModel, ids: list[int], replaced: list[tuple[int, int]]) -> list[list[float]]:
    """By how many bits each of the next tokens becomes likelier where the one at a place is replaced: (HORIZON,) each, fewer at the end.

    One prefill of the text; then all that is replaced is read behind it, each seeing its own path alone. Both sides of a difference are
    of this model, whatever its number format.
    """
    old = _bits(Reader(model.model)(ids, range(len(ids)), use_cache=False)[0][:-1], ids[1:])
    engine = TreeAttention(model.model, ids)
    found: list[list[float]] = []
    for chains in _batches(ids, replaced):
        tips, firsts = [], []
        for place, chain in chains:
            firsts.append(len(tips))
            for step, token in enumerate(chain):
                before = place - 1 if step == 0 else len(ids) + len(tips) - 1
                tips.append(Tip(node=len(ids) + len(tips), parent=before, token=token, position=place + step))
        logits = engine.advance(tips)
        for first, (place, _) in zip(firsts, chains, strict=True):
            rest = ids[place + 1 : place + 1 + HORIZON]
            gains = old[place : place + len(rest)] - _bits(logits[first : first + len(rest)], rest)
            found.append([round(gain, 2) for gain in gains.tolist()])
        engine.release([tip.node for tip in tips])
    return found


def _batches(ids: list[int], replaced: list[tuple[int, int]]) -> Iterator[list[tuple[int, list[int]]]]:
    """(place, the token that is put there with those behind it), so many that all of them have at most ROWS tokens."""
    chains = [(place, [token, *ids[place + 1 : place + HORIZON]]) for place, token in replaced]
    most = ROWS // HORIZON
    yield from (chains[first : first + most] for first in range(0, len(chains), most))


def _bits(logits: torch.Tensor, tokens: list[int]) -> NDArray[np.float64]:
    """-log2 p of each token, (T,), by the logits before it, (T, V)."""
    known = logits.float()
    own = known.gather(1, torch.tensor(tokens, dtype=torch.long)[:, None])[:, 0]
    found: NDArray[np.float64] = (known.logsumexp(-1) - own).double().numpy() / log(2)
    return found
