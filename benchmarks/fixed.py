"""A student, a teacher and auxiliary networks that give kept tensors: only the loss is left.

What they give are leaves with a gradient, in the shapes of a ResNet-18 on 32x32 images and in the
memory format of training, so a loss works on what it would work on in a trial.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from raskd_bench.batch import Batch, Output, View
from raskd_bench.method import Method, Setting, load_method
from raskd_bench.setup import first_epoch_rng

CONFIDENCE = 4.0  # added to a label's logit: about two thirds are recognised, as in mid-training
AUXILIARY = ("branches", "tails", "pyramid")  # networks of methods, too slow to time a loss beside


@dataclass(frozen=True)
class Sizes:
    """Shapes: of a batch, and of the stage maps of a ResNet-18."""

    batch: int = 128
    classes: int = 100
    samples: int = 1024
    channels: tuple[int, ...] = (64, 128, 256, 512)
    sides: tuple[int, ...] = (32, 16, 8, 4)
    device: str = "cpu"

    def maps(self, count: int, factor: int = 1) -> list[tuple[int, int, int, int]]:
        """Return the shapes of the stage maps of some images, `factor` times the channels."""
        pairs = zip(self.channels, self.sides, strict=True)
        return [(count, factor * channels, side, side) for channels, side in pairs]


class FixedStudent:
    """Gives kept outputs, those of its first call of a step first; its classifier is a real one."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.generator = torch.Generator().manual_seed(0)
        self.head = nn.Linear(sizes.channels[-1], sizes.classes)
        weights = torch.randn(self.head.weight.shape, generator=self.generator) / 10
        self.head.load_state_dict({"weight": weights, "bias": torch.zeros(sizes.classes)})
        self.head.to(sizes.device)
        self.kept: list[Output] = []
        self.calls = 0

    def __call__(self, images: Tensor, targets: Any = None) -> Output:
        if self.calls == len(self.kept):
            self.kept.append(self._new_output(targets))
        kept = self.kept[self.calls]
        self.calls += 1
        if torch.is_grad_enabled():
            return Output(kept.logits, kept.embeddings, kept.features, targets)
        maps = tuple(feature.detach() for feature in kept.features)
        return Output(kept.logits.detach(), kept.embeddings.detach(), maps, targets)

    def read(self, head: nn.Module, features: Tensor, targets: Any) -> Output:
        """Run an auxiliary head on the means of [B, c, h, w] features, as a real student does."""
        pooled = features.mean(dim=(2, 3))
        return Output(head(pooled).float(), pooled, (features,), targets)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Run the classifier on [*, D] embeddings."""
        logits: Tensor = self.head(embeddings).float()
        return logits

    @property
    def class_weights(self) -> Tensor:
        """[C, D]."""
        return self.head.weight

    def leaves(self) -> Iterator[Tensor]:
        """Yield all that gets a gradient."""
        for output in self.kept:
            yield from (output.logits, output.embeddings, *output.features)
        yield from self.head.parameters()

    def _new_output(self, labels: Tensor) -> Output:
        sizes, count = self.sizes, len(labels)
        logits = 2 * torch.randn(count, sizes.classes, generator=self.generator)
        logits[torch.arange(count), labels.cpu()] += CONFIDENCE
        embeddings = torch.randn(count, sizes.channels[-1], generator=self.generator).relu_()
        maps = new_maps(sizes.maps(count), self.generator, sizes.device)
        leaves = (tensor.to(sizes.device).requires_grad_() for tensor in (logits, embeddings))
        return Output(*leaves, tuple(maps), labels)


class FixedTeacher:
    """A frozen teacher that gives one kept output."""

    def __init__(self, sizes: Sizes) -> None:
        self.channels = sizes.channels
        self.embedding_size = sizes.channels[-1]
        self.student = FixedStudent(sizes)
        self.student.generator.manual_seed(1)
        self.student.head.requires_grad_(False)

    @torch.no_grad()
    def __call__(self, images: Tensor, targets: Any = None) -> Output:
        self.student.calls = 0
        return self.student(images, targets)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Run the frozen classifier on [*, D] embeddings, through which gradients may flow."""
        return self.student.classify(embeddings)


class FixedMaps(nn.Module):
    """Gives kept maps, whatever goes in; they are its parameters, made at its first call."""

    def __init__(self, sizes: Sizes, seed: int, factor: int = 1, only_last: bool = True) -> None:
        super().__init__()
        self.sizes, self.seed = sizes, seed
        self.factor, self.only_last = factor, only_last
        self.maps = nn.ParameterList()

    def forward(self, features: Any) -> Any:
        if not len(self.maps):
            count = len(features) if self.only_last else len(features[0])
            shapes = self.sizes.maps(count, self.factor)
            generator = torch.Generator().manual_seed(self.seed)
            made = new_maps(shapes[-1:] if self.only_last else shapes, generator, self.sizes.device)
            self.maps.extend(nn.Parameter(tensor.detach()) for tensor in made)
        return self.maps[0] if self.only_last else list(self.maps)


def new_maps(
    shapes: list[tuple[int, int, int, int]], generator: torch.Generator, device: str
) -> list[Tensor]:
    """Return maps as a ReLU leaves them: no number is below zero."""
    noise = (torch.randn(shape, generator=generator).relu_() for shape in shapes)
    placed = (maps.to(device, memory_format=torch.channels_last) for maps in noise)
    return [maps.requires_grad_() for maps in placed]


def new_method(name: str, sizes: Sizes) -> Method:
    """Return a method with its defaults, whose auxiliary networks give kept maps."""
    method = load_method(name, {})
    last = len(sizes.channels) - 1
    method.build(Setting(
        sizes.classes, sizes.samples, sizes.channels,
        tuple(sizes.sides[0] // side for side in sizes.sides), sizes.channels[-1],
        lambda channels: nn.Linear(channels, sizes.classes),
        FixedTeacher(sizes) if method.needs_teacher else None,
        lambda stage: nn.Sequential(*(nn.Sequential(nn.Identity()) for _ in range(last - stage))),
    ))  # fmt: skip
    for attribute in AUXILIARY:
        real = getattr(method, attribute, None)
        if isinstance(real, nn.ModuleList):
            made = (FixedMaps(sizes, seed) for seed in range(2, 2 + len(real)))
            setattr(method, attribute, nn.ModuleList(made))
        elif real is not None:
            setattr(method, attribute, FixedMaps(sizes, 2, factor=method.width, only_last=False))
    return method.to(sizes.device).train()


def new_batch(method: Method, sizes: Sizes) -> Batch:
    """Return a batch of the size and the views that the method asks for."""
    labels = torch.arange(sizes.samples) % sizes.classes
    ids = torch.from_numpy(method.sample(labels.numpy(), sizes.batch, first_epoch_rng(0))[0])
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(len(ids), 3, sizes.sides[0], sizes.sides[0], generator=generator)
    view = View(images.to(sizes.device, memory_format=torch.channels_last),
                labels[ids].to(sizes.device))  # fmt: skip
    return Batch((view,) * method.views, ids.to(sizes.device))
