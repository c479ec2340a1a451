"""Power against statsmodels, against simulation, and against the tables of the specification."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit
from statsmodels.stats.power import TTestPower

from raskd_bench.stats import required_count, required_seeds, smallest_margin, tost_power

SDS = (0.003, 0.005, 0.01, 0.02, 0.03)
# alpha 0.05, power 0.9, no true overhead
COUNTS = {
    0.005: (6, 13, 45, 176, 393),
    0.01: (3, 5, 13, 46, 100),
    0.02: (3, 3, 5, 13, 27),
    0.03: (3, 3, 4, 7, 13),
}


@pytest.mark.parametrize("margin", COUNTS)
def test_the_required_counts_are_exactly_those_of_the_specification(margin):
    assert tuple(required_count(sd, margin, 0.05, 0.9) for sd in SDS) == COUNTS[margin]


@pytest.mark.parametrize(("sd", "seeds"), [(0.2, 7), (0.3, 13), (0.4, 21)])
def test_the_required_seeds_are_those_of_the_specification(sd, seeds):
    assert required_seeds(sd, 0.3, 0.025, 0.9) == seeds


@pytest.mark.parametrize("sd", [0.1, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("alpha", [0.05, 0.025])
def test_the_required_seeds_are_those_of_statsmodels(sd, alpha):
    exact = TTestPower().solve_power(0.3 / sd, alpha=alpha, power=0.9, alternative="larger")
    assert required_seeds(sd, 0.3, alpha, 0.9) == max(3, math.ceil(exact))


def test_seeds_beyond_counting_are_still_a_number():
    assert required_seeds(1000.0, 0.3, 0.025, 0.9) == pytest.approx(1.1675e8, rel=1e-3)


@pytest.mark.parametrize(
    ("sd", "count", "effect"),
    [(0.01, 3, 0.0), (0.01, 5, 0.0), (0.02, 12, 0.005), (0.03, 40, -0.01), (0.01, 8, 0.02)],
)
def test_the_power_is_what_a_simulation_finds(sd, count, effect):
    generator = np.random.default_rng(count)
    samples = generator.normal(math.log1p(effect), sd, (100_000, count))
    mean, spread = samples.mean(axis=1), samples.std(axis=1, ddof=1)
    half = stdtrit(count - 1, 0.95) * spread / math.sqrt(count)
    supported = np.mean(np.abs(mean) + half < math.log1p(0.02))
    assert tost_power(sd, count, 0.02, 0.05, effect) == pytest.approx(supported, abs=0.006)


def test_at_the_margin_the_power_is_alpha():
    assert tost_power(0.01, 100, 0.02, 0.05, effect=0.02) == pytest.approx(0.05, abs=1e-9)


def test_overhead_and_its_inverse_have_the_same_power():
    slower, faster = (tost_power(0.01, 8, 0.02, 0.05, e) for e in (0.01, 1 / 1.01 - 1))
    assert slower == pytest.approx(faster)


def test_no_noise_leaves_no_doubt():
    assert tost_power(0.0, 3, 0.02, 0.05) == 1.0
    assert tost_power(0.0, 3, 0.02, 0.05, effect=0.03) == 0.0
    assert required_seeds(0.0, 0.3, 0.025, 0.9) == 3


def test_one_value_decides_nothing():
    assert tost_power(0.01, 1, 0.02, 0.05) == 0.0
    assert smallest_margin(0.01, 1, 0.05, 0.9) == math.inf


@settings(deadline=None, max_examples=30)
@given(st.floats(0.001, 0.05), st.sampled_from([0.01, 0.02, 0.05]))
def test_the_required_count_is_the_smallest_that_suffices(sd, margin):
    count = required_count(sd, margin, 0.05, 0.9)
    assert tost_power(sd, count, margin, 0.05) >= 0.9
    assert count == 3 or tost_power(sd, count - 1, margin, 0.05) < 0.9


def test_more_values_never_lose_power():
    powers = [tost_power(0.015, count, 0.02, 0.05, 0.005) for count in range(2, 80)]
    assert all(after >= before for before, after in pairwise(powers))


@pytest.mark.parametrize("effect", [0.02, 0.03, -0.02, -0.5])
def test_no_count_shows_that_an_overhead_outside_the_margin_is_inside(effect):
    assert required_count(0.01, 0.02, 0.05, 0.9, effect=effect) is None


def test_more_values_than_allowed_are_none():
    assert required_count(0.03, 0.005, 0.05, 0.9, most=393) == 393
    assert required_count(0.03, 0.005, 0.05, 0.9, most=392) is None


@settings(deadline=None, max_examples=30)
@given(st.floats(0.0005, 0.05), st.integers(4, 500))
def test_the_smallest_margin_is_the_one_that_needs_these_values(sd, count):
    margin = smallest_margin(sd, count, 0.05, 0.9)
    assert tost_power(sd, count, margin, 0.05) == pytest.approx(0.9, abs=1e-6)
    assert required_count(sd, margin * 1.000001, 0.05, 0.9) == count


def test_a_host_without_noise_resolves_everything_and_one_of_noise_alone_nothing():
    assert smallest_margin(0.0, 3, 0.05, 0.9) == 0.0
    assert smallest_margin(1e6, 3, 0.05, 0.9) == math.inf


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-0.1, 0.02, 0.05, 0.9), "sd -0.1"),
        ((math.nan, 0.02, 0.05, 0.9), "sd nan"),
        ((0.01, 0.0, 0.05, 0.9), "margin 0.0"),
        ((0.01, 0.02, 0.5, 0.9), "alpha 0.5"),
        ((0.01, 0.02, 0.05, 1.0), "power 1.0"),
    ],
)
def test_a_number_out_of_its_range_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        required_count(*arguments)
    with pytest.raises(ValueError, match=message):
        required_seeds(*arguments)
