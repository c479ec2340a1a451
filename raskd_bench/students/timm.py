"""Any model of the timm library as a student: `timm/<name>`, vision transformers included."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from raskd_bench.errors import IncompatibleTrial, did_you_mean
from raskd_bench.students.backbone import Backbone, Features

NUM_MAPS = 4


class TimmBackbone(Backbone):
    """A timm model without its classifier.

    Stage maps are the four deepest levels that timm lists, or, where all levels have one size as in
    a transformer, the block outputs at four evenly spaced depths, reshaped to [B, D, h, w]. The
    embedding is what the model's own classifier would read.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model: nn.Module = model
        info: Sequence[dict[str, Any]] = model.feature_info
        self.indices = stages([int(level["reduction"]) for level in info])
        self.channels = tuple(int(info[i]["num_chs"]) for i in self.indices)
        self.strides = tuple(int(info[i]["reduction"]) for i in self.indices)
        self.embedding_size = int(model.head_hidden_size)

    def forward(self, images: Tensor) -> Features:
        model: Any = self.model
        final, maps = model.forward_intermediates(images, indices=self.indices)
        return Features(tuple(maps), model.forward_head(final, pre_logits=True))


def check_size(backbone: Backbone, name: str, height: int, width: int) -> None:
    """Refuse pictures of a size that a model of timm, built without memory, does not take.

    Raises:
        IncompatibleTrial: it is made for another one; the message says what to write.
    """
    try:
        with torch.no_grad():
            backbone.eval()(torch.zeros(2, 3, height, width, device="meta"))
    except (AssertionError, RuntimeError, ValueError) as error:
        model: Any = backbone.model
        made = model.pretrained_cfg.get("input_size", (3, height, width))[-1]
        patches = getattr(model, "patch_embed", None)
        if patches is not None and getattr(patches, "img_size", None) is not None:
            made = max(patches.img_size)
            ways = f"img_size: {height}, patch_size: {_patch(height)} at the student, or "
        else:
            ways = ""
        reason = "" if ways else f" ({str(error).partition(chr(10))[0]})"
        text = f"takes pictures of {made}x{made}, the data set's are {width}x{height}{reason}"
        remedy = f"write {ways}size: {made} at the data set"
        raise IncompatibleTrial(f"{name}: {text}; {remedy}") from error


def _patch(size: int) -> int:
    """Return the divisor of a picture's size that gives about 8 x 8 patches."""
    divisors = [part for part in range(1, size + 1) if size % part == 0]
    return min(divisors, key=lambda part: abs(part - size / 8))


def stages(reductions: Sequence[int]) -> list[int]:
    """Return which of a model's levels, shallow to deep, are its stage maps; the last one is."""
    count = len(reductions)
    wanted = min(count, NUM_MAPS)
    if len(set(reductions)) > 1:
        return list(range(count - wanted, count))
    return [(i + 1) * count // wanted - 1 for i in range(wanted)]


def timm(*, model: str, **options: Any) -> Backbone:
    """Any model of the timm library, by its name there; options are those of `create_model`."""
    import timm as library  # four seconds: only for the trials that use it

    if model not in library.list_models():
        hint = did_you_mean(model, library.list_models())
        raise IncompatibleTrial(f"timm/{model}: timm {library.__version__} has no such model{hint}")
    try:
        made = library.create_model(model, pretrained=False, num_classes=0, **options)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise IncompatibleTrial(f"timm/{model}: cannot be made with {options}: {error}") from error
    if not hasattr(made, "forward_intermediates") or not hasattr(made, "head_hidden_size"):
        raise IncompatibleTrial(f"timm/{model}: gives no stage maps (no forward_intermediates)")
    return TimmBackbone(made)
