"""The main path: equal to transformers' own generate, measured on the logits that decided."""

from __future__ import annotations

import math

import pytest
import torch
from tests.inference.test_metrics import independent
from tests.support import tiny_tokenizers
from tests.support.tiny_models import ARCHITECTURES, VOCAB, tiny_model

from tokenscope_trace.errors import ModelError
from tokenscope_trace.inference.generation import generate
from tokenscope_trace.settings import GenerationSettings

PROMPT, NEW = 20, 24
SAMPLED = GenerationSettings(
    max_new_tokens=NEW, temperature=0.8, top_k=50, top_p=0.95, min_p=0.02, seed=5, top_alternatives=6
)


def prompt_ids(length=PROMPT, seed=3):
    return torch.randint(2, VOCAB, (length,), generator=torch.Generator().manual_seed(seed)).tolist()


def greedy(count=NEW, **changes):
    return GenerationSettings(max_new_tokens=count, temperature=0, top_alternatives=6, **changes)


def reference(model, ids, **options):
    """transformers' own generate with its raw and processed scores: (new ids, (N, V) logits, (N, V) scores)."""
    prompt = torch.tensor([ids])
    out = model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        return_dict_in_generate=True,
        output_logits=True,
        output_scores=True,
        **options,
    )
    return out.sequences[0, len(ids) :].tolist(), torch.stack(out.logits)[:, 0], torch.stack(out.scores)[:, 0]


def assert_measures(measured, logits, ids):
    for row, (z, token) in enumerate(zip(logits.double().numpy(), ids, strict=True)):
        wanted = independent(z, token)
        for name in ("logprob", "entropy", "margin", "gap"):
            assert getattr(measured, name)[row].item() == pytest.approx(wanted[name], abs=1e-5), (row, name)
        assert measured.rank[row].item() == wanted["rank"]


@pytest.mark.filterwarnings("ignore")  # some architectures warn of kernels that are not installed
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_architecture_decodes_as_generate_and_measures_its_logits(kind):
    model, ids = tiny_model(kind), prompt_ids()
    got = generate(model, None, ids, greedy())
    wanted_ids, logits, _ = reference(model, ids, max_new_tokens=NEW, do_sample=False)
    assert got.output_ids == wanted_ids
    assert len(set(got.output_ids)) > 1
    assert_measures(got.output, logits, wanted_ids)
    with torch.no_grad():
        prompt_logits = model(torch.tensor([ids]), use_cache=False).logits[0, :-1]
    assert_measures(got.prompt, prompt_logits, ids[1:])
    assert got.finish == "length"


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt2"])
def test_sampling_is_transformers_own(kind):
    model, ids = tiny_model(kind), prompt_ids()
    got = generate(model, None, ids, SAMPLED)
    torch.manual_seed(SAMPLED.seed)
    wanted_ids, logits, scores = reference(
        model, ids, max_new_tokens=NEW, do_sample=True, temperature=0.8, top_k=50, top_p=0.95, min_p=0.02
    )
    assert got.output_ids == wanted_ids
    assert_measures(got.output, logits, wanted_ids)
    q = torch.log_softmax(scores.double(), -1)
    chosen = q.gather(-1, torch.tensor(wanted_ids)[:, None])[:, 0]
    assert torch.allclose(got.sampled_logprob.double(), chosen, atol=1e-5)
    assert torch.allclose(got.sampled_top_logprobs.double(), q.gather(-1, got.output.top_ids), atol=1e-5)
    assert [name.split("(")[0] for name in got.processors] == [
        "TemperatureLogitsWarper",
        "TopKLogitsWarper",
        "TopPLogitsWarper",
        "MinPLogitsWarper",
    ]
    assert got.processors[0] == "TemperatureLogitsWarper(temperature=0.8)"
    assert got.sampling == {
        "do_sample": True,
        "temperature": 0.8,
        "top_p": 0.95,
        "top_k": 50,
        "min_p": 0.02,
        "repetition_penalty": None,
    }


def test_the_same_seed_gives_the_same_tokens_and_leaves_the_global_state_alone():
    model, ids = tiny_model(), prompt_ids()
    torch.manual_seed(11)
    before = torch.random.get_rng_state()
    first = generate(model, None, ids, SAMPLED)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert generate(model, None, ids, SAMPLED).output_ids == first.output_ids
    other = GenerationSettings(max_new_tokens=NEW, temperature=0.8, seed=6)
    assert generate(model, None, ids, other).output_ids != first.output_ids


def test_greedy_without_processors_has_no_other_distribution():
    got = generate(tiny_model(), None, prompt_ids(), greedy())
    assert bool(got.sampled_logprob.isnan().all())
    assert got.processors == []


def test_the_models_own_generation_config_is_followed():
    model, ids = tiny_model(), prompt_ids()
    model.generation_config.do_sample = True
    model.generation_config.temperature = 0.7
    model.generation_config.repetition_penalty = 1.3
    got = generate(model, None, ids, GenerationSettings(max_new_tokens=NEW))
    torch.manual_seed(0)
    assert got.output_ids == reference(model, ids, max_new_tokens=NEW)[0]
    assert got.sampling["temperature"] == 0.7
    assert got.sampling["repetition_penalty"] == 1.3
    plain = generate(model, None, ids, GenerationSettings(max_new_tokens=NEW, temperature=0))
    assert plain.output_ids == reference(model, ids, max_new_tokens=NEW, do_sample=False)[0]
    assert not plain.sampling["do_sample"]


def test_settings_that_change_nothing_are_not_in_force():
    settings = GenerationSettings(max_new_tokens=2, temperature=0.5, top_p=1.0, top_k=0)
    got = generate(tiny_model(), None, prompt_ids(), settings)
    assert got.processors == ["TemperatureLogitsWarper(temperature=0.5)"]
    assert {name for name, value in got.sampling.items() if value is not None} == {"do_sample", "temperature"}


def test_beams_of_the_models_own_config_are_not_followed():
    model, ids = tiny_model(), prompt_ids()
    model.generation_config.num_beams = 3
    got = generate(model, None, ids, greedy())
    assert got.output_ids == reference(model, ids, max_new_tokens=NEW, num_beams=1)[0]


def test_a_penalty_under_greedy_measures_what_the_model_said():
    model, ids = tiny_model(), prompt_ids()
    model.generation_config.repetition_penalty = 1.8
    got = generate(model, None, ids, greedy())
    wanted_ids, logits, scores = reference(model, ids, max_new_tokens=NEW, do_sample=False)
    assert got.output_ids == wanted_ids
    assert_measures(got.output, logits, wanted_ids)
    assert bool((got.output.rank > 1).any())
    q = torch.log_softmax(scores.double(), -1).gather(-1, torch.tensor(wanted_ids)[:, None])[:, 0]
    assert torch.allclose(got.sampled_logprob.double(), q, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_measures_its_own_logits_in_float32(dtype):
    model, ids = tiny_model(dtype=dtype), prompt_ids()
    got = generate(model, None, ids, greedy())
    wanted_ids, logits, _ = reference(model, ids, max_new_tokens=NEW, do_sample=False)
    assert got.output_ids == wanted_ids
    assert_measures(got.output, logits, wanted_ids)
    with torch.no_grad():
        prompt_logits = model(torch.tensor([ids]), use_cache=False).logits[0, :-1]
    wanted = torch.log_softmax(prompt_logits.double(), -1).gather(-1, torch.tensor(ids[1:])[:, None])[:, 0]
    # One row or many: a product in half precision rounds differently, by steps of the logits' own size.
    step = 4 * torch.finfo(dtype).eps * prompt_logits.double().abs().max()
    assert float((got.prompt.logprob - wanted).abs().max()) <= step


def test_end_of_text_ends_the_output():
    model, ids = tiny_model(), prompt_ids()
    free = generate(model, None, ids, greedy()).output_ids
    model.generation_config.eos_token_id = free[5]
    got = generate(model, None, ids, greedy())
    assert got.output_ids == free[: free.index(free[5]) + 1]
    assert got.finish == "end-of-text"


def test_extra_ends_count_beside_the_models_own():
    model, ids = tiny_model(), prompt_ids()
    free = generate(model, None, ids, greedy()).output_ids
    got = generate(model, None, ids, greedy(), extra_eos=(free[3],))
    assert got.output_ids == free[: free.index(free[3]) + 1]
    assert got.finish == "end-of-text"


def test_a_stop_string_ends_the_output_after_it():
    model, tokenizer = tiny_model(), tiny_tokenizers.byte_level()
    ids = tokenizer("def mean(values):", add_special_tokens=False).input_ids
    free = generate(model, tokenizer, ids, greedy()).output_ids
    words = [tokenizer.decode([token]) for token in free]
    place = next(i for i, word in enumerate(words) if i > 1 and word.isalnum() and word not in "".join(words[:i]))
    stop = words[place]
    got = generate(model, tokenizer, ids, greedy(stop=(stop,)))
    assert got.finish == "stop-string"
    assert got.output_ids == free[: place + 1]
    assert stop in tokenizer.decode(got.output_ids)
    assert stop not in tokenizer.decode(got.output_ids[:-1])


def test_one_prompt_token_leaves_nothing_to_measure_in_the_prompt():
    got = generate(tiny_model(), None, [7], greedy(3))
    assert got.prompt is None
    assert len(got.output.rank) == 3


def test_a_polite_stop_keeps_what_is_there():
    seen = []
    got = generate(tiny_model(), None, prompt_ids(), greedy(), on_token=seen.append, should_stop=lambda: len(seen) >= 5)
    assert got.finish == "interrupted"
    assert len(got.output_ids) == 5
    assert seen == [1, 2, 3, 4, 5]
    assert got.prompt is not None


def test_a_hard_stop_keeps_what_is_there_but_does_not_measure_the_prompt():
    def third_strike(count):
        if count == 3:
            raise KeyboardInterrupt

    got = generate(tiny_model(), None, prompt_ids(), greedy(), on_token=third_strike)
    assert got.finish == "interrupted"
    assert len(got.output_ids) == 3
    assert got.prompt is None


def test_a_hard_stop_while_the_prompt_is_measured_keeps_the_output(monkeypatch):
    from tokenscope_trace.models.head import PromptStates

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(PromptStates, "logits", interrupt)
    got = generate(tiny_model(), None, prompt_ids(), greedy(5))
    assert got.prompt is None
    assert len(got.output_ids) == 5
    assert got.finish == "length"


def test_a_stop_before_the_first_token_has_nothing_to_keep():
    model = tiny_model()

    def interrupt(*_):
        raise KeyboardInterrupt

    handle = model.register_forward_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        generate(model, None, prompt_ids(), greedy())
    handle.remove()


def test_logits_that_are_not_finite_are_an_error_with_advice():
    model = tiny_model()
    with torch.no_grad():
        model.get_output_embeddings().weight[3] = math.nan
    with pytest.raises(ModelError, match=r"not finite at output token 1; .* --dtype float32"):
        generate(model, None, prompt_ids(), greedy())


@pytest.mark.parametrize("kind", ["llama", "gemma2", "opt"])
def test_a_head_that_cannot_be_applied_again_costs_a_second_pass_and_nothing_else(kind, monkeypatch):
    from tokenscope_trace.models import head

    model, ids = tiny_model(kind), prompt_ids()
    usual = generate(model, None, ids, greedy(4))
    monkeypatch.setattr(head, "_bodies", lambda _model: [])
    again = generate(model, None, ids, greedy(4))
    assert torch.allclose(again.prompt.logprob, usual.prompt.logprob, atol=1e-5)
    assert again.output_ids == usual.output_ids


def test_a_model_leaves_the_recording_as_it_entered():
    model = tiny_model()
    generate(model, None, prompt_ids(), greedy(3))
    assert not model._forward_hooks
    assert all(not module._forward_hooks and "forward" not in module.__dict__ for module in model.modules())


def test_blocks_of_prompt_rows_join(monkeypatch):
    from tokenscope_trace.models import head

    model, ids = tiny_model(), prompt_ids(50)
    whole = generate(model, None, ids, greedy(2)).prompt
    monkeypatch.setattr(head, "HEAD_ROWS", 7)
    blocks = generate(model, None, ids, greedy(2)).prompt
    assert torch.allclose(whole.logprob, blocks.logprob, atol=1e-6)
    assert torch.equal(whole.rank, blocks.rank)
