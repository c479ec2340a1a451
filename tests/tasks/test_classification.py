"""Metrics of classification: counted by hand, and against slow twins."""

import itertools
import math

import numpy as np
import pytest
import torch

from raskd_bench.students.backbone import Features
from raskd_bench.tasks.build import new_task
from raskd_bench.tasks.classification import (
    Classification,
    calibration_error,
    reliability_bins,
    risk_coverage_area,
)


def slow_calibration_error(confidence, correct, bins: int) -> float:
    total = 0.0
    for b in range(bins):
        inside = [i for i, c in enumerate(confidence) if b / bins < c <= (b + 1) / bins]
        if inside:
            accuracy = sum(correct[i] for i in inside) / len(inside)
            mean = sum(confidence[i] for i in inside) / len(inside)
            total += len(inside) / len(confidence) * abs(accuracy - mean)
    return total


def slow_risk_coverage_area(confidence, correct) -> float:
    order = sorted(range(len(confidence)), key=lambda i: -confidence[i])
    risks = []
    for k in range(1, len(order) + 1):
        risks.append(sum(not correct[i] for i in order[:k]) / k)
    return sum(risks) / len(risks)


def error_of(confidence, correct, bins: int) -> float:
    return calibration_error(reliability_bins(confidence, correct, bins))


@pytest.fixture
def predictions():
    rng = np.random.default_rng(5)
    confidence = rng.uniform(0.1, 1.0, 500)
    confidence[:3] = [1.0, 1.0, 0.2]  # ends of bins
    return confidence, rng.random(500) < confidence**2


@pytest.mark.parametrize("bins", [10, 15])
def test_calibration_error_of_random_predictions(predictions, bins: int) -> None:
    confidence, correct = predictions
    found = error_of(torch.tensor(confidence), torch.tensor(correct), bins)
    assert found == pytest.approx(slow_calibration_error(confidence, correct, bins), rel=1e-12)


def test_calibration_error_counted_by_hand() -> None:
    confidence = torch.tensor([0.95, 0.85, 0.15, 0.55], dtype=torch.double)
    correct = torch.tensor([True, False, False, True])
    # bins of a half: (0.95, 0.85, 0.55) are right 2 of 3 times; (0.15) never
    expected = 3 / 4 * abs(2 / 3 - (0.95 + 0.85 + 0.55) / 3) + 1 / 4 * 0.15
    assert error_of(confidence, correct, 2) == pytest.approx(expected)


def test_a_confidence_at_a_border_belongs_to_the_bin_below() -> None:
    confidence = torch.tensor([0.5, 0.75], dtype=torch.double)
    correct = torch.tensor([True, False])
    # apart, |1 - 0.5| and |0 - 0.75| do not cancel
    assert error_of(confidence, correct, 2) == pytest.approx((0.5 + 0.75) / 2)


def test_bins_counted_by_hand() -> None:
    confidence = torch.tensor([0.95, 0.85, 0.15, 0.55, 0.25])
    correct = torch.tensor([True, False, False, True, False])
    third, none, first = (reliability_bins(confidence, correct, 4)[k] for k in (2, 1, 0))
    assert (first.count, first.confidence, first.accuracy) == (2, pytest.approx(0.2), 0.0)
    assert (none.count, none.confidence, none.accuracy) == (0, None, None)
    assert (third.count, third.confidence, third.accuracy) == (1, pytest.approx(0.55), 1.0)


@pytest.mark.parametrize("bins", [10, 15])
def test_every_image_is_in_one_bin_whose_mean_lies_in_it(predictions, bins: int) -> None:
    confidence, correct = map(torch.tensor, predictions)
    found = reliability_bins(confidence, correct, bins)
    assert sum(b.count for b in found) == len(confidence)
    assert sum(b.count * b.accuracy for b in found if b.count) == pytest.approx(correct.sum())
    for k, b in enumerate(found):
        assert b.count == 0 or k / bins < b.confidence <= (k + 1) / bins


def test_the_error_of_a_split_is_that_of_its_bins() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(400, 6, generator=generator)
    scores = Classification(6).score(logits, torch.randint(6, (400,), generator=generator))
    bins = scores["reliability"]
    assert len(bins) == 15
    total = sum(b.count / 400 * abs(b.accuracy - b.confidence) for b in bins if b.count)
    assert total == pytest.approx(scores["ece"], rel=1e-12)
    assert sum(b.count * b.accuracy for b in bins if b.count) / 400 == pytest.approx(
        scores["top1"])  # fmt: skip


def test_risk_coverage_area_of_random_predictions(predictions) -> None:
    confidence, correct = predictions
    found = risk_coverage_area(torch.tensor(confidence), torch.tensor(correct))
    assert found == pytest.approx(slow_risk_coverage_area(confidence, correct), rel=1e-12)


def test_risk_coverage_area_counted_by_hand() -> None:
    confidence = torch.tensor([0.2, 0.9, 0.6])
    correct = torch.tensor([False, True, False])
    assert risk_coverage_area(confidence, correct) == pytest.approx((0 + 1 / 2 + 2 / 3) / 3)


@pytest.mark.parametrize("seed", range(5))
def test_equal_confidences_count_as_the_mean_over_all_their_orders(seed: int) -> None:
    rng = np.random.default_rng(seed)
    confidence, correct = rng.integers(1, 4, 6) / 4, rng.random(6) < 0.5
    orders = [list(order) for order in itertools.permutations(range(6))]
    descending = [o for o in orders if all(np.diff(confidence[o]) <= 0)]
    areas = [np.mean(np.cumsum(~correct[o]) / np.arange(1, 7)) for o in descending]
    found = risk_coverage_area(torch.tensor(confidence), torch.tensor(correct))
    assert found == pytest.approx(np.mean(areas), rel=1e-12)


def test_a_student_that_says_one_class_has_the_area_of_its_error_whatever_the_order() -> None:
    correct = torch.tensor([True] * 3 + [False] * 3)
    areas = [risk_coverage_area(torch.ones(6), order) for order in (correct, correct.flip(0))]
    assert areas == pytest.approx([0.5, 0.5])


def test_score_counted_by_hand() -> None:
    logits = torch.zeros(4, 6)
    logits[0, 2] = 3.0  # right
    logits[1] = torch.tensor([6.0, 5.0, 4.0, 3.0, 2.0, 1.0])  # label 4: among the first five
    logits[2] = torch.tensor([6.0, 5.0, 4.0, 3.0, 2.0, 1.0])  # label 5: not even there
    logits[3, 1] = 2.0  # right
    labels = torch.tensor([2, 4, 5, 1])
    scores = Classification(6).score(logits, labels)
    assert scores["top1"] == 0.5
    assert scores["top5"] == 0.75
    p = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(axis=1, keepdims=True)
    assert scores["nll"] == pytest.approx(-np.log(p[np.arange(4), labels]).mean(), rel=1e-6)
    confidence, correct = p.max(axis=1), [True, False, False, True]
    assert scores["ece"] == pytest.approx(slow_calibration_error(confidence, correct, 15), rel=1e-5)
    assert scores["aurc"] == pytest.approx(slow_risk_coverage_area(confidence, correct))


def test_accuracy_is_stored_unrounded() -> None:
    logits = torch.zeros(1000, 2)
    logits[:, 0] = 1.0
    labels = torch.zeros(1000, dtype=torch.long)
    labels[:208] = 1
    assert Classification(2).score(logits, labels)["top1"] == 0.792


@pytest.mark.parametrize(("num_classes", "defined"), [(2, False), (5, False), (6, True)])
def test_top5_is_defined_beyond_five_classes(num_classes: int, defined: bool) -> None:
    scores = Classification(num_classes).score(torch.eye(num_classes), torch.arange(num_classes))
    assert math.isnan(scores["top5"]) != defined
    assert scores["top1"] == 1.0


def test_equal_logits_do_not_contradict_each_other() -> None:
    """Top-1 and calibration see the same prediction where two classes tie."""
    scores = Classification(6).score(torch.zeros(6, 6), torch.arange(6))
    assert scores["top1"] == pytest.approx(1 / 6)
    assert scores["ece"] == pytest.approx(0, abs=1e-7)


def test_read_keeps_features_and_targets() -> None:
    task = new_task("classification", 3)
    maps, pooled, labels = (torch.zeros(2, 4, 1, 1),), torch.ones(2, 4), torch.tensor([0, 2])
    head = task.new_head(4)
    output = task.read(head, Features(maps, pooled), labels)
    torch.testing.assert_close(output.logits, head(pooled))
    assert output.features is maps
    assert output.embeddings is pooled
    assert output.labels is labels
    assert task.class_weights(head) is head.weight
    assert task.metric in task.score(torch.eye(3), torch.arange(3))
