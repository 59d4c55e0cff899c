"""Settings: the one place where numbers of options are looked at."""

from __future__ import annotations

import math

import pytest

from tokenscope_trace.settings import (
    CHECK_RANGES,
    DECISIONS,
    GENERATION_RANGES,
    REPLAY_RANGES,
    REPORT_MEGABYTES,
    TREE_RANGES,
    Bounds,
    GenerationSettings,
)

ALL = {
    **{f"generation {name}": bounds for name, bounds in GENERATION_RANGES.items()},
    **{f"tree {name}": bounds for name, bounds in TREE_RANGES.items()},
    **{f"replay {name}": bounds for name, bounds in REPLAY_RANGES.items()},
    **{f"check {name}": bounds for name, bounds in CHECK_RANGES.items()},
    "decisions": DECISIONS,
    "report": REPORT_MEGABYTES,
}
WORDS = (
    "nan", "NaN", "-nan", "inf", "-inf", "Infinity", "1e999", "-1e999", "9" * 41, "1" + "0" * 400, "-1", "-0.5", "", " ", "1 ", "hot", "0x10",
    "1_000", "१२", "１２", "1,5", "1e", "--1", "+-1", "1.2.3", ".", "e5", "None", "True", "1j", "1/2", "1e9999999999",
)  # fmt: skip
VALUES = (math.nan, math.inf, -math.inf, 1e999, -1, -0.5, 10**400, -(10**400), True, False, None, "", [], (), {}, b"1", 1j)


@pytest.mark.parametrize("what", ALL)
def test_no_setting_takes_what_is_no_number_in_its_range(what):
    for given in (*WORDS, *VALUES):
        with pytest.raises(ValueError, match=r"^(whole )?number (from|above) "):
            ALL[what].number(given)


@pytest.mark.parametrize("what", ALL)
def test_every_setting_takes_its_ends_and_gives_finite_plain_numbers(what):
    bounds = ALL[what]
    first = bounds.least if not bounds.open else bounds.least + 1 if bounds.most > 1 else 0.5
    for given in (first, bounds.most, str(first), str(bounds.most), f"+{first}"):
        number = bounds.number(given)
        assert type(number) is (int if bounds.whole else float)
        assert math.isfinite(number)
        assert number == float(given) or bounds.most > 2**53
    with pytest.raises(ValueError, match="number"):
        bounds.number(bounds.most + 1)


def test_a_zero_has_no_sign_and_small_numbers_are_not_lost():
    for given in ("-0.0", "-0", -0.0, "-0e5", "1e-999", "-1e-999", 0):
        assert math.copysign(1, GENERATION_RANGES["temperature"].number(given)) == 1
    for given in ("1e-40", 1e-40, "1e-300", "9e-7"):
        with pytest.raises(ValueError, match="none between 0 and 1e-06"):
            GENERATION_RANGES["temperature"].number(given)
    assert GENERATION_RANGES["temperature"].number("1e-6") == 1e-6
    assert GENERATION_RANGES["top_p"].number(".5") == GENERATION_RANGES["top_p"].number("5e-1") == 0.5
    with pytest.raises(ValueError, match=r"above 0 to 1$"):
        GENERATION_RANGES["top_p"].number("0")


def test_whole_numbers_have_no_fraction():
    for given in ("1.0", "1e3", 1.0, "0.5"):
        with pytest.raises(ValueError, match=r"^whole number from 1 to 1,000$"):
            GENERATION_RANGES["top_alternatives"].number(given)
    assert Bounds(0, 2**63 - 1).number(str(2**63 - 1)) == 2**63 - 1
    assert Bounds(0, 2**63 - 1).noun == "whole number from 0"


def test_sampling_options_are_idle_at_a_temperature_of_zero_unless_they_are_off():
    assert GenerationSettings(temperature=0, top_p=0.9, top_k=5, min_p=0.1).idle == ("top_p", "top_k", "min_p")
    assert GenerationSettings(temperature=0, top_p=1, top_k=0, min_p=0).idle == ()
    assert GenerationSettings(temperature=0).idle == GenerationSettings(temperature=0.8, top_p=0.9).idle == ()
