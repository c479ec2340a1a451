"""The promise of the instrument, by simulation: a clock that ramps, noise that remembers.

A session is a row of blocks in time. The clock slows by 2 % from its start to its end, slow noise
(AR(1)) is shared by neighbours, every block has noise of its own, every restart an effect of its
own. Arms alternate in randomised pairs, or one runs after the other.
"""

import math

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import trim_mean

from raskd_bench.stats import Verdict, equivalence, estimate, spend, trimmed_estimate

RESTARTS, PAIRS, SESSIONS = 8, 24, 8000
LOOKS = (3, 5, 8)
MARGIN = 0.02
RAMP, SLOW_SD, SLOW_MEMORY, BLOCK_SD, RESTART_SD = 0.02, 0.01, 0.95, 0.01, 0.003
LAG = (1, -SLOW_MEMORY)
SHOCK_SD = SLOW_SD * math.sqrt(1 - SLOW_MEMORY**2)


def noise(generator, sessions, blocks):
    """Return [sessions, blocks] log block times without any difference between arms."""
    shocks = generator.normal(0, SHOCK_SD, (sessions, blocks))
    start = generator.normal(0, SLOW_SD * SLOW_MEMORY, (sessions, 1))
    slow, _ = lfilter([1], LAG, shocks, zi=start)
    own = generator.normal(0, BLOCK_SD, (sessions, blocks))
    return slow + own + np.linspace(0, RAMP, blocks)


def paired(generator, sessions, pairs, overhead):
    """Return [sessions, pairs] log ratios of neighbours in randomised order."""
    times = noise(generator, sessions, 2 * pairs).reshape(sessions, pairs, 2)
    method_first = generator.integers(0, 2, (sessions, pairs))
    difference = times[:, :, 1] - times[:, :, 0]
    return np.where(method_first, -difference, difference) + overhead


def one_after_the_other(generator, sessions, pairs):
    """Return [sessions, pairs] log ratios where all of the baseline ran before the method."""
    times = noise(generator, sessions, 2 * pairs)
    return times[:, pairs:] - times[:, :pairs]


def restarts(generator, overhead, sessions=SESSIONS):
    """Return [sessions, RESTARTS] trimmed means: what an interval over restarts is made of."""
    ratios = paired(generator, sessions, RESTARTS * PAIRS, overhead)
    means = trim_mean(ratios.reshape(sessions, RESTARTS, PAIRS), 0.1, axis=2)
    return means + generator.normal(0, RESTART_SD, means.shape)


@pytest.fixture(scope="module")
def at_the_margin():
    """Sessions of a method whose overhead is the margin itself."""
    return restarts(np.random.default_rng(4), math.log1p(MARGIN))


def coverage(intervals, truth):
    return np.mean([found.low <= truth <= found.high for found in intervals])


@pytest.mark.parametrize("count", LOOKS)
def test_the_interval_over_restarts_covers_the_truth_nine_times_in_ten(at_the_margin, count):
    intervals = [estimate(row, 0.9) for row in at_the_margin[:, :count].tolist()]
    assert 0.88 <= coverage(intervals, math.log1p(MARGIN)) <= 0.92


@pytest.mark.parametrize("count", LOOKS)
def test_an_overhead_at_the_margin_passes_one_time_in_twenty(at_the_margin, count):
    rows = at_the_margin[:, :count].tolist()
    passed = [equivalence(estimate(row, 0.9), MARGIN) is Verdict.supported for row in rows]
    assert 0.03 <= np.mean(passed) <= 0.06


def ends_as_supported(row):
    shares = zip(LOOKS, spend(0.05, LOOKS), strict=True)
    return any(
        equivalence(estimate(row[:count], 1 - 2 * alpha), MARGIN) is Verdict.supported
        for count, alpha in shares
    )


def test_several_looks_do_not_add_to_the_errors(at_the_margin):
    assert 0.02 <= np.mean([ends_as_supported(row) for row in at_the_margin.tolist()]) <= 0.06


def test_a_method_without_overhead_is_supported_at_the_first_look_mostly():
    rows = restarts(np.random.default_rng(5), 0.0, sessions=500).tolist()
    alpha = spend(0.05, LOOKS)[0]
    first = [equivalence(estimate(row[: LOOKS[0]], 1 - 2 * alpha), MARGIN) for row in rows]
    assert np.mean([verdict is Verdict.supported for verdict in first]) > 0.9


def test_the_interval_over_randomised_pairs_of_one_restart_covers_the_truth():
    ratios = paired(np.random.default_rng(6), SESSIONS, 40, 0.01)
    intervals = [trimmed_estimate(row, 0.9) for row in ratios.tolist()]
    assert 0.88 <= coverage(intervals, 0.01) <= 0.92
    assert np.mean([found.value for found in intervals]) == pytest.approx(0.01, abs=2e-4)


def test_one_arm_after_the_other_is_biased_and_its_interval_says_nothing():
    ratios = one_after_the_other(np.random.default_rng(7), 1000, 100)
    intervals = [trimmed_estimate(row, 0.9) for row in ratios.tolist()]
    assert np.mean([found.value for found in intervals]) > 0.005
    assert coverage(intervals, 0.0) < 0.25


def test_the_same_generator_gives_the_same_interval():
    first, second = (restarts(np.random.default_rng(8), 0.0, sessions=1)[0] for _ in range(2))
    assert estimate(first.tolist(), 0.9) == estimate(second.tolist(), 0.9)
