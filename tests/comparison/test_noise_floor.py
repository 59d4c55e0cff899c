"""The floor of each number, against distributions that are moved at random by no more than F."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.tables import small_run

from tokenscope_trace.comparison.noise_floor import Floor, floor_of
from tokenscope_trace.traces.facts import Facts
from tokenscope_trace.traces.layers import encode_unkept, encode_weights


def facts(dtype="float32", noise=None, temperature=None, tree=None):
    return Facts.read(
        small_run(
            model={"dtype": dtype},
            replay=None if noise is None else {"way": "whole", "noise": noise},
            sampling={"temperature": temperature},
            tree=tree,
        )
    )


def moved(nats, *, peaked, seed):
    """(ln p, ln p after every one has moved by at most `nats`) over a small vocabulary, float64."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=40) * peaked
    plain = logits - np.log(np.exp(logits).sum())
    # At random, or as it moves the entropy most: what is likelier than the mean up, all else down.
    signs = random.uniform(-1, 1, size=40) if seed % 2 else np.where(plain > (np.exp(plain) * plain).sum(), 1, -1)
    other = logits + signs * nats / 2.2
    return tuple(values - np.log(np.exp(values).sum()) for values in (logits, other))


@pytest.mark.parametrize("nats", [1e-5, 1e-2, 0.2])
@pytest.mark.parametrize("peaked", [0.3, 2.0, 9.0])
def test_what_moves_by_no_more_than_f_stays_below_the_floor_of_every_number(nats, peaked):
    floor = Floor(nats, True, sharper=1 / 0.7)
    for seed in range(50):
        one, two = moved(nats, peaked=peaked, seed=seed)
        assert np.abs(one - two).max() <= nats
        p, q = np.exp(one), np.exp(two)
        order = np.argsort(-one)
        numbers = {
            "logprob": (one, two),
            "gap": (one[order[0]] - one, two[order[0]] - two),
            "entropy": (-(p * one).sum() / np.log(2), -(q * two).sum() / np.log(2)),
            "margin": (p[order[0]] - p[order[1]], q[order[0]] - q[order[1]]),
            "tail": (1 - p[order[:5]].sum(), 1 - q[order[:5]].sum()),
        }
        sharp = [values / 0.7 for values in (one, two)]
        numbers["sampled_logprob"] = tuple(values - np.log(np.exp(values).sum()) for values in sharp)
        for name, (before, after) in numbers.items():
            before, after = np.atleast_1d(before), np.atleast_1d(after)
            # Of entropy the rule holds to the first order: what the second adds is seen where F is large.
            slack = 1 + 2 * nats if name == "entropy" else 1
            assert (np.abs(before - after) <= slack * floor.of(name, before) + 1e-12).all(), (name, seed)
        codes = [encode_weights(values.astype(np.float32)).astype(int) for values in (p, q)]
        # Within e^F: the rule halves the logarithm, and a code is at most 255.
        assert np.abs(codes[0] - codes[1]).max() <= floor.code * np.exp(nats)
        masses = [encode_unkept(np.float32(1 - values[order[:8]].sum())).astype(int) for values in (p, q)]
        assert abs(int(masses[0]) - int(masses[1])) <= floor.unkept


def test_what_moves_by_more_does_not():
    floor = Floor(1e-5, True)
    assert floor.of("logprob", np.array([-1.0]))[0] < 2e-5
    assert floor.of("entropy", np.array([3.0]))[0] < 1e-4
    assert floor.of("margin", np.array([0.5]))[0] < 2e-5


def test_the_noise_that_was_measured_counts_and_never_less_than_float32_leaves():
    assert floor_of(facts(noise=1e-4)).nats == pytest.approx(4e-4)
    assert floor_of(facts(noise=0.0)).nats == pytest.approx(64 * np.finfo(np.float32).eps)
    assert floor_of(facts(dtype="bfloat16", noise=0.0)).nats == pytest.approx(64 * np.finfo(np.float32).eps)


def test_where_nothing_was_read_again_the_number_format_counts():
    for dtype, eps in (("float32", 2.0**-23), ("bfloat16", 2.0**-7), ("float16", 2.0**-10)):
        found = floor_of(facts(dtype))
        assert found.nats == pytest.approx(64 * eps)
        assert not found.measured


def test_a_temperature_below_one_sharpens_q():
    assert floor_of(facts(temperature=0.5)).sharper == pytest.approx(2)
    assert floor_of(facts(temperature=1.5)).sharper == 1
    assert floor_of(facts(tree={"temperature": 0.25})).sharper == pytest.approx(4)


def test_infinite_values_have_a_finite_floor():
    assert np.isfinite(Floor(1e-5, True).of("logprob", np.array([-np.inf, np.nan], dtype=np.float32))).all()
