"""BYOT: branches at the shallower stages learn from the deepest exit, never the reverse."""

import numpy as np
import pytest
import torch

from raskd_bench.method import Setting
from raskd_bench.methods.byot import BYOT, bottleneck, masked_distance
from raskd_bench.students.build import new_backbone
from raskd_bench.tasks.classification import Classification

LABELS = [1, 0]


def softmax(values, temperature=1.0):
    e = np.exp(values / temperature)
    return e / e.sum(axis=1, keepdims=True)


def built(**hparams) -> BYOT:
    """Three stages of 2, 3 and 4 channels, three classes."""
    torch.manual_seed(0)
    method = BYOT(**hparams)
    method.build(Setting(3, 2, (2, 3, 4), (1, 2, 4), 4, lambda c: torch.nn.Linear(c, 3)))
    return method.double()


def new_outputs(table_student):
    torch.manual_seed(1)
    sizes = ((2, 8), (3, 4), (4, 2))
    maps = tuple(torch.randn(2, c, s, s, dtype=torch.double, requires_grad=True) for c, s in sizes)
    logits = torch.tensor([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]], dtype=torch.double)
    embeddings = torch.randn(2, 4, dtype=torch.double, requires_grad=True)
    return table_student(logits.requires_grad_(), embeddings=embeddings, features=maps)


def test_equation(table_student, row_batch, start) -> None:
    alpha, temperature, lam = 0.3, 2.0, 0.01
    method = built(alpha=alpha, temperature=temperature, lam=lam)
    student = new_outputs(table_student)
    terms = method.loss(student, row_batch([0, 1], LABELS), start)
    z, g = student.logits.detach().numpy(), student.embeddings.detach().numpy()
    ce = kd = hint = 0.0
    q = softmax(z, temperature)
    for branch, head, features in zip(
        method.branches, method.heads, student.features, strict=False
    ):
        pooled = branch(features).mean(dim=(2, 3))
        shallow, exit_logits = pooled.detach().numpy(), head(pooled).detach().numpy()
        for i in range(2):
            ce -= np.log(softmax(exit_logits)[i, LABELS[i]]) / 2
            kd -= q[i] @ np.log(softmax(exit_logits, temperature)[i]) / 2
            for d in range(4):
                if shallow[i, d] > 0 or g[i, d] > 0:
                    hint += (shallow[i, d] - g[i, d]) ** 2
    deepest = -np.mean([np.log(softmax(z)[i, LABELS[i]]) for i in range(2)])
    assert terms["ce"].item() == pytest.approx((1 - alpha) * deepest, rel=1e-9)
    assert terms["branch_ce"].item() == pytest.approx((1 - alpha) * ce, rel=1e-9)
    assert terms["kd"].item() == pytest.approx(alpha * temperature**2 * kd, rel=1e-9)
    assert terms["hint"].item() == pytest.approx(lam * hint, rel=1e-6)


def test_the_deepest_exit_learns_from_labels_only(table_student, row_batch, start) -> None:
    student = new_outputs(table_student)
    terms = built(alpha=0.25).loss(student, row_batch([0, 1], LABELS), start)
    (terms["kd"] + terms["hint"] + terms["branch_ce"]).backward(retain_graph=True)
    assert student.logits.grad is None
    assert student.embeddings.grad is None
    assert student.features[-1].grad is None
    assert all(features.grad.count_nonzero() > 0 for features in student.features[:-1])
    terms["ce"].backward()
    p = softmax(student.logits.detach().numpy())
    np.testing.assert_allclose(student.logits.grad, 0.75 * (p - np.eye(3)[LABELS]) / 2, atol=1e-12)


def test_the_last_stage_of_a_network_gets_no_gradient_from_its_branches(new_rig) -> None:
    rig = new_rig("byot", lam=1.0)
    terms = rig.loss()
    (terms["kd"] + terms["hint"]).backward()
    stages = rig.student.backbone.stages
    assert all(parameter.grad is None for parameter in stages[-1].parameters())
    assert all(parameter.grad is None for parameter in rig.student.head.parameters())
    assert all(parameter.grad is not None for parameter in stages[0].parameters())


def test_without_alpha_and_lam_only_labels_teach(new_rig) -> None:
    byot, ce = new_rig("byot", alpha=0.0, lam=0.0), new_rig("cross_entropy")
    terms = byot.loss()
    assert terms["kd"] == 0
    assert terms["hint"] == 0
    assert torch.equal(terms["ce"], ce.loss()["ce"])


def test_a_branch_has_the_papers_size_on_resnet18() -> None:
    method, net = BYOT(), new_backbone("resnet18", {})
    method.build(Setting(100, 1, net.channels, net.strides, 512, Classification(100).new_head))
    biases = sum(128 + 128 + 512 for _ in range(3))
    expected = biases + sum(
        c * 128 + k * k * 128 * 128 + 128 * 512 + 2 * (128 + 128 + 512) + 512 * 100 + 100
        for c, k in ((64, 8), (128, 4), (256, 2))
    )
    assert expected == 1_788_716 + 2_304
    assert sum(parameter.numel() for parameter in method.parameters()) == expected


@pytest.mark.parametrize("stride", [1, 2, 8])
def test_a_bottleneck_comes_down_to_the_deepest_map(stride: int) -> None:
    out = bottleneck(6, 16, stride)(torch.zeros(2, 6, 4 * stride, 4 * stride))
    assert out.shape == (2, 16, 4, 4)


def test_the_distance_skips_what_is_inactive_on_both_sides() -> None:
    shallow = torch.tensor([[1.0, -1.0, -2.0], [0.0, 2.0, 0.0]])
    deep = torch.tensor([[-1.0, 3.0, -5.0], [0.0, 2.0, 4.0]])
    assert masked_distance(shallow, deep).item() == 4 + 16 + 0 + 0 + 0 + 16
