"""Differences of numbers between two recordings, beyond the noise floor. Two Traces with matched paths in, arrays out.

A rank is a count over the whole vocabulary, so it moves where logits within rounding of each other swap. It differs where it does while
ln p is the very same, and where both ranks stand among the stored alternatives and these are further apart than 2 F. An alternative
that one recording lacks differs where it is further than 2 F above the last one that it keeps; a source of attention likewise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.comparison.noise_floor import Doubles, Floor
from tokenscope_trace.comparison.shared_paths import SamePaths
from tokenscope_trace.traces.columns import Array, rows_of_ranges
from tokenscope_trace.traces.layers import LayerAttention, LayerLens
from tokenscope_trace.traces.schema import UNKEPT_STEPS, WEIGHT_STEPS, Origin
from tokenscope_trace.traces.trace import Trace

PARTS = {Origin.PROMPT: "prompt", Origin.MAIN: "output", Origin.BRANCH: "branches", Origin.SCORED: "code"}
_OWN = ("logprob", "gap", "sampled_logprob")  # of the token itself; the others are of the distribution it was taken from
_SHARED = ("entropy", "margin", "tail", "sampled_tail")
_ENTRIES = 1 << 20  # of alternatives or attention that are compared at once
Pairs = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Numbers:
    """The values of one column that differ beyond the floor: D of `compared`, in the recording's order.

    `name` is the column as FORMAT.md has it, `part` what its tokens are: prompt, output, branches or code. `node` (D,) are nodes of the
    recording, `keys` say which of a node's values it is (token_id, layer, head, source), each (D,). NaN is a value that is not there.
    """

    name: str
    part: str
    compared: int
    node: NDArray[np.int32]
    keys: dict[str, Array]
    recorded: Doubles
    again: Doubles
    floor: Doubles

    @property
    def largest(self) -> int:
        """The row whose values are furthest apart, in floors; a value that only one recording has comes first."""
        with np.errstate(divide="ignore", invalid="ignore"):  # whole numbers have no floor
            distance = np.abs(self.recorded - self.again) / self.floor
        return int(np.argmax(np.nan_to_num(distance, nan=np.inf)))


def numbers(a: Trace, b: Trace, paths: SamePaths, floor: Floor) -> list[Numbers]:
    """Of all columns that both recordings have, those with values that differ; and with none, to say how many were compared."""
    found: list[Numbers] = []
    for origin, part in PARTS.items():
        mine = np.flatnonzero((a.nodes.origin == origin) & (paths.other >= 0))
        if not len(mine) and origin not in (Origin.MAIN, Origin.BRANCH):
            continue
        own = (mine, paths.other[mine])
        forks = [fork for fork in paths.forks if a.nodes.origin[fork[0]] == origin]
        both = tuple(np.concatenate([side, [fork[i] for fork in forks]]).astype(np.int32) for i, side in enumerate(own))
        found += [_column(a, b, name, part, *own, floor) for name in _OWN]
        found.append(_ranks(a, b, part, *own, floor))
        found += [_column(a, b, name, part, both[0], both[1], floor) for name in _SHARED]
        found += [_alternatives(a, b, name, part, both[0], both[1], floor) for name in ("logprob", "sampled_logprob")]
    found += _attention(a, b, paths, floor)
    found += _lens(a, b, paths, floor)
    return [one for one in found if one.compared]


def _column(a: Trace, b: Trace, name: str, part: str, mine: Array, theirs: Array, floor: Floor) -> Numbers:
    return _differing(f"nodes.{name}", part, mine, {}, getattr(a.nodes, name)[mine], getattr(b.nodes, name)[theirs], floor)


def _differing(name: str, part: str, node: Array, keys: dict[str, Array], a: Array, b: Array, floor: Floor) -> Numbers:
    """Of values that stand for the same thing, those that differ; a row that neither recording measured is not compared."""
    known = ~(np.isnan(a) & np.isnan(b))
    node, a, b = node[known], a[known].astype(np.float64), b[known].astype(np.float64)
    keys = {key: values[known] for key, values in keys.items()}
    column = name.partition(".")[2]
    bound = np.maximum(floor.of(column, a), floor.of(column, b))
    with np.errstate(invalid="ignore"):
        differs = ~((a == b) | (np.abs(a - b) <= bound))
    return _rows(name, part, node, keys, a, b, bound, differs)


def _rows(
    name: str, part: str, node: Array, keys: dict[str, Array], a: Array, b: Array, bound: Array, differs: Array
) -> Numbers:
    return Numbers(
        name,
        part,
        len(node),
        node[differs].astype(np.int32),
        {key: values[differs] for key, values in keys.items()},
        a[differs].astype(np.float64),
        b[differs].astype(np.float64),
        np.asarray(bound, dtype=np.float64)[differs],
    )


def _ranks(a: Trace, b: Trace, part: str, mine: Array, theirs: Array, floor: Floor) -> Numbers:
    one, two = a.nodes.rank[mine], b.nodes.rank[theirs]
    measured = (one > 0) | (two > 0)
    mine, theirs, one, two = mine[measured], theirs[measured], one[measured], two[measured]
    differs = np.zeros(len(one), dtype=bool)
    for row in np.flatnonzero(one != two):
        node = int(mine[row])
        kept = a.alternatives.logprob[a.alternatives_of(node)]
        low, high = sorted((int(one[row]), int(two[row])))
        still = a.nodes.logprob[node] == b.nodes.logprob[theirs[row]]
        apart = low >= 1 and high <= len(kept) and abs(float(kept[low - 1]) - float(kept[high - 1])) > 2 * floor.nats
        differs[row] = still or apart or low == 0
    return _rows("nodes.rank", part, mine, {}, one, two, np.zeros(len(one)), differs)


def _alternatives(a: Trace, b: Trace, name: str, part: str, mine: Array, theirs: Array, floor: Floor) -> Numbers:
    """Of the alternatives that both nodes of a pair have, and of those that one should have."""
    counts = a.nodes.alternative_count[mine].astype(np.int64) + b.nodes.alternative_count[theirs]
    piece = np.cumsum(counts) // _ENTRIES
    found = [_matched(a, b, name, mine[piece == one], theirs[piece == one], floor) for one in np.unique(piece).tolist()] or [
        (np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0), np.empty(0))
    ]
    node, ids, ours, others = (np.concatenate(column) for column in zip(*found, strict=True))
    return _differing(f"alternatives.{name}", part, node, {"token_id": ids}, ours, others, floor)


def _matched(a: Trace, b: Trace, name: str, mine: Array, theirs: Array, floor: Floor) -> tuple[Array, Array, Array, Array]:
    """(node, id, value, value in the other) of the alternatives of pairs of nodes, those that both have first."""
    keys, orders, values = zip(*(_listed(*side, name) for side in ((a, mine), (b, theirs))), strict=True)
    places = [np.searchsorted(keys[1 - i], keys[i]) for i in range(2)]
    shared = [np.append(keys[1 - i], -1)[places[i]] == keys[i] for i in range(2)]
    pairs = [key >> 32 for key in keys]
    with_both = np.zeros(len(mine), dtype=bool)
    with_both[pairs[0][shared[0]]] = True
    rows = [(keys[0][shared[0]], values[0][shared[0]], values[1][places[0][shared[0]]])]
    for i in range(2):
        last = np.full(len(mine), np.inf)  # of the other's alternatives; it is -inf where there is none
        np.fmin.at(last, pairs[1 - i], orders[1 - i])
        last[np.bincount(pairs[1 - i], minlength=len(mine)) == 0] = -np.inf
        alone = ~shared[i] & (orders[i] > last[pairs[i]] + 2 * floor.nats)
        if name != "logprob":
            alone &= ~with_both[pairs[i]]
        lacking = np.full(int(alone.sum()), np.nan)
        rows.append((keys[i][alone], *((values[i][alone], lacking) if i == 0 else (lacking, values[i][alone]))))
    key, ours, others = (np.concatenate(column) for column in zip(*rows, strict=True))
    order = np.argsort(key >> 32, kind="stable")
    key, ours, others = key[order], ours[order], others[order]
    return mine[key >> 32], (key & 0xFFFFFFFF).astype(np.int32), ours, others


def _listed(trace: Trace, nodes: Array, name: str) -> tuple[Array, Array, Array]:
    """The alternatives of some nodes by ascending key, the node's place among these and the id, each once: (keys, ln p, values)."""
    counts = trace.nodes.alternative_count.astype(np.int64)
    first = (np.cumsum(counts) - counts)[nodes]
    counts = counts[nodes]
    rows = rows_of_ranges(first, counts)
    table = trace.alternatives
    keys = np.repeat(np.arange(len(nodes)), counts) << 32 | table.token_id[rows].astype(np.int64)
    keys, place = np.unique(keys, return_index=True)
    rows = rows[place]
    return keys, table.logprob[rows].astype(np.float64), getattr(table, name)[rows].astype(np.float64)


def _attention(a: Trace, b: Trace, paths: SamePaths, floor: Floor) -> Iterator[Numbers]:
    theirs = {layer.layer: layer for layer in b.attention}
    for layer in a.attention:
        if layer.layer in theirs and layer.sources.shape[1:] == theirs[layer.layer].sources.shape[1:]:
            yield from layer_attention(layer, theirs[layer.layer], paths, floor)


def layer_attention(ours: LayerAttention, theirs: LayerAttention, paths: SamePaths, floor: Floor) -> list[Numbers]:
    """Weights and the mass that is not kept, of one layer; weights as shares in what is found."""
    queries = np.flatnonzero(paths.other[: len(ours.sources)] >= 0).astype(np.int32)
    queries = queries[paths.other[queries] < len(theirs.sources)]
    if not len(queries):
        return []
    heads, length = ours.sources.shape[1], len(ours.sources)
    back = np.full(len(theirs.sources) + 1, -1, dtype=np.int64)
    known = paths.other[:length] >= 0
    known &= paths.other[:length] < len(theirs.sources)
    back[paths.other[:length][known]] = np.flatnonzero(known)
    step = max(1, _ENTRIES // ours.sources[0].size)
    parts: list[tuple[Array, ...]] = []
    for begin in range(0, len(queries), step):
        rows = queries[begin : begin + step]
        their = theirs.codes[paths.other[rows]]
        entries = [
            _keys(ours.sources[rows], ours.codes[rows], length, None),
            _keys(theirs.sources[paths.other[rows]], their, length, back),
        ]
        known = np.unique(np.concatenate(entries))
        known = known[known % (length + 1) < length]
        one, two = (_codes(known, key, codes) for key, codes in zip(entries, (ours.codes[rows], their), strict=True))
        row, source = np.divmod(known, length + 1)
        # A source that one does not keep may have had as much as the last one that it keeps.
        cut_one, cut_two = _cut(ours.codes[rows])[row], _cut(their)[row]
        low, high = np.where(one > 0, one, cut_one), np.where(two > 0, two, cut_two)
        apart = np.abs(low - high) > floor.code
        apart &= ~((one == 0) & (two <= cut_one)) & ~((two == 0) & (one <= cut_two))
        parts.append((rows[row[apart] // heads], row[apart] % heads, source[apart], one[apart], two[apart]))
    node, head, source, code, other = (np.concatenate(column) for column in zip(*parts, strict=True))
    keys = {"layer": np.full(len(node), ours.layer), "head": head, "source": source}
    weights = [np.where(values > 0, np.square(values / WEIGHT_STEPS), np.nan) for values in (code, other)]
    compared = int((ours.codes[queries] > 0).sum())
    bound = np.maximum(code, other) * 2 * floor.code / WEIGHT_STEPS**2
    found = [
        Numbers(
            "attention.weight", "", compared, node.astype(np.int32), keys, weights[0], weights[1], bound.astype(np.float64)
        )
    ]
    one, two = (
        values.astype(np.int64) for values in (ours.unkept_codes[queries], theirs.unkept_codes[paths.other[queries]])
    )
    query, head = np.nonzero(np.abs(one - two) > floor.unkept)
    found.append(
        Numbers(
            "attention_rows.unkept",
            "",
            one.size,
            queries[query],
            {"layer": np.full(len(query), ours.layer), "head": head},
            one[query, head] / UNKEPT_STEPS,
            two[query, head] / UNKEPT_STEPS,
            np.full(len(query), floor.unkept / UNKEPT_STEPS),
        )
    )
    return found


def _keys(sources: Array, codes: Array, length: int, back: Array | None) -> NDArray[np.int64]:
    """By entry: its row and its source, those of the other recording as the recording's own nodes; the source is `length` for none."""
    places = sources.astype(np.int64) if back is None else back[sources]
    places = np.where((codes > 0) & (places >= 0), places, length)
    keys: NDArray[np.int64] = places.reshape(-1, codes.shape[-1])
    keys += (length + 1) * np.arange(len(keys))[:, None]
    return keys.reshape(-1)


def _codes(known: Array, keys: Array, codes: Array) -> NDArray[np.int64]:
    """The codes of known entries, 0 where there is none."""
    found = np.zeros(len(known) + 1, dtype=np.int64)
    places = np.searchsorted(known, keys)
    places[np.append(known, -1)[places] != keys] = len(known)
    found[places] = codes.reshape(-1)
    return found[:-1]


def _cut(codes: Array) -> NDArray[np.int64]:
    """By row: its last code, 0 where the row has room."""
    return codes[..., -1].astype(np.int64).reshape(-1)


def _lens(a: Trace, b: Trace, paths: SamePaths, floor: Floor) -> Iterator[Numbers]:
    theirs = {layer.layer: layer for layer in b.lens}
    for layer in a.lens:
        if layer.layer in theirs:
            yield from _layer_lens(layer, theirs[layer.layer], paths, floor)


def _layer_lens(ours: LayerLens, theirs: LayerLens, paths: SamePaths, floor: Floor) -> Iterator[Numbers]:
    nodes = np.arange(ours.first, ours.first + len(ours.rank))
    other = paths.other[nodes]
    within = (other >= theirs.first) & (other < theirs.first + len(theirs.rank))
    mine, their = nodes[within] - ours.first, other[within] - theirs.first
    node = nodes[within].astype(np.int32)
    keys = {"layer": np.full(len(node), ours.layer)}
    one, two = (
        {name: getattr(side, name)[rows] for name in ("token_id", "probability", "rank", "logprob")}
        for side, rows in ((ours, mine), (theirs, their))
    )
    for name in ("logprob", "probability"):
        yield _differing(f"lens.{name}", "", node, keys, one[name], two[name], floor)
    measured = (one["rank"] > 0) | (two["rank"] > 0)
    still = one["logprob"] == two["logprob"]
    for name in ("token_id", "rank"):
        # Two tokens, or ranks, may change places within rounding; where not even ln p has moved nothing has been rounded otherwise.
        differs = measured & (one[name] != two[name]) & (still | ((one["rank"] > 0) != (two["rank"] > 0)))
        yield _rows(f"lens.{name}", "", node, keys, one[name], two[name], np.zeros(len(node)), differs)
