"""Scores as they are printed: inside the metric's range, and silent where nothing is known."""

import math

import pytest

from raskd_bench.report.chance import NO_OUTCOMES, OLDER, Chance
from raskd_bench.report.spreads import about, basis, shown, spread, without
from raskd_bench.stats import Interval

NAN = (math.nan, math.nan)


def chance(mean, this_set=NAN, like_these=NAN, seeds=3, why=""):
    examples = None if why else 359
    return Chance(mean, this_set, like_these, 0.95, seeds, examples, why)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (chance(0.783, like_these=(0.779, 0.787)), "78.30 ± 0.40"),
        (chance(0.997, like_these=(0.989, 1.0)), "99.70 (98.90 to 100)"),
        (chance(0.783, (0.77, 0.796), why=OLDER), "78.3 ± 1.3"),
        (chance(0.9972, (0.9972, 0.9972), why=OLDER), "99.72"),
        (chance(0.9, seeds=1, why=OLDER), "90.00"),
        (chance(math.nan), ""),
        (None, ""),
    ],
)
def test_a_score_is_printed_with_what_is_known_of_it(found, text):
    assert spread(found, 100) == text


def test_the_narrow_table_has_tenths_unless_the_interval_is_finer():
    assert spread(chance(0.997, like_these=(0.989, 1.0)), 100, short=True) == "99.7 (98.9 to 100)"
    fine = chance(0.78312, like_these=(0.78282, 0.78342))
    assert spread(fine, 100, short=True) == "78.31 ± 0.03"


def test_both_readings_can_be_printed():
    found = chance(0.01, (0.008, 0.012), (-0.01, 0.03))
    assert spread(found, 100, sign=True) == "+1.0 ± 2.0"
    assert spread(found, 100, sign=True, this_set=True) == "+1.00 ± 0.20"


@pytest.mark.parametrize(
    ("found", "why", "sources"),
    [
        (chance(0.9, (0.8, 1.0), (0.7, 1.0)), "", "seeds and pictures"),
        (chance(0.9, (0.8, 1.0), why=OLDER), "", "seeds"),
        (chance(0.9, seeds=1), "one seed: no interval", "seeds and pictures"),
        (chance(0.9, (0.9, 0.9), why=OLDER), "equal in every seed: no interval", "seeds"),
    ],
)
def test_a_score_without_an_interval_says_why(found, why, sources):
    assert (without(found), basis(found)) == (why, sources)


def test_what_all_methods_share_is_said_without_their_names():
    old = chance(0.9, (0.8, 1.0), why=OLDER)
    lone, whole = chance(0.9, seeds=1), chance(0.9, (0.8, 1.0), (0.7, 1.0))
    assert list(about([("a", old), ("b", old)])) == [f"seeds alone: {OLDER}"]
    assert list(about([("a", whole), ("b", lone)])) == ["b: one seed: no interval"]
    assert list(about([("a", chance(0.9, (0.8, 1.0), why=NO_OUTCOMES))])) == []


def test_a_cost_too_steady_for_its_last_digit_is_printed_alone():
    assert shown(Interval(0.998, 0.0001, 3), most=3) == "0.998"
    assert shown(Interval(1.05, 0.2, 3), most=3) == "1.05 ± 0.20"
