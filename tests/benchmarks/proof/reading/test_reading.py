"""A smoke set of benchmark B: a handful of faulty programs, read by the model that ships with the package."""

from __future__ import annotations

import json
from math import log

import numpy as np
import pytest
import torch
from tests.benchmarks.proof.halves import Half, half_of
from tests.benchmarks.proof.reading.__main__ import row_of
from tests.benchmarks.proof.reading.cases import case_of, of_library, of_tasks
from tests.benchmarks.proof.reading.readings import reading_of, rows
from tests.benchmarks.proof.reading.scores import (
    BASELINES,
    OURS,
    TODAY,
    Reference,
    by_line,
    likelier_rest,
    stretch,
    unexpected_between,
    within_kind,
)
from tests.benchmarks.proof.reading.table import Scored, table
from tests.benchmarks.proof.reading.tokens import HORIZON
from tests.benchmarks.proof.tasks.loading import passes

import tokenscope_trace as ts
from tokenscope_trace.analysis.uncertainty import least_certain_lines


@pytest.fixture(scope="module")
def model():
    return ts.load_model()


@pytest.fixture(scope="module")
def smoke():
    """Two of the standard library, three of the tasks."""
    found = [case_of(program) for program in [*of_library()[:2], *of_tasks()[:3]]]
    assert None not in found
    return found


@pytest.fixture(scope="module")
def read(model, smoke):
    return [row_of(model, model, case, 12) for case in smoke]


def test_a_case_is_drawn_the_same_each_time_and_fails_its_tests(smoke):
    tests = {program.name: program for program in of_tasks()}
    for case in smoke:
        assert set(case.faulty) < set(case.lines)
        assert case.half is half_of(case.program)
        if case.program in tests:
            assert case == case_of(tests[case.program])
            assert passes(tests[case.program].text, tests[case.program].tests)
            assert not passes(case.text, tests[case.program].tests)


def test_each_half_has_its_share_of_programs():
    names = [program.name for program in [*of_library(), *of_tasks()]]
    tuning = sum(half_of(name) is Half.TUNING for name in names)
    assert len(names) >= 380
    assert 0.4 * len(names) < tuning < 0.6 * len(names)


def test_what_is_read_are_the_numbers_of_the_package(model, smoke, read):
    for case, row in zip(smoke, read, strict=True):
        reading = reading_of(json.loads(json.dumps(row)))
        trace = ts.score(model, {"program.py": case.text})
        np.testing.assert_allclose(reading.surprisal, trace.nodes.surprisal, atol=1e-3)
        sums = dict(zip(reading.code, BASELINES[TODAY](reading, Reference({})), strict=True))
        for line in least_certain_lines(trace):
            if line.number in sums:
                assert sums[line.number] == pytest.approx(line.bits, abs=0.01)
        assert sum(reading.faulty) == len(case.faulty)


def test_a_replaced_token_makes_the_rest_as_likely_as_a_plain_pass_says(model, read):
    for row in read:
        assert row["replaced"]
        for place, token, gains in row["replaced"][::4]:
            ids = row["reading"]["ids"]
            assert len(gains) == min(HORIZON, len(ids) - place - 1)
            changed = [*ids[:place], token, *ids[place + 1 :]]
            bits = [_bits(model, one) for one in (ids, changed)]
            wanted = (bits[0] - bits[1])[place : place + len(gains)]
            np.testing.assert_allclose(gains, wanted, atol=0.02)


def _bits(model, ids):
    """Of each token but the first, float64."""
    with torch.no_grad():
        logits = model.model(torch.tensor([ids])).logits[0].double()
    return -(torch.log_softmax(logits, -1)[torch.arange(len(ids) - 1), torch.tensor(ids[1:])] / log(2)).numpy()


def test_every_order_scores_every_line_and_the_table_has_all(read):
    readings = [reading_of(row) for row in read]
    reference = Reference.of(readings)
    found = []
    for reading in readings:
        scores = {name: tuple(score(reading, reference)) for name, score in {**BASELINES, **OURS}.items()}
        assert {len(values) for values in scores.values()} == {len(reading.code)}
        assert np.isfinite(list(scores.values())).all()
        found.append(Scored(reading.name, reading.operator, reading.seconds, reading.faulty, scores))
    text = table(found, "builtin", "tuning", "likelier rest", list(BASELINES))
    assert text.startswith(f"builtin, tuning half: {len(found)} faulty programs")
    assert all(name in text for name in {**BASELINES, **OURS})


def test_percentiles_within_a_kind_are_those_of_a_plain_count(read):
    reading = reading_of(read[0])
    found = within_kind(reading, reading.surprisal)
    for place in range(1, len(found)):
        own = [
            reading.surprisal[other]
            for other, kind in enumerate(reading.kind)
            if kind == reading.kind[place] and not np.isnan(reading.surprisal[other])
        ]
        smaller = sum(value < reading.surprisal[place] for value in own) / len(own)
        assert found[place] == pytest.approx(-np.log2(1 - smaller))


def test_a_reference_never_holds_the_program_itself(read):
    readings = [reading_of(row) for row in read]
    own = readings[0].program
    left = Reference.of(readings).without(own)
    others = Reference.of(readings[1:]).without(own)
    assert {kind: values.tolist() for kind, values in left.items() if len(values)} == {
        kind: values.tolist() for kind, values in others.items()
    }


def test_a_line_has_the_gain_of_its_best_replacement_and_one_without_comes_last(read):
    for reading in map(reading_of, read):
        found = dict(zip(reading.code, likelier_rest(reading), strict=True))
        tried = {line: [] for line in reading.code}
        for one in reading.replaced:
            tried[int(reading.line[one.place])].append(sum(one.gains))
        for line, gains in tried.items():
            assert found[line] == (max(gains) if gains else min(found.values()))
        between = unexpected_between(reading)
        for one in reading.replaced:
            ratio = 2 ** (sum(one.gains) + reading.surprisal[one.place]) * one.probability
            assert between[one.place] >= np.log2(1 + ratio) - 1e-9


def test_a_stretch_is_the_largest_of_all_sums_of_neighbours():
    draw = np.random.default_rng(3)
    for _ in range(50):
        values = draw.normal(size=int(draw.integers(1, 9)))
        plain = [values[i:j].sum() for i in range(len(values)) for j in range(i + 1, len(values) + 1)]
        assert stretch(values) == pytest.approx(max(0, *plain))


def test_a_line_without_tokens_scores_nothing(read):
    reading = reading_of(read[0])
    assert by_line(reading, np.full(len(reading.line), np.nan), np.max) == [0.0] * len(reading.code)


def test_a_line_that_an_interruption_cut_is_no_row(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"name": 1}\n{"name": 2')
    assert list(rows(tmp_path / "rows.jsonl")) == [{"name": 1}]
    assert list(rows(tmp_path / "none.jsonl")) == []
