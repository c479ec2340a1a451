"""P-values from intervals, and families of claims that err no more often than alpha."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from raskd_bench.stats import (
    estimate,
    holm,
    holm_levels,
    simultaneous_confidence,
    smallest_level,
    spend,
    superiority,
)

P_VALUES = st.lists(st.integers(0, 997).map(lambda n: n / 997), min_size=1, max_size=12)


@pytest.mark.parametrize("values", [(0.1, 0.4, 0.2), (1.0, 1.1, 0.9, 0.8), (-0.2, 0.5, 0.1)])
def test_the_smallest_level_of_a_t_interval_is_the_p_value_of_the_t_test(values):
    found = smallest_level(lambda a: superiority(estimate(values, 1 - 2 * a)) == "supported")
    expected = scipy_stats.ttest_1samp(values, 0.0, alternative="greater").pvalue
    assert found == pytest.approx(expected, rel=1e-6)


def test_what_no_level_decides_has_the_p_value_1():
    assert smallest_level(lambda level: False) == 1.0


@given(P_VALUES, st.sampled_from([0.05, 0.2]))
def test_holm_rejects_what_is_at_most_its_level(values, alpha):
    levels = holm_levels(values, alpha)
    at_level = tuple(p <= level for p, level in zip(values, levels, strict=True))
    assert at_level == holm(values, alpha)
    assert min(levels) >= alpha / len(values)


def test_a_single_claim_has_all_of_alpha():
    assert holm_levels([0.3], 0.05) == (0.05,)
    assert holm_levels([0.001, 0.04, 0.5], 0.05) == (0.05 / 3, 0.025, 0.025)


@pytest.mark.parametrize(("count", "expected"), [(1, 0.95), (8, 0.99375)])
def test_intervals_that_hold_together_are_wider(count, expected):
    assert simultaneous_confidence(0.95, count) == pytest.approx(expected)


@pytest.mark.parametrize("wrong", [(0.95, 0), (1.0, 3)])
def test_no_interval_and_no_confidence_are_refused(wrong):
    with pytest.raises(ValueError, match=r"intervals|confidence"):
        simultaneous_confidence(*wrong)


def one_sided(values, bound):
    """Return p-values of Student's t tests that means exceed a bound, over the last axis."""
    return scipy_stats.ttest_1samp(values, bound, axis=-1, alternative="greater").pvalue


def family_errors(rng, runs, truths, shared):
    """Return in how many of some suites a false claim is supported, and a true one refuted.

    Each claim is that a mean exceeds 0, from 5 seeds with a baseline in common.

    Args:
        rng: random numbers.
        runs: suites.
        truths: means of the claims, in units of the standard deviation.
        shared: share of the variance that the baseline's seeds give to all claims.
    """
    means = np.asarray(truths)[:, None]
    own, common = rng.normal(size=(runs, len(truths), 5)), rng.normal(size=(runs, 1, 5))
    values = means + np.sqrt(1 - shared) * own + np.sqrt(shared) * common
    wrong = [0, 0]
    for side, sign in enumerate((1, -1)):
        p_values = one_sided(sign * values, 0.0)
        false = np.asarray(truths) * sign <= 0
        for row in p_values:
            wrong[side] += any(np.asarray(holm(row.tolist(), 0.05)) & false)
    return wrong[0] / runs, wrong[1] / runs


@pytest.mark.parametrize("shared", [0.0, 0.5])
@pytest.mark.parametrize("truths", [(0, 0, 0, 0), (0, 2, 2, 0), (0, -2, 3, 0, 0, 1)])
def test_a_family_errs_in_at_most_alpha_of_the_suites(truths, shared):
    """Standard error of the share: 0.5 %."""
    errors = family_errors(np.random.default_rng(7), 2000, truths, shared)
    assert max(errors) < 0.05 + 3 * 0.005
    if truths == (0, 0, 0, 0) and not shared:
        assert min(errors) > 0.035  # and not by never deciding


def test_without_holm_a_family_of_four_would_err_in_a_fifth():
    values = np.random.default_rng(7).normal(size=(2000, 4, 5))
    assert (one_sided(values, 0.0) <= 0.05).any(axis=1).mean() == pytest.approx(0.185, abs=0.03)


def test_looks_that_spend_their_share_of_a_claims_level_keep_the_familys_rate():
    """P-value of a claim: the smallest over looks of p_j / w_j, w_j the look's share of alpha."""
    rng, looks, runs = np.random.default_rng(11), (3, 5, 8), 2000
    shares = np.array(spend(0.05, looks)) / 0.05
    values = rng.normal(size=(runs, 3, 8))
    of_looks = np.stack([one_sided(values[..., :look], 0.0) for look in looks], axis=-1)
    p_values = np.minimum(1, (of_looks / shares).min(axis=-1))
    wrong = sum(any(holm(row.tolist(), 0.05)) for row in p_values) / runs
    assert 0.025 < wrong < 0.05 + 3 * 0.005


def test_several_cells_support_together_and_refute_at_a_part_each():
    """All cells at their bound: refuted at alpha over their number, by the smallest p-value."""
    values = np.random.default_rng(3).normal(size=(4000, 3, 5))
    below = 1 - one_sided(values, 0.0)
    assert (3 * below.min(axis=1) <= 0.05).mean() < 0.05
    assert (below.min(axis=1) <= 0.05).mean() > 0.1  # at alpha each it would be wrong thrice
