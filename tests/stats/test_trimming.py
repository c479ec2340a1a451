"""Trimmed means and their intervals against scipy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from raskd_bench.stats import (
    estimate,
    student_t,
    trimmed_estimate,
    trimmed_mean,
    trimmed_standard_error,
)

VALUES = st.lists(st.integers(-8000, 8000).map(lambda n: n / 8), min_size=1, max_size=40)
PROPORTIONS = st.sampled_from([0.0, 0.1, 0.2, 0.45])


@settings(deadline=None)
@given(VALUES, PROPORTIONS)
def test_the_trimmed_mean_is_scipys(values, proportion):
    expected = stats.trim_mean(values, proportion)
    assert trimmed_mean(values, proportion) == pytest.approx(expected, abs=1e-9)


@given(VALUES.flatmap(lambda values: st.tuples(st.just(values), st.permutations(values))))
def test_the_trimmed_mean_does_not_depend_on_the_order(both):
    values, shuffled = both
    assert trimmed_mean(shuffled) == trimmed_mean(values)


def test_one_wild_pair_in_ten_does_not_move_the_trimmed_mean():
    assert trimmed_mean([*range(9), 1e9]) == trimmed_mean([*range(9), 9])


def test_nothing_is_cut_from_fewer_than_ten_values():
    assert trimmed_mean([0.0, 0.0, 9.0]) == 3.0


def test_no_value_has_no_trimmed_mean():
    assert math.isnan(trimmed_mean([]))


@pytest.mark.parametrize("proportion", [-0.1, 0.5, math.nan])
def test_a_proportion_that_leaves_nothing_is_refused(proportion):
    with pytest.raises(ValueError, match=r"at least 0 and under 0\.5"):
        trimmed_mean([1.0, 2.0], proportion)


@pytest.mark.parametrize("count", [5, 10, 23, 40])
def test_the_trimmed_standard_error_is_that_of_scipys_test_of_yuen(count):
    values = np.random.default_rng(count).standard_t(3, count) + 1
    found = stats.ttest_ind(values, -values, equal_var=False, trim=0.1)
    error = 2 * trimmed_mean(values.tolist()) / (math.sqrt(2) * found.statistic)
    assert trimmed_standard_error(values.tolist()) == pytest.approx(error)


def test_the_trimmed_interval_uses_the_degrees_of_freedom_of_the_values_kept():
    values = np.random.default_rng(1).normal(size=23).tolist()
    found = trimmed_estimate(values, 0.9)
    half = stats.t.ppf(0.95, 23 - 2 * 2 - 1) * trimmed_standard_error(values)
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half))


@given(st.lists(st.integers(-80, 80).map(lambda n: n / 8), min_size=2, max_size=20))
def test_without_trimming_the_interval_is_students(values):
    assert trimmed_estimate(values, 0.9, 0.0) == pytest.approx(estimate(values, 0.9), abs=1e-12)


def test_the_standard_error_of_an_estimate_is_its_sd_by_the_root_of_its_number():
    values = np.random.default_rng(2).normal(size=40).tolist()
    found = trimmed_estimate(values, 0.9)
    assert found.sd / math.sqrt(40) == pytest.approx(trimmed_standard_error(values))


def test_an_estimate_is_the_interval_with_its_bounds():
    mean, half, count = student_t([1.0, 2.0, 4.0], 0.9)
    found = estimate([1.0, 2.0, 4.0], 0.9)
    assert (found.value, found.num_values, found.confidence) == (mean, count, 0.9)
    assert (found.low, found.high) == (mean - half, mean + half)
    assert found.sd == pytest.approx(np.std([1, 2, 4], ddof=1))


@pytest.mark.parametrize("make", [estimate, trimmed_estimate])
def test_one_value_has_an_estimate_without_bounds(make):
    found = make([0.25], 0.9)
    assert (found.value, found.num_values) == (0.25, 1)
    assert [math.isnan(found.low), math.isnan(found.high), math.isnan(found.sd)] == [True] * 3


@pytest.mark.parametrize("make", [estimate, trimmed_estimate])
@given(values=st.lists(st.floats(-1, 1), min_size=2, max_size=20))
def test_more_confidence_never_narrows(make, values):
    narrow, wide = make(values, 0.9), make(values, 0.99)
    assert wide.low <= narrow.low <= narrow.high <= wide.high


@pytest.mark.parametrize("make", [estimate, trimmed_estimate])
@given(values=st.lists(st.floats(-1, 1), min_size=2, max_size=20))
def test_negated_values_mirror_the_interval(make, values):
    found, mirrored = make(values, 0.9), make([-value for value in values], 0.9)
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low), abs=1e-12)
