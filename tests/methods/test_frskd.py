"""FRSKD: the pyramid's wiring, and who learns from whom."""

import shutil

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from raskd_bench import catalog
from raskd_bench.method import Setting
from raskd_bench.methods._frskd_network import BiFPNc, Fusion, pooled
from raskd_bench.methods.frskd import FRSKD, attention
from raskd_bench.students.build import new_backbone
from raskd_bench.tasks.classification import Classification

LABELS = [1, 0]
CHANNELS, SIDES, STRIDES = (2, 3, 4), (8, 4, 2), (1, 2, 4)


def built(**hparams) -> FRSKD:
    torch.manual_seed(0)
    method = FRSKD(**hparams)
    method.build(Setting(3, 2, CHANNELS, STRIDES, 4, Classification(3).new_head))
    return method.double()


def new_maps(channels=CHANNELS, sides=SIDES) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(1)
    sizes = zip(channels, sides, strict=True)
    return tuple(torch.rand(2, c, s, s, dtype=torch.double, requires_grad=True) for c, s in sizes)


def new_outputs(table_student):
    logits = torch.tensor([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]], dtype=torch.double)
    return table_student(logits.requires_grad_(), features=new_maps())


def softmax(values, temperature=1.0):
    e = np.exp(values / temperature)
    return e / e.sum(axis=1, keepdims=True)


def unit_energy(maps: torch.Tensor) -> np.ndarray:
    energy = (maps.detach().numpy() ** 2).mean(axis=1).reshape(len(maps), -1)
    return energy / np.sqrt((energy**2).sum(axis=1, keepdims=True))


def on(name: str, num_classes: int = 100) -> FRSKD:
    method, net = FRSKD(), new_backbone(name, {})
    head = Classification(num_classes).new_head
    sizes = (net.channels, net.strides, net.embedding_size)
    method.build(Setting(num_classes, 1, *sizes, head))
    return method


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_equation(table_student, row_batch, start) -> None:
    method = built(alpha=0.5, beta=3.0, temperature=2.0)
    student = new_outputs(table_student)
    terms = method.loss(student, row_batch([0, 1], LABELS), start)
    refined = method.pyramid(student.features)
    z = student.logits.detach().numpy()
    t = method.head(refined[-1].mean(dim=(2, 3))).detach().numpy()
    ce, aux = (-np.mean([np.log(softmax(x)[i, LABELS[i]]) for i in range(2)]) for x in (z, t))
    p, q = softmax(z, 2.0), softmax(t, 2.0)
    kd = (q * (np.log(q) - np.log(p))).sum() / 2
    pairs = zip(student.features, refined, strict=True)
    hint = sum(((unit_energy(f) - unit_energy(g)) ** 2).mean() for f, g in pairs)
    assert terms["ce"].item() == pytest.approx(ce, rel=1e-9)
    assert terms["aux"].item() == pytest.approx(aux, rel=1e-6)
    assert terms["kd"].item() == pytest.approx(0.5 * 2.0**2 * kd, rel=1e-6)
    assert terms["hint"].item() == pytest.approx(3 * hint, rel=1e-5)


def test_the_student_learns_from_the_teacher_as_from_fixed_targets(
    table_student, row_batch, start
) -> None:
    method = built(alpha=0.5, beta=3.0, temperature=2.0)
    student = new_outputs(table_student)
    terms = method.loss(student, row_batch([0, 1], LABELS), start)
    terms["kd"].backward()
    refined = [maps.detach() for maps in method.pyramid(student.features)]
    t = method.head(refined[-1].mean(dim=(2, 3))).detach().numpy()
    p = softmax(student.logits.detach().numpy(), 2.0)
    expected = 0.5 * 2.0 * (p - softmax(t, 2.0)) / 2
    np.testing.assert_allclose(student.logits.grad, expected, atol=1e-7)
    assert all(maps.grad is None for maps in student.features)
    terms["hint"].backward()
    for features, target in zip(student.features, refined, strict=True):
        twin = features.detach().requires_grad_()
        (3 * (attention(twin) - attention(target)).square().mean()).backward()
        torch.testing.assert_close(features.grad, twin.grad, rtol=1e-4, atol=1e-7)


def test_the_teacher_learns_from_labels_only(new_rig) -> None:
    rig = new_rig("frskd")
    terms = rig.loss()
    (terms["kd"] + terms["hint"] + terms["ce"]).backward(retain_graph=True)
    assert all(parameter.grad is None for parameter in rig.method.parameters())
    terms["aux"].backward()
    assert all(parameter.grad is not None for parameter in rig.method.parameters())


def test_the_teachers_cross_entropy_reaches_every_stage_of_the_student(new_rig) -> None:
    rig = new_rig("frskd")
    rig.loss()["aux"].backward()
    assert all(p.grad is not None for p in rig.student.backbone.parameters())
    assert all(p.grad is None for p in rig.student.head.parameters())


def test_without_alpha_and_beta_only_labels_teach(new_rig) -> None:
    terms = new_rig("frskd", alpha=0.0, beta=0.0).loss()
    assert terms["kd"] == terms["hint"] == 0
    assert torch.equal(terms["ce"], new_rig("cross_entropy").loss()["ce"])


def test_maps_that_attend_alike_cost_nothing() -> None:
    maps = new_maps()[0]
    torch.testing.assert_close(attention(3 * maps), attention(maps))
    torch.testing.assert_close(attention(maps).square().sum(dim=1), torch.ones(2))


@pytest.mark.parametrize(("num_classes", "expected"), [(100, 6_375_794), (200, 6_478_294)])
def test_it_has_the_papers_size_on_resnet18(num_classes: int, expected: int) -> None:
    assert count(on("resnet18", num_classes)) == expected


def test_refined_maps_have_twice_the_channels_at_the_same_size() -> None:
    method, net = on("resnet18"), new_backbone("resnet18", {})
    with torch.no_grad():
        refined = method.pyramid(net(torch.randn(2, 3, 32, 32)).maps)
    assert [m.shape[1] for m in refined] == [128, 256, 512, 1024]
    assert [m.shape[2] for m in refined] == [32, 16, 8, 4]
    assert all(m.min() >= 0 for m in refined)


def test_four_stages_are_wired_as_in_the_paper() -> None:
    torch.manual_seed(2)
    net = BiFPNc((2, 3, 4, 5), (1, 2, 4, 8), 2).double()
    torch.nn.init.uniform_(net.downward[0].weights)
    maps = new_maps((2, 3, 4, 5), (16, 8, 4, 2))
    l1, l2, l3, l4 = (conv(f) for conv, f in zip(net.laterals, maps, strict=True))
    m2, m3, m4 = (conv(f) for conv, f in zip(net.second_laterals, maps[1:], strict=True))

    def up(u):
        return F.relu(u).repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    def down(o):
        return F.max_pool2d(F.pad(F.relu(o), (0, 1, 0, 1)), 3, 2)

    u3 = net.downward[2]([l3], up(l4))
    u2 = net.downward[1]([l2], up(u3))
    u1 = net.downward[0]([l1], up(u2))
    o2 = net.upward[0]([m2, F.relu(u2)], down(u1))
    o3 = net.upward[1]([m3, F.relu(u3)], down(o2))
    o4 = net.upward[2]([m4], down(o3))
    for one, other in zip(net(maps), (u1, o2, o3, o4), strict=True):
        torch.testing.assert_close(one, F.relu(other))


@pytest.mark.parametrize("name", ["resnet8", "resnet20", "wrn_16_2"])
def test_three_stages_have_a_fusion_less_each_way(name: str) -> None:
    pyramid = on(name).pyramid
    assert [len(fuse.weights) for fuse in pyramid.downward] == [2, 2]
    assert [len(fuse.weights) for fuse in pyramid.upward] == [3, 2]


def test_maps_of_one_size_stay_as_they_are() -> None:
    net = BiFPNc((4, 4, 4), (8, 8, 8), 2).double()
    assert [m.shape for m in net(new_maps((4, 4, 4), (3, 3, 3)))] == [(2, 8, 3, 3)] * 3


def test_odd_sizes_fit() -> None:
    net = BiFPNc((2, 3, 4), (4, 8, 16), 2).double()
    refined = net(new_maps((2, 3, 4), (7, 4, 2)))
    assert [m.shape[-1] for m in refined] == [7, 4, 2]


def test_a_fusion_weighs_its_inputs_by_positive_shares() -> None:
    fuse = Fusion(2, 3, num_own=2)
    fuse.weights.data = torch.tensor([3.0, -5.0, 1.0])
    fuse.project, fuse.refine = torch.nn.Conv2d(3, 2, 1), torch.nn.Identity()
    first, second, other = torch.rand(1, 2, 4, 4), torch.rand(1, 2, 4, 4), torch.rand(1, 3, 4, 4)
    expected = 0.75 * first + 0.25 * fuse.project(other)
    torch.testing.assert_close(fuse([first, second], other), expected)


@pytest.mark.parametrize(("side", "step"), [(8, 2), (7, 2), (2, 2), (1, 2), (9, 4), (5, 1)])
def test_pooling_pads_after_rather_than_before(side: int, step: int) -> None:
    image = torch.rand(1, 1, side, side)
    size = -(-side // step)
    width = step + 1 if step > 1 else 1
    before = ((size - 1) * step + width - side) // 2
    expected = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            rows = range(i * step - before, i * step - before + width)
            columns = range(j * step - before, j * step - before + width)
            inside = [(r, c) for r in rows for c in columns if 0 <= r < side and 0 <= c < side]
            expected[i, j] = max(image[0, 0, r, c].item() for r, c in inside)
    np.testing.assert_allclose(pooled(image, step)[0, 0], expected)


def test_its_digest_covers_the_pyramid(tmp_path, monkeypatch) -> None:
    card = catalog.find("method", "frskd")
    digest = catalog.digest(card)
    files = ["losses.py", "methods/_frskd_network.py"]
    (tmp_path / "methods").mkdir()
    for file in files:
        shutil.copy(catalog.PACKAGE / file, tmp_path / file)
    monkeypatch.setattr(catalog, "PACKAGE", tmp_path)
    assert catalog.digest(card) == digest
    network = tmp_path / files[1]
    network.write_text(network.read_text().replace("EPSILON = 1e-6", "EPSILON = 1e-5"))
    assert catalog.digest(card) != digest
