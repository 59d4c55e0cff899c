"""What a repetition has otherwise: every change that is made by hand is found, is the only one that is found, and is said."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.support import synthetic_traces

from tokenscope_trace import Trace
from tokenscope_trace.comparison.agreement import find_agreement
from tokenscope_trace.comparison.noise_floor import Floor
from tokenscope_trace.comparison.number_differences import layer_attention
from tokenscope_trace.comparison.shared_paths import SamePaths, branch_nodes, same_paths
from tokenscope_trace.comparison.verdict import differences_json, verdict_lines
from tokenscope_trace.errors import TraceError
from tokenscope_trace.traces.layers import LayerAttention
from tokenscope_trace.traces.schema import OUTCOME_WORDS, BranchEnd, CheckResult, Outcome


@pytest.fixture(scope="module")
def full():
    """With branches, outcomes, decisions, checks, attention and a lens."""
    return synthetic_traces.looking(synthetic_traces.decided())


def edited(trace, changes, run=None):
    """The trace with other values: {table: {column: {row: value}}}."""
    tables = {}
    for table, columns in changes.items():
        tables[table] = {name: np.array(values) for name, values in trace.tables[table].items()}
        for column, values in columns.items():
            for row, value in values.items():
                tables[table][column][row] = value
    return trace.replaced({**trace.run, **(run or {})}, tables)


def without_branches(trace, *, last):
    """The trace without its last branches and all that is about them."""
    keep = len(trace.branches) - last
    nodes = int(trace.branches.first[keep])
    owned = int(trace.nodes.alternative_count[:nodes].sum())
    tables = {
        name: {key: values[:end] for key, values in trace.tables[name].items()}
        for name, end in {"nodes": nodes, "alternatives": owned, "branches": keep, "outcomes": keep}.items()
    }
    for name in ("decisions", "decision_options", "checks", "syntax"):
        tables[name] = {key: values[:0] for key, values in trace.tables[name].items()}
    return trace.replaced({**trace.run, "decisions": None, "check": None, "syntax": None}, tables)


def differing(found):
    return {(one.name, one.part, tuple(one.node.tolist())) for one in found.numbers if len(one.node)}


TRACES = (
    "plausible",
    "sampled",
    "scored",
    "fill_in_the_middle",
    "chat",
    "branching",
    "split_characters",
    "hostile_branches",
)


@pytest.mark.parametrize("name", TRACES)
def test_a_recording_agrees_with_itself(name):
    trace = synthetic_traces.looking(getattr(synthetic_traces, name)())
    found = find_agreement(trace, Trace.from_bytes(trace.to_bytes()))
    assert found.same
    assert verdict_lines(trace, found)[0].startswith("The same: ")
    assert len(verdict_lines(trace, found)) == 1
    measured = int(np.isfinite(trace.nodes.entropy).sum())
    assert sum(one.compared for one in found.numbers if one.name == "nodes.entropy") == measured
    assert sum(one.compared for one in found.numbers if one.name == "alternatives.logprob") == len(trace.alternatives)


COLUMNS = {
    "logprob": -0.01, "entropy": 0.01, "margin": -0.001, "gap": 0.01, "tail": 0.001, "sampled_logprob": -0.01, "sampled_tail": 1e-3,
}  # fmt: skip


@pytest.mark.parametrize("column", COLUMNS)
def test_one_number_that_is_changed_is_found_and_nothing_else(column):
    trace = synthetic_traces.looking(synthetic_traces.sampled())
    node = int(trace.output[9])
    before = getattr(trace.nodes, column)[node]
    found = find_agreement(trace, edited(trace, {"nodes": {column: {node: before + COLUMNS[column]}}}))
    assert not found.same
    assert differing(found) == {(f"nodes.{column}", "output", (node,))}
    assert not found.changes
    assert not found.partings
    lines = verdict_lines(trace, found)
    assert lines[0].startswith(f"Different: {len(trace.output):,} tokens the same, but 1 of ")
    assert any(f"nodes.{column} of the output: 1 of " in line and "output token 10 " in line for line in lines)


@pytest.mark.parametrize("column", COLUMNS)
def test_what_moves_within_the_noise_is_the_same(column):
    trace = synthetic_traces.looking(synthetic_traces.sampled())
    node = int(trace.output[9])
    moved = np.nextafter(getattr(trace.nodes, column)[node], np.float32(-1e9 if COLUMNS[column] < 0 else 1e9))
    assert find_agreement(trace, edited(trace, {"nodes": {column: {node: moved}}})).same


def test_the_floor_is_that_of_the_recording_not_of_the_repetition(full):
    noisy = full.replaced({**full.run, "replay": {"way": "whole", "noise": 0.5}}, {})
    node = int(full.output[3])
    change = {"nodes": {"logprob": {node: full.nodes.logprob[node] - 0.01}}}
    assert not find_agreement(full, edited(noisy, change)).same
    assert find_agreement(noisy, edited(full, change)).same


def test_a_prompt_s_number_an_alternative_a_branch_s_number(full):
    prompt, branch = int(full.prompt[4]), int(full.branches.first[2]) + 1
    row = full.alternatives_of(int(full.output[6])).start + 3
    change = {
        "nodes": {"entropy": {prompt: full.nodes.entropy[prompt] + 0.1}, "margin": {branch: full.nodes.margin[branch] / 2}},
        "alternatives": {"logprob": {row: full.alternatives.logprob[row] - 1e-3}},
    }
    found = find_agreement(full, edited(full, change))
    expected = {
        ("nodes.entropy", "prompt", (prompt,)),
        ("nodes.margin", "branches", (branch,)),
        ("alternatives.logprob", "output", (int(full.output[6]),)),
    }
    assert differing(found) == expected
    one = next(one for one in found.numbers if one.name == "alternatives.logprob" and len(one.node))
    assert one.keys["token_id"].tolist() == [int(full.alternatives.token_id[row])]


def test_a_rank_that_changes_by_itself_is_found_and_one_within_a_tie_is_not(full):
    node = int(full.output[5])
    found = find_agreement(full, edited(full, {"nodes": {"rank": {node: int(full.nodes.rank[node]) + 1}}}))
    assert differing(found) == {("nodes.rank", "output", (node,))}
    far = int(np.argmax(full.nodes.rank[full.prompt]))
    logprob = np.nextafter(full.nodes.logprob[far], np.float32(-100))
    moved = edited(full, {"nodes": {"rank": {far: int(full.nodes.rank[far]) + 1}, "logprob": {far: logprob}}})
    kept = int(full.nodes.alternative_count[far])
    assert find_agreement(full, moved).same == (int(full.nodes.rank[far]) >= kept)


def test_a_weight_of_attention_and_a_mass_that_is_not_kept(full):
    top, heads = full.run["attention"]["top"], 4
    query, head = 40, 2
    row = query * heads + head
    entry = row * top
    code, unkept = int(full.tables["attention"]["weight"][entry]), int(full.tables["attention_rows"]["unkept"][row])
    mass = round((code**2 - (code - 3) ** 2) / 255**2 * 65535)
    change = {"attention": {"weight": {entry: code - 3}}, "attention_rows": {"unkept": {row: unkept + mass}}}
    found = find_agreement(full, edited(full, change))
    assert differing(found) == {("attention.weight", "", (query,)), ("attention_rows.unkept", "", (query,))}
    one = next(one for one in found.numbers if one.name == "attention.weight" and len(one.node))
    assert {key: values.tolist() for key, values in one.keys.items()} == {
        "layer": [0],
        "head": [head],
        "source": [int(full.tables["attention"]["node"][entry])],
    }
    again = edited(full, {"attention_rows": {"unkept": {row: unkept + 60}}})
    assert differing(find_agreement(full, again)) == {("attention_rows.unkept", "", (query,))}
    again = edited(full, {"attention_rows": {"unkept": {row: unkept + 1}}})
    assert find_agreement(full, again).same


def test_a_source_of_attention_that_another_takes_the_place_of(full):
    top, row = full.run["attention"]["top"], 60 * 4 + 3
    sources = full.tables["attention"]["node"][row * top : (row + 1) * top]
    free = next(node for node in range(60) if node not in sources)
    last, weight = row * top + top - 1, full.tables["attention"]["weight"]
    found = find_agreement(full, edited(full, {"attention": {"node": {last: free}}}))
    assert found.same, "the last one kept may as well have been another that had no more"
    assert weight[row * top] > weight[last] + 3
    found = find_agreement(full, edited(full, {"attention": {"node": {row * top: free}}}))
    assert differing(found) == {("attention.weight", "", (60, 60))}


def test_a_source_that_only_one_keeps_may_have_had_as_much_as_the_other_s_last():
    nodes, floor = 5, Floor(1e-5, True)
    paths = SamePaths(np.arange(nodes, dtype=np.int32), (), np.empty(0, np.int32))

    def layer(sources, codes):
        """The same row for every node and one head."""
        rows = [
            np.tile(np.array(values, dtype), (nodes, 1, 1)) for values, dtype in ((sources, np.int32), (codes, np.uint8))
        ]
        return LayerAttention(0, *rows, np.zeros((nodes, 1), np.uint16))

    def found(one, two):
        weights = layer_attention(layer(*one), layer(*two), paths, floor)[0]
        return sorted(set(weights.keys["source"].tolist()))

    assert found(([1, 2], [200, 10]), ([1, 3], [200, 10])) == []
    assert found(([1, 2], [200, 10]), ([1, 3], [200, 3])) == [2], (
        "10 is more than the other's last; 3 is less than this one's"
    )
    assert found(([1, 3], [200, 3]), ([1, 2], [200, 10])) == [2]
    assert found(([1, 2], [200, 10]), ([1, 0], [200, 0])) == [2], "a row with room keeps all there is"


def test_an_alternative_that_another_takes_the_place_of(full):
    node = int(full.output[6])
    rows = full.alternatives_of(node)
    stored = full.alternatives.token_id[rows].tolist()
    free = next(int(token) for token in full.tokens.id if token not in stored)
    found = find_agreement(full, edited(full, {"alternatives": {"token_id": {rows.start + 1: free}}}))
    one = next(one for one in found.numbers if one.name == "alternatives.logprob" and len(one.node))
    assert sorted(one.keys["token_id"].tolist()) == sorted([stored[1], free])
    assert find_agreement(full, edited(full, {"alternatives": {"token_id": {rows.stop - 1: free}}})).same, (
        "the last one is a tie"
    )


def test_numbers_of_the_lens(full):
    place, count = 7, full.run["lens"]["count"]
    row = count + place  # of the second layer
    for column, change in (("logprob", -0.01), ("probability", 0.01)):
        value = full.tables["lens"][column][row] + change
        found = find_agreement(full, edited(full, {"lens": {column: {row: value}}}))
        assert differing(found) == {(f"lens.{column}", "", (int(full.output[place]),))}
    other = int(full.tokens.id[3]) if full.tables["lens"]["token_id"][row] != full.tokens.id[3] else int(full.tokens.id[4])
    found = find_agreement(full, edited(full, {"lens": {"token_id": {row: other}}}))
    assert differing(found) == {("lens.token_id", "", (int(full.output[place]),))}


def parted(trace, position, token_id):
    """The trace with another token at a place of its output."""
    return edited(trace, {"nodes": {"token_id": {int(trace.output[position]): token_id}}})


def test_the_first_token_that_differs_is_said_with_what_the_recording_gave_both():
    trace = synthetic_traces.plausible()
    node = int(trace.output[20])
    rows = trace.alternatives_of(node)
    second = int(trace.alternatives.token_id[rows][1])
    found = find_agreement(trace, parted(trace, 20, second))
    assert [(one.path, one.position, one.node) for one in found.partings] == [("output", 21, node)]
    assert found.partings[0].other_logprob == trace.alternatives.logprob[rows][1]
    assert not found.partings[0].coin_flip
    assert [(one.recorded, one.again, one.differing) for one in found.tokens] == [(len(trace.output),) * 2 + (1,)]
    line = trace.text(trace.path(node - 1)).count(b"\n") + 1
    assert verdict_lines(trace, found)[0].startswith(f"Different: output token 21 (line {line}) was ")
    # What stands after it has another history: no number of it is compared.
    compared = sum(one.compared for one in found.numbers if one.name == "nodes.logprob" and one.part == "output")
    assert compared == 20
    assert found.left_out[0].startswith(f"{len(trace.output) - 20:,} recorded tokens stand after places that differ")


def test_a_coin_flip_is_called_one():
    trace = synthetic_traces.plausible()
    node = int(trace.output[20])
    first = trace.alternatives_of(node).start
    level = {"logprob": {first + 1: trace.alternatives.logprob[first]}}
    trace = edited(trace, {"alternatives": level})
    found = find_agreement(trace, parted(trace, 20, int(trace.alternatives.token_id[first + 1])))
    assert found.partings[0].coin_flip
    assert "a coin flip within noise" in verdict_lines(trace, found)[0]


def test_an_output_that_goes_on_is_different():
    trace = synthetic_traces.plausible()
    nodes = len(trace.nodes) - 3
    tables = {
        "nodes": {name: values[:nodes] for name, values in trace.tables["nodes"].items()},
        "alternatives": {
            name: values[: trace.alternatives_of(nodes).start] for name, values in trace.tables["alternatives"].items()
        },
    }
    shorter = trace.replaced({**trace.run, "main_leaf": nodes - 1}, tables)
    found = find_agreement(trace, shorter)
    assert not found.same
    assert "the recording goes on with" in verdict_lines(trace, found)[0]
    assert found.tokens[0].differing == 3
    assert "it goes on now with" in verdict_lines(shorter, find_agreement(shorter, trace))[0]


def test_a_branch_that_is_gone_and_one_that_is_new(full):
    less = without_branches(full, last=1)
    more = full.replaced({**full.run, "decisions": None, "check": None, "syntax": None}, {
        name: {key: values[:0] for key, values in full.tables[name].items()} for name in ("decisions", "decision_options", "checks", "syntax")
    })  # fmt: skip
    gone = find_agreement(more, less)
    assert [(one.kind, one.recorded, one.again) for one in gone.changes] == [("branch", "present", "")]
    assert gone.changes[0].node == int(full.branches.first[-1])
    new = find_agreement(less, more)
    assert [(one.kind, one.recorded, one.again) for one in new.changes] == [("branch", "", "present")]


def test_a_branch_that_ends_otherwise_or_has_another_outcome(full):
    branch = int(np.flatnonzero(full.branches.end == BranchEnd.CUT)[0])
    found = find_agreement(full, edited(full, {"branches": {"end": {branch: BranchEnd.LENGTH}}}))
    assert [(one.kind, one.again.split(", ")[1]) for one in found.changes] == [("branch", "its length")]
    branch = int(np.flatnonzero(full.outcomes.outcome == Outcome.OTHER_CALLS)[0])
    found = find_agreement(full, edited(full, {"outcomes": {"outcome": {branch: Outcome.RENAMED}}}))
    kinds = [one.kind for one in found.changes]
    assert kinds[0] == "outcome"
    assert set(kinds[1:]) == {"option"}, "the decision's option led elsewhere, too"
    assert found.changes[0].recorded == OUTCOME_WORDS[Outcome.OTHER_CALLS][1]
    assert found.changes[0].again == OUTCOME_WORDS[Outcome.RENAMED][1]


def test_decisions_in_another_order_and_with_other_numbers(full):
    counts = full.decisions.option_count.tolist()
    ends = np.cumsum(counts)
    order = [1, 0, *range(2, len(counts))]
    options = np.concatenate([np.arange(ends[i] - counts[i], ends[i]) for i in order])
    tables = {
        "decisions": {name: values[order] for name, values in full.tables["decisions"].items()},
        "decision_options": {name: values[options] for name, values in full.tables["decision_options"].items()},
    }
    found = find_agreement(full, full.replaced(full.run, tables))
    assert [(one.kind, one.recorded, one.again) for one in found.changes] == [
        ("decision", "number 1", "number 2"),
        ("decision", "number 2", "number 1"),
    ]
    found = find_agreement(full, edited(full, {"decisions": {"probability": {2: full.decisions.probability[2] + 0.01}}}))
    assert [(one.kind, one.node) for one in found.changes] == [("decision", int(full.decisions.node[2]))]
    assert "its probability" in found.changes[0].name


def test_a_decision_that_is_gone(full):
    keep = len(full.decisions) - 1
    rows = int(full.decisions.option_count[:keep].sum())
    tables = {
        "decisions": {name: values[:keep] for name, values in full.tables["decisions"].items()},
        "decision_options": {name: values[:rows] for name, values in full.tables["decision_options"].items()},
    }
    less = full.replaced(full.run, tables)
    assert [(one.kind, one.recorded) for one in find_agreement(full, less).changes] == [("decision", f"number {keep + 1}")]
    assert [(one.kind, one.again) for one in find_agreement(less, full).changes] == [("decision", f"number {keep + 1}")]


def test_a_check_that_says_something_else_or_was_not_run(full):
    found = find_agreement(full, edited(full, {"checks": {"result": {0: CheckResult.FAIL}}}))
    assert [(one.kind, one.name, one.recorded, one.again) for one in found.changes] == [
        ("check", "of the output", "pass", "fail")
    ]
    none = {name: values[:0] for name, values in full.tables["checks"].items()}
    found = find_agreement(full, full.replaced({**full.run, "check": None}, {"checks": none}))
    assert found.same
    assert any("--check" in sentence for sentence in found.left_out)


def test_stages_that_one_lacks_are_said_and_not_called_different(full):
    less = without_branches(full, last=len(full.branches) - 1)
    less = less.replaced({**less.run, "missing": [{"stage": "tree", "reason": "the memory did not suffice"}, {"stage": "structure", "reason": "x"}, {"stage": "check", "reason": "x"}]}, {})  # fmt: skip
    for one, two in ((full, less), (less, full)):
        found = find_agreement(one, two)
        assert found.same, found.changes
        assert any("lacks its tree" in sentence and "memory" in sentence for sentence in found.left_out)


def test_a_layer_without_attention_is_a_difference_unless_the_stage_is_missing(full):
    heads, top = 4, full.run["attention"]["top"]
    rows = full.run["attention"]["queries"] * heads
    tables = {
        "attention_layers": {name: values[:-1] for name, values in full.tables["attention_layers"].items()},
        "attention_rows": {name: values[:-rows] for name, values in full.tables["attention_rows"].items()},
        "attention": {name: values[: -rows * top] for name, values in full.tables["attention"].items()},
    }
    less = full.replaced(full.run, tables)
    assert [(one.kind, one.name) for one in find_agreement(full, less).changes] == [("layer", "attention of layer 5")]
    less = less.replaced({**less.run, "missing": [{"stage": "attention", "reason": "the memory did not suffice"}]}, {})
    assert find_agreement(full, less).same


def test_what_changed_in_the_environment_is_named(full):
    run = {
        **full.run,
        "model": {**full.run["model"], "dtype": "bfloat16", "weights_sha256": "ab" * 32},
        "libraries": {**full.run["libraries"], "torch": "9.9"},
        "machine": {"threads": 3},
    }
    before = full.replaced(
        {**full.run, "machine": {"threads": 1}, "model": {**full.run["model"], "weights_sha256": "cd" * 32}}, {}
    )
    found = find_agreement(before, full.replaced(run, {}))
    assert found.same
    changed = {one.name: (one.recorded, one.again) for one in found.environment}
    assert changed == {
        "its weights, sha256": ("cd" * 6, "ab" * 6),
        "dtype": (full.run["model"]["dtype"], "bfloat16"),
        "threads": ("1", "3"),
        "torch": (full.run["libraries"]["torch"], "9.9"),
    }
    assert "  threads: 1 → 3" in verdict_lines(before, found)


def test_the_json_holds_every_difference(full):
    nodes = full.output[3:40].tolist()
    change = {"nodes": {"entropy": {node: full.nodes.entropy[node] + 0.1 for node in nodes}}}
    document = json.loads(differences_json(find_agreement(full, edited(full, change))))
    assert document["same"] is False
    assert len(document["numbers"]) == 1
    columns = document["numbers"][0]["columns"]
    assert columns["node"] == nodes
    assert np.allclose(np.array(columns["again"]) - np.array(columns["recorded"]), 0.1)


def test_a_hostile_trace_cannot_act_on_the_terminal():
    trace = synthetic_traces.hostile_branches()
    other = int(trace.tokens.id[0])
    tokens = [place for place in range(len(trace.output)) if int(trace.nodes.token_id[trace.output[place]]) != other]
    text = "\n".join(verdict_lines(trace, find_agreement(trace, parted(trace, tokens[1], other))))
    assert text.isprintable() or all(character == "\n" or character.isprintable() for character in text)


def test_other_prompts_are_not_compared():
    one = synthetic_traces.plausible()
    with pytest.raises(TraceError, match="same prompt"):
        find_agreement(one, edited(one, {"nodes": {"token_id": {2: int(one.nodes.token_id[5])}}}))
    with pytest.raises(TraceError, match="same prompt"):
        find_agreement(one, synthetic_traces.scored())


def test_same_paths_are_those_whose_tokens_are_equal():
    one = synthetic_traces.branching()
    node = int(one.branches.first[0]) + 2
    two = parted(one, 60, int(one.tokens.id[0]))
    two = edited(two, {"nodes": {"token_id": {node: int(one.tokens.id[1])}}})

    def histories(trace):
        return {tuple(trace.nodes.token_id[trace.path(n)].tolist()): n for n in range(len(trace.nodes))}

    known = histories(two)
    expected = [known.get(tuple(one.nodes.token_id[one.path(n)].tolist()), -1) for n in range(len(one.nodes))]
    found = same_paths(one, two)
    assert found.other.tolist() == expected
    assert -1 in expected
    assert (int(one.output[60]), int(one.output[60])) in found.forks
    assert (node, node) in found.forks
    assert branch_nodes(one, 0)[2] == node
