"""Intervals against scipy, against paper, and against their own promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from raskd_bench.stats import decimals, ratio, student_t

VALUES = st.lists(st.integers(-8000, 8000).map(lambda n: n / 8), min_size=2, max_size=20)


def test_three_values_by_hand():
    mean, half, count = student_t([1.0, 2.0, 3.0])
    assert (mean, count) == (2.0, 3)
    assert half == pytest.approx(4.302653 * 1.0 / math.sqrt(3), rel=1e-6)


@settings(deadline=None)
@given(VALUES, st.sampled_from([0.9, 0.95, 0.99]))
def test_the_interval_is_scipys(values, confidence):
    found = student_t(values, confidence)
    spread = stats.sem(values)
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    if spread > 1e-9:
        low, high = stats.t.interval(confidence, len(values) - 1, np.mean(values), spread)
        assert found.half == pytest.approx((high - low) / 2, rel=1e-6)


def test_one_value_has_a_mean_and_no_interval():
    mean, half, count = student_t([0.7])
    assert (mean, count) == (0.7, 1)
    assert math.isnan(half)


def test_no_value_has_neither():
    mean, half, count = student_t([])
    assert math.isnan(mean)
    assert math.isnan(half)
    assert count == 0


def test_equal_values_have_an_interval_of_nothing():
    assert student_t([0.5, 0.5, 0.5]) == (0.5, 0.0, 3)


@pytest.mark.parametrize("count", [3, 5])
def test_the_interval_covers_the_truth_as_often_as_it_says(count):
    samples = np.random.default_rng(20).normal(0.7, 0.02, (10_000, count))
    intervals = [student_t(sample.tolist()) for sample in samples]
    covered = np.mean([abs(found.mean - 0.7) <= found.half for found in intervals])
    assert 0.935 <= covered <= 0.965


def test_a_ratio_is_the_geometric_mean_of_pairs():
    found = ratio([2.0, 8.0], [1.0, 1.0])
    assert found.mean == pytest.approx(4.0)
    assert found.num_values == 2


def test_a_ratio_that_is_the_same_in_every_pair_has_no_width():
    assert ratio([2.0, 20.0, 0.2], [1.0, 10.0, 0.1]).half == pytest.approx(0, abs=1e-12)


@given(st.lists(st.floats(0.5, 2.0), min_size=2, max_size=8))
def test_the_half_width_of_a_ratio_is_its_larger_side(ratios):
    mean, half, _ = ratio(ratios, [1.0] * len(ratios))
    logs = student_t([math.log(value) for value in ratios])
    upper, lower = math.exp(logs.mean + logs.half), math.exp(logs.mean - logs.half)
    assert half == pytest.approx(upper - mean)
    assert half >= mean - lower - 1e-9


def test_ratios_without_any_agreement_have_no_finite_width():
    assert ratio([1e300, 1e-300], [1.0, 1.0]).half == math.inf


def test_pairs_without_a_ratio_are_left_out():
    assert ratio([2.0, 0.0, 3.0], [1.0, 1.0, 0.0]).num_values == 1


def test_pairs_must_be_pairs():
    with pytest.raises(ValueError, match="argument 2 is longer"):
        ratio([1.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("half", "most", "places"),
    [(0.4, 2, 2), (0.04, 3, 3), (0.04, 2, 2), (4.0, 3, 1), (12.0, 3, 0), (340.0, 3, 0),
     (math.nan, 2, 2), (0.0, 3, 3), (math.inf, 1, 1)],
)  # fmt: skip
def test_decimals_show_two_digits_of_the_uncertainty(half, most, places):
    assert decimals(half, most) == places


@given(st.floats(1e-6, 1e6), st.integers(0, 6))
def test_the_last_decimal_never_says_less_than_a_tenth_nor_more_than_a_hundredth(half, most):
    places = decimals(half, most)
    assert 0 <= places <= most
    if 0 < places < most:
        assert 10 <= half * 10**places < 100 * (1 + 1e-9)
