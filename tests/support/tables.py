"""Small valid tables for the tests of the trace file, and a hypothesis strategy that makes any valid ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tokenscope_trace.traces.schema import TABLES

NAN = float("nan")
REPLAYED = (
    "attention_layers",
    "attention_rows",
    "attention",
    "lens",
    "syntax",
    "outcomes",
    "decisions",
    "decision_options",
    "checks",
)
UNREAD: dict[str, Any] = {
    "replay": None,
    "attention": None,
    "lens": None,
    "syntax": None,
    "decisions": None,
    "check": None,
}  # facts of a run that was not replayed


def small_run(**changes: Any) -> dict[str, Any]:
    """Facts of a run, as FORMAT.md says, for the tables of `small_tables`."""
    return {
        "generator": {"name": "tokenscope-trace", "version": "0"},
        "model": {"id": "tiny", "revision": None},
        "prompt": {"source": "p.py", "kind": "text", "exact": True, "segments": [{"role": "text", "first": 0, "end": 2}]},
        "sampling": {"do_sample": False},
        "top_alternatives": 2,
        "main_leaf": 3,
        "finish": "length",
        "libraries": {"python": "3.11"},
        "command": ["tokenscope-record", "p.py"],
        "tree": {"engine": "tree-attention"},
        "replay": {"way": "continued", "noise": 0.125},
        "attention": {"top": 2, "queries": 4, "absent": [{"layer": 0, "reason": "it mixes by convolution"}]},
        "lens": {"layers": [1], "first": 2, "count": 2, "reason": None},
        "syntax": {
            "kinds": ["identifier", "module"],
            "fields": ["", "name"],
            "passages": [
                {"text": 0, "language": "python", "first": 0, "count": 3},
                {"text": 0, "language": "python", "first": 3, "count": 1, "branch": 0},
            ],
        },
        "decisions": {"found": 3},
        "check": {
            "command": "sh {file}",
            "timeout": 10.0,
            "memory": 2048,
            "outputs": ["", "2 failed"],
            "pivot": {"node": 3, "before": 0.5, "after": 0.75},
        },
        "notes": [],
        "clock": {"created": "2026-01-01T00:00:00Z"},
    } | changes


def small_tables() -> dict[str, dict[str, np.ndarray]]:
    """Two prompt tokens, two of output, and a branch beside the last one; the last output token is half a character."""
    return typed(
        {
            "nodes": {
                "parent": [-1, 0, 1, 2, 2],
                "token_id": [5, 9, 5, 7, 9],
                "origin": [0, 0, 1, 1, 2],
                "logprob": [NAN, -1.0, -0.25, -0.5, -1.5],
                "entropy": [NAN, 2.0, 0.5, 1.0, 1.0],
                "margin": [NAN, 0.1, 0.6, 0.25, 0.25],
                "rank": [0, 3, 1, 1, 2],
                "gap": [NAN, 0.5, 0.0, 0.0, 1.0],
                "tail": [NAN, 0.25, 0.0, 0.125, 0.125],
                "sampled_logprob": [NAN, NAN, NAN, -0.125, NAN],
                "sampled_tail": [NAN, NAN, NAN, 0.0, NAN],
                "alternative_count": [0, 2, 1, 2, 2],
                "noise": [NAN, NAN, 0.125, 0.0, NAN],
            },
            "alternatives": {
                "token_id": [7, 9, 5, 7, 9, 7, 9],
                "logprob": [-0.5, -1.0, -0.25, -0.5, -1.5, -0.5, -1.5],
                "sampled_logprob": [NAN, NAN, NAN, -0.125, -np.inf, NAN, NAN],
            },
            "tokens": {"id": [5, 7, 9], "special": [0, 0, 1], "byte_count": [3, 1, 4]},
            "token_bytes": {"byte": list(b" de\xe2</s>")},
            "spellings": {"node": [0], "byte_count": [2]},
            "spelling_bytes": {"byte": list(b"de")},
            "branches": {"first": [4], "count": [1], "forced": [1], "asked": [0], "end": [1], "rejoined": [-1]},
            "attention_layers": {"layer": [1], "heads": [2]},
            "attention_rows": {"unkept": [0, 0, 0, 16384, 65535, 0, 1, 49151]},
            "attention": {
                "node": [0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 2, 0, 2, 3, 3, 0],
                "weight": [255, 0, 255, 0, 180, 180, 221, 0, 0, 0, 255, 0, 180, 180, 128, 0],
            },
            "lens": {"token_id": [5, 9], "probability": [0.5, 0.75], "rank": [2, 1], "logprob": [-2.0, -0.25]},
            "syntax": {
                "kind": [1, 0, 0, 1],
                "field": [0, 1, 0, 0],
                "parent": [-1, 0, 0, -1],
                "start": [0, 1, 4, 0],
                "end": [7, 3, 7, 9],
                "flags": [1, 9, 2, 1],
            },
            "outcomes": {"outcome": [4], "scope": [1], "start": [1], "main_end": [6], "branch_end": [9], "kept": [9]},
            "decisions": {
                "node": [3],
                "count": [1],
                "syntax": [1],
                "probability": [0.6],
                "difference": [0.5],
                "flags": [1],
                "option_count": [2],
            },
            "decision_options": {"node": [3, 3], "token_id": [9, 5], "probability": [0.25, 0.1], "branch": [0, -1]},
            "checks": {"branch": [-1, 0], "result": [1, 2], "output": [0, 1]},
        }
    )


def without_replay(tables: dict[str, dict[str, np.ndarray]]) -> dict[str, dict[str, np.ndarray]]:
    """The tables without attention and lens."""
    return {name: table for name, table in tables.items() if name not in REPLAYED}


def typed(tables: dict[str, dict[str, list[Any]]]) -> dict[str, dict[str, np.ndarray]]:
    """Lists to arrays of the schema's dtypes."""
    return {
        table: {name: np.array(values, dtype=TABLES[table][name].dtype) for name, values in columns.items()}
        for table, columns in tables.items()
    }


def _floats(low: float, high: float, *, missing: bool = True) -> st.SearchStrategy[float]:
    values = st.floats(low, high, width=32)
    return st.one_of(st.just(NAN), values) if missing else values


@st.composite
def any_tables(draw: st.DrawFn) -> dict[str, dict[str, np.ndarray]]:
    """Tables that keep every rule of the format: any branches, any bytes, any values within their ranges.

    The last node that is no branch's is the end of the main path.
    """
    words = draw(st.dictionaries(st.integers(0, 2**31 - 1), st.binary(max_size=6), min_size=1, max_size=8))
    ids = sorted(words)
    plain = draw(st.integers(1, 8))
    parents, used = [-1], [draw(st.sampled_from(ids))]
    while len(parents) < plain:
        parents.append(len(parents) - 1)
        used.append(draw(st.sampled_from(ids)))
    lengths = draw(st.lists(st.integers(1, 3), max_size=3))
    first = []
    for length in lengths:
        first.append(len(parents))
        parents.append(draw(st.integers(0, len(parents) - 1)))
        used.append(_child(draw, ids, parents, used))
        for _ in range(length - 1):
            parents.append(len(parents) - 1)
            used.append(draw(st.sampled_from(ids)))
    count = len(parents)
    ids = sorted({*ids, *used})
    words |= {id_: b"?" for id_ in used if id_ not in words}
    ends = [draw(st.sampled_from([0, 1, 2, 3, 4, 5, 6])) for _ in lengths]
    lists = [draw(st.lists(st.sampled_from(ids), max_size=3)) for _ in range(count)]
    alternatives = [id_ for entry in lists for id_ in entry]
    spelled = sorted(draw(st.dictionaries(st.integers(0, count - 1), st.binary(max_size=4), max_size=3)).items())
    probabilities, logprobs = _floats(0, 1), st.one_of(_floats(-(2.0**99), 0), st.just(-np.inf))

    def many(values: st.SearchStrategy[Any], size: int) -> list[Any]:
        return draw(st.lists(values, min_size=size, max_size=size))

    return typed(
        {
            "nodes": {
                "parent": parents,
                "token_id": used,
                "origin": many(st.sampled_from([0, 1]), plain) + [2] * (count - plain),
                "logprob": many(logprobs, count),
                "entropy": many(_floats(0, 32), count),
                "margin": many(probabilities, count),
                "rank": many(st.integers(0, 2**31 - 1), count),
                "gap": many(_floats(0, 2.0**99), count),
                "tail": many(probabilities, count),
                "sampled_logprob": many(logprobs, count),
                "sampled_tail": many(probabilities, count),
                "alternative_count": [len(entry) for entry in lists],
                "noise": many(_floats(0, 2.0**99), count),
            },
            "alternatives": {
                "token_id": alternatives,
                "logprob": many(logprobs, len(alternatives)),
                "sampled_logprob": many(logprobs, len(alternatives)),
            },
            "tokens": {
                "id": ids,
                "special": many(st.integers(0, 1), len(ids)),
                "byte_count": [len(words[id_]) for id_ in ids],
            },
            "token_bytes": {"byte": list(b"".join(words[id_] for id_ in ids))},
            "spellings": {"node": [node for node, _ in spelled], "byte_count": [len(word) for _, word in spelled]},
            "spelling_bytes": {"byte": list(b"".join(word for _, word in spelled))},
            "branches": {
                "first": first,
                "count": lengths,
                "forced": [draw(st.integers(1, length)) for length in lengths],
                "asked": many(st.integers(0, 1), len(lengths)),
                "end": ends,
                "rejoined": [draw(st.integers(0, at - 1)) if end == 3 else -1 for at, end in zip(first, ends, strict=True)],
            },
            **{name: {column: [] for column in TABLES[name]} for name in REPLAYED},
        }
    )


def _child(draw: st.DrawFn, ids: list[int], parents: list[int], used: list[int]) -> int:
    """A token that no sibling of the next node has; `parents` already ends with that node's parent."""
    siblings = {token for parent, token in zip(parents, used, strict=False) if parent == parents[-1] >= 0}
    free = [id_ for id_ in ids if id_ not in siblings]
    return draw(st.sampled_from(free)) if free else next(id_ for id_ in range(len(siblings) + 1) if id_ not in siblings)
