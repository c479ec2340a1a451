"""Seeds and test examples that a difference needs: checked by drawing such tables."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raskd_bench.stats import (
    Spread,
    components,
    half_width,
    needed_examples,
    needed_seeds,
    resolved,
    spread_of,
    two_sources,
)

HITS = Spread(0.004, 0.05, 0.25)  # of differences of hits, near what digits have


def table(spread, seeds, examples, rng, shift=0.0):
    """Return [S, N] differences of normal effects of seeds, examples and what is left."""
    return (shift + spread.seeds * rng.normal(size=(seeds, 1))
            + spread.examples * rng.normal(size=(1, examples))
            + spread.residual * rng.normal(size=(seeds, examples)))  # fmt: skip


def test_the_spread_of_a_large_table_is_the_one_that_it_was_drawn_with():
    drawn = table(Spread(0.1, 0.5, 1.0), 40, 4000, np.random.default_rng(0))
    assert spread_of(components(drawn), 40, 4000) == pytest.approx((0.1, 0.5, 1.0), rel=0.3)


def test_no_variance_is_below_0():
    assert spread_of(components(np.eye(3)), 3, 3) == pytest.approx((0, 0, math.sqrt(1 / 2)))


@pytest.mark.parametrize(("seeds", "examples"), [(3, 400), (5, 400), (10, 2000)])
def test_a_distance_that_is_resolved_is_decided_with_about_that_power(seeds, examples):
    distance = resolved(HITS, seeds, examples, 0.05, 0.9)
    rng, runs = np.random.default_rng(5), 400
    wins = sum(two_sources(table(HITS, seeds, examples, rng, distance), 0.9).both.low > 0
               for _ in range(runs))  # fmt: skip
    assert 0.9 - 3 * 0.015 < wins / runs < 0.95 + 0.015


@given(st.integers(3, 20), st.integers(10, 5000), st.floats(0.005, 0.2))
def test_what_is_needed_is_enough_and_one_less_is_not(seeds, examples, distance):
    more = needed_seeds(HITS, examples, distance, 0.05, 0.9)
    if more is not None:
        assert resolved(HITS, more, examples, 0.05, 0.9) <= distance
        assert more == 3 or resolved(HITS, more - 1, examples, 0.05, 0.9) > distance
    pictures = needed_examples(HITS, seeds, distance, 0.05, 0.9)
    if pictures is not None:
        assert resolved(HITS, seeds, pictures, 0.05, 0.9) <= distance
        assert pictures == 2 or resolved(HITS, seeds, pictures - 1, 0.05, 0.9) > distance


def test_two_seeds_need_a_third_whatever_the_pictures():
    assert needed_examples(HITS, 2, 0.5, 0.05, 0.9) is None


def test_seeds_do_not_close_what_examples_leave_open_nor_examples_what_seeds_do():
    assert needed_seeds(Spread(0.0, 0.5, 0.1), 100, 0.02, 0.05, 0.9) is None
    assert needed_examples(Spread(0.05, 0.0, 0.1), 3, 0.02, 0.05, 0.9) is None


def test_one_seed_resolves_nothing():
    assert resolved(HITS, 1, 100, 0.05, 0.9) == math.inf


def test_the_half_width_in_it_is_that_of_the_interval():
    power_of_a_half = resolved(HITS, 4, 300, 0.05, 0.5)
    residual = HITS.residual**2
    mean_squares = (HITS.seeds**2 + residual / 300, HITS.examples**2 + residual / 4, residual)
    assert power_of_a_half == pytest.approx(
        half_width(type(components(np.eye(2)))(*mean_squares), 4, 300, 0.9)
    )
