"""From a Trial to what is trained: data, student, method, optimizer, and a warm-up."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn, optim

from raskd_bench.batch import Batch, Progress, View
from raskd_bench.data.splits import Labels
from raskd_bench.errors import IncompatibleTrial
from raskd_bench.evaluate import BATCH
from raskd_bench.flops import count_flops
from raskd_bench.lab import LAYOUTS, Lab
from raskd_bench.method import Method, Setting, Teacher, load_method
from raskd_bench.spec.trial import SGD, Trial
from raskd_bench.students.build import new_student
from raskd_bench.students.network import StudentNetwork
from raskd_bench.tasks.classification import Classification
from raskd_bench.trainer import Learner

WARM_UP_STEPS = 3  # the second one is counted, the others let allocators and kernels settle
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
KERNELS: dict[str, Any] = {
    "fused": {"fused": True}, "foreach": {"foreach": True}, "for_loop": {"foreach": False},
}  # fmt: skip

Autocast = Callable[[], AbstractContextManager[None]]


def make(
    trial: Trial,
    shape: tuple[int, int],
    task: Classification,
    folder: Path,
    teacher: Teacher | None,
) -> tuple[StudentNetwork, Method]:
    """Make student, then method, from the trial's seed: equal seeds give equal students.

    Args:
        trial: what to make.
        shape: number of classes and of training images.
        task: makes heads.
        folder: of the suite.
        teacher: frozen, if the method needs one.
    """
    torch.manual_seed(trial.seed)
    student = new_student(trial.student.name, trial.student.options, task)
    method = load_method(trial.method, trial.hparams, folder)
    backbone = student.backbone
    setting = Setting(
        *shape,
        channels=backbone.channels,
        strides=backbone.strides,
        embedding_size=backbone.embedding_size,
        new_head=task.new_head,
        new_tail=backbone.new_tail,
        teacher=teacher,
    )
    method.build(setting)
    torch.manual_seed(trial.seed)  # what a method has drawn does not shift a student's dropout
    return student.train(), method.train()


def check_picture(
    trial: Trial, student: StudentNetwork, method: Method, size: tuple[int, int]
) -> None:
    """See that pictures are not too small for what a method puts on the student's stage maps.

    Args:
        trial: for the message.
        student: of the trial.
        method: likewise.
        size: height and width.

    Raises:
        IncompatibleTrial: they are.
    """
    side = student.backbone.strides[-1]
    if method.smallest_picture == "stride" and min(size) < side:
        raise IncompatibleTrial(
            f"{trial.method} on {trial.student}: needs pictures of {side}x{side} pixels or "
            f"more; those of {trial.data} have {size[1]}x{size[0]}"
        )


def build(lab: Lab, trial: Trial, teacher: Teacher | None) -> tuple[StudentNetwork, Method]:
    """Make student and method, bring them to the device and have compiled what the trial says."""
    shape = (lab.task.num_classes, len(lab.train.split))
    student, method = make(trial, shape, lab.task, lab.folder, teacher)
    place(student, lab.device, trial)
    method.to(lab.device)
    if trial.execution.compile_loss:
        student.hide_from_compiler(with_backbone=not trial.compile)
        method.compile()
    if trial.compile:
        student.backbone.compile(mode="reduce-overhead" if trial.execution.cuda_graphs else None)
    return student, method


def place(network: nn.Module, device: torch.device, trial: Trial) -> None:
    """Bring a network to the device, in the trial's memory format."""
    layout = LAYOUTS[trial.execution.memory_format]
    network.to(device, memory_format=layout)  # type: ignore[call-overload]


@dataclass(frozen=True)
class WarmUp:
    """What the steps before a training have told.

    Attributes:
        step_flops: of a training step.
        infer_flops: of a forward on one image.
        compile_seconds: what the first calls took longer than later ones; 0 if nothing is compiled.
    """

    step_flops: int
    infer_flops: int
    compile_seconds: float


def warm_up(
    lab: Lab, trial: Trial, student: StudentNetwork, method: Method, autocast: Autocast
) -> WarmUp:
    """Take a few steps on random images and labels, and evaluate some.

    The second step is the one that is counted: some methods' first is lighter. What is compiled is
    compiled here, for training and for evaluation: networks that are built later find it.
    """
    lists = method.sample(lab.train.split.labels, trial.batch_size, first_epoch_rng(trial.seed))
    source = lab.train.split.source
    size = (source.height, source.width)
    batch = random_batch(method, lists[0], size, lab.task.num_classes, lab.device, trial)
    step = new_step(trial, student, method, batch, autocast)
    first = seconds_of(lab, step)
    step_flops = count_flops(step)
    later = min(seconds_of(lab, step) for _ in range(WARM_UP_STEPS - 2))
    compile_seconds = 0.0
    if trial.compile or trial.execution.compile_loss:
        compile_seconds = max(0.0, first - later) + _warm_evaluation(lab, trial, student, autocast)
    student.eval()
    with torch.no_grad():
        infer_flops = count_flops(lambda: student(batch.views[0].images[:1]))
    lab.clocks.switch("setup")
    return WarmUp(step_flops, infer_flops, compile_seconds)


def _now(lab: Lab) -> float:
    """Return seconds of set-up so far, once the device is idle."""
    lab.clocks.switch("setup")
    return lab.clocks.seconds("setup")


def seconds_of(lab: Lab, work: Callable[[], None]) -> float:
    """Return how long some work of the set-up takes, the device's included."""
    begin = _now(lab)
    work()
    return _now(lab) - begin


def _warm_evaluation(lab: Lab, trial: Trial, student: StudentNetwork, autocast: Autocast) -> float:
    """Run the student on batches of the sizes that evaluations have; return how long it took."""
    begin = _now(lab)
    splits = [loader.split for loader in (lab.test, lab.val) if loader is not None]
    sizes = {min(BATCH, len(s)) for s in splits} | {len(s) % BATCH for s in splits}
    student.eval()
    with torch.inference_mode(), autocast():
        for size in sorted(sizes - {0}, reverse=True):
            images = torch.zeros(size, 3, splits[0].source.height, splits[0].source.width)
            student(images.to(lab.device, memory_format=LAYOUTS[trial.execution.memory_format]))
    student.train()
    return _now(lab) - begin


def random_batch(
    method: Method, ids: Labels, size: tuple[int, int], num_classes: int, device: torch.device,
    trial: Trial,
) -> Batch:  # fmt: skip
    """Return a batch of noise with random labels, of the shape that the method draws."""
    images = torch.randn(len(ids), 3, *size, device=device)
    images = images.contiguous(memory_format=LAYOUTS[trial.execution.memory_format])
    labels = torch.randint(num_classes, (len(ids),), device=device)
    return Batch((View(images, labels),) * method.views, torch.from_numpy(ids).to(device))


def new_step(
    trial: Trial, student: Any, method: Learner, batch: Any, autocast: Autocast
) -> Callable[[], None]:
    """Return a function that takes one training step on the batch."""
    optimizer = new_optimizer(trial, student, method)
    method.start_epoch(Progress(0, 0, 1.0, 0.0))

    def step() -> None:
        with autocast():
            terms = method(student, batch, Progress(1, 0, 1.0, 0.5))
        loss: Any = reduce(add, terms.values())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def new_optimizer(trial: Trial, student: nn.Module, method: Learner) -> optim.Optimizer:
    """Return one optimizer over student and method, as the trial's recipe says."""
    parameters = [p for m in (student, method) for p in m.parameters() if p.requires_grad]
    recipe, kernels = trial.optimizer, KERNELS[trial.execution.optimizer_step]
    if isinstance(recipe, SGD):
        return optim.SGD(parameters, lr=recipe.lr, momentum=recipe.momentum, **kernels,
                         weight_decay=recipe.weight_decay, nesterov=recipe.nesterov)  # fmt: skip
    return optim.AdamW(parameters, lr=recipe.lr, betas=(recipe.beta1, recipe.beta2), **kernels,
                       weight_decay=recipe.weight_decay)  # fmt: skip


def first_epoch_rng(seed: int) -> np.random.Generator:
    """Return the generator of a method's sampler in the first epoch."""
    return np.random.default_rng([seed, 0, 0])


def autocast_of(device: torch.device, trial: Trial) -> AbstractContextManager[None]:
    """Return the context of the trial's precision."""
    if trial.precision == "fp32":
        return nullcontext()  # entering a disabled autocast costs 30 microseconds a step
    return torch.autocast(device.type, dtype=DTYPES[trial.precision])


def num_trainable(module: nn.Module) -> int:
    """Return how many parameters are trained."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def state_bytes(method: nn.Module) -> int:
    """Bytes a method keeps between steps: its own buffers, not its layers' running statistics."""
    return sum(b.numel() * b.element_size() for b in method.buffers(recurse=False))
