"""The network that carries the task's head, and what it counts."""

import pytest
import torch
from torch import nn

from raskd_bench.catalog import NoSuchName
from raskd_bench.students.build import new_student
from raskd_bench.tasks.classification import Classification


@pytest.fixture
def student():
    torch.manual_seed(0)
    return new_student("resnet8", {}, Classification(5))


def test_logits_are_the_head_on_the_embedding(student) -> None:
    labels = torch.tensor([1, 2])
    output = student(torch.randn(2, 3, 8, 8), labels)
    expected = output.embeddings @ student.class_weights.T + student.head.bias
    torch.testing.assert_close(output.logits, expected)
    assert output.hard_labels is labels
    assert student.class_weights is student.head.weight


def test_logits_are_float32_under_autocast(student) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = student(torch.randn(2, 3, 8, 8))
    assert output.logits.dtype == torch.float32


def test_images_are_counted_by_whether_they_have_a_gradient(student) -> None:
    student(torch.zeros(3, 3, 8, 8))
    with torch.no_grad():
        student(torch.zeros(2, 3, 8, 8))
    with torch.inference_mode():
        student(torch.zeros(4, 3, 8, 8))
    student(torch.zeros(3, 3, 8, 8))
    assert (student.images_with_grad, student.images_without_grad) == (6, 6)


def test_an_auxiliary_head_reads_pooled_features_and_counts_no_image(student) -> None:
    head = nn.Linear(16, 5)
    features = torch.randn(2, 16, 4, 4)
    output = student.read(head, features, None)
    torch.testing.assert_close(output.logits, head(features.mean(dim=(2, 3))))
    torch.testing.assert_close(output.embeddings, features.mean(dim=(2, 3)))
    assert student.images_with_grad == 0


def test_counters_are_no_part_of_the_state(student) -> None:
    assert not any("images" in key for key in student.state_dict())


def test_an_output_without_targets_has_no_labels(student) -> None:
    with pytest.raises(AssertionError, match="without targets"):
        _ = student(torch.zeros(2, 3, 8, 8)).hard_labels


def test_equal_seeds_give_equal_students() -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return new_student("resnet8", {}, Classification(5)).head.weight

    assert torch.equal(weights(4), weights(4))
    assert not torch.equal(weights(4), weights(5))


def test_a_misspelt_student_is_corrected() -> None:
    with pytest.raises(NoSuchName, match="did you mean 'resnet18'"):
        new_student("resnet_18", {}, Classification(5))
