"""What tests of methods share: a tiny student, batches as the loader makes them, a teacher.

`new_rig` puts a method on a real, tiny network and feeds it what its own sampler and views ask
for; `table_student` with `row_batch` is a student whose outputs are rows that a test writes down.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from raskd_bench.batch import Batch, Output, Progress, Terms, View
from raskd_bench.method import Method, Setting, load_method
from raskd_bench.students.build import new_student
from raskd_bench.students.network import StudentNetwork
from raskd_bench.tasks.build import new_task
from raskd_bench.teachers import FrozenTeacher

torch.set_num_threads(1)  # the tensors are tiny: a second thread costs more than it gives

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
NUM_CLASSES = 5
NUM_SAMPLES = 16
EPOCHS = 2
VIT = {"img_size": 32, "patch_size": 8, "depth": 4, "embed_dim": 48, "num_heads": 3}
BACKBONES: dict[str, tuple[str, dict[str, Any], int]] = {
    "cnn": ("resnet8", {}, 16),
    "vit": ("timm/vit_tiny_patch16_224", VIT, 32),
}


@dataclass
class Rig:
    """A method on a tiny student, with the batches that its own sampler and views ask for."""

    student: StudentNetwork
    method: Method
    setting: Setting
    labels: Tensor
    images: Tensor
    batch_size: int
    seed: int

    def batches(self, epoch: int = 0) -> Iterator[Batch]:
        """Yield one epoch; a view is the image plus noise that depends on (epoch, view)."""
        rng = np.random.default_rng([self.seed, epoch, 0])
        for indices in self.method.sample(self.labels.cpu().numpy(), self.batch_size, rng):
            ids = torch.from_numpy(indices)
            yield Batch(tuple(self._view(ids, epoch, v) for v in range(self.method.views)), ids)

    def batch(self, epoch: int = 0) -> Batch:
        """Return the first batch of an epoch."""
        return next(iter(self.batches(epoch)))

    def loss(self, batch: Batch | None = None, progress: Progress | None = None) -> Terms:
        """Return the terms of one step."""
        batch = batch if batch is not None else self.batch()
        return self.method.loss(self.student, batch, progress or Progress(0, 0, EPOCHS, 0.0))

    def train(self, epochs: int = EPOCHS, lr: float = 0.05) -> Iterator[Terms]:
        """Train step by step as the trainer does; gradients stay until the next step."""
        parameters = [p for m in (self.student, self.method) for p in m.parameters()]
        optimizer = torch.optim.SGD(parameters, lr=lr, momentum=0.9, weight_decay=5e-4)
        step = 0
        for epoch in range(epochs):
            self.method.start_epoch(Progress(step, epoch, epochs, epoch / epochs))
            for batch in self.batches(epoch):
                optimizer.zero_grad(set_to_none=True)
                terms = self.loss(batch, Progress(step, epoch, epochs, epoch / epochs))
                torch.stack(list(terms.values())).sum().backward()
                optimizer.step()
                step += 1
                yield terms

    def to(self, where: str | torch.dtype) -> "Rig":
        """Move student, method and teacher to a device, or to a type of numbers."""
        self.student.to(where)
        self.method.to(where)
        if isinstance(self.setting.teacher, FrozenTeacher):
            self.setting.teacher.student.to(where)
        return self

    def double(self) -> "Rig":
        """Compute in float64."""
        self.images = self.images.double()
        return self.to(torch.double)

    def _view(self, ids: Tensor, epoch: int, view: int) -> View:
        generator = torch.Generator().manual_seed(1000 * epoch + view)
        noise = torch.randn(self.images.shape, generator=generator)
        return View((self.images + 0.3 * noise)[ids], self.labels[ids])


def make_rig(
    method: str | Method,
    *,
    task: str = "classification",
    backbone: str = "cnn",
    seed: int = 0,
    batch_size: int = 8,
    num_classes: int = NUM_CLASSES,
    **hparams: Any,
) -> Rig:
    """Build student, then method, from a seed, and images that look like their class a little."""
    name, options, size = BACKBONES[backbone]
    task_of_rig = new_task(task, num_classes)
    torch.manual_seed(seed + 1)
    teacher = FrozenTeacher(new_student("resnet8", {}, task_of_rig))
    torch.manual_seed(seed)
    student = new_student(name, options, task_of_rig).train()
    made = load_method(method, hparams) if isinstance(method, str) else method
    net = student.backbone
    setting = Setting(
        num_classes, NUM_SAMPLES, net.channels, net.strides, net.embedding_size,
        task_of_rig.new_head, teacher if made.needs_teacher else None, net.new_tail,
    )  # fmt: skip
    made.build(setting)
    generator = torch.Generator().manual_seed(7)
    labels = torch.arange(NUM_SAMPLES) % num_classes
    patterns = torch.randn(num_classes, 3, size, size, generator=generator)
    images = patterns[labels] + torch.randn(NUM_SAMPLES, 3, size, size, generator=generator)
    return Rig(student, made.train(), setting, labels, images, batch_size, seed)


class TableStudent:
    """A student that looks its outputs up: an image is the number of a row.

    Args:
        logits: [N, C]; a leaf whose gradient a test reads.
        embeddings: [N, D], the logits if absent.
        features: stage maps [N, c_i, h_i, w_i].
        class_weights: [C, D].
    """

    def __init__(
        self,
        logits: Tensor,
        *,
        embeddings: Tensor | None = None,
        features: tuple[Tensor, ...] = (),
        class_weights: Tensor | None = None,
    ) -> None:
        self.logits = logits
        self.embeddings = logits if embeddings is None else embeddings
        self.features = features
        self._class_weights = class_weights

    def __call__(self, images: Tensor, targets: Any = None) -> Output:
        rows = images[:, 0, 0, 0].long()
        maps = tuple(feature[rows] for feature in self.features)
        return Output(self.logits[rows], self.embeddings[rows], maps, targets)

    def read(self, head: nn.Module, features: Tensor, targets: Any) -> Output:
        pooled = features.mean(dim=(2, 3))
        return Output(head(pooled), pooled, (features,), targets)

    @property
    def class_weights(self) -> Tensor:
        assert self._class_weights is not None
        return self._class_weights


def make_row_batch(rows: list[int], labels: list[int], *, ids: list[int] | None = None) -> Batch:
    """Return a batch whose images are row numbers, their ids too unless given."""
    images = torch.tensor(rows, dtype=torch.float)[:, None, None, None].expand(-1, 3, 1, 1)
    return Batch((View(images, torch.tensor(labels)),), torch.tensor(ids or rows))


@pytest.fixture(autouse=True, scope="session")
def data_home_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests decode out of the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RASKD_BENCH_DATA", str(tmp_path_factory.mktemp("data_home")))
        yield


@pytest.fixture
def new_rig() -> Callable[..., Rig]:
    return make_rig


@pytest.fixture
def table_student() -> type[TableStudent]:
    return TableStudent


@pytest.fixture
def row_batch() -> Callable[..., Batch]:
    return make_row_batch


@pytest.fixture
def start() -> Progress:
    """The first step of a trial of two epochs."""
    return Progress(0, 0, EPOCHS, 0.0)


@pytest.fixture
def shared_data() -> Callable[[str], Path]:
    """Return the path of a file of the shared data folder, or skip."""

    def find(name: str) -> Path:
        path = SHARED_DATA / name
        if not path.exists():
            pytest.skip(f"{path} is not here")
        return path

    return find
