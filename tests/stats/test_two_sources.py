"""Intervals over seeds and test examples: by hand, at the edges, and covering what they promise."""

import math

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from raskd_bench.stats import Components, components, estimate, half_width, two_sources

CONFIDENCE = 0.9


def test_variances_of_a_table_worked_by_hand():
    # seed means 0, 1; example means 0, 1/2, 1; what is left: +-1/2 at the outer examples' cells
    table = np.array([[-0.5, 0.0, 0.5], [0.5, 1.0, 1.5]])
    assert components(table) == pytest.approx((0.5, 0.25, 0.0))
    crossed = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert components(crossed) == pytest.approx((0.0, 0.0, 1.0))


def test_variances_are_those_of_a_two_way_analysis_of_variance():
    rng = np.random.default_rng(0)
    table = rng.standard_normal((4, 1)) + rng.standard_normal((1, 9)) + rng.standard_normal((4, 9))
    left = table - table.mean(0) - table.mean(1)[:, None] + table.mean()
    found = components(table)
    assert found.seeds == pytest.approx(table.mean(1).var(ddof=1))
    assert found.examples == pytest.approx(table.mean(0).var(ddof=1))
    assert found.residual == pytest.approx(np.square(left).sum() / (3 * 8))


def test_seeds_alone_are_students_t_over_their_means():
    table = np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0]])
    assert two_sources(table, CONFIDENCE).seeds == estimate([0.25, 0.5, 0.75], CONFIDENCE)


def test_both_sources_are_never_narrower_than_seeds_alone():
    rng = np.random.default_rng(1)
    for _ in range(50):
        table = (rng.random((3, 30)) < 0.3) - (rng.random((3, 30)) < 0.3).astype(float)
        found = two_sources(table, CONFIDENCE)
        assert found.both.low < found.seeds.low < found.seeds.high < found.both.high


def test_one_seed_has_no_interval():
    found = two_sources(np.array([[1.0, 0.0, 0.0]]), CONFIDENCE)
    assert found.value == pytest.approx(1 / 3)
    assert all(map(math.isnan, (found.seeds.low, found.both.low, found.both.high)))


def test_an_empty_table_is_refused():
    with pytest.raises(ValueError, match="is empty"):
        two_sources(np.empty((2, 0)), CONFIDENCE)


def test_equal_scores_of_two_seeds_are_no_evidence_of_equal_methods():
    """The case that was called supported: 2 seeds, 40 pictures, both methods hit equally many."""
    table = np.zeros((2, 40))
    table[0, :2], table[1, 2:4] = (1, -1), (-1, 1)
    found = two_sources(table, CONFIDENCE)
    assert (found.seeds.low, found.seeds.high) == (0.0, 0.0)
    assert found.both.high > 0.025  # more than one picture


def test_examples_that_never_differed_may_still_differ():
    """Of N examples without a difference, the bound is that of z^2 which were not drawn."""
    z = ndtri(0.5 + CONFIDENCE / 2)
    for count in (40, 10_000):
        found = two_sources(np.zeros((3, count)), CONFIDENCE)
        assert found.both.high == pytest.approx(z**2 / count, rel=0.05)
        assert found.both.high > -math.log(1 - CONFIDENCE) / count  # Poisson's bound of no event


def test_a_score_of_another_unit_scales():
    table = np.random.default_rng(2).standard_normal((3, 20))
    one, hundred = (two_sources(unit * table, CONFIDENCE, unit) for unit in (1.0, 100.0))
    assert hundred.both.high - hundred.value == pytest.approx(100 * (one.both.high - one.value))


def test_the_half_width_grows_with_confidence_and_shrinks_with_either_count():
    found = Components(1e-3, 0.05, 0.04)
    assert half_width(found, 3, 100, 0.99) > half_width(found, 3, 100, 0.9)
    assert half_width(found, 5, 100, 0.9) < half_width(found, 3, 100, 0.9)
    assert half_width(found, 3, 400, 0.9) < half_width(found, 3, 100, 0.9)


# what varies: pictures' difficulty, the method by picture, seeds, the method by seed, single cells
CASES = {
    "cells and pictures": {"pictures": 1.0, "by_picture": 0.5, "seeds": 0.05, "by_seed": 0.05,
                           "cells": 0.7},
    "equal seeds": {"pictures": 1.0, "by_picture": 0.3, "seeds": 0.0, "by_seed": 0.0, "cells": 0.0},
    "cells alone": {"pictures": 0.0, "by_picture": 0.0, "seeds": 0.0, "by_seed": 0.0, "cells": 1.0},
}  # fmt: skip


@pytest.mark.parametrize("num_seeds", [2, 5])
@pytest.mark.parametrize(("num_examples", "accuracy"), [(40, 0.9), (40, 0.995), (400, 0.5)])
@pytest.mark.parametrize("case", CASES)
def test_nine_intervals_of_ten_hold_the_truth(case, num_examples, accuracy, num_seeds):
    covered = coverage(CASES[case], num_seeds, num_examples, accuracy, shift=-0.3, repeats=600)
    assert covered >= CONFIDENCE - 0.045  # 600 repeats: three standard errors and 0.8 %


def coverage(sds, num_seeds, num_examples, accuracy, shift, repeats):
    """Return how often the interval holds a latent probit's true difference of accuracies."""
    rng = np.random.default_rng(3)
    base_sd = math.hypot(sds["pictures"], sds["seeds"], sds["cells"])
    method_sd = math.hypot(base_sd, sds["by_picture"], sds["by_seed"])
    bias = ndtri(accuracy) * base_sd
    truth = ndtr((bias + shift) / method_sd) - accuracy
    hits = 0
    for _ in range(repeats):
        shared = (bias + sds["pictures"] * rng.standard_normal((1, num_examples))
                  + sds["seeds"] * rng.standard_normal((num_seeds, 1)))  # fmt: skip
        own = (shift + sds["by_picture"] * rng.standard_normal((1, num_examples))
               + sds["by_seed"] * rng.standard_normal((num_seeds, 1)))  # fmt: skip
        cells = sds["cells"] * rng.standard_normal((2, num_seeds, num_examples))
        table = (shared + own + cells[0] > 0) - (shared + cells[1] > 0).astype(float)
        found = two_sources(table, CONFIDENCE).both
        hits += found.low <= truth <= found.high
    return hits / repeats
