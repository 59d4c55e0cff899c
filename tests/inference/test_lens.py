"""The logit lens against float64: the layers' hidden states through norm and head by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.support.tiny_models import ARCHITECTURES, tiny_model

from tokenscope_trace.inference.internals import Inside, Probes
from tokenscope_trace.inference.lens import Lens, NoLens, opinion_of
from tokenscope_trace.inference.replay import Opinions, read_whole
from tokenscope_trace.settings import ReplaySettings, spread_layers

LENGTH = 30
BY_HAND = {  # (final norm, what the head does after it), as the modelling files have them
    "llama": (lambda m: m.model.norm, lambda m, z: z),
    "gpt2": (lambda m: m.transformer.ln_f, lambda m, z: z),
    "gpt_neox": (lambda m: m.gpt_neox.final_layer_norm, lambda m, z: z),
    "gemma2": (lambda m: m.model.norm, lambda m, z: torch.tanh(z / 30.0) * 30.0),
    "cohere": (lambda m: m.model.norm, lambda m, z: z * 0.0625),
    "granite": (lambda m: m.model.norm, lambda m, z: z / 8.0),
    "lfm2": (lambda m: m.model.embedding_norm, lambda m, z: z),
    "mamba": (lambda m: m.backbone.norm_f, lambda m, z: z),
}


def ids():
    return torch.randint(2, 300, (LENGTH,), generator=torch.Generator().manual_seed(3)).tolist()


@torch.no_grad()
def opinions(model, tokens):
    lens = Lens(model)
    probes = Probes(None, lens, tuple(range(len(lens.layers))))
    found = Opinions(probes)
    following = torch.tensor(tokens)
    for block in read_whole(model, tokens, probes):
        found.add(block, following[block.first + 1 : block.first + 1 + len(block.logits)])
    return found.layers(1)


@pytest.mark.parametrize("kind", BY_HAND)
def test_each_layer_says_what_norm_and_head_make_of_its_state(kind):
    model, tokens = tiny_model(kind), ids()
    norm, after = BY_HAND[kind]
    states = {}
    layers = Lens(model).layers
    handles = [
        layer.register_forward_hook(lambda _m, _i, out, n=n: states.update({n: out[0] if isinstance(out, tuple) else out}))
        for n, layer in enumerate(layers)
    ]
    with torch.no_grad():
        model(input_ids=torch.tensor([tokens]), use_cache=False)
    for handle in handles:
        handle.remove()
    for lens in opinions(model, tokens):
        hidden = norm(model)(states[lens.layer])[0, :-1].detach().double()
        z = after(model, hidden @ model.get_output_embeddings().weight.detach().double().T)
        p = torch.log_softmax(z, -1)
        own = torch.tensor(tokens[1:])[:, None]
        assert np.array_equal(lens.token_id, z.argmax(-1).numpy())
        assert np.abs(lens.probability - p.amax(-1).exp().numpy()).max() < 1e-5
        assert np.abs(lens.logprob - p.gather(-1, own)[:, 0].numpy()).max() < 1e-4
        assert np.array_equal(lens.rank, 1 + (z > z.gather(-1, own)).sum(-1).numpy())


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_the_last_layer_says_what_the_model_says(kind):
    model, tokens = tiny_model(kind), ids()
    with torch.no_grad():
        p = torch.log_softmax(model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0, :-1].double(), -1)
    last = opinions(model, tokens)[-1]
    assert last.layer == 1
    assert np.array_equal(last.token_id, p.argmax(-1).numpy())
    assert np.abs(last.logprob - p.gather(-1, torch.tensor(tokens[1:])[:, None])[:, 0].numpy()).max() < 1e-4


def test_the_probe_itself_says_so_for_the_last_layer_of_every_architecture():
    for kind in ARCHITECTURES:
        lens, head = Lens(tiny_model(kind)), 8
        assert lens.opinions({0: torch.zeros(3, 64)}, torch.arange(3))[0].rank.shape == (3,), (kind, head)


def test_a_model_whose_last_layer_is_not_what_it_says_has_no_lens():
    model = tiny_model("llama")
    Lens(model)

    def flip(_module, _inputs, output):
        output.last_hidden_state = output.last_hidden_state.flip(-1)
        return output

    model.model.register_forward_hook(flip)  # the head no longer gets what the final norm gave
    with pytest.raises(NoLens, match="does not give its logits"):
        Lens(model)
    inside = Inside(model, ReplaySettings(attention_top=0, lens=True))
    assert inside.probes.lens is None
    facts = inside.facts([], [], 5)["lens"]
    assert facts["layers"] == []
    assert "does not give its logits" in facts["reason"]


def test_layers_that_cannot_be_told_apart_are_the_reason():
    model = tiny_model("llama")
    model.config.num_hidden_layers = 7
    with pytest.raises(NoLens, match="cannot be told apart"):
        Lens(model)


def test_opinions_of_hand_made_logits():
    logits = torch.tensor([[0.0, 2.0, 1.0, 2.0], [-1e4, 0.0, 0.0, 5.0]])
    found = opinion_of(logits, torch.tensor([2, 3]))
    assert found.token_id.tolist() == [1, 3]
    assert found.rank.tolist() == [3, 1]
    p = torch.softmax(logits.double(), -1)
    assert torch.allclose(found.probability.double(), p.amax(-1), atol=1e-7)
    assert torch.allclose(found.logprob.double(), p[[0, 1], [2, 3]].log(), atol=1e-6)


def test_the_default_layers_are_spread_and_end_with_the_last():
    assert spread_layers(24) == (3, 7, 11, 15, 19, 23)
    assert spread_layers(6) == (0, 1, 2, 3, 4, 5)
    assert spread_layers(2) == (0, 1)
    assert all(spread_layers(n)[-1] == n - 1 and 5 <= len(spread_layers(n)) <= 12 for n in range(6, 200))
