"""Method: the interface of a self-distillation method, one file each in `methods/`."""

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from raskd_bench import catalog
from raskd_bench.batch import Batch, Output, Progress, Terms
from raskd_bench.errors import IncompatibleTrial, in_short

ALL = frozenset(catalog.TASKS)
ALL_BACKBONES = frozenset(catalog.BACKBONES)

Level = Literal["none", "class", "instance", "feature", "teacher"]
Indices = npt.NDArray[np.int64]

# Ranges of hyper-parameters: the suite's reader holds values to them, see spec/options.py.
Fraction = float
"""In [0, 1]."""
Positive = float
"""Above 0, finite."""
NonNegative = float
"""0 or above, finite."""
Count = int
"""1 or above."""


class Student(Protocol):
    """The network in training, as a method sees it."""

    def __call__(self, images: Tensor, targets: Any = None) -> Output:
        """Run the network on [B, 3, H, W] images."""

    def read(self, head: nn.Module, features: Tensor, targets: Any) -> Output:
        """Run an auxiliary head on [B, c, h, w] features, as the task runs the student's own."""

    def classify(self, embeddings: Tensor) -> Tensor:
        """Run the student's own classifier on [*, D] embeddings; logits [*, C]."""

    @property
    def class_weights(self) -> Tensor:
        """[C, D] weights of the linear layer that makes the logits."""


class Teacher(Protocol):
    """A frozen network in evaluation mode; what it gives carries no gradient of its own."""

    channels: tuple[int, ...]
    embedding_size: int

    def __call__(self, images: Tensor, targets: Any = None) -> Output:
        """Run the network on [B, 3, H, W] images, without gradient."""

    def classify(self, embeddings: Tensor) -> Tensor:
        """Run the frozen classifier on [*, D] embeddings, through which gradients may flow."""


def _no_tail(stage: int) -> nn.Module:
    raise IncompatibleTrial("this student gives no copies of its stages, which the method needs")


@dataclass(frozen=True)
class Setting:
    """What a method may build on.

    Attributes:
        num_classes: C.
        num_samples: N, images of the training split.
        channels: c_i of the stage maps, shallow to deep.
        strides: how much smaller than the image each stage map is.
        embedding_size: D.
        new_head: makes the task's head for features [B, channels, h, w].
        teacher: frozen, in evaluation mode, without gradient; None unless `needs_teacher`. No
            nn.Module, so that a method that keeps it does not own, train or count its weights.
        new_tail: makes a freshly initialised copy of what follows a stage map, by the stage's
            index: [B, c_i, h_i, w_i] to the last stage map. Not every backbone can.
    """

    num_classes: int
    num_samples: int
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    embedding_size: int
    new_head: Callable[[int], nn.Module]
    teacher: Teacher | None = None
    new_tail: Callable[[int], nn.Module] = _no_tail

    def __post_init__(self) -> None:
        assert not isinstance(self.teacher, nn.Module), "a method would register it as its own"


class Method(nn.Module):
    """Student and batch to named loss terms; owns its auxiliary modules and memories.

    A subclass documents its equation in the class docstring, takes its hyper-parameters as
    keyword-only arguments with the paper's defaults, and implements `loss`. Auxiliary modules and
    buffers are made in `build`, after the student, so that equal seeds give equal students.

    Attributes:
        paper: authors, venue and year, identifier.
        year: of publication.
        level: of the knowledge it distils.
        tasks: it is defined for.
        backbones: families of students it is defined for.
        views: augmentations of each image that it needs.
        needs_teacher: a network trained before it: the suite's teacher, or, with "self", the
            student itself.
        seeds_together: its step is one forward of the student, on the first view, so students of
            several seeds can be trained as one network.
        smallest_batch: below it, what the method compares within a batch is not there.
        smallest_picture: side of the smallest picture its auxiliary modules take: any, or
            "stride", as many pixels as the student's deepest stage map is reduced by.
        fewest_classes: with less it is cross entropy by construction.
        off_switch: hyper-parameters that, all at zero, make it cross entropy.
        presets: published settings of its hyper-parameters, by name.
        published: what papers and repositories report, each with its provenance.
        footnote: what a table must say beside it.
    """

    paper: ClassVar[str] = ""
    year: ClassVar[int] = 0
    level: ClassVar[Level] = "none"
    tasks: ClassVar[frozenset[str]] = ALL
    backbones: ClassVar[frozenset[str]] = ALL_BACKBONES
    views: ClassVar[int] = 1
    needs_teacher: ClassVar[bool | Literal["self"]] = False
    seeds_together: ClassVar[bool] = False
    smallest_batch: ClassVar[int] = 1
    smallest_picture: ClassVar[str] = "any"
    fewest_classes: ClassVar[int] = 2
    off_switch: ClassVar[tuple[str, ...]] = ()
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    published: ClassVar[tuple[str, ...]] = ()
    footnote: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()

    def build(self, setting: Setting) -> None:
        """Make auxiliary modules and buffers; none by default."""

    def sample(
        self, labels: Indices, batch_size: int, rng: np.random.Generator
    ) -> Sequence[Indices]:
        """Return one epoch of index lists; by default every image once, shuffled.

        The last incomplete batch is left out, so that every step costs the same.

        Args:
            labels: [N] class of each training image.
            batch_size: primary images a step.
            rng: seeded by (seed, epoch), so equal for all methods.
        """
        return shuffled_batches(len(labels), batch_size, rng)

    def start_epoch(self, progress: Progress) -> None:
        """Refresh what changes once an epoch."""

    def loss(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        """Return the named loss terms of one step; the trainer minimises their sum."""
        raise NotImplementedError

    def forward(self, student: Student, batch: Batch, progress: Progress) -> Terms:
        """Return `loss`, compiled if this module is (`Module.compile`)."""
        return self.loss(student, batch, progress)


def shuffled_batches(
    num_samples: int, batch_size: int, rng: np.random.Generator
) -> Sequence[Indices]:
    """Return shuffled index lists of `batch_size` each, the incomplete last one left out."""
    order = rng.permutation(num_samples)
    size = min(batch_size, num_samples)
    return list(order[: num_samples // size * size].reshape(-1, size))


def load_method(name: str, hparams: dict[str, Any], folder: Path | None = None) -> Method:
    """Return a method by its name, or by `./file.py:Class` relative to `folder`.

    Raises:
        IncompatibleTrial: the file cannot be imported, the class is no Method, or it refuses the
            hyper-parameters.
    """
    card = catalog.find("method", name, folder)
    try:
        made = getattr(_module(card.path), card.symbol)(**hparams)
    except Exception as error:
        place = f"{card.path}:{card.symbol}"
        raise IncompatibleTrial(
            f"{place}: cannot be made with {hparams}: {in_short(error)}"
        ) from error
    if not isinstance(made, Method):
        raise IncompatibleTrial(f"{card.path}:{card.symbol}: is not a raskd_bench.method.Method")
    return made


def _module(path: Path) -> Any:
    """Import a method's file: ours by its package name, a user's under a name of its own."""
    if path.parent == catalog.PACKAGE / "methods":
        return importlib.import_module(f"raskd_bench.methods.{path.stem}")
    name = f"raskd_bench_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
