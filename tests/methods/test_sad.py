"""SAD: a stage attends to where the next deeper one does, which is not changed by it."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from raskd_bench.methods.sad import SAD, attention, mean_square

LABELS = [1, 0]
SIDES = ((2, 8), (3, 4), (4, 2))


def new_maps(sides=SIDES) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    return tuple(torch.randn(2, c, s, s, dtype=torch.double).requires_grad_() for c, s in sides)


def new_outputs(table_student, maps):
    logits = torch.tensor([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]], dtype=torch.double)
    return table_student(logits.requires_grad_(), features=maps)


def twofold(image: np.ndarray) -> np.ndarray:
    """Bilinear interpolation [h, w] to [2h, 2w]; pixels are areas, edges repeat."""
    h, w = image.shape
    out = np.zeros((2 * h, 2 * w))
    for i in range(2 * h):
        for j in range(2 * w):
            y, x = np.clip((i + 0.5) / 2 - 0.5, 0, h - 1), np.clip((j + 0.5) / 2 - 0.5, 0, w - 1)
            top, left = int(y), int(x)
            bottom, right = min(top + 1, h - 1), min(left + 1, w - 1)
            v, u = y - top, x - left
            upper = (1 - u) * image[top, left] + u * image[top, right]
            lower = (1 - u) * image[bottom, left] + u * image[bottom, right]
            out[i, j] = (1 - v) * upper + v * lower
    return out


def softmax(values: np.ndarray) -> np.ndarray:
    return np.exp(values) / np.exp(values).sum()


def expected_hint(maps, upsample: str) -> float:
    total = 0.0
    for shallow, deep in pairwise(maps):
        squares = []
        for f, g in zip(shallow, deep, strict=True):
            if upsample == "features":
                target = np.mean([twofold(channel) ** 2 for channel in g], axis=0)
            else:
                target = twofold((g**2).mean(axis=0))
            squares.append((softmax((f**2).mean(axis=0)) - softmax(target)) ** 2)
        total += np.mean(squares)
    return total


@pytest.mark.parametrize("upsample", ["features", "attention"])
def test_equation(upsample, table_student, row_batch, start) -> None:
    maps = new_maps()
    student = new_outputs(table_student, maps)
    terms = SAD(weight=10.0, upsample=upsample).loss(student, row_batch([0, 1], LABELS), start)
    arrays = [m.detach().numpy() for m in maps]
    assert terms["hint"].item() == pytest.approx(10 * expected_hint(arrays, upsample), rel=1e-5)
    ce = F.cross_entropy(student.logits, torch.tensor(LABELS))
    assert terms["ce"].item() == pytest.approx(ce.item(), rel=1e-9)


def test_the_gradient_is_that_of_a_fixed_target(table_student, row_batch, start) -> None:
    shallow, deep = new_maps(((2, 4), (3, 2)))
    SAD(weight=7.0).loss(
        new_outputs(table_student, (shallow, deep)), row_batch([0, 1], LABELS), start
    )["hint"].backward()
    large = F.interpolate(deep.detach(), scale_factor=2.0, mode="bilinear")
    target = (large**2).mean(1).flatten(1).softmax(1)
    twin = shallow.detach().requires_grad_()
    (7 * ((twin**2).mean(1).flatten(1).softmax(1) - target).square().mean()).backward()
    torch.testing.assert_close(shallow.grad, twin.grad, rtol=1e-4, atol=1e-7)
    assert deep.grad is None


def test_the_deepest_stage_learns_nothing_from_attention(new_rig) -> None:
    rig = new_rig("sad")
    rig.loss()["hint"].backward()
    stages = rig.student.backbone.stages
    assert all(parameter.grad is None for parameter in stages[-1].parameters())
    assert all(parameter.grad is not None for parameter in stages[1].parameters())


def test_maps_of_one_size_are_compared_as_they_are(table_student, row_batch, start) -> None:
    shallow, deep = new_maps(((2, 3), (4, 3)))
    student = new_outputs(table_student, (shallow, deep))
    hint = SAD(weight=1.0).loss(student, row_batch([0, 1], LABELS), start)["hint"]
    expected = attention(mean_square(shallow)) - attention(mean_square(deep))
    assert hint.item() == pytest.approx(expected.square().mean().item(), rel=1e-5)


def test_odd_sizes_fit(table_student, row_batch, start) -> None:
    student = new_outputs(table_student, new_maps(((2, 7), (3, 4))))
    assert SAD().loss(student, row_batch([0, 1], LABELS), start)["hint"].isfinite()


def test_equal_attention_costs_nothing(table_student, row_batch, start) -> None:
    flat = tuple(torch.full((2, c, s, s), 3.0) for c, s in SIDES)
    terms = SAD().loss(new_outputs(table_student, flat), row_batch([0, 1], LABELS), start)
    assert terms["hint"].item() == pytest.approx(0, abs=1e-9)


def test_attention_is_a_distribution_over_positions() -> None:
    rows = attention(mean_square(new_maps()[0]))
    assert rows.shape == (2, 64)
    torch.testing.assert_close(rows.sum(dim=1), torch.ones(2, dtype=torch.double))


def test_without_weight_it_is_cross_entropy(new_rig) -> None:
    sad, ce = new_rig("sad", weight=0.0), new_rig("cross_entropy")
    for terms, _ in zip(sad.train(), ce.train(), strict=True):
        assert terms["hint"] == 0
        for one, other in zip(sad.student.parameters(), ce.student.parameters(), strict=True):
            torch.testing.assert_close(one.grad, other.grad)


def test_it_adds_no_parameters(new_rig) -> None:
    assert list(new_rig("sad").method.state_dict()) == []
