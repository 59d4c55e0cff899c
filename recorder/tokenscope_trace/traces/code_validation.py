"""The rules of FORMAT.md for what is known of the code: its syntax, what branches led to, decisions, checks. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.container import Tables
from tokenscope_trace.traces.facts import require
from tokenscope_trace.traces.schema import CheckResult, DecisionFlag, Outcome, Scope


def check_code(run: dict[str, Any], tables: Tables, main: NDArray[np.bool_]) -> None:
    """Raise CorruptTrace where these tables, or the facts that index them, break the format; `main` says which nodes are on the main
    path, (N,).
    """
    of_branches = _check_syntax(run.get("syntax"), tables["syntax"], len(tables["branches"]["first"]))
    _check_outcomes(tables["outcomes"], tables["branches"])
    _check_decisions(run.get("decisions"), tables, main, of_branches)
    _check_checks(run.get("check"), tables["checks"], len(tables["branches"]["first"]), main)


def _check_syntax(facts: Any, syntax: dict[str, Array], branches: int) -> NDArray[np.bool_]:
    """Passages are runs of nodes, one after the other; each is a tree whose children lie within their parents. Which syntax nodes are
    those of branches, (S,).
    """
    count = len(syntax["kind"])
    of_branches = np.zeros(count, dtype=bool)
    if facts is None:
        require(count == 0, "there is syntax and run.syntax does not describe it")
        return of_branches
    require(isinstance(facts, dict), "run.syntax is not a map")
    for key, column in (("kinds", "kind"), ("fields", "field")):
        names = facts.get(key)
        require(
            isinstance(names, list) and all(isinstance(name, str) for name in names),
            f"run.syntax.{key} is not a list of names",
        )
        require(bool(np.all(syntax[column] < len(names))), f"a syntax node has an unknown {column}")
    require(isinstance(facts.get("passages"), list), "run.syntax.passages is not a list")
    root = np.zeros(count, dtype=bool)
    end = 0
    for passage in facts["passages"]:
        require(isinstance(passage, dict) and isinstance(passage.get("language"), str), "a passage has no language")
        require(type(passage.get("text")) is int and 0 <= passage["text"] <= count, "a passage belongs to no text")
        branch = passage.get("branch")
        require(branch is None or (type(branch) is int and 0 <= branch < branches), "a passage belongs to no branch")
        first, rows = passage.get("first"), passage.get("count")
        joins = type(rows) is type(first) is int and first == end
        require(joins and 1 <= rows <= count - end, "the passages do not join")
        root[end] = True
        of_branches[end : end + rows] = branch is not None
        end += rows
    require(end == count, "a syntax node belongs to no passage")
    parent, place = syntax["parent"].astype(np.int64), np.arange(count)
    first_of = np.maximum.accumulate(np.where(root, place, 0)) if count else place
    require(bool(np.all((parent == -1) == root)), "a passage is not one tree")
    inner = ~root
    require(
        bool(np.all((parent[inner] >= first_of[inner]) & (parent[inner] < place[inner]))),
        "a syntax node comes before its parent",
    )
    start, stop = syntax["start"], syntax["end"]
    require(bool(np.all(start <= stop)), "a syntax node ends before it begins")
    above = parent[inner]
    within = (start[inner] >= start[above]) & (stop[inner] <= stop[above])
    require(bool(np.all(within)), "a syntax node reaches beyond its parent")
    return of_branches


def _check_outcomes(outcomes: dict[str, Array], branches: dict[str, Array]) -> None:
    """One row per branch, or none at all."""
    rows = len(outcomes["outcome"])
    require(rows in (0, len(branches["first"])), "the outcomes are not those of the branches")
    require(bool(np.all(outcomes["outcome"] <= max(Outcome))), "a branch has an unknown outcome")
    require(bool(np.all(outcomes["scope"] <= max(Scope))), "an outcome has an unknown scope")
    start = outcomes["start"]
    ends = (start <= outcomes["main_end"]) & (start <= outcomes["branch_end"])
    require(bool(np.all(ends)), "what an outcome compares ends before it begins")


def _check_decisions(facts: Any, tables: Tables, main: NDArray[np.bool_], of_branches: NDArray[np.bool_]) -> None:
    """Decisions and their options name tokens and syntax of the main path and branches that exist, and their numbers are in range."""
    decisions, options, nodes = tables["decisions"], tables["decision_options"], len(main)
    rows = len(decisions["node"])
    if facts is None:
        require(rows == 0, "there are decisions and run.decisions does not describe them")
    else:
        found = facts.get("found") if isinstance(facts, dict) else None
        require(type(found) is int and rows <= found <= nodes, "run.decisions does not say how many there are")
    first, count = decisions["node"].astype(np.int64), decisions["count"]
    require(bool(np.all((first >= 0) & (count >= 1) & (first + count <= nodes))), "a decision has nodes that do not exist")
    before = np.concatenate([[0], np.cumsum(main, dtype=np.int64)])  # nodes of the main path
    require(
        bool(np.all(before[first + count] - before[first] == count)), "a decision has a node that is not on the main path"
    )
    syntax = decisions["syntax"]
    require(bool(np.all((syntax >= -1) & (syntax < len(of_branches)))), "a decision is about unknown syntax")
    require(not bool(np.any(of_branches[syntax[syntax >= 0]])), "a decision is about the syntax of a branch")
    for name, values in (
        ("probability", decisions["probability"]),
        ("difference", decisions["difference"]),
        ("probability", options["probability"]),
    ):
        require(bool(np.all((values >= 0) & (values <= 1))), f"a {name} of a decision lies outside of 0 to 1")
    require(bool(np.all(decisions["flags"] < 2 * max(DecisionFlag))), "a decision has an unknown flag")
    total = int(decisions["option_count"].sum(dtype=np.uint64))
    require(total == len(options["node"]), "the options of the decisions do not add up")
    require(bool(np.all((options["node"] >= 0) & (options["node"] < nodes))), "an option stands at no node")
    require(bool(np.all(main[options["node"]])), "an option stands at a node that is not on the main path")
    known = np.isin(options["token_id"], tables["tokens"]["id"])
    require(bool(np.all(known)), "an option is not in the table of tokens")
    branch = options["branch"]
    require(bool(np.all((branch >= -1) & (branch < len(tables["branches"]["first"])))), "an option has an unknown branch")


def _check_checks(facts: Any, checks: dict[str, Array], branches: int, main: NDArray[np.bool_]) -> None:
    """Each program was checked once, and every result has its output."""
    if facts is None:
        require(len(checks["branch"]) == 0, "there are checks and run.check does not describe them")
        return
    require(isinstance(facts, dict) and isinstance(facts.get("command"), str), "run.check names no command")
    outputs, pivot = facts.get("outputs"), facts.get("pivot")
    require(
        isinstance(outputs, list) and all(isinstance(output, str) for output in outputs),
        "run.check.outputs is not a list of strings",
    )
    node = pivot.get("node") if isinstance(pivot, dict) else None
    stands = type(node) is int and 0 <= node < len(main) and bool(main[node])
    require(pivot is None or stands, "run.check.pivot names no node of the main path")
    branch = checks["branch"]
    require(bool(np.all((branch >= -1) & (branch < branches))), "a check is of an unknown branch")
    require(bool(np.all(np.diff(branch) > 0)), "the checks are not in ascending order of their branches")
    result = checks["result"]
    require(bool(np.all((result >= min(CheckResult)) & (result <= max(CheckResult)))), "a check has an unknown result")
    require(bool(np.all(checks["output"] < len(outputs))), "a check has an unknown output")
