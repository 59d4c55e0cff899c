"""Validation: the rules of FORMAT.md that relate columns to each other. Pure: tables in, TraceError or nothing out.

A table that passed can be indexed without further checks: parents come first, ids are known, lists have the rows they claim.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from tokenscope_trace.errors import CorruptTrace, OversizedTrace
from tokenscope_trace.traces import work_budget
from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.container import StoredTrace, Tables
from tokenscope_trace.traces.fact_kinds import require
from tokenscope_trace.traces.facts import (
    CheckFacts,
    DecisionFacts,
    Facts,
    MetricFacts,
    SyntaxFacts,
    check_facts,
)
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

MAX_SAID = 1 << 24  # characters of what the check printed, once for each program that it was run on
_LOGPROBS = ("logprob", "sampled_logprob")
_PROBABILITIES = ("margin", "tail", "sampled_tail")
_Held = Mapping[str, Mapping[str, Array]]
_PIECE = 1 << 18  # entries of attention that are checked at once, whole rows of them: a trace may have tens of millions


def check(contents: StoredTrace, before: StoredTrace | None = None) -> None:
    """Raise CorruptTrace where the tables or the facts that index them break the format.

    `before` keeps the rules: what is the very same there is not looked at again.
    """
    tables, facts = contents.tables, contents.facts
    count = len(tables["nodes"]["parent"])
    if count == 0:
        raise CorruptTrace("it holds no node.")
    check_facts(facts, count)
    for metric in contents.metrics.values():
        MetricFacts.taken("a metric", metric)
    for rule, names, keys in _RULES:
        if before is None or not (are_same(tables, before.tables, names) and are_equal(facts, before.facts, keys)):
            rule(facts, tables)


def check_work(contents: StoredTrace) -> None:
    """Raise OversizedTrace where contents that `check` has passed ask more of a reader than the work budget allows."""
    work_budget.check_budget(contents.tables, contents.facts.main_leaf)
    check = contents.facts.check
    if check is not None:
        size = np.array([len(text) for text in check.outputs], dtype=np.int64)
        said = int(size[contents.tables["checks"]["output"]].sum())
        if said > MAX_SAID:
            raise OversizedTrace(f"its check printed {said:,} characters on all programs, the limit is {MAX_SAID:,}.")


def are_same(tables: _Held, before: _Held, names: tuple[str, ...]) -> bool:
    """Whether these tables hold the very arrays that they held before."""
    return all(
        tables[name].keys() == before[name].keys() and all(tables[name][key] is before[name][key] for key in tables[name])
        for name in names
    )


def are_equal(facts: Facts, before: Facts, keys: tuple[str, ...]) -> bool:
    """Whether these facts are what they were before."""
    return all(getattr(facts, key) == getattr(before, key) for key in keys)


def _check_nodes(_facts: Facts, tables: Tables) -> None:
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
    _check_numbers(nodes, alternatives)


def _check_main(facts: Facts, tables: Tables) -> None:
    """In a generation the main path holds all that is no branch."""
    main, origin = _main_path(tables["nodes"], facts.main_leaf), tables["nodes"]["origin"]
    if facts.prompt.segments and not facts.files:
        covered = facts.prompt.segments[-1].end == int(np.count_nonzero(origin == Origin.PROMPT))
        require(covered, "the prompt's segments do not cover it")
    if not facts.files:
        require(not bool(np.any(origin == Origin.SCORED)), "a scored node belongs to no file")
        require(bool(np.all(main | (origin == Origin.BRANCH))), "a node is neither on the main path nor on a branch")


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


def _check_branches(facts: Facts, tables: Tables) -> None:
    """Branches are runs of nodes, one after the other; the nodes that belong to none are not branch nodes."""
    nodes, branches = tables["nodes"], tables["branches"]
    count = len(nodes["parent"])
    require(not len(branches["first"]) or facts.tree is not None, "run.tree is not a map though there are branches")
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


def _check_attention(facts: Facts, tables: Tables) -> None:
    """Every row belongs to a query, looks back along its own path, falls, and adds up to one."""
    found, parent = facts.attention, tables["nodes"]["parent"]
    heads, unkept = tables["attention_layers"]["heads"].astype(np.int64), tables["attention_rows"]["unkept"]
    source, weight = tables["attention"]["node"], tables["attention"]["weight"]
    if found is None:
        require(len(heads) == len(unkept) == len(source) == 0, "there is attention and run.attention does not describe it")
        return
    top, queries = found.top, found.queries
    require(queries <= len(parent), "run.attention.queries is not a number of nodes")
    layers = tables["attention_layers"]["layer"].astype(np.int64)
    require(bool(np.all(np.diff(layers) > 0)), "the layers of attention are not in ascending order")
    require(bool(np.all(heads >= 1)), "a layer of attention has no head")
    require(int(heads.sum()) * queries == len(unkept), "the rows of attention do not add up")
    require(len(unkept) * top == len(source), "the entries of attention do not add up")
    begins = parent[:queries] == -1
    place = np.arange(queries)
    require(bool(np.all(begins | (parent[:queries] == place - 1))), "the queries of attention are no sequence of nodes")
    root = np.maximum.accumulate(np.where(begins, place, 0)) if queries else place
    before = np.cumsum(heads) - heads  # heads of the layers before
    step = max(1, _PIECE // top)
    for first in range(0, len(unkept), step):
        row = np.arange(first, min(first + step, len(unkept)))
        layer = np.searchsorted(before * queries, row, side="right") - 1
        query = (row - before[layer] * queries) // heads[layer]
        span = slice(first * top, (first + len(row)) * top)
        _check_rows(source[span].reshape(-1, top), weight[span].reshape(-1, top), unkept[row], query, root[query])


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


def _check_lens(facts: Facts, tables: Tables) -> None:
    found, lens, count = facts.lens, tables["lens"], len(tables["nodes"]["parent"])
    if found is None:
        require(len(lens["rank"]) == 0, "there is a lens and run.lens does not describe it")
        return
    layers, tokens = found.layers, found.count
    require(list(layers) == sorted(set(layers)), "the layers of the lens are not in ascending order")
    require(found.first + tokens <= count, "the lens has tokens that do not exist")
    require(len(layers) * tokens == len(lens["rank"]), "the rows of the lens do not add up")
    require(_known(tables["tokens"]["id"], lens["token_id"]), "the lens has a token that is not in the table of tokens")
    require(bool(np.all(lens["rank"] >= 0)), "the lens has a negative rank")
    require(not bool(np.any(lens["logprob"] > 0)), "a logprob is positive")
    outside = (lens["probability"] < 0) | (lens["probability"] > 1)
    require(not bool(np.any(outside)), "a probability of the lens lies outside of 0 to 1")


def _check_files(facts: Facts, tables: Tables) -> None:
    """Files are runs of scored nodes, one after the other from the first node on, each beginning at a root."""
    nodes = tables["nodes"]
    scored = nodes["origin"] == Origin.SCORED
    if facts.files is None:
        return
    end = 0
    for file in facts.files:
        require(end == file.first < file.end <= len(scored), "the files do not join")
        end, rows = file.end, slice(file.first, file.end)
        require(bool(np.all(scored[rows])), "a file has nodes that were not scored")
        chain = np.concatenate([[-1], np.arange(file.first, end - 1)])
        require(bool(np.all(nodes["parent"][rows] == chain)), "a file is not a chain of nodes")
        before = 0
        for first, last in file.changed or ():
            require(before < first <= last, "the changed lines of a file are not ascending ranges")
            before = last
    require(int(scored.sum()) == end, "a scored node belongs to no file")
    require(not facts.files or not len(tables["branches"]["first"]), "it has files that were scored, and branches")


def _check_code(facts: Facts, tables: Tables) -> None:
    """What is known of the code indexes what there is: syntax, what branches led to, decisions, checks."""
    main = _main_path(tables["nodes"], facts.main_leaf)
    texts = len(facts.files) if facts.files else 1
    of_branches = _check_syntax(facts.syntax, tables["syntax"], texts, len(tables["branches"]["first"]))
    _check_outcomes(tables["outcomes"], tables["branches"])
    _check_decisions(facts.decisions, tables, main, of_branches)
    _check_checks(facts.check, tables["checks"], len(tables["branches"]["first"]), main)


def _check_syntax(facts: SyntaxFacts | None, syntax: dict[str, Array], texts: int, branches: int) -> NDArray[np.bool_]:
    """Passages are runs of nodes, one after the other; each is a tree whose children lie within their parents. Which syntax nodes are
    those of branches, (S,).
    """
    count = len(syntax["kind"])
    of_branches = np.zeros(count, dtype=bool)
    if facts is None:
        require(count == 0, "there is syntax and run.syntax does not describe it")
        return of_branches
    for names, column in ((facts.kinds, "kind"), (facts.fields, "field")):
        require(bool(np.all(syntax[column] < len(names))), f"a syntax node has an unknown {column}")
    root = np.zeros(count, dtype=bool)
    end = 0
    for passage in facts.passages:
        require(passage.text < texts, "a passage belongs to no text")
        require(passage.branch is None or passage.branch < branches, "a passage belongs to no branch")
        require(passage.first == end and 1 <= passage.count <= count - end, "the passages do not join")
        root[end] = True
        of_branches[end : passage.end] = passage.branch is not None
        end = passage.end
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


def _check_decisions(
    facts: DecisionFacts | None, tables: Tables, main: NDArray[np.bool_], of_branches: NDArray[np.bool_]
) -> None:
    """Decisions and their options name tokens and syntax of the main path and branches that exist, and their numbers are in range."""
    decisions, options, nodes = tables["decisions"], tables["decision_options"], len(main)
    rows = len(decisions["node"])
    if facts is None:
        require(rows == 0, "there are decisions and run.decisions does not describe them")
    else:
        require(rows <= facts.found <= nodes, "run.decisions does not say how many there are")
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


def _check_checks(facts: CheckFacts | None, checks: dict[str, Array], branches: int, main: NDArray[np.bool_]) -> None:
    """Each program was checked once, and every result has its output."""
    if facts is None:
        require(len(checks["branch"]) == 0, "there are checks and run.check does not describe them")
        return
    if facts.pivot is not None:
        stands = 0 <= facts.pivot.node < len(main) and bool(main[facts.pivot.node])
        require(stands, "run.check.pivot names no node of the main path")
    branch = checks["branch"]
    require(bool(np.all((branch >= -1) & (branch < branches))), "a check is of an unknown branch")
    require(bool(np.all(np.diff(branch) > 0)), "the checks are not in ascending order of their branches")
    result = checks["result"]
    require(bool(np.all((result >= min(CheckResult)) & (result <= max(CheckResult)))), "a check has an unknown result")
    require(bool(np.all(checks["output"] < len(facts.outputs))), "a check has an unknown output")


# Each rule, with the tables and the facts that it looks at.
_RULES: tuple[tuple[Callable[[Facts, Tables], None], tuple[str, ...], tuple[str, ...]], ...] = (
    (_check_nodes, ("nodes", "alternatives", "tokens", "token_bytes", "spellings", "spelling_bytes"), ()),
    (_check_branches, ("nodes", "branches"), ("tree",)),
    (_check_main, ("nodes",), ("main_leaf", "files")),
    (_check_attention, ("nodes", "attention_layers", "attention_rows", "attention"), ("attention",)),
    (_check_lens, ("nodes", "tokens", "lens"), ("lens",)),
    (_check_files, ("nodes", "branches"), ("files",)),
    (_check_code, ("nodes", "tokens", "branches", *CODE_TABLES), ("main_leaf", "files", "syntax", "decisions", "check")),
)
