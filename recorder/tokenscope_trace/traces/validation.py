"""Validation: the rules of FORMAT.md that relate columns to each other. Pure: tables in, TraceError or nothing out.

A table that passed can be indexed without further checks: parents come first, ids are known, lists have the rows they claim.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.errors import CorruptTrace, OversizedTrace
from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.container import StoredTrace, Tables
from tokenscope_trace.traces.facts import check_facts, require
from tokenscope_trace.traces.schema import (
    CODE_TABLES,
    UNKEPT_STEPS,
    WEIGHT_STEPS,
    BranchEnd,
    CheckResult,
    DecisionFlag,
    Origin,
    Outcome,
    Scope,
)

_LOGPROBS = ("logprob", "sampled_logprob")
_PROBABILITIES = ("margin", "tail", "sampled_tail")
MAX_TEXT = 1 << 27  # bytes that all nodes together may spell
_LINES = 1 << 31
_PIECE = 1 << 20  # rows of attention that are checked at once: a trace may have hundreds of millions


def check(contents: StoredTrace, before: StoredTrace | None = None) -> None:
    """Raise CorruptTrace where the tables or the facts that index them break the format, OversizedTrace where their text is too long.

    `before` keeps the rules: what is the very same there is not looked at again.
    """
    run, tables = contents.run, contents.tables
    count = len(tables["nodes"]["parent"])
    if count == 0:
        raise CorruptTrace("it holds no node.")
    check_facts(run, contents.metrics, count)
    for rule, names, keys in _RULES:
        if before is None or not (are_same(tables, before.tables, names) and _are_equal(run, before.run, keys)):
            rule(run, tables)


def are_same(tables: Tables, before: Tables, names: tuple[str, ...]) -> bool:
    """Whether these tables hold the very arrays that they held before."""
    return all(
        tables[name].keys() == before[name].keys() and all(tables[name][key] is before[name][key] for key in tables[name])
        for name in names
    )


def _are_equal(run: dict[str, Any], before: dict[str, Any], keys: tuple[str, ...]) -> bool:
    return all(run.get(key) == before.get(key) for key in keys)


def _check_nodes(_run: dict[str, Any], tables: Tables) -> None:
    """Parents come first, ids are known, and lists have the rows that they claim."""
    nodes, alternatives, tokens = tables["nodes"], tables["alternatives"], tables["tokens"]
    count = len(nodes["parent"])
    require(bool(np.all(nodes["parent"] >= -1)), "a node has a parent below -1")
    require(bool(np.all(nodes["parent"] < np.arange(count))), "a node does not come after its parent")
    require(bool(np.all(nodes["origin"] <= max(Origin))), "a node has an unknown origin")
    require(bool(np.all(nodes["rank"] >= 0)), "a node has a negative rank")
    require(bool(np.all(np.diff(tokens["id"].astype(np.int64)) > 0)), "the tokens are not in ascending order of their ids")
    require(_known(tokens["id"], nodes["token_id"]), "a node has a token that is not in the table of tokens")
    require(_known(tokens["id"], alternatives["token_id"]), "an alternative is not in the table of tokens")
    spelled = tables["spellings"]["node"].astype(np.int64)
    require(bool(np.all(np.diff(spelled) > 0)), "the spellings are not in ascending order of their nodes")
    require(bool(np.all((spelled >= 0) & (spelled < count))), "a spelling belongs to no node")
    _check_lists("nodes.alternative_count", nodes["alternative_count"], len(alternatives["token_id"]))
    _check_lists("tokens.byte_count", tokens["byte_count"], len(tables["token_bytes"]["byte"]))
    _check_lists("spellings.byte_count", tables["spellings"]["byte_count"], len(tables["spelling_bytes"]["byte"]))
    _check_size(nodes["token_id"], tokens)
    _check_numbers(nodes, alternatives)


def _check_main(run: dict[str, Any], tables: Tables) -> None:
    _main_path(tables["nodes"], run["main_leaf"])


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
    require(total == rows, f"{name} adds up to {total:,} where there are {rows:,} rows")


def _check_size(token_id: Array, tokens: dict[str, Array]) -> None:
    """A long token may stand in very many places: what it all spells is bounded before anybody joins it."""
    sizes = tokens["byte_count"][np.searchsorted(tokens["id"], token_id)]
    total = int(np.sum(sizes, dtype=np.uint64))
    if total > MAX_TEXT:
        raise OversizedTrace(f"its tokens spell {total:,} bytes, the limit is {MAX_TEXT:,}.")


def _main_path(nodes: dict[str, Array], leaf: int) -> NDArray[np.bool_]:
    """Which nodes are on the main path, (N,)."""
    parents, found = nodes["parent"].tolist(), np.zeros(len(nodes["parent"]), dtype=bool)
    way = []
    while leaf >= 0:
        way.append(leaf)
        leaf = parents[leaf]
    found[way] = True
    require(not bool(np.any(found & (nodes["origin"] == Origin.BRANCH))), "the main path runs through a branch")
    return found


def _check_numbers(nodes: dict[str, Array], alternatives: dict[str, Array]) -> None:
    for name in _LOGPROBS:
        for values in (nodes[name], alternatives[name]):
            require(not bool(np.any(values > 0)), f"a {name} is positive")
    for name in _PROBABILITIES:
        require(not bool(np.any((nodes[name] < 0) | (nodes[name] > 1))), f"a {name} lies outside of 0 to 1")
    entropy, gap = nodes["entropy"], nodes["gap"]
    require(not bool(np.any((entropy < 0) | np.isposinf(entropy))), "a value of entropy is negative or infinite")
    require(not bool(np.any(gap < 0)), "a value of gap is negative")
    require(not bool(np.any((nodes["noise"] < 0) | np.isposinf(nodes["noise"]))), "a noise is negative or infinite")


def _check_branches(run: dict[str, Any], tables: Tables) -> None:
    """Branches are runs of nodes, one after the other; the nodes that belong to none are not branch nodes."""
    nodes, branches = tables["nodes"], tables["branches"]
    count = len(nodes["parent"])
    require(
        not len(branches["first"]) or isinstance(run.get("tree"), dict), "run.tree is not a map though there are branches"
    )
    parent = nodes["parent"].astype(np.int64)
    pairs = parent << 32 | nodes["token_id"].astype(np.int64)
    pairs = pairs[parent >= 0]
    require(len(np.unique(pairs)) == len(pairs), "two nodes with one parent have the same token")
    first, length = branches["first"].astype(np.int64), branches["count"].astype(np.int64)
    end = first + length
    require(bool(np.all(length >= 1)), "a branch has no node")
    require(bool(np.all((first >= 0) & (end <= count))), "a branch has nodes that do not exist")
    require(bool(np.all(end[:-1] <= first[1:])), "two branches share a node, or they are out of order")
    edges = np.bincount(first, minlength=count + 1) - np.bincount(end, minlength=count + 1)
    inside = np.cumsum(edges)[:count] > 0
    require(bool(np.all(inside == (nodes["origin"] == Origin.BRANCH))), "a branch and the origin of its nodes disagree")
    begins = np.zeros(count, dtype=bool)
    begins[first] = True
    follows = inside & ~begins
    require(bool(np.all(parent[follows] == np.flatnonzero(follows) - 1)), "a branch is not a chain of nodes")
    require(bool(np.all(parent[first] >= 0)), "a branch departs before the first token")
    require(
        bool(np.all((branches["forced"] >= 1) & (branches["forced"] <= length))), "a branch forces no token, or too many"
    )
    require(bool(np.all(branches["end"] <= max(BranchEnd))), "a branch ends for an unknown reason")
    rejoined, joins = branches["rejoined"], branches["end"] == BranchEnd.REJOINED
    require(bool(np.all((rejoined >= 0) == joins)), "a branch rejoins without saying where, or the other way round")
    require(bool(np.all(rejoined < first)), "a branch rejoins at a node that does not stand before it")


def _check_attention(run: dict[str, Any], tables: Tables) -> None:
    """Every row belongs to a query, looks back along its own path, falls, and adds up to one."""
    facts, parent = run.get("attention"), tables["nodes"]["parent"]
    heads, unkept = tables["attention_layers"]["heads"].astype(np.int64), tables["attention_rows"]["unkept"]
    source, weight = tables["attention"]["node"], tables["attention"]["weight"]
    if facts is None:
        require(len(heads) == len(unkept) == len(source) == 0, "there is attention and run.attention does not describe it")
        return
    require(isinstance(facts, dict), "run.attention is not a map")
    top, queries = facts.get("top"), facts.get("queries")
    require(type(top) is int and 1 <= top <= 65535, "run.attention.top is not a positive number")
    require(type(queries) is int and 0 <= queries <= len(parent), "run.attention.queries is not a number of nodes")
    _check_absent(facts.get("absent"))
    layers = tables["attention_layers"]["layer"].astype(np.int64)
    require(bool(np.all(np.diff(layers) > 0)), "the layers of attention are not in ascending order")
    require(bool(np.all(heads >= 1)), "a layer of attention has no head")
    require(int(heads.sum()) * queries == len(unkept), "the rows of attention do not add up")
    require(len(unkept) * top == len(source), "the entries of attention do not add up")
    begins = parent[:queries] == -1
    place = np.arange(queries)
    require(bool(np.all(begins | (parent[:queries] == place - 1))), "the queries of attention are no sequence of nodes")
    root = np.maximum.accumulate(np.where(begins, place, 0)) if queries else place
    row = 0
    for count in heads.tolist():
        for first in range(0, queries, step := max(1, _PIECE // (count * top))):
            query = np.repeat(place[first : first + step], count)
            end = row + len(query)
            span = slice(row * top, end * top)
            _check_rows(source[span].reshape(-1, top), weight[span].reshape(-1, top), unkept[row:end], query, root[query])
            row = end


def _check_rows(source: Array, weight: Array, unkept: Array, query: Array, root: Array) -> None:
    kept = weight > 0
    looks_back = (source >= root[:, None]) & (source <= query[:, None])
    require(bool(np.all(np.where(kept, looks_back, source == 0))), "a token attends to one that does not stand before it")
    require(bool(np.all(weight[:, 1:] <= weight[:, :-1])), "a row of attention is not in order of its weights")
    ordered = np.sort(np.where(kept, source, -1 - np.arange(source.shape[1])), axis=1)
    require(bool(np.all(ordered[:, 1:] != ordered[:, :-1])), "a row of attention has a source twice")
    codes = weight.astype(np.float64)
    total = np.square(codes / WEIGHT_STEPS).sum(axis=1) + unkept / UNKEPT_STEPS
    rounding = (codes + 0.25).sum(axis=1) / WEIGHT_STEPS**2 + 1e-4
    require(bool(np.all(np.abs(total - 1) <= rounding)), "a row of attention does not add up to one")


def _check_absent(absent: Any) -> None:
    require(isinstance(absent, list), "run.attention.absent is not a list")
    for entry in absent:
        require(
            isinstance(entry, dict) and type(entry.get("layer")) is int and isinstance(entry.get("reason"), str),
            "an absent layer of attention has no number or no reason",
        )


def _check_lens(run: dict[str, Any], tables: Tables) -> None:
    facts, lens, count = run.get("lens"), tables["lens"], len(tables["nodes"]["parent"])
    if facts is None:
        require(len(lens["rank"]) == 0, "there is a lens and run.lens does not describe it")
        return
    require(isinstance(facts, dict) and isinstance(facts.get("layers"), list), "run.lens is not a map with layers")
    layers, first, tokens = facts["layers"], facts.get("first"), facts.get("count")
    require(all(type(layer) is int and layer >= 0 for layer in layers), "a layer of the lens is not a number")
    require(layers == sorted(set(layers)), "the layers of the lens are not in ascending order")
    require(
        type(first) is int and type(tokens) is int and first >= 0 <= tokens, "run.lens does not say which tokens it is of"
    )
    require(first + tokens <= count, "the lens has tokens that do not exist")
    require(len(layers) * tokens == len(lens["rank"]), "the rows of the lens do not add up")
    require(_known(tables["tokens"]["id"], lens["token_id"]), "the lens has a token that is not in the table of tokens")
    require(bool(np.all(lens["rank"] >= 0)), "the lens has a negative rank")
    require(not bool(np.any(lens["logprob"] > 0)), "a logprob is positive")
    outside = (lens["probability"] < 0) | (lens["probability"] > 1)
    require(not bool(np.any(outside)), "a probability of the lens lies outside of 0 to 1")


def _check_files(run: dict[str, Any], tables: Tables) -> None:
    """Files are runs of scored nodes, one after the other from the first node on, each beginning at a root."""
    files, nodes = run.get("files"), tables["nodes"]
    scored = nodes["origin"] == Origin.SCORED
    if files is None:
        return
    require(isinstance(files, list), "run.files is not a list")
    end = 0
    for file in files:
        require(isinstance(file, dict) and isinstance(file.get("source"), str), "a file has no name")
        first, last = file.get("first"), file.get("end")
        require(type(first) is int and type(last) is int and end == first < last <= len(scored), "the files do not join")
        require(bool(np.all(scored[first:last])), "a file has nodes that were not scored")
        chain = np.concatenate([[-1], np.arange(first, last - 1)])
        require(bool(np.all(nodes["parent"][first:last] == chain)), "a file is not a chain of nodes")
        _check_ranges(file.get("changed"))
        end = last
    require(int(scored.sum()) == end, "a scored node belongs to no file")


def _check_ranges(changed: Any) -> None:
    require(changed is None or isinstance(changed, list), "the changed lines of a file are not a list")
    before = 0
    for lines in changed or []:
        holds = isinstance(lines, list) and len(lines) == 2 and all(type(line) is int and line <= _LINES for line in lines)
        require(holds and before < lines[0] <= lines[1], "the changed lines of a file are not ascending ranges")
        before = lines[1]


def _check_code(run: dict[str, Any], tables: Tables) -> None:
    """What is known of the code indexes what there is: syntax, what branches led to, decisions, checks."""
    main = _main_path(tables["nodes"], run["main_leaf"])
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


# Each rule, with the tables and the facts that it looks at.
_RULES: tuple[tuple[Callable[[dict[str, Any], Tables], None], tuple[str, ...], tuple[str, ...]], ...] = (
    (_check_nodes, ("nodes", "alternatives", "tokens", "token_bytes", "spellings", "spelling_bytes"), ()),
    (_check_branches, ("nodes", "branches"), ("tree",)),
    (_check_main, ("nodes",), ("main_leaf",)),
    (_check_attention, ("nodes", "attention_layers", "attention_rows", "attention"), ("attention",)),
    (_check_lens, ("nodes", "tokens", "lens"), ("lens",)),
    (_check_files, ("nodes",), ("files",)),
    (_check_code, ("nodes", "tokens", "branches", *CODE_TABLES), ("main_leaf", "syntax", "decisions", "check")),
)
