"""The bounds of the tree, the order of its growth, and the ways a branch ends."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.support import tiny_tokenizers
from tests.support.tiny_models import tiny_model

from tokenscope_trace.errors import PromptError
from tokenscope_trace.inference import branching, in_process, tree_attention
from tokenscope_trace.models.loading import describe
from tokenscope_trace.models.prompts import encode_text
from tokenscope_trace.progress import Watcher
from tokenscope_trace.recording.recorder import record
from tokenscope_trace.settings import GenerationSettings, TreeSettings, parse_forced_text, parse_forced_token
from tokenscope_trace.traces.schema import BranchEnd, Origin

TEXT = "def mean(values):\n    total = sum(values)\n"
GREEDY = GenerationSettings(max_new_tokens=12, temperature=0, top_alternatives=8)
TREE = TreeSettings(nodes=400, width=2, depth=2, length=6, extra=0, min_prob=0.0)


@pytest.fixture(scope="module")
def tiny():
    return describe(tiny_model(), tiny_tokenizers.byte_level(), name="tiny")


def recorded(loaded, settings=GREEDY, tree=TREE, **watched):
    return record(loaded, encode_text(loaded.tokenizer, TEXT), settings, tree=tree, watcher=Watcher(**watched))


def changed(**bounds):
    return TreeSettings(**(vars(TREE) | bounds))


def spans(trace):
    return [(int(first), int(count)) for first, count in zip(trace.branches.first, trace.branches.count, strict=True)]


def levels(trace):
    """How many forks lie above each branch's end, itself included."""
    owner = {first + i: row for row, (first, count) in enumerate(spans(trace)) for i in range(count)}
    found = []
    for first, _ in spans(trace):
        parent = int(trace.nodes.parent[first])
        found.append(1 + (found[owner[parent]] if parent in owner else 0))
    return found


def weights(trace):
    """The product of the probabilities of the forced tokens on the way to each branch."""
    owner = {first + i: row for row, (first, count) in enumerate(spans(trace)) for i in range(count)}
    found = []
    for first, _ in spans(trace):
        parent = int(trace.nodes.parent[first])
        found.append(float(trace.nodes.probability[first]) * (found[owner[parent]] if parent in owner else 1))
    return found


def test_no_tree_unless_one_is_asked_for(tiny):
    for tree in (None, changed(nodes=0)):
        trace = recorded(tiny, tree=tree)
        assert len(trace.branches) == 0
        assert len(trace.nodes) == len(trace.main)


@pytest.mark.parametrize("nodes", [1, 5, 6, 37, 400])
def test_the_budget_is_never_exceeded_and_is_used(tiny, nodes):
    trace = recorded(tiny, tree=changed(nodes=nodes))
    assert int(trace.branches.count.sum()) == nodes
    assert trace.run["tree"]["finish"] == "nodes"
    assert (trace.nodes.origin == Origin.BRANCH).sum() == nodes


def test_a_tree_that_comes_to_its_end_says_so(tiny):
    trace = recorded(tiny, tree=changed(depth=1, nodes=10_000))
    assert trace.run["tree"]["finish"] == "complete"
    assert len(trace.branches) == TREE.width * len(trace.output)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_forks_are_at_most_depth_above_each_other(tiny, depth):
    assert max(levels(recorded(tiny, tree=changed(depth=depth, nodes=3000)))) == depth


@pytest.mark.parametrize("width", [1, 3])
def test_at_most_width_alternatives_at_each_position(tiny, width):
    trace = recorded(tiny, tree=changed(width=width, nodes=3000))
    _, counts = np.unique(trace.nodes.parent[trace.branches.first], return_counts=True)
    assert counts.max() == width
    for first in trace.branches.first.tolist():
        assert trace.nodes.rank[first] <= width + 1


def test_branches_have_their_length_and_say_why_they_end(tiny):
    trace = recorded(tiny)
    for (_, count), end in zip(spans(trace), trace.branches.end.tolist(), strict=True):
        if end == BranchEnd.LENGTH:
            assert count == TREE.length
        elif end == BranchEnd.NODES:
            assert count < TREE.length
    assert (trace.branches.end == BranchEnd.LENGTH).sum() > 10


def test_improbable_alternatives_are_left_alone(tiny):
    trace = recorded(tiny, tree=changed(min_prob=0.1, nodes=3000))
    assert trace.nodes.probability[trace.branches.first].min() >= 0.1
    assert len(recorded(tiny, tree=changed(min_prob=1.0)).branches) == 0


def test_growth_is_best_first(tiny):
    """With one branch at a time every fork that grows outweighs all that were known and did not."""
    trace = recorded(tiny, tree=changed(nodes=120, depth=1))
    grown = weights(trace)
    left_out = []
    taken = {(int(trace.nodes.parent[first]), int(trace.nodes.token_id[first])) for first, _ in spans(trace)}
    for node in trace.output.tolist():
        rows = trace.alternatives_of(node)
        ids, logprobs = trace.alternatives.token_id[rows], trace.alternatives.logprob[rows]
        others = [(i, lp) for i, lp in zip(ids.tolist(), logprobs.tolist(), strict=True) if i != trace.nodes.token_id[node]]
        left_out += [np.exp(lp) for i, lp in others[: TREE.width] if (node - 1, i) not in taken]
    assert min(grown) >= max(left_out) - 1e-6


def test_a_nested_branch_weighs_what_its_forks_weigh(tiny):
    trace = recorded(tiny, tree=changed(nodes=3000))
    nested = [weight for weight, level in zip(weights(trace), levels(trace), strict=True) if level == 2]
    assert nested
    assert max(nested) <= 0.5


def test_a_branch_ends_with_the_text(tiny):
    plain = recorded(tiny, tree=changed(depth=1, nodes=3000))
    inside = plain.nodes.token_id[plain.branches.first[0] + 2]  # the third token of the first branch ends texts from now on
    tiny.model.generation_config.eos_token_id = int(inside)
    try:
        trace = recorded(tiny, tree=changed(depth=1, nodes=3000))
    finally:
        tiny.model.generation_config.eos_token_id = None
    ended = trace.branches.end == BranchEnd.END_OF_TEXT
    assert ended.any()
    last = trace.branches.first + trace.branches.count - 1
    assert (trace.nodes.token_id[last[ended]] == inside).all()
    others = np.setdiff1d(np.flatnonzero(trace.nodes.origin == Origin.BRANCH), last)
    assert not (trace.nodes.token_id[others] == inside).any()


def test_a_branch_ends_at_a_stop_string_as_generate_does(tiny):
    plain = recorded(tiny, tree=changed(depth=1, nodes=3000))
    written = plain.text(plain.main)
    texts = [plain.text(np.arange(first + 1, first + count)) for first, count in spans(plain)]
    stop = next(chr(byte) for text in texts for byte in text if byte < 128 and bytes([byte]) not in written)
    trace = recorded(tiny, GenerationSettings(**(vars(GREEDY) | {"stop": (stop,)})), changed(depth=1, nodes=3000))
    ended = np.flatnonzero(trace.branches.end == BranchEnd.STOP_STRING)
    assert len(ended)
    for row in ended.tolist():
        first, count = spans(trace)[row]
        assert stop.encode() in trace.text(trace.path(first + count - 1))
    for row, (first, count) in enumerate(spans(trace)):
        if trace.branches.end[row] == BranchEnd.LENGTH:
            assert stop.encode() not in trace.text(np.arange(first, first + count))


def split_token(loaded, trace):
    """(position of an output token of several characters, the ids that spell them one by one)."""
    for position, node in enumerate(trace.output.tolist(), start=1):
        characters = loaded.tokenizer.convert_ids_to_tokens(int(trace.nodes.token_id[node]))
        if len(characters) > 1 and int(trace.nodes.token_id[node]) > len(tiny_tokenizers.SPECIAL):
            return position, [loaded.tokenizer.convert_tokens_to_ids(character) for character in characters]
    raise AssertionError("the model wrote no long token")


def test_a_branch_that_comes_back_to_the_same_text_ends_there(tiny):
    """The characters of one token as tokens of their own: other ids, the same text."""
    main = recorded(tiny, tree=None)
    position, ids = split_token(tiny, main)
    path = ",".join(f"{position + i}:{token}" for i, token in enumerate(ids))
    trace = recorded(tiny, tree=changed(nodes=0, length=8, forced=(parse_forced_token(path),)))
    last = len(trace.branches) - 1
    assert trace.branches.end.tolist() == [BranchEnd.LENGTH] * last + [BranchEnd.REJOINED]
    assert trace.branches.rejoined[last] == main.output[position - 1]
    first, count = spans(trace)[last]
    assert count == 1
    assert trace.text(trace.path(first)) == main.text(main.path(int(main.output[position - 1])))


def test_forcing_what_stands_there_already_begins_no_branch(tiny):
    main = recorded(tiny, tree=None)
    forced = parse_forced_token(f"3:{int(main.nodes.token_id[main.output[2]])}")
    assert len(recorded(tiny, tree=changed(nodes=0, forced=(forced,))).branches) == 0


def test_the_context_of_the_model_bounds_branches_too():
    size = len(encode_text(tiny_tokenizers.byte_level(), TEXT).ids)
    loaded = describe(tiny_model(max_position_embeddings=size + 8), tiny_tokenizers.byte_level(), name="tiny")
    trace = recorded(loaded, tree=changed(depth=1, nodes=3000))
    assert trace.run["finish"] == "context"
    ends = trace.branches.end.tolist()
    assert BranchEnd.CONTEXT in ends
    longest = max(len(trace.path(first + count - 1)) for first, count in spans(trace))
    assert longest == size + 8


def test_equal_runs_give_equal_trees_also_sampled(tiny):
    for tree in (TREE, changed(temperature=1.2)):
        one, two = recorded(tiny, tree=tree), recorded(tiny, tree=tree)
        assert one.branches.first.tolist() == two.branches.first.tolist()
        np.testing.assert_array_equal(one.nodes.token_id, two.nodes.token_id)
        np.testing.assert_array_equal(one.nodes.logprob, two.nodes.logprob)


def test_a_sampled_branch_does_not_depend_on_the_others(tiny):
    wide, narrow = (
        recorded(tiny, tree=changed(temperature=1.2, nodes=600)),
        recorded(tiny, tree=changed(temperature=1.2, nodes=60)),
    )
    assert len(narrow.branches) < len(wide.branches)

    def texts(trace):
        return {
            (int(trace.nodes.parent[first]), int(trace.nodes.token_id[first])): trace.nodes.token_id[first : first + count]
            for first, count in spans(trace)
            if trace.nodes.parent[first] < len(trace.main)
        }

    everywhere = texts(wide)
    same = [len(ids) == TREE.length and ids.tolist() == everywhere[fork].tolist() for fork, ids in texts(narrow).items()]
    assert sum(same) >= len(same) - 1  # the last one has what the budget left


def test_sampled_branches_record_what_they_were_sampled_from(tiny):
    trace = recorded(tiny, tree=changed(temperature=1.5))
    chosen = [
        node
        for (first, count), f in zip(spans(trace), trace.branches.forced, strict=True)
        for node in range(first + int(f), first + count)
    ]
    z = trace.nodes.sampled_logprob[chosen]
    assert np.isfinite(z).all()
    assert not np.allclose(z, trace.nodes.logprob[chosen])


def test_seeds_differ(tiny):
    one = recorded(tiny, tree=changed(temperature=1.5))
    two = recorded(tiny, GenerationSettings(**(vars(GREEDY) | {"seed": 1})), changed(temperature=1.5))
    assert one.nodes.token_id.tolist() != two.nodes.token_id.tolist()


def test_a_stop_keeps_the_branches_grown_so_far(tiny):
    seen = []
    trace = recorded(tiny, on_nodes=seen.append, should_stop=lambda: len(seen) >= 3)
    assert trace.run["tree"]["finish"] == "interrupted"
    assert trace.run["finish"] == "length"
    assert 0 < int(trace.branches.count.sum()) < TREE.nodes
    assert BranchEnd.CUT in trace.branches.end.tolist()
    assert any("interrupted" in note for note in trace.run["notes"])


def test_a_second_signal_in_the_midst_of_a_step_keeps_them_too(tiny, monkeypatch):
    advance, calls = tree_attention.TreeAttention.advance, []

    def interrupted(self, tips):
        calls.append(len(tips))
        if len(calls) == 8:
            raise KeyboardInterrupt
        return advance(self, tips)

    def planned(*_plan):  # the engine was tried by then
        monkeypatch.setattr(tree_attention.TreeAttention, "advance", interrupted)

    trace = recorded(tiny, on_plan=planned)
    assert trace.run["tree"]["finish"] == "interrupted"
    assert len(trace.branches)


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_full_memory_keeps_the_branches_grown_so_far(tiny, monkeypatch, error):
    advance, calls = tree_attention.TreeAttention.advance, []

    def full(self, tips):
        calls.append(len(tips))
        if len(calls) == 8:
            raise error
        return advance(self, tips)

    def planned(*_plan):  # the engine was tried by then
        monkeypatch.setattr(tree_attention.TreeAttention, "advance", full)

    trace = recorded(tiny, on_plan=planned)
    assert trace.run["tree"]["finish"] == "memory"
    assert len(trace.branches)
    assert any("memory" in note for note in trace.run["notes"])


def test_a_budget_larger_than_the_memory_is_cut_with_a_sentence(tiny, monkeypatch):
    monkeypatch.setattr(branching, "available_bytes", lambda _device: 100_000)
    trace = recorded(tiny, tree=changed(nodes=100_000))
    assert 0 < int(trace.branches.count.sum()) < 1000
    assert any("cut from 100,000 to" in note for note in trace.run["notes"])


def test_the_cache_lets_go_of_branches_that_ended(tiny, monkeypatch):
    monkeypatch.setattr(tree_attention, "COMPACT_ABOVE", 20)
    sizes = []
    advance = tree_attention.TreeAttention.advance

    def watched(self, tips):
        logits = advance(self, tips)
        sizes.append(self.slots)
        return logits

    monkeypatch.setattr(tree_attention.TreeAttention, "advance", watched)
    monkeypatch.setattr(in_process, "WAVE", 4)
    trace = recorded(tiny, tree=changed(depth=1, width=7, nodes=480, length=6))
    assert int(trace.branches.count.sum()) > 400
    assert max(sizes) < len(trace.main) + 250
    plain = recorded(tiny, tree=changed(depth=1, width=7, nodes=480, length=6))
    np.testing.assert_array_equal(trace.nodes.token_id, plain.nodes.token_id)


def test_the_plan_comes_before_the_first_node(tiny):
    events = []
    recorded(tiny, on_plan=lambda *plan: events.append(plan), on_nodes=events.append)
    nodes, seconds, engine = events[0]
    assert (nodes, engine) == (400, "tree-attention")
    assert seconds > 0
    assert all(isinstance(event, int) for event in events[1:])
    assert events[-1] == 400


def test_a_forced_token_is_continued_whatever_its_probability(tiny):
    main = recorded(tiny, tree=None)
    rows = main.alternatives_of(int(main.output[3]))
    unlikely = next(i for i in range(10, 300) if i not in main.alternatives.token_id[rows].tolist())
    trace = recorded(tiny, tree=changed(nodes=0, forced=(parse_forced_token(f"4:{unlikely}"),)))
    assert trace.branches.asked.tolist() == [1]
    first, count = spans(trace)[0]
    assert trace.nodes.parent[first] == main.output[2]
    assert trace.nodes.token_id[first] == unlikely
    assert count == TREE.length
    ids = torch.tensor([trace.nodes.token_id[trace.path(first)].tolist()])
    with torch.no_grad():
        log_p = torch.log_softmax(tiny.model(ids).logits[0, -2].double(), -1)
    assert trace.nodes.logprob[first] == pytest.approx(float(log_p[unlikely]), abs=1e-4)
    assert trace.nodes.rank[first] == 1 + int((log_p > log_p[unlikely]).sum())
    assert trace.nodes.entropy[first] == trace.nodes.entropy[main.output[3]]


def test_a_forced_text_has_all_its_tokens(tiny):
    trace = recorded(tiny, tree=changed(nodes=0, forced=(parse_forced_text("2: return None"),)))
    first, count = spans(trace)[0]
    forced = int(trace.branches.forced[0])
    assert forced > 1
    assert trace.text(np.arange(first, first + forced)) == b" return None"
    assert count == TREE.length


def test_a_path_of_forced_tokens_nests(tiny):
    trace = recorded(tiny, tree=changed(nodes=0, forced=(parse_forced_token("3:40,5:41"),)))
    assert len(trace.branches) == 2
    path = trace.path(int(trace.branches.first[1]))
    output = trace.nodes.token_id[path[len(trace.prompt) :]].tolist()
    assert (output[2], output[4]) == (40, 41)
    assert trace.branches.asked.tolist() == [1, 1]


def test_forced_branches_come_on_top_of_the_tree(tiny):
    trace = recorded(tiny, tree=changed(nodes=60, forced=(parse_forced_token("3:40"),)))
    assert int(trace.branches.count.sum()) == 60 + TREE.length
    assert trace.branches.asked.tolist()[0] == 1


def test_a_position_beyond_the_text_is_said(tiny):
    trace = recorded(tiny, tree=changed(nodes=0, forced=(parse_forced_token("99:40"),)))
    assert len(trace.branches) == 0
    assert any("position" in note for note in trace.run["notes"])


def test_an_id_that_the_model_lacks_is_refused_before_it_writes(tiny):
    with pytest.raises(PromptError, match="has no token 99999"):
        recorded(tiny, tree=changed(forced=(parse_forced_token("1:99999"),)))


@pytest.mark.parametrize("value", ["", "12", "12:", ":5", "x:5", "12:a", "0:5", "5:1,5:2", "5:1,4:2", "-1:5"])
def test_forced_tokens_that_make_no_sense_are_refused(value):
    with pytest.raises(ValueError, match=r"POSITION|positions"):
        parse_forced_token(value)
