"""A split is evaluated whole, once, by the student alone, which is then put back."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch

from raskd_bench.data.loader import Loader
from raskd_bench.data.splits import ArraySource, Split
from raskd_bench.errors import Diverged
from raskd_bench.evaluate import evaluate

COUNT = 11


class Keep:
    """A task that keeps what it is asked to score."""

    def score(self, logits, labels):
        self.logits, self.labels = logits, labels
        return {"top1": float((logits.argmax(dim=1) == labels).double().mean())}


@pytest.fixture
def loader():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (COUNT, 16, 16, 3), dtype=np.uint8)
    split = Split(ArraySource(pixels), np.arange(COUNT, dtype=np.int64) % 5)
    return Loader(split, torch.device("cpu"), mean=(0.5,) * 3, std=(0.25,) * 3, storage="device")


def run(student, loader, batch_size=4):
    task = Keep()
    return task, evaluate(student, task, loader, batch_size=batch_size, autocast=nullcontext)


def test_the_whole_split_is_seen_once_in_order(new_rig, loader):
    task, _ = run(new_rig("cross_entropy").student, loader)
    assert task.labels.tolist() == [label % 5 for label in range(COUNT)]
    assert task.logits.shape == (COUNT, 5)


def test_the_batch_size_changes_nothing(new_rig, loader):
    student = new_rig("cross_entropy").student
    one, all_at_once = (run(student, loader, size)[0].logits for size in (1, COUNT))
    torch.testing.assert_close(one, all_at_once)


@pytest.mark.parametrize("training", [True, False])
def test_the_student_is_put_back_into_its_mode_and_keeps_its_state(new_rig, loader, training):
    student = new_rig("cross_entropy").student.train(training)
    before = {name: value.clone() for name, value in student.state_dict().items()}
    run(student, loader)
    assert student.training is training
    assert all(torch.equal(value, before[name]) for name, value in student.state_dict().items())


def test_no_gradient_is_asked_for(new_rig, loader):
    student = new_rig("cross_entropy").student
    run(student, loader)
    assert (student.images_with_grad, student.images_without_grad) == (0, COUNT)


def test_logits_that_are_not_finite_are_a_divergence(new_rig, loader):
    student = new_rig("cross_entropy").student
    with torch.no_grad():
        student.head.bias[0] = torch.nan
    with pytest.raises(Diverged, match="logits are not finite"):
        run(student, loader)
    assert student.training
