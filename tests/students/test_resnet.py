"""Our own backbones: parameters and multiply-adds against formulas written from the papers."""

import warnings
from itertools import pairwise

import pytest
import torch
from fvcore.nn import FlopCountAnalysis

from raskd_bench import catalog
from raskd_bench.students.build import new_backbone, new_student
from raskd_bench.tasks.classification import Classification

THIN, FULL = (16, 32, 64), (64, 128, 256, 512)
POST = {
    "resnet8": (THIN, (1, 1, 1), 83_892),
    "resnet20": (THIN, (3, 3, 3), 278_324),
    "resnet56": (THIN, (9, 9, 9), 861_620),
    "resnet18": (FULL, (2, 2, 2, 2), 11_220_132),
    "resnet34": (FULL, (3, 4, 6, 3), 21_328_292),
}
PRE = {
    "preact_resnet18": (FULL, (2, 2, 2, 2), 11_217_444),
    "preact_resnet34": (FULL, (3, 4, 6, 3), 21_325_604),
}
WIDE = {
    "wrn_16_2": ((32, 64, 128), (2, 2, 2), 703_284),
    "wrn_28_10": ((160, 320, 640), (4, 4, 4), 36_536_884),
}
OURS = POST | PRE | WIDE


def blocks(stem: int, widths, depths):
    """Yield (channels before, channels after, side of the 32x32 image's map) of each block."""
    steps = [stem] + [w for w, depth in zip(widths, depths, strict=True) for _ in range(depth)]
    sides = [32 // 2**i for i, depth in enumerate(depths) for _ in range(depth)]
    return [(*pair, side) for pair, side in zip(pairwise(steps), sides, strict=True)]


def params(name: str) -> int:
    widths, depths, _ = OURS[name]
    head = widths[-1] * 100 + 100
    if name in POST:  # conv, BN, conv, BN; projection with BN; stem with BN
        count = 27 * widths[0] + 2 * widths[0] + head
        for c, w, _ in blocks(widths[0], widths, depths):
            count += 9 * c * w + 2 * w + 9 * w * w + 2 * w + (c * w + 2 * w) * (c != w)
        return count
    # BN, conv, BN, conv; bare projection
    stem = 16 if name in WIDE else 64
    count = 27 * stem + head + (2 * widths[-1] if name in WIDE else 2 * stem)
    for c, w, _ in blocks(stem, widths, depths):
        count += 2 * c + 9 * c * w + 2 * w + 9 * w * w + c * w * (c != w)
    return count


def macs(name: str) -> int:
    """Multiply-adds of convolutions and classifier on one 32x32 image."""
    widths, depths, _ = OURS[name]
    stem = 16 if name in WIDE else widths[0]
    count = 27 * stem * 32 * 32 + widths[-1] * 100
    for c, w, side in blocks(stem, widths, depths):
        count += (9 * c * w + 9 * w * w + c * w * (c != w)) * side * side
    return count


def test_every_own_student_is_held_to_a_formula() -> None:
    assert set(catalog.names("student")) == set(OURS)


@pytest.mark.parametrize("name", OURS)
def test_parameters(name: str) -> None:
    student = new_student(name, {}, Classification(100))
    count = sum(parameter.numel() for parameter in student.parameters())
    assert count == params(name) == OURS[name][2]


@pytest.mark.parametrize("name", OURS)
def test_multiply_adds(name: str) -> None:
    assert _counted(new_student(name, {}, Classification(100))) == macs(name)


def test_resnet18_has_the_published_multiply_adds() -> None:
    assert macs("resnet18") / 1e6 == pytest.approx(555.5, abs=0.05)


@pytest.mark.parametrize("name", OURS)
def test_maps_are_what_the_backbone_declares(name: str) -> None:
    backbone = new_backbone(name, {}).eval()
    with torch.no_grad():
        maps, pooled = backbone(torch.randn(2, 3, 32, 32))
    expected = zip(backbone.channels, backbone.strides, strict=True)
    assert [m.shape for m in maps] == [(2, c, 32 // s, 32 // s) for c, s in expected]
    assert pooled.shape == (2, backbone.embedding_size)
    torch.testing.assert_close(pooled, maps[-1].mean(dim=(2, 3)))


def test_a_preactivated_shortcut_is_that_of_the_reference_repositories():
    """Equal weights: blocks whose shortcut is a convolution agree, identities take relu BN x."""
    plain, other = (new_backbone("preact_resnet18", options)
                    for options in ({}, {"shortcut": "preactivated"}))  # fmt: skip
    other.load_state_dict(plain.state_dict())
    x = torch.randn(2, 64, 8, 8)
    identity, taken = plain.stages[0][0], other.stages[0][0]
    active = torch.relu(identity.bn1(x))
    torch.testing.assert_close(taken(x) - identity(x), active - x, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(other.stages[1][0](x), plain.stages[1][0](x))


@pytest.mark.parametrize("name", ["resnet8", "preact_resnet18", "wrn_16_2"])
def test_small_grey_sized_images_fit(name: str) -> None:
    maps, pooled = new_backbone(name, {})(torch.randn(2, 3, 8, 8))
    assert pooled.isfinite().all()
    assert maps[-1].shape[2] == 8 // 2 ** (len(maps) - 1)


def test_pre_activation_networks_end_without_normalisation() -> None:
    """As CS-KD's and PS-KD's code: the embedding is a mean of what may be negative."""
    maps, _ = new_backbone("preact_resnet18", {})(torch.randn(2, 3, 16, 16))
    assert maps[-1].min() < 0


def test_wide_networks_end_with_an_activation() -> None:
    maps, _ = new_backbone("wrn_16_2", {})(torch.randn(2, 3, 16, 16))
    assert maps[-1].min() == 0


def test_convolutions_start_as_he_et_al_say() -> None:
    torch.manual_seed(0)
    weight = new_backbone("resnet18", {}).stages[3][0].conv1.weight
    assert weight.std().item() == pytest.approx((2 / (9 * 512)) ** 0.5, rel=0.01)


def _counted(student) -> int:
    """Convolutions and linear layers, counted by fvcore."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing
        analysis = FlopCountAnalysis(_Logits(student).eval(), torch.zeros(1, 3, 32, 32))
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        counts = analysis.by_operator()
    return int(counts["conv"] + counts["linear"])


class _Logits(torch.nn.Module):
    """A student whose output a tracer understands."""

    def __init__(self, student) -> None:
        super().__init__()
        self.student = student

    def forward(self, images):
        return self.student(images).logits
