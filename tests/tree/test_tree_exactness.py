"""Every branch of every engine against an independent `generate` of prompt plus forced tokens, on real architectures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.support import tiny_tokenizers
from tests.support.tiny_models import ARCHITECTURES, tiny_model

from tokenscope_trace.models.loading import describe
from tokenscope_trace.models.prompts import encode_text
from tokenscope_trace.recording.recorder import record
from tokenscope_trace.settings import GenerationSettings, TreeSettings
from tokenscope_trace.traces.schema import BranchEnd

TEXT = "def mean(values):\n    total = sum(values)\n"
SETTINGS = GenerationSettings(max_new_tokens=6, temperature=0, top_alternatives=6)
TREE = TreeSettings(nodes=260, width=2, depth=3, length=7, min_prob=0.0)
WITHOUT_TREE_ATTENTION = {"bloom", "falcon-alibi", "gpt_neo", "mamba", "lfm2"}
EXTRA = {
    "falcon-alibi": ("falcon", {"alibi": True}),
    "gemma2-eager": ("gemma2", {"attn_implementation": "eager"}),
}


def recorded(kind, tree=TREE, **changes):
    loaded = describe(tiny_model(kind, **changes), tiny_tokenizers.byte_level(), name="tiny")
    return loaded, record(loaded, encode_text(loaded.tokenizer, TEXT), SETTINGS, tree=tree)


def branches_of(trace):
    """(branch row, ids up to its last forced token, ids after them, nodes after them)."""
    for row in range(len(trace.branches)):
        first, count = int(trace.branches.first[row]), int(trace.branches.count[row])
        forced = int(trace.branches.forced[row])
        path = trace.path(first + count - 1)
        cut = len(path) - count + forced
        ids = trace.nodes.token_id
        yield row, ids[path[:cut]].tolist(), ids[path[cut:]].tolist(), path[cut:]


def check_against_generate(loaded, trace):
    """Tokens equal, logprobs within 1e-4, entropy, margin and rank those of the logits that `generate` returns."""
    checked = 0
    for _, before, after, nodes in branches_of(trace):
        if not after:
            continue
        ids = torch.tensor([before])
        out = loaded.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=len(after),
            do_sample=False,
            output_logits=True,
            return_dict_in_generate=True,
        )
        assert out.sequences[0, len(before) :].tolist() == after
        z = torch.cat(out.logits).double()
        log_p = torch.log_softmax(z, -1)
        p = log_p.exp()
        picked = torch.tensor(after)
        np.testing.assert_allclose(trace.nodes.logprob[nodes], log_p[range(len(after)), picked], atol=1e-4)
        np.testing.assert_allclose(trace.nodes.entropy[nodes], -(p * log_p).sum(-1) / np.log(2), atol=1e-3)
        best = p.topk(2).values
        np.testing.assert_allclose(trace.nodes.margin[nodes], best[:, 0] - best[:, 1], atol=1e-4)
        assert trace.nodes.rank[nodes].tolist() == [1] * len(after)
        for place, node in enumerate(nodes.tolist()):
            rows = trace.alternatives_of(node)
            np.testing.assert_allclose(
                trace.alternatives.logprob[rows], log_p[place].topk(SETTINGS.top_alternatives).values, atol=1e-4
            )
        checked += len(after)
    return checked


@pytest.mark.parametrize("kind", [*ARCHITECTURES, *EXTRA])
def test_branches_are_what_generate_would_have_written(kind):
    architecture, changes = EXTRA.get(kind, (kind, {}))
    loaded, trace = recorded(architecture, **changes)
    expected = "snapshots" if kind in WITHOUT_TREE_ATTENTION else "tree-attention"
    assert trace.run["tree"]["engine"] == expected
    assert int(trace.branches.count.sum()) <= TREE.nodes
    assert len(trace.branches) > 10
    depths = trace.nodes.parent[trace.branches.first] >= len(trace.main)
    assert depths.any(), "no fork is nested"
    assert check_against_generate(loaded, trace) > 60


def test_a_forced_token_has_the_numbers_of_its_place():
    loaded, trace = recorded("llama")
    for first in trace.branches.first.tolist():
        ids = torch.tensor([trace.nodes.token_id[trace.path(first)].tolist()])
        with torch.no_grad():
            log_p = torch.log_softmax(loaded.model(ids).logits[0, -2].double(), -1)
        token = int(trace.nodes.token_id[first])
        assert trace.nodes.logprob[first] == pytest.approx(float(log_p[token]), abs=1e-4)
        assert trace.nodes.gap[first] == pytest.approx(float(log_p.max() - log_p[token]), abs=1e-4)
        assert trace.nodes.rank[first] == 1 + int((log_p > log_p[token]).sum())


def test_a_bfloat16_model_gets_its_tree_in_one_forward():
    _, trace = recorded("qwen2", dtype=torch.bfloat16)
    assert trace.run["tree"]["engine"] == "tree-attention"
    assert len(trace.branches) > 10
    assert set(trace.branches.end.tolist()) <= {BranchEnd.LENGTH, BranchEnd.NODES, BranchEnd.REJOINED}


def test_branches_obey_the_model_s_own_logits_processors():
    loaded = describe(tiny_model(), tiny_tokenizers.byte_level(), name="tiny")
    plain = record(loaded, encode_text(loaded.tokenizer, TEXT), SETTINGS, tree=TREE)
    loaded.model.generation_config.repetition_penalty = 1.5
    trace = record(loaded, encode_text(loaded.tokenizer, TEXT), SETTINGS, tree=TREE)
    assert plain.nodes.token_id.tolist() != trace.nodes.token_id.tolist()
    for _, before, after, nodes in branches_of(trace):
        ids = torch.tensor([before])
        options = {"attention_mask": torch.ones_like(ids), "do_sample": False, "max_new_tokens": max(1, len(after))}
        out = loaded.model.generate(ids, output_scores=True, return_dict_in_generate=True, **options)
        assert out.sequences[0, len(before) :].tolist()[: len(after)] == after
        if after:
            q = torch.log_softmax(torch.cat(out.scores).double(), -1)[range(len(after)), torch.tensor(after)]
            np.testing.assert_allclose(trace.nodes.sampled_logprob[nodes], q, atol=1e-4)
