"""A recording of a size that few will reach, for the benchmark of the page: numpy and imagination, the same bytes for the same sizes.

The text is the running Python's own `argparse`, `inspect` and so on, cut into tokens much as a byte-level BPE does; a branch is a forced
token and then a piece of the same text. Syntax of the main path and the decisions are computed as for any recording; the
outcomes of branches and the attention are drawn.
"""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np

from tokenscope_trace import Trace
from tokenscope_trace.analysis.decisions import add_decisions
from tokenscope_trace.analysis.structure import add_structure
from tokenscope_trace.traces.layers import LayerAttention, attention_tables, encode_unkept, encode_weights
from tokenscope_trace.traces.schema import TABLES, Origin, Outcome

MODULES = ("argparse.py", "inspect.py", "typing.py", "enum.py", "ast.py", "pdb.py", "doctest.py")
PROMPT = 300
TOP = 9
BRANCH = 27  # tokens, in the mean
HEADS = 4
SOURCES = 8
# Of a path of code: most tokens are nearly certain, few are wide open.
STEEPNESS, SHARE = (9.0, 5.0, 2.5, 1.4), (0.74, 0.12, 0.09, 0.05)


def tokens_of_text(count: int) -> list[bytes]:
    """That many tokens of real Python."""
    folder = Path(sysconfig.get_path("stdlib"))
    text = "".join((folder / name).read_text(encoding="utf-8") for name in MODULES)
    found = [part.encode() for part in re.findall(r"\n[ \t]*|\r\n| ?\w{1,9}|[ \t]+|[^\w\s]{1,2}", text)]
    return (found * (count // len(found) + 1))[:count]


def make(nodes: int = 100_000, shown: int = 20_000, layers: int = 2) -> Trace:
    """`nodes` in all, of which `shown` are the main path; attention of so many layers of HEADS heads."""
    random = np.random.default_rng(20)
    words = tokens_of_text(shown)
    known = sorted(set(words))
    row_of = {word: row for row, word in enumerate(known)}
    main = np.array([row_of[word] for word in words], dtype=np.int32)
    first, count = _branches(random, nodes, shown)
    token = np.concatenate([main, np.zeros(nodes - shown, np.int32)])
    parent = np.arange(-1, nodes - 1, dtype=np.int32)
    odds = _odds(random, nodes)
    # The most probable token stands on the main path; others are drawn as they occur in the text.
    listed = main[random.integers(0, shown, (nodes, TOP))]
    listed[:shown, 0] = main
    rank = np.ones(nodes, np.int32)
    forks = _forks(random, odds, first, count, shown)
    taken: dict[int, set[int]] = {}
    for start, length, fork in zip(first.tolist(), count.tolist(), forks.tolist(), strict=True):
        after = _after(parent, first, count, fork, shown)
        used = taken.setdefault(fork, {int(token[after])} if after >= 0 else set())
        place, own = next(
            ((i, int(row)) for i, row in enumerate(listed[after]) if int(row) not in used),
            (TOP - 1, next(row for row in range(len(known)) if row not in used)),
        )
        used.add(own)
        listed[after, place] = own
        begin = int(random.integers(shown - length))
        token[start : start + length] = main[begin : begin + length]
        token[start], parent[start] = own, fork
        listed[start : start + length, 0] = token[start : start + length]
        listed[start], odds[start], rank[start] = listed[after], odds[after], place + 1
    values = _metrics(odds, rank)
    values |= {"parent": parent, "token_id": token, "rank": np.where(np.arange(nodes) > 0, rank, 0)}
    values["origin"] = np.where(
        np.arange(nodes) < PROMPT, Origin.PROMPT, np.where(np.arange(nodes) < shown, Origin.MAIN, Origin.BRANCH)
    )
    values["alternative_count"] = np.where(np.arange(nodes) > 0, TOP, 0)
    for name in ("logprob", "entropy", "margin", "gap", "tail"):
        values[name][0] = np.nan
    facts = {"tree": _tree(nodes), "sampling": {"do_sample": False, "max_new_tokens": shown - PROMPT}}
    plain = Trace(
        _run(shown, facts),
        {
            "nodes": {name: values.get(name, np.full(nodes, np.nan)) for name in TABLES["nodes"]},
            "alternatives": {
                "token_id": listed[1:].ravel(),
                "logprob": np.minimum(0, np.log(odds[1:])).ravel(),
                "sampled_logprob": np.full(listed[1:].size, np.nan),
            },
            **_vocabulary(known),
            "branches": {
                "first": first,
                "count": count,
                "forced": np.ones(len(first)),
                "asked": np.zeros(len(first)),
                "end": random.integers(0, 3, len(first)),
                "rejoined": np.full(len(first), -1),
            },
        },
    )
    return _inside(random, add_decisions(_with_code(random, plain)), shown, layers)


def _branches(random: Any, nodes: int, shown: int) -> tuple[Any, Any]:
    """First node and length of each branch; together they fill what the main path leaves."""
    count = []
    left = nodes - shown
    while left > 0:
        count.append(min(left, int(random.integers(4, 2 * BRANCH - 3))))
        left -= count[-1]
    return shown + np.concatenate([[0], np.cumsum(count)[:-1]]).astype(int), np.array(count)


def _forks(random: Any, odds: Any, first: Any, count: Any, shown: int) -> Any:
    """The node after which each branch departs: two in three on the main path, where it was uncertain; else on an earlier branch."""
    open_places = np.flatnonzero(odds[PROMPT : shown - 1, 0] < 0.9) + PROMPT - 1
    found = random.choice(open_places, len(first))
    for branch in np.flatnonzero(random.random(len(first)) < 1 / 3):
        other = int(random.integers(max(1, branch)))
        if other < branch and count[other] > 2:
            found[branch] = first[other] + int(random.integers(count[other] - 1))
    return found


def _after(parent: Any, first: Any, count: Any, fork: int, shown: int) -> int:
    """The node that goes on after a fork on its own path."""
    if fork < shown:
        return fork + 1
    branch = int(np.searchsorted(first, fork, side="right")) - 1
    return fork + 1 if fork + 1 < first[branch] + count[branch] else -1


def _odds(random: Any, nodes: int) -> Any:
    """(nodes, TOP) falling probabilities that leave a little for the tail."""
    steep = random.choice(STEEPNESS, nodes, p=SHARE) + random.uniform(-0.5, 0.5, nodes)
    weights = (1.0 + np.arange(TOP)) ** -steep[:, None]
    tail = np.minimum(0.3, weights[:, -1:] / weights.sum(1, keepdims=True) * random.uniform(0.5, 4, (nodes, 1)))
    return weights / weights.sum(1, keepdims=True) * (1 - tail)


def _metrics(odds: Any, rank: Any) -> dict[str, Any]:
    own = odds[np.arange(len(odds)), rank - 1]
    tail = 1 - odds.sum(1)
    return {
        "logprob": np.minimum(0, np.log(own)),
        "entropy": -(odds * np.log2(odds)).sum(1) - tail * np.log2(np.maximum(tail, 1e-12) / 500),
        "margin": odds[:, 0] - odds[:, 1],
        "gap": np.log(odds[:, 0]) - np.log(own),
        "tail": tail,
    }


def _vocabulary(known: list[bytes]) -> dict[str, Any]:
    return {
        "tokens": {
            "id": np.arange(len(known)),
            "special": np.zeros(len(known)),
            "byte_count": np.array([len(word) for word in known]),
        },
        "token_bytes": {"byte": np.frombuffer(b"".join(known), np.uint8)},
        "spellings": {"node": np.array([]), "byte_count": np.array([])},
        "spelling_bytes": {"byte": np.array([])},
    }


def _with_code(random: Any, trace: Trace) -> Trace:
    """Syntax of the main path, and drawn outcomes."""
    bare = trace.replaced({**trace.run, "tree": None, "main_leaf": trace.run["main_leaf"]}, _only(trace, len(trace.main)))
    code = add_structure(bare)
    size = len(trace.branches)
    start = random.integers(0, 10_000, size)
    outcomes = {
        "outcome": random.choice([o for o in Outcome if o != Outcome.SAME_TEXT], size),
        "scope": np.full(size, 1),
        "start": start,
        "main_end": start + 80,
        "branch_end": start + 90,
    }
    return trace.replaced(
        {**trace.run, "syntax": code.run["syntax"]}, {"syntax": code._contents.tables["syntax"], "outcomes": outcomes}
    )


def _only(trace: Trace, count: int) -> dict[str, Any]:
    """The tables of the first nodes, without branches."""
    tables = trace._contents.tables
    kept = int(trace.nodes.alternative_count[:count].sum())
    return {
        "nodes": {name: values[:count] for name, values in tables["nodes"].items()},
        "alternatives": {name: values[:kept] for name, values in tables["alternatives"].items()},
        "branches": {name: values[:0] for name, values in tables["branches"].items()},
    }


def _inside(random: Any, trace: Trace, queries: int, layers: int) -> Trace:
    """Attention: the first token, the token before, and others near by."""
    if not layers:
        return trace
    found = []
    query = np.arange(queries)[:, None, None]
    for layer in range(layers):
        back = np.floor(random.exponential(60, (queries, HEADS, SOURCES))).astype(int) * SOURCES + np.arange(SOURCES)
        back[..., 0] = query[..., 0]
        sources = query - back
        weights = np.where(
            (sources > 0) | (np.arange(SOURCES) == 0),
            0.5 ** (1 + np.arange(SOURCES)) * random.uniform(0.7, 1, (queries, HEADS, 1)),
            0,
        )
        order = np.argsort(-weights, axis=-1, kind="stable")
        weights = np.take_along_axis(weights, order, -1).astype(np.float32)
        sources = np.where(weights > 0, np.take_along_axis(sources, order, -1), 0).astype(np.int32)
        found.append(LayerAttention(layer, sources, encode_weights(weights), encode_unkept(1 - weights.sum(-1))))
    facts = {"top": SOURCES, "queries": queries, "absent": []}
    return trace.replaced(
        {**trace.run, "attention": facts, "replay": {"way": "whole", "noise": 2.4e-6}}, attention_tables(found)
    )


def _tree(nodes: int) -> dict[str, Any]:
    settings = {"engine": "tree-attention", "width": 3, "depth": 2, "length": 2 * BRANCH, "extra": 0, "min_prob": 0.01}
    return {**settings, "nodes": nodes, "temperature": 0, "seed": 0, "finish": "complete"}


def _run(shown: int, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "generator": {"name": "tokenscope-trace", "version": "0"},
        "model": {"id": "large-recording", "architecture": "LlamaForCausalLM", "dtype": "float32", "vocab_size": 50_000},
        "prompt": {
            "source": "argparse.py",
            "kind": "text",
            "exact": True,
            "segments": [{"role": "text", "first": 0, "end": PROMPT}],
        },
        "top_alternatives": TOP,
        "main_leaf": shown - 1,
        "finish": "length",
        "libraries": {},
        "command": [],
        "notes": [],
        "clock": {},
        **facts,
    }
