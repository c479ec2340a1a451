"""Intervals of a comparison: over restarts, and never narrower than the pairs allow."""

import math

import pytest

from raskd_bench.evidence.blocks import Block, Comparison, Restart
from raskd_bench.evidence.estimate import decide, latest
from raskd_bench.evidence.header import Header
from raskd_bench.stats import Verdict, estimate, trimmed_standard_error

RULES = {"margins": (0.02,), "alpha": 0.05, "power": 0.9, "looks": (3,), "pairs": 4,
         "max_seconds": 1.0, "in_process": False}  # fmt: skip


def comparison(path, *restarts, role="method"):
    """Return a comparison whose pairs have the log ratios given, restart by restart."""
    header = Header(
        comparison="0", plan="0", suite="s", cell={}, conditions={}, mode="compute", role=role,
        label="m", method="m", hparams={}, method_digest="d", baseline="b", baseline_method="b",
        baseline_hparams={}, baseline_digest="b", machine={}, commit=None, dirty=None,
        started="now", rules=RULES,
    )  # fmt: skip
    made = Comparison(path, header)
    for number, ratios in enumerate(restarts):
        blocks = [
            Block(number, pair, order, arm, 1, seconds, 0.0)
            for pair, ratio in enumerate(ratios)
            for order, (arm, seconds) in enumerate(
                (("baseline", 0.1), ("method", 0.1 * math.exp(ratio))))
        ]  # fmt: skip
        made.restarts.append(Restart(number, 0, 1, len(ratios), {}, {}, blocks=blocks, seconds=1.0))
    return made


def test_restarts_that_differ_give_students_interval(tmp_path):
    found = latest(comparison(tmp_path, [0.0] * 4, [0.01] * 4, [0.02] * 4))
    assert found == pytest.approx(estimate([0.0, 0.01, 0.02], 0.9))


def test_restarts_that_agree_by_chance_give_the_interval_of_their_pairs(tmp_path):
    scattered = [-0.1, 0.1, -0.05, 0.05]
    found = latest(comparison(tmp_path, scattered, scattered, scattered))
    error = trimmed_standard_error(scattered) / math.sqrt(3)
    assert found.value == pytest.approx(0.0, abs=1e-12)
    assert found.high == pytest.approx(1.644854 * error, rel=1e-5)
    assert found.low == pytest.approx(-found.high)


def test_such_an_agreement_decides_nothing(tmp_path):
    scattered = [-0.1, 0.1, -0.05, 0.05]
    agreeing = comparison(tmp_path, scattered, scattered, scattered)
    assert decide(agreeing, 0.02).verdict is Verdict.inconclusive
    assert decide(comparison(tmp_path, [0.0] * 4, [0.0] * 4, [0.001] * 4), 0.02).verdict is (
        Verdict.supported
    )


def test_a_restart_of_one_pair_has_no_scatter_of_its_own(tmp_path):
    found = latest(comparison(tmp_path, [0.0], [0.01], [0.02]))
    assert found == pytest.approx(estimate([0.0, 0.01, 0.02], 0.9))


def test_the_mean_of_a_restart_is_trimmed(tmp_path):
    values = [0.0] * 9 + [5.0]
    assert latest(comparison(tmp_path, values, values)).value == pytest.approx(0.0, abs=1e-12)
