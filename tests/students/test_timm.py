"""Models of the timm library as students."""

import pytest
import torch

from raskd_bench.errors import BenchError, IncompatibleTrial
from raskd_bench.students.build import new_backbone, new_student
from raskd_bench.students.timm import stages, timm
from raskd_bench.tasks.classification import Classification

VIT = {"img_size": 32, "patch_size": 8, "depth": 4, "embed_dim": 48, "num_heads": 3}
MODELS = [
    ("timm/vit_tiny_patch16_224", VIT, 32),
    ("timm/deit_tiny_distilled_patch16_224", {**VIT, "depth": 6}, 32),
    ("timm/resnet10t", {}, 64),
    ("timm/mobilenetv3_small_050", {}, 64),
    ("timm/convnext_atto", {}, 64),
]


@pytest.mark.parametrize(("name", "options", "size"), MODELS)
def test_maps_are_what_the_backbone_declares(name: str, options, size: int) -> None:
    student = new_student(name, options, Classification(7)).eval()
    backbone = student.backbone
    with torch.no_grad():
        output = student(torch.randn(2, 3, size, size))
    expected = zip(backbone.channels, backbone.strides, strict=True)
    shapes = [(2, c, size // s, size // s) for c, s in expected]
    assert [tuple(features.shape) for features in output.features] == shapes
    assert output.embeddings.shape == (2, backbone.embedding_size)
    assert output.logits.shape == (2, 7)
    assert len(backbone.channels) == 4


def test_the_embedding_is_what_the_models_own_classifier_reads() -> None:
    from timm import create_model

    torch.manual_seed(0)
    model = create_model("vit_tiny_patch16_224", num_classes=7, **VIT).eval()
    backbone = new_backbone("timm/vit_tiny_patch16_224", VIT).eval()
    backbone.model.load_state_dict(model.state_dict(), strict=False)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model.head(backbone(images).pooled), model(images))


@pytest.mark.parametrize(
    ("reductions", "expected"),
    [
        ([16] * 12, [2, 5, 8, 11]),
        ([8] * 4, [0, 1, 2, 3]),
        ([14] * 6, [0, 2, 3, 5]),
        ([2, 4, 8, 16, 32], [1, 2, 3, 4]),
        ([4, 8, 16, 32], [0, 1, 2, 3]),
        ([16, 32, 64], [0, 1, 2]),
    ],
)
def test_stages_are_the_deepest_levels_or_evenly_spaced_blocks(reductions, expected) -> None:
    assert stages(reductions) == expected


def test_an_unknown_model_is_corrected() -> None:
    with pytest.raises(BenchError, match=r"model.*; did you mean '(timm/)?vit_tiny_patch16_224'"):
        new_backbone("timm/vit_tinny_patch16_224", {})
    with pytest.raises(IncompatibleTrial, match="no such model; did you mean 'vit_tiny_patch16_"):
        timm(model="vit_tinny_patch16_224")


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(IncompatibleTrial, match=r"timm/resnet10t: cannot be made with .*depht"):
        new_backbone("timm/resnet10t", {"depht": 3})
