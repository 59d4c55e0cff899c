"""The rules of FORMAT.md that relate columns to each other. Pure: tables in, TraceError or nothing out.

A table that passed can be indexed without further checks: parents come first, ids are known, lists have the rows they claim.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tokenscope_trace.columns import Array
from tokenscope_trace.errors import CorruptTrace
from tokenscope_trace.schema import BranchEnd, Origin
from tokenscope_trace.tracefile import Tables

_LOGPROBS = ("logprob", "sampled_logprob")
_PROBABILITIES = ("margin", "tail", "sampled_tail")
_ROLES = ("text", "prefix", "suffix", "control")
_FINISHES = ("end-of-text", "stop-string", "length", "context", "interrupted")


def check(run: dict[str, Any], tables: Tables) -> None:
    """Raise CorruptTrace where the tables or the facts that index them break the format."""
    nodes, alternatives, tokens = tables["nodes"], tables["alternatives"], tables["tokens"]
    count = len(nodes["parent"])
    if count == 0:
        raise CorruptTrace("it holds no node.")
    _require(bool(np.all(nodes["parent"] >= -1)), "a node has a parent below -1")
    _require(bool(np.all(nodes["parent"] < np.arange(count))), "a node does not come after its parent")
    _require(bool(np.all(nodes["origin"] <= max(Origin))), "a node has an unknown origin")
    _require(bool(np.all(nodes["rank"] >= 0)), "a node has a negative rank")
    _require(bool(np.all(np.diff(tokens["id"].astype(np.int64)) > 0)), "the tokens are not in ascending order of their ids")
    _require(_known(tokens["id"], nodes["token_id"]), "a node has a token that is not in the table of tokens")
    _require(_known(tokens["id"], alternatives["token_id"]), "an alternative is not in the table of tokens")
    spelled = tables["spellings"]["node"].astype(np.int64)
    _require(bool(np.all(np.diff(spelled) > 0)), "the spellings are not in ascending order of their nodes")
    _require(bool(np.all((spelled >= 0) & (spelled < count))), "a spelling belongs to no node")
    _check_lists("nodes.alternative_count", nodes["alternative_count"], len(alternatives["token_id"]))
    _check_lists("tokens.byte_count", tokens["byte_count"], len(tables["token_bytes"]["byte"]))
    _check_lists("spellings.byte_count", tables["spellings"]["byte_count"], len(tables["spelling_bytes"]["byte"]))
    _check_numbers(nodes, alternatives)
    _check_branches(nodes, tables["branches"])
    _check_run(run, count)
    if len(tables["branches"]["first"]):
        _require(isinstance(run.get("tree"), dict), "run.tree is not a map though there are branches")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise CorruptTrace(f"{otherwise}.")


def _known(ids: Array, used: Array) -> bool:
    """Whether each of `used` (any shape) occurs in the ascending `ids`."""
    if len(used) == 0:
        return True
    if len(ids) == 0:
        return False
    place = np.minimum(np.searchsorted(ids, used), len(ids) - 1)
    return bool(np.all(ids[place] == used))


def _check_lists(name: str, counts: Array, rows: int) -> None:
    total = int(np.sum(counts, dtype=np.uint64))
    _require(total == rows, f"{name} adds up to {total:,} where there are {rows:,} rows")


def _check_numbers(nodes: dict[str, Array], alternatives: dict[str, Array]) -> None:
    for name in _LOGPROBS:
        for values in (nodes[name], alternatives[name]):
            _require(not bool(np.any(values > 0)), f"a {name} is positive")
    for name in _PROBABILITIES:
        _require(not bool(np.any((nodes[name] < 0) | (nodes[name] > 1))), f"a {name} lies outside of 0 to 1")
    entropy, gap = nodes["entropy"], nodes["gap"]
    _require(not bool(np.any((entropy < 0) | np.isposinf(entropy))), "a value of entropy is negative or infinite")
    _require(not bool(np.any(gap < 0)), "a value of gap is negative")


def _check_branches(nodes: dict[str, Array], branches: dict[str, Array]) -> None:
    """Branches are runs of nodes, one after the other; the nodes that belong to none are not branch nodes."""
    count = len(nodes["parent"])
    parent = nodes["parent"].astype(np.int64)
    pairs = parent << 32 | nodes["token_id"].astype(np.int64)
    pairs = pairs[parent >= 0]
    _require(len(np.unique(pairs)) == len(pairs), "two nodes with one parent have the same token")
    first, length = branches["first"].astype(np.int64), branches["count"].astype(np.int64)
    end = first + length
    _require(bool(np.all(length >= 1)), "a branch has no node")
    _require(bool(np.all((first >= 0) & (end <= count))), "a branch has nodes that do not exist")
    _require(bool(np.all(end[:-1] <= first[1:])), "two branches share a node, or they are out of order")
    edges = np.bincount(first, minlength=count + 1) - np.bincount(end, minlength=count + 1)
    inside = np.cumsum(edges)[:count] > 0
    _require(bool(np.all(inside == (nodes["origin"] == Origin.BRANCH))), "a branch and the origin of its nodes disagree")
    begins = np.zeros(count, dtype=bool)
    begins[first] = True
    follows = inside & ~begins
    _require(bool(np.all(parent[follows] == np.flatnonzero(follows) - 1)), "a branch is not a chain of nodes")
    _require(bool(np.all(parent[first] >= 0)), "a branch departs before the first token")
    _require(
        bool(np.all((branches["forced"] >= 1) & (branches["forced"] <= length))), "a branch forces no token, or too many"
    )
    _require(bool(np.all(branches["end"] <= max(BranchEnd))), "a branch ends for an unknown reason")
    rejoined, joins = branches["rejoined"], branches["end"] == BranchEnd.REJOINED
    _require(bool(np.all((rejoined >= 0) == joins)), "a branch rejoins without saying where, or the other way round")
    _require(bool(np.all(rejoined < count)), "a branch rejoins at a node that does not exist")


def _check_run(run: dict[str, Any], count: int) -> None:
    leaf = run.get("main_leaf")
    _require(type(leaf) is int and 0 <= leaf < count, "run.main_leaf is not the index of a node")
    _require(run.get("finish") in _FINISHES, "run.finish is not one of the known reasons")
    for key in ("generator", "model", "prompt", "sampling", "libraries", "clock"):
        _require(isinstance(run.get(key), dict), f"run.{key} is not a map")
    for key in ("command", "notes"):
        entries = run.get(key)
        _require(
            isinstance(entries, list) and all(isinstance(entry, str) for entry in entries),
            f"run.{key} is not a list of strings",
        )
    segments = run["prompt"].get("segments")
    _require(isinstance(segments, list), "run.prompt.segments is not a list")
    end = 0
    for segment in segments:
        _require(isinstance(segment, dict) and segment.get("role") in _ROLES, "a segment of the prompt has no known role")
        first, last = segment.get("first"), segment.get("end")
        _require(
            type(first) is int and type(last) is int and end == first <= last <= count, "the prompt's segments do not join"
        )
        end = last
