"""DKS: every exit learns from every other one; short branches with two blocks of the last stage."""

from itertools import permutations

import numpy as np
import pytest
import torch
from torch import nn

from raskd_bench.batch import Batch, View
from raskd_bench.method import Setting
from raskd_bench.methods.dks import DKS, short
from raskd_bench.students.build import new_backbone, new_student
from raskd_bench.tasks.classification import Classification

LABELS = [1, 0]
CHANNELS = (2, 3, 4)


def tail(stage: int) -> nn.Sequential:
    """Stages of one 1x1 convolution each, after a stage map of CHANNELS[stage]."""
    later = range(stage, len(CHANNELS) - 1)
    stages = [nn.Sequential(nn.Conv2d(CHANNELS[i], CHANNELS[i + 1], 1)) for i in later]
    return nn.Sequential(*stages, nn.Identity())


def built(**hparams) -> DKS:
    torch.manual_seed(0)
    method = DKS(**hparams)
    head = Classification(3).new_head
    method.build(Setting(3, 2, CHANNELS, (1, 2, 4), 4, head, new_tail=tail))
    return method.double()


def new_outputs(table_student):
    torch.manual_seed(1)
    sizes = zip(CHANNELS, (8, 4, 2), strict=True)
    maps = tuple(torch.randn(2, c, s, s, dtype=torch.double, requires_grad=True) for c, s in sizes)
    logits = torch.tensor([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]], dtype=torch.double)
    return table_student(logits.requires_grad_(), features=maps)


def on(name: str, **hparams):
    """Return a student of 100 classes and the method upon it."""
    torch.manual_seed(0)
    task = Classification(100)
    student, method = new_student(name, {}, task), DKS(**hparams)
    method.build(setting_of(student.backbone))
    return student, method


def setting_of(net) -> Setting:
    head = Classification(100).new_head
    sizes = (net.channels, net.strides, net.embedding_size)
    return Setting(100, 1, *sizes, head, new_tail=net.new_tail)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def softmax(values, temperature=1.0):
    e = np.exp(values / temperature)
    return e / e.sum(axis=1, keepdims=True)


def exit_logits(method, student) -> list[np.ndarray]:
    branches = zip(method.branches, method.heads, student.features[:-1], strict=True)
    pooled = [(head, branch(maps).mean(dim=(2, 3))) for branch, head, maps in branches]
    return [z.detach().numpy() for z in (student.logits, *(head(p) for head, p in pooled))]


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_equation(temperature, table_student, row_batch, start) -> None:
    method = built(weight=0.3, temperature=temperature)
    student = new_outputs(table_student)
    terms = method.loss(student, row_batch([0, 1], LABELS), start)
    exits = exit_logits(method, student)
    assert len(exits) == 3
    ce = [-np.mean([np.log(softmax(z)[i, LABELS[i]]) for i in range(2)]) for z in exits]
    kd = 0.0
    for one, other in permutations(exits, 2):
        p, q = softmax(one, temperature), softmax(other, temperature)
        kd += (q * (np.log(q) - np.log(p))).sum() / 2
    assert terms["ce"].item() == pytest.approx(ce[0], rel=1e-9)
    assert terms["branch_ce"].item() == pytest.approx(ce[1] + ce[2], rel=1e-9)
    assert terms["kd"].item() == pytest.approx(0.3 * temperature**2 * kd, rel=1e-9)


def test_the_student_learns_from_the_branches_as_from_fixed_targets(
    table_student, row_batch, start
) -> None:
    method = built(weight=1.0)
    student = new_outputs(table_student)
    terms = method.loss(student, row_batch([0, 1], LABELS), start)
    exits = [softmax(z) for z in exit_logits(method, student)]
    (gradient,) = torch.autograd.grad(terms["kd"], student.logits)
    expected = (2 * exits[0] - exits[1] - exits[2]) / 2
    np.testing.assert_allclose(gradient, expected, atol=1e-12)


def test_branches_reach_the_stages_before_them_only(table_student, row_batch, start) -> None:
    student = new_outputs(table_student)
    terms = built().loss(student, row_batch([0, 1], LABELS), start)
    terms["branch_ce"].backward()
    assert student.logits.grad is None
    assert student.features[-1].grad is None
    assert all(maps.grad.count_nonzero() > 0 for maps in student.features[:-1])


def test_without_weight_exits_learn_from_labels_only(table_student, row_batch, start) -> None:
    student = new_outputs(table_student)
    terms = built(weight=0.0).loss(student, row_batch([0, 1], LABELS), start)
    assert terms["kd"] == 0
    sum(terms.values()).backward()
    p = softmax(student.logits.detach().numpy())
    np.testing.assert_allclose(student.logits.grad, (p - np.eye(3)[LABELS]) / 2, atol=1e-12)


def test_on_resnet18_it_has_two_copies_of_the_last_stage_and_a_block() -> None:
    student, method = on("resnet18")
    stages = student.backbone.stages
    middle, last, head = count(stages[2][0]), count(stages[3]), 512 * 100 + 100
    assert [count(branch) for branch in method.branches] == [middle + last, last]
    assert count(method) == middle + 2 * last + 2 * head == 17_809_096


def test_on_the_network_of_self_kd_lib_it_has_its_size() -> None:
    assert count(on("preact_resnet18")[1]) == 17_805_256


@pytest.mark.parametrize("name", ["resnet8", "resnet34", "wrn_16_2"])
def test_branches_follow_the_two_stages_before_the_last(name: str, start) -> None:
    student, method = on(name)
    depth = len(student.backbone.channels)
    assert list(method.stages) == [depth - 3, depth - 2]
    views = (View(torch.randn(2, 3, 16, 16), torch.tensor([3, 8])),)
    terms = method.loss(student, Batch(views, torch.arange(2)), start)
    sum(terms.values()).backward()
    assert all(parameter.grad is not None for parameter in method.parameters())
    assert all(parameter.grad is not None for parameter in student.parameters())


def test_a_branch_keeps_one_block_of_middle_stages_and_two_of_the_last() -> None:
    blocks = list(short(new_backbone("resnet34", {}).new_tail(1), 2).children())
    assert [len(list(stage.children())) for stage in blocks[:2]] == [1, 2]
    assert isinstance(blocks[2], nn.Identity)


def test_a_stage_of_unlike_layers_is_kept_whole() -> None:
    plain = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.ReLU())
    assert short(nn.Sequential(plain, nn.Identity()), 1)[0] is plain


def test_a_branch_is_freshly_initialised() -> None:
    student, method = on("resnet8")
    copied, own = method.branches[1][0][0].conv1.weight, student.backbone.stages[2][0].conv1.weight
    assert copied.shape == own.shape
    assert not torch.equal(copied, own)
