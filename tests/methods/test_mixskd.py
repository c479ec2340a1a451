"""MixSKD: the ImageNet script's loss against a plain twin, the mixture, the discriminators."""

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from raskd_bench.batch import Batch, View
from raskd_bench.method import Setting
from raskd_bench.methods import mixskd
from raskd_bench.methods._mixskd_network import Mixing, new_mixing
from raskd_bench.methods.mixskd import MixSKD
from raskd_bench.students.build import new_student
from raskd_bench.tasks.classification import Classification

LABELS = [1, 0, 4]
LAM, ORDER = 0.3, [2, 0, 1]


class Rig:
    """A ResNet-8 with MixSKD upon it, in evaluation mode: images do not meet in BN."""

    def __init__(self, classes: int = 5, name: str = "resnet8", **hparams) -> None:
        torch.manual_seed(0)
        task = Classification(classes)
        self.student = new_student(name, {}, task).eval()
        net = self.student.backbone
        sizes = (net.channels, net.strides, net.embedding_size)
        self.method = MixSKD(**hparams)
        self.method.build(Setting(classes, 3, *sizes, task.new_head, new_tail=net.new_tail))
        self.method.eval()
        self.batch = Batch((View(torch.randn(3, 3, 8, 8), torch.tensor(LABELS)),),
                           torch.arange(3))  # fmt: skip

    def loss(self, start) -> dict[str, torch.Tensor]:
        return self.method.loss(self.student, self.batch, start)

    def exits(self, images) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return logits and last maps of all heads."""
        output = self.student(images)
        pairs = zip(self.method.tails, output.features[:-1], strict=True)
        maps = [*(tail(f) for tail, f in pairs), output.features[-1]]
        heads = [*self.method.heads, self.student.head]
        return [h(m.mean(dim=(2, 3))) for h, m in zip(heads, maps, strict=True)], maps

    def teacher(self, maps) -> torch.Tensor:
        fused = torch.einsum("bchw,dc->bdhw", torch.cat(maps, 1), self.method.fuse.weight)
        return self.method.fuse_head(fused.mean(dim=(2, 3)))


@pytest.fixture
def fixed(monkeypatch) -> Mixing:
    mix = Mixing(torch.tensor(LAM), torch.tensor(ORDER))
    monkeypatch.setattr(mixskd, "new_mixing", lambda images, alpha: mix)
    return mix


def blend(x):
    return LAM * x + (1 - LAM) * x[ORDER]


def arrays(tensors) -> list[np.ndarray]:
    return [tensor.detach().numpy() for tensor in tensors]


def softmax(values, temperature=1.0):
    e = np.exp(values / temperature)
    return e / e.sum(axis=1, keepdims=True)


def ce(z) -> float:
    return -np.mean([np.log(softmax(z)[i, LABELS[i]]) for i in range(3)])


def mixed_ce(z) -> float:
    rows = np.log(softmax(z))
    pairs = [(rows[i, LABELS[i]], rows[i, LABELS[ORDER[i]]]) for i in range(3)]
    return -np.mean([LAM * own + (1 - LAM) * partner for own, partner in pairs])


def kl(teacher, student, temperature=3.0) -> float:
    q, p = softmax(teacher, temperature), softmax(student, temperature)
    return temperature**2 * (q * (np.log(q) - np.log(p))).sum() / 3


def test_equation(fixed, start) -> None:
    rig = Rig()
    terms = rig.loss(start)
    images = rig.batch.views[0].images
    (z, f), (zm, fm) = rig.exits(images), rig.exits(blend(images))
    fi = [blend(m) for m in f]
    (ei, em) = arrays([rig.teacher(fi), rig.teacher(fm)])
    z, zm = arrays(z), arrays(zm)
    zi = [blend(logits) for logits in z]
    kd = kl(em, zi[2]) + kl(ei, zm[2])
    kd += sum(kl(zm[h], zi[h]) + kl(zi[h], zm[h]) for h in range(2))
    hint = sum(np.mean((a - b) ** 2) for a, b in zip(arrays(fi), arrays(fm), strict=True))
    close = {"rel": 1e-4}
    assert terms["ce"].item() == pytest.approx(ce(z[2]), **close)
    assert terms["branch_ce"].item() == pytest.approx(ce(z[0]) + ce(z[1]), **close)
    assert terms["mixed_ce"].item() == pytest.approx(sum(map(mixed_ce, zm)), **close)
    assert terms["aux"].item() == pytest.approx(mixed_ce(ei) + mixed_ce(em), **close)
    assert terms["kd"].item() == pytest.approx(kd, **close)
    assert terms["hint"].item() == pytest.approx(hint, **close)
    assert len(terms) == 7


def test_discriminators_tell_blended_from_mixed_features(fixed, start) -> None:
    rig = Rig()
    images = rig.batch.views[0].images
    fi, fm = [blend(m) for m in rig.exits(images)[1]], rig.exits(blend(images))[1]
    expected = 0.0
    for judge, one, other in zip(rig.method.discriminators, fi, fm, strict=True):
        for maps, truth in ((one, [1, 0]), (other, [0, 1])):
            p = 1 / (1 + np.exp(-judge(maps.mean(dim=(2, 3))).detach().numpy()))
            expected -= np.log(np.where(truth, p, 1 - p)).sum() / 12
    assert rig.loss(start)["adversarial"].item() == pytest.approx(expected, rel=1e-4)


def test_the_student_learns_from_the_self_teacher_as_from_fixed_targets(fixed, start) -> None:
    rig = Rig()
    terms = rig.loss(start)
    head = rig.student.head
    (gradient,) = torch.autograd.grad(terms["kd"], head.bias)
    images = rig.batch.views[0].images
    (z, f), (zm, fm) = rig.exits(images), rig.exits(blend(images))
    ei, em = arrays([rig.teacher([blend(m) for m in f]), rig.teacher(fm)])
    zi, zm = blend(z[-1].detach().numpy()), zm[-1].detach().numpy()
    expected = softmax(zi, 3.0) - softmax(em, 3.0) + softmax(zm, 3.0) - softmax(ei, 3.0)
    np.testing.assert_allclose(gradient, 3.0 * expected.sum(axis=0) / 3, rtol=1e-4, atol=1e-7)


def test_the_self_teacher_learns_from_labels_only(fixed, start) -> None:
    rig = Rig()
    terms = rig.loss(start)
    own = [*rig.method.fuse.parameters(), *rig.method.fuse_head.parameters()]
    aux = terms.pop("aux")
    sum(terms.values()).backward(retain_graph=True)
    assert all(parameter.grad is None for parameter in own)
    aux.backward()
    assert all(parameter.grad.count_nonzero() > 0 for parameter in own)


def test_the_cifar_script_leaves_the_self_teacher_untrained(fixed, start) -> None:
    rig = Rig(mixed_ce=False, adversarial="as_coded")
    terms = rig.loss(start)
    assert set(terms) == {"ce", "branch_ce", "kd", "hint", "adversarial"}
    sum(terms.values()).backward()
    assert rig.method.fuse.weight.grad is None
    assert all(parameter.grad is not None for parameter in rig.student.parameters())


def test_reversal_turns_the_gradient_of_the_features_only(fixed, start) -> None:
    reversal, coded = Rig(), Rig(adversarial="as_coded")
    one, other = reversal.loss(start)["adversarial"], coded.loss(start)["adversarial"]
    assert one.item() == pytest.approx(other.item(), rel=1e-6)
    one.backward()
    other.backward()
    stems = (rig.student.backbone.stem[0].weight.grad for rig in (reversal, coded))
    torch.testing.assert_close(*(sign * stem for sign, stem in zip((-1, 1), stems, strict=True)))
    judge = reversal.method.discriminators[0][0].weight
    reversal.student.requires_grad_(False)
    before = reversal.loss(start)["adversarial"].item()
    with torch.no_grad():
        judge -= 0.1 * judge.grad
    assert reversal.loss(start)["adversarial"].item() < before


def test_as_coded_discriminators_are_never_trained() -> None:
    parameters = list(Rig(adversarial="as_coded").method.discriminators.parameters())
    assert len(parameters) == 3 * 4
    assert not any(parameter.requires_grad for parameter in parameters)


def test_off_there_are_no_discriminators(start) -> None:
    rig = Rig(adversarial="off")
    assert len(rig.method.discriminators) == 0
    assert "adversarial" not in rig.loss(start)


def test_a_batch_mixed_with_itself_only_has_nothing_to_align(monkeypatch, start) -> None:
    mix = Mixing(torch.tensor(1.0), torch.tensor(ORDER))
    monkeypatch.setattr(mixskd, "new_mixing", lambda images, alpha: mix)
    rig = Rig()
    terms = rig.loss(start)
    assert terms["hint"].item() == pytest.approx(0, abs=1e-12)
    assert terms["mixed_ce"].item() == pytest.approx((terms["ce"] + terms["branch_ce"]).item())


def test_it_has_the_published_size_on_resnet18() -> None:
    rig = Rig(classes=100, name="resnet18")
    tails = sum(p.numel() for p in rig.method.tails.parameters())
    stages = [sum(p.numel() for p in s.parameters()) for s in rig.student.backbone.stages]
    assert tails == stages[1] + 2 * stages[2] + 3 * stages[3] == 29_906_176
    judges = sum(p.numel() for p in rig.method.discriminators.parameters())
    assert judges == 4 * (512 * 128 + 128 + 128 * 2 + 2) == 263_688
    heads, fuse = 4 * (512 * 100 + 100), 2048 * 512
    total = sum(p.numel() for p in rig.method.parameters())
    assert total - judges == tails + heads + fuse == 31_159_952


def test_all_heads_end_at_the_same_size(start) -> None:
    rig = Rig()
    assert {m.shape for m in rig.exits(rig.batch.views[0].images)[1]} == {(3, 64, 2, 2)}


def test_images_and_their_mixtures_pass_in_one_forward(start) -> None:
    rig = Rig()
    rig.loss(start)
    assert rig.student.images_with_grad == 6


def test_partners_are_a_permutation_and_lam_a_share() -> None:
    torch.manual_seed(0)
    for _ in range(20):
        lam, order = new_mixing(torch.zeros(7, 3, 1, 1), 0.4)
        assert 0 <= lam <= 1
        assert sorted(order.tolist()) == list(range(7))


@pytest.mark.parametrize("alpha", [0.2, 0.4, 2.0])
def test_lam_is_distributed_as_beta(alpha: float) -> None:
    torch.manual_seed(0)
    draws = torch.stack([new_mixing(torch.zeros(1), alpha).lam for _ in range(2000)])
    assert draws.mean().item() == pytest.approx(0.5, abs=0.03)
    assert draws.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


def test_a_mixture_pairs_images_and_labels_alike(fixed) -> None:
    x = torch.arange(3.0)
    torch.testing.assert_close(fixed(x), torch.tensor([1.4, 0.3, 1.3]))
    sharp = 50 * torch.eye(5)[[4, 1, 0]]  # says the partners' labels
    labels = torch.tensor(LABELS)
    assert fixed.cross_entropy(sharp, labels).item() == pytest.approx(50 * LAM, rel=1e-4)


def test_it_runs_without_values(start) -> None:
    rig = Rig()
    with FakeTensorMode(allow_non_fake_inputs=True):
        terms = rig.loss(start)
    assert {type(term).__name__ for term in terms.values()} == {"FakeTensor"}


def test_a_discriminator_has_two_linear_layers() -> None:
    layers = [m for m in Rig().method.discriminators[0] if isinstance(m, nn.Linear)]
    assert [(m.in_features, m.out_features) for m in layers] == [(64, 128), (128, 2)]
