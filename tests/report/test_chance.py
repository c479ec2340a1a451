"""Scores with their intervals from seeds and from test examples."""

import math

import numpy as np
import pytest

from raskd_bench.outcomes import packed
from raskd_bench.report.chance import (
    DAMAGED,
    NO_OUTCOMES,
    OLDER,
    OTHER_EXAMPLES,
    chance_of,
    difference_of,
    paired_outcomes,
)
from raskd_bench.report.tables import tables
from raskd_bench.stats import estimate, two_sources

TOP1 = "test_top1"
BASE = np.array([[1, 1, 0, 0, 1, 1, 1, 0], [1, 0, 0, 1, 1, 1, 1, 0], [1, 1, 1, 0, 1, 1, 0, 0]])
BETTER = np.array([[1, 1, 1, 0, 1, 1, 1, 0], [1, 1, 0, 1, 1, 1, 1, 0], [1, 1, 1, 0, 1, 1, 1, 1]])


@pytest.fixture
def scored(new_record):
    """Return a function that makes a Record from hits; its accuracy is their mean."""

    def make(label, seed, hits, split="split-1", **fields):
        outcomes = packed(split, {TOP1: np.asarray(hits, bool)})
        return new_record(
            label, seed, **{TOP1: float(np.mean(hits)), "outcomes": outcomes} | fields
        )

    return make


@pytest.fixture
def table(scored):
    """Return a function that makes the table of both methods; Records may be changed."""

    def make(**fields):
        records = [scored(label, seed, row, **fields)
                   for label, rows in (("cross_entropy", BASE), ("ras_kd", BETTER))
                   for seed, row in enumerate(rows)]  # fmt: skip
        return tables(records)[0]

    return make


def test_a_difference_has_both_readings(table):
    made = table()
    found = difference_of(made, made.rows[1], TOP1)
    wanted = two_sources(BETTER.astype(float) - BASE, 0.95)
    assert (found.mean, found.num_seeds, found.num_examples) == (wanted.value, 3, 8)
    assert found.this_set == pytest.approx((wanted.seeds.low, wanted.seeds.high))
    assert (found.low, found.high) == pytest.approx((wanted.both.low, wanted.both.high))


def test_the_baseline_has_no_difference(table):
    made = table()
    assert difference_of(made, made.rows[0], TOP1) is None


def test_a_mean_stays_within_its_range(table):
    made = table()
    found = chance_of(made.rows[1], TOP1)
    assert found.low < found.mean < found.high == 1.0


def test_one_seed_has_no_interval(scored):
    made = tables([scored("cross_entropy", 0, BASE[0]), scored("ras_kd", 0, BETTER[0])])[0]
    found = difference_of(made, made.rows[1], TOP1)
    assert found.mean == pytest.approx(0.125)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_a_metric_that_is_no_mean_over_examples_has_seeds_alone(table):
    made = table()
    found = chance_of(made.rows[0], "test_nll")
    assert (found.why, found.num_examples) == (NO_OUTCOMES, None)
    assert (found.low, found.high) == found.this_set


def test_older_records_have_seeds_alone(table):
    made = table(outcomes=None)
    found = difference_of(made, made.rows[1], TOP1)
    values = estimate((BETTER.mean(1) - BASE.mean(1)).tolist(), 0.95)
    assert found.why == OLDER
    assert (found.low, found.high) == pytest.approx((values.low, values.high))


def test_outcomes_of_other_examples_do_not_pair(scored):
    pair = (scored("ras_kd", 0, BETTER[0]), scored("cross_entropy", 0, BASE[0], split="split-2"))
    assert paired_outcomes([pair], TOP1) == (None, OTHER_EXAMPLES)


def test_damaged_outcomes_are_said(scored):
    record = scored("ras_kd", 0, BETTER[0])
    broken = record.outcomes.model_copy(update={"hits": {TOP1: "////"}})
    pair = (record.model_copy(update={"outcomes": broken}), scored("cross_entropy", 0, BASE[0]))
    assert paired_outcomes([pair], TOP1) == (None, DAMAGED)
