"""Alpha spending and Holm's correction."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from raskd_bench.stats import holm, holm_adjusted, spend

P_VALUES = st.lists(st.integers(0, 997).map(lambda n: n / 997), min_size=1, max_size=40)


def test_three_looks_by_hand():
    shares = spend(0.05, [3, 5, 8])
    assert shares == pytest.approx((0.024867, 0.011605, 0.013528), abs=1e-6)


@given(
    st.sampled_from([0.01, 0.05, 0.1]),
    st.sets(st.integers(1, 500), min_size=1, max_size=8).map(sorted),
)
def test_the_shares_are_positive_and_sum_to_alpha(alpha, looks):
    shares = spend(alpha, looks)
    assert len(shares) == len(looks)
    assert min(shares) > 0
    assert math.fsum(shares) == pytest.approx(alpha)


def test_a_single_look_spends_all():
    assert spend(0.05, [8]) == pytest.approx((0.05,))


@pytest.mark.parametrize("looks", [[], [0, 3], [3, 3], [5, 3]])
def test_looks_that_do_not_rise_are_refused(looks):
    with pytest.raises(ValueError, match="rising numbers"):
        spend(0.05, looks)


@pytest.mark.parametrize("alpha", [0.0, 1.0, math.nan])
def test_an_alpha_that_is_no_chance_is_refused(alpha):
    with pytest.raises(ValueError, match="between 0 and 1"):
        spend(alpha, [3, 5])


@pytest.mark.parametrize("count", [1, 2, 5, 40])
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_holm_is_that_of_statsmodels(count, alpha):
    p_values = np.random.default_rng(count).integers(0, 31, count) ** 3 / 31**3  # ties among them
    rejected, adjusted, _, _ = multipletests(p_values, alpha, method="holm")
    assert holm(p_values.tolist(), alpha) == tuple(rejected)
    assert holm_adjusted(p_values.tolist()) == pytest.approx(adjusted)


@given(P_VALUES.flatmap(lambda values: st.tuples(st.just(values), st.permutations(values))))
def test_holm_rejects_the_same_in_every_order(both):
    values, shuffled = both
    rejected = dict(zip(values, holm(values, 0.05), strict=True))
    assert holm(shuffled, 0.05) == tuple(rejected[value] for value in shuffled)


def test_holm_stops_at_the_first_that_stands():
    assert holm([0.04, 0.001, 0.03], 0.05) == (False, True, False)


def test_no_metric_raises_no_alarm():
    assert holm([], 0.05) == ()


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_a_p_value_that_is_no_chance_is_refused(value):
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        holm([0.5, value], 0.05)
