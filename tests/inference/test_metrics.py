"""The numbers: against hand-made logits, against float64, and their identities."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenscope_trace.inference.metrics import METER_ROWS, Meter, largest, log_softmax_at

LN2 = math.log(2)


def measure(logits, tokens, alternatives=10):
    return Meter(alternatives).measure(torch.as_tensor(logits, dtype=torch.float32), torch.as_tensor(tokens))


def independent(logits, token):
    """METRICS.md in float64 numpy, one row."""
    z = np.asarray(logits, np.float64)
    logp = z - z.max() - np.log(np.exp(z - z.max()).sum())
    p = np.exp(logp)
    terms = np.where(p > 0, p * np.where(p > 0, logp, 0), 0)
    first, second = np.sort(p)[::-1][:2]
    return {
        "logprob": logp[token],
        "entropy": -terms.sum() / LN2,
        "margin": first - second,
        "rank": 1 + (z > z[token]).sum(),
        "gap": logp.max() - logp[token],
    }


def test_four_tokens_by_hand():
    logits = [[math.log(8), math.log(4), math.log(2), math.log(2)]]  # p = 1/2, 1/4, 1/8, 1/8
    got = measure(logits, [1])
    assert got.logprob.item() == pytest.approx(math.log(0.25), abs=1e-6)
    assert got.entropy.item() == pytest.approx(1.75, abs=1e-6)
    assert got.margin.item() == pytest.approx(0.25, abs=1e-6)
    assert got.gap.item() == pytest.approx(LN2, abs=1e-6)
    assert got.rank.item() == 2
    assert got.top_ids[0, :2].tolist() == [0, 1]


def test_a_tie_has_no_margin_no_gap_and_does_not_raise_the_rank():
    got = measure([[3.0, 3.0, 1.0], [3.0, 3.0, 1.0]], [0, 1])
    assert got.margin.tolist() == [0.0, 0.0]
    assert got.gap.tolist() == [0.0, 0.0]
    assert got.rank.tolist() == [1, 1]


def test_a_near_tie_has_a_margin():
    just_above = np.nextafter(np.float32(3.0), np.float32(4.0))
    assert measure([[just_above, 3.0, 1.0]], [0]).margin.item() > 0


def test_the_uniform_distribution_has_the_entropy_of_the_vocabulary():
    assert measure(np.zeros((1, 4096)), [7]).entropy.item() == pytest.approx(12.0, abs=1e-5)


def test_a_certain_token_has_no_entropy_and_no_surprisal():
    got = measure([[1e4, 0.0, 0.0]], [0])
    assert got.entropy.item() == 0.0
    assert got.logprob.item() == 0.0


def test_masked_logits_count_as_probability_zero():
    got = measure([[2.0, -math.inf, 1.0]], [1])
    assert got.logprob.item() == -math.inf
    assert got.gap.item() == math.inf
    assert got.entropy.item() == pytest.approx(independent([2.0, 1.0], 0)["entropy"], abs=1e-6)


def test_a_vocabulary_of_one_has_margin_one():
    got = measure([[0.3]], [0])
    assert got.margin.item() == 1.0
    assert got.top_ids.shape == (1, 1)


def test_nan_logits_stay_visible():
    assert math.isnan(measure([[math.nan, 1.0, 2.0]], [1]).entropy.item())


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.sampled_from([2, 3, 50, 1000, 30_000]),
    rows=st.integers(1, 2 * METER_ROWS + 1),
    scale=st.sampled_from([0.1, 1.0, 5.0, 30.0]),
    shift=st.sampled_from([0.0, -300.0, 800.0]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16, torch.float16]),
)
def test_every_metric_equals_float64_within_1e_5(seed, width, rows, scale, shift, dtype):
    generator = torch.Generator().manual_seed(seed)
    logits = (torch.randn(rows, width, generator=generator) * scale + shift).to(dtype)
    tokens = torch.randint(0, width, (rows,), generator=generator)
    got = Meter(10).measure(logits, tokens)
    for row in range(rows):
        wanted = independent(logits[row].double().numpy(), tokens[row].item())
        for name in ("logprob", "entropy", "margin", "gap"):
            assert getattr(got, name)[row].item() == pytest.approx(wanted[name], abs=1e-5, rel=1e-6), name
        assert got.rank[row].item() == wanted["rank"]


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), width=st.integers(2, 300), alternatives=st.integers(1, 40))
def test_identities_hold(seed, width, alternatives):
    generator = torch.Generator().manual_seed(seed)
    logits = (torch.randn(4, width, generator=generator) * 4).round()  # rounding makes ties
    tokens = torch.randint(0, width, (4,), generator=generator)
    got = measure(logits, tokens, alternatives)
    best_two = logits.topk(2).values
    assert bool((2**got.entropy <= width * (1 + 1e-6)).all())
    assert ((got.margin == 0) == (best_two[:, 0] == best_two[:, 1])).all()
    assert ((got.gap == 0) == (got.rank == 1)).all()
    assert bool((got.logprob <= 0).all())
    assert got.top_ids.shape == (4, min(alternatives, width))
    assert bool((got.top_logprobs[:, :-1] >= got.top_logprobs[:, 1:]).all())
    first = got.rank == 1
    assert bool((got.logprob[first] >= got.top_logprobs[first, 0]).all())


def test_top_logprobs_are_those_of_the_top_ids():
    logits = torch.randn(3, 500, generator=torch.Generator().manual_seed(1)) * 3
    got = measure(logits, [0, 1, 2], 7)
    wanted = torch.log_softmax(logits.double(), -1).gather(-1, got.top_ids)
    assert torch.allclose(got.top_logprobs.double(), wanted, atol=1e-6)


def test_the_workspace_does_not_leak_between_widths():
    meter = Meter(3)
    wide = torch.randn(2, 900)
    narrow = torch.randn(1, 30)
    before = meter.measure(narrow, torch.tensor([4]))
    meter.measure(wide, torch.tensor([1, 2]))
    assert torch.equal(meter.measure(narrow, torch.tensor([4])).entropy, before.entropy)


def test_log_softmax_of_a_cut_distribution():
    scores = torch.tensor([0.0, -math.inf, math.log(3)])
    assert log_softmax_at(scores, torch.tensor([0, 1, 2])).tolist() == pytest.approx(
        [math.log(0.25), -math.inf, math.log(0.75)]
    )


@pytest.mark.parametrize(("width", "count"), [(128 * 100, 10), (16 * 900, 7), (384, 10), (151, 20), (128 * 40, 1)])
def test_the_largest_are_those_of_topk(width, count):
    z = torch.randn(5, width, generator=torch.Generator().manual_seed(width))
    z[1] = z[1].bfloat16().float()  # many ties
    z[2, 7:] = -torch.inf
    z[3] = torch.arange(width).float()  # all of them in one block
    values, places = largest(z, count)
    assert torch.equal(values, torch.topk(z, count, dim=-1).values)
    assert torch.equal(z.gather(1, places), values)
    assert all(len(set(row)) == count for row in places.tolist())
