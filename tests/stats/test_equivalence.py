"""Verdicts against statsmodels, against each other, and at their edges."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.stats.weightstats import DescrStatsW

from raskd_bench.stats import (
    Estimate,
    Verdict,
    equivalence,
    estimate,
    in_all_cells,
    non_inferiority,
    superiority,
    tost_p_value,
)

LOGS = st.lists(st.integers(-400, 400).map(lambda n: n / 8000), min_size=2, max_size=12)
MARGINS = st.sampled_from([0.005, 0.01, 0.02, 0.03, 0.05])
BOUND = math.log1p(0.02)


def between(low, high):
    return Estimate((low + high) / 2, low, high, 0.9, 0.01, 5)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.001, 0.001, Verdict.supported),
        (-BOUND * 0.999, BOUND * 0.999, Verdict.supported),
        (-0.001, BOUND, Verdict.inconclusive),
        (-BOUND, 0.001, Verdict.inconclusive),
        (-1.0, 1.0, Verdict.inconclusive),
        (BOUND, 0.1, Verdict.inconclusive),
        (BOUND * 1.001, 0.1, Verdict.refuted),
        (-0.1, -BOUND * 1.001, Verdict.faster),
        (math.nan, math.nan, Verdict.inconclusive),
    ],
)
def test_the_place_of_the_interval_is_the_verdict(low, high, verdict):
    assert equivalence(between(low, high), 0.02) is verdict


def test_the_margin_is_a_ratio_and_its_inverse():
    assert equivalence(between(-0.0199, 0.0), 0.02) is Verdict.inconclusive
    assert equivalence(between(math.log(1 / 1.02) + 1e-9, 0.0), 0.02) is Verdict.supported


@pytest.mark.parametrize("margin", [0.0, -0.02, math.nan])
def test_a_margin_of_nothing_is_refused(margin):
    with pytest.raises(ValueError, match="must be positive"):
        equivalence(between(-0.001, 0.001), margin)
    with pytest.raises(ValueError, match="must be positive"):
        non_inferiority(between(-0.001, 0.001), margin)


@given(LOGS, MARGINS)
def test_negated_log_ratios_swap_refuted_and_faster(values, margin):
    swapped = {Verdict.refuted: Verdict.faster, Verdict.faster: Verdict.refuted}
    verdict = equivalence(estimate(values, 0.9), margin)
    mirrored = equivalence(estimate([-value for value in values], 0.9), margin)
    assert mirrored is swapped.get(verdict, verdict)


@given(LOGS, MARGINS, MARGINS)
def test_a_larger_margin_never_takes_support_away(values, one, other):
    found = estimate(values, 0.9)
    if equivalence(found, min(one, other)) is Verdict.supported:
        assert equivalence(found, max(one, other)) is Verdict.supported


@settings(deadline=None)
@given(LOGS, MARGINS)
def test_the_p_value_is_that_of_statsmodels(values, margin):
    assume(estimate(values, 0.9).sd > 1e-6)
    bound = math.log1p(margin)
    expected = DescrStatsW(values).ttost_mean(-bound, bound)[0]
    assert tost_p_value(values, margin) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@given(LOGS, MARGINS, st.sampled_from([0.01, 0.025, 0.05, 0.1]))
def test_a_p_value_under_alpha_is_an_interval_inside_the_margin(values, margin, alpha):
    supported = equivalence(estimate(values, 1 - 2 * alpha), margin) is Verdict.supported
    assert (tost_p_value(values, margin) < alpha) == supported


def test_equal_values_decide_without_a_doubt():
    assert tost_p_value([0.0, 0.0, 0.0], 0.02) == 0.0
    assert tost_p_value([0.5, 0.5, 0.5], 0.02) == 1.0


def test_one_value_has_no_p_value():
    assert math.isnan(tost_p_value([0.0], 0.02))


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.004, 0.01, Verdict.supported),
        (-0.005, 0.01, Verdict.inconclusive),
        (-0.006, 0.01, Verdict.inconclusive),
        (-0.02, -0.006, Verdict.refuted),
        (math.nan, math.nan, Verdict.inconclusive),
    ],
)
def test_a_score_not_worse_than_the_margin_is_not_inferior(low, high, verdict):
    assert non_inferiority(between(low, high), 0.005) is verdict


@pytest.mark.parametrize(
    ("low", "high", "bound", "verdict"),
    [
        (0.001, 0.01, 0.0, Verdict.supported),
        (0.001, 0.01, 0.005, Verdict.inconclusive),
        (0.0, 0.01, 0.0, Verdict.inconclusive),
        (-0.01, -0.001, 0.0, Verdict.refuted),
        (math.nan, math.nan, 0.0, Verdict.inconclusive),
    ],
)
def test_a_score_above_the_bound_is_superior(low, high, bound, verdict):
    assert superiority(between(low, high), bound) is verdict


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        ("SSS", Verdict.supported),
        ("S", Verdict.supported),
        ("SIS", Verdict.inconclusive),
        ("SIF", Verdict.faster),
        ("IFX", Verdict.invalid),
        ("SIFXR", Verdict.refuted),
    ],
)
def test_everywhere_is_as_good_as_the_worst_cell(verdicts, verdict):
    cells = dict(zip("SRFIX", Verdict, strict=True))
    assert in_all_cells([cells[letter] for letter in verdicts]) is verdict


def test_everywhere_needs_a_cell():
    with pytest.raises(ValueError, match="at least one cell"):
        in_all_cells([])
