"""The work budget: how much a recording may ask of whoever reads it. Columns in, numbers and refusals out. Pure.

A small file can be a large amount of work: a token of kilobytes that stands everywhere, ten thousand branches behind each other, a
thousand decisions about one long program. What costs a reader more than its bytes is counted here, once, before anything is made of it;
FORMAT.md states the numbers, and viewer/trace/work.js holds the page to the same ones. Axis letters: N nodes, I ids, B branches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.errors import OversizedTrace
from tokenscope_trace.traces.columns import Array, rows_of_ranges
from tokenscope_trace.traces.container import MAX_ROWS_OF
from tokenscope_trace.traces.schema import BranchEnd

MAX_NODES = MAX_ROWS_OF["nodes"]
MAX_TOKEN = 1 << 12  # bytes of one token, wherever it is spelled
MAX_TEXT = 1 << 22  # bytes that all nodes together spell
MAX_LINES = 1 << 18  # line breaks in them
MAX_TURNS = 1 << 8  # branches behind each other on one path, and branches that rejoin each other
MAX_DECIDED = 1 << 19  # tokens of all decisions together
MAX_PROGRAMS = 1 << 31  # bytes and tokens of the programs of all branches, and of those that decisions and options are about

_Held = Mapping[str, Mapping[str, Array]]
Sizes = NDArray[np.int64]


@dataclass(frozen=True)
class WorkCount:
    """What reading a recording asks for.

    `token` are the bytes of the longest token, `text` those that all nodes spell, `lines` their line breaks; `turns` is how often the
    program of a branch changes from one path to another; `decided` counts the tokens of the decisions. `programs` are bytes and tokens of
    the program of each branch, and again of that which each decision and each option is about: once for each time it is asked for.
    """

    token: int
    text: int
    lines: int
    turns: int
    decided: int
    programs: int


_BOUNDS = (
    ("token", MAX_TOKEN, "a token of it has {:,} bytes"),
    ("text", MAX_TEXT, "its tokens spell {:,} bytes"),
    ("lines", MAX_LINES, "its tokens spell {:,} line breaks"),
    ("turns", MAX_TURNS, "{:,} of its branches stand behind each other"),
    ("decided", MAX_DECIDED, "its decisions have {:,} tokens"),
    ("programs", MAX_PROGRAMS, "the programs of its branches, decisions and options have {:,} bytes and tokens"),
)


def check_budget(tables: _Held, main_leaf: int) -> None:
    """Raise OversizedTrace where these tables, which keep the rules of validation.py, ask for more than anybody may be asked for."""
    if excess := excess_of(tables, main_leaf):
        raise OversizedTrace(excess)


def excess_of(tables: _Held, main_leaf: int) -> str:
    """What of these tables is more than the format allows, as a sentence; empty for nothing."""
    found = count_work(tables, main_leaf)
    over = ((words, getattr(found, name), most) for name, most, words in _BOUNDS)
    return next((f"{words.format(count)}, the limit is {most:,}." for words, count, most in over if count > most), "")


def count_work(tables: _Held, main_leaf: int) -> WorkCount:
    """What reading a recording of these tables asks for; they keep the rules of validation.py."""
    nodes, branches, decisions, options = (tables[name] for name in ("nodes", "branches", "decisions", "decision_options"))
    bytes_of, lines_of = _spelled(tables)
    reach = path_sizes(nodes["parent"], bytes_of + 1)
    main, own, turns = _programs(reach, nodes, branches, main_leaf)
    about = options["branch"]
    asked = int(own[about[about >= 0]].sum()) + main * int((about < 0).sum())
    return WorkCount(
        token=_longest(tables),
        text=int(bytes_of.sum()),
        lines=int(lines_of.sum()),
        turns=turns,
        decided=int(decisions["count"].sum(dtype=np.int64)),
        programs=main * (1 + len(decisions["node"])) + int(own.sum()) + asked,
    )


def path_sizes(parent: Array, size: Sizes) -> Sizes:
    """(N,): what the nodes from the root to each one have together, itself among them; a parent stands before its node."""
    count = len(parent)
    run = np.cumsum(size, dtype=np.int64)
    begins = parent != np.arange(-1, count - 1)
    chain = np.cumsum(begins)
    before = np.zeros(int(begins.sum()) + 1, dtype=np.int64)  # by chain: what to add to `run`
    for number, node in enumerate(np.flatnonzero(begins).tolist(), 1):
        above = int(parent[node])
        before[number] = (run[above] + before[chain[above]] if above >= 0 else 0) - (run[node - 1] if node else 0)
    sizes: Sizes = run + before[chain]
    return sizes


def _programs(
    reach: Sizes, nodes: Mapping[str, Array], branches: Mapping[str, Array], main_leaf: int
) -> tuple[int, Sizes, int]:
    """(the size of the main path's program, those of the branches (B,), the most turns of one of them)."""
    main = int(reach[main_leaf])
    first, count = branches["first"].astype(np.int64), branches["count"].astype(np.int64)
    last = first + count - 1
    owner = np.full(len(reach), -1, dtype=np.int64)
    owner[rows_of_ranges(first, count)] = np.repeat(np.arange(len(first)), count)
    departs = owner[nodes["parent"][first]].tolist()
    rejoined = branches["rejoined"].tolist()
    joins = (branches["end"] == BranchEnd.REJOINED).tolist()
    rest = [0] * len(first)  # of each branch, what follows where it rejoined
    forks, links = [1] * len(first), [1] * len(first)
    for branch, above in enumerate(departs):
        if above >= 0:
            forks[branch] += forks[above]
        if not joins[branch]:
            continue
        node = rejoined[branch]
        other = int(owner[node])
        if other < 0:
            rest[branch] = max(0, main - int(reach[node]))
        else:
            rest[branch] = int(reach[last[other]] - reach[node]) + rest[other]
            links[branch] += links[other]
    own: Sizes = reach[last] + np.array(rest, dtype=np.int64)
    return main, own, max([*forks, *links], default=0)


def _spelled(tables: _Held) -> tuple[Sizes, Sizes]:
    """(bytes, line breaks) of each node, (N,) each."""
    nodes, tokens, spellings = tables["nodes"], tables["tokens"], tables["spellings"]
    row = np.searchsorted(tokens["id"], nodes["token_id"])
    found = []
    for own, spelled in zip(
        _sizes(tokens["byte_count"], tables["token_bytes"]["byte"]),
        _sizes(spellings["byte_count"], tables["spelling_bytes"]["byte"]),
        strict=True,
    ):
        values = own[row]
        values[spellings["node"]] = spelled
        found.append(values)
    return found[0], found[1]


def _sizes(counts: Array, content: Array) -> tuple[Sizes, Sizes]:
    """(bytes, line breaks) of each of the pieces that these bytes are."""
    ends = np.cumsum(counts, dtype=np.int64)
    breaks = np.concatenate([[0], np.cumsum(content == 10, dtype=np.int64)])
    return counts.astype(np.int64), breaks[ends] - breaks[ends - counts]


def _longest(tables: _Held) -> int:
    return max(int(tables[name]["byte_count"].max(initial=0)) for name in ("tokens", "spellings"))
