"""From a Trial to what is trained: data, student, method, optimizer, and a warm-up."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn, optim

from raskd_bench.batch import Batch, Progress, View
from raskd_bench.data.splits import Labels
from raskd_bench.flops import count_flops
from raskd_bench.lab import Lab
from raskd_bench.method import Method, Setting, Teacher, load_method
from raskd_bench.spec.trial import SGD, Trial
from raskd_bench.students.build import new_student
from raskd_bench.students.network import StudentNetwork
from raskd_bench.tasks.classification import Classification

WARM_UP_STEPS = 3  # the second one is counted, the others let allocators and kernels settle
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}

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


def build(lab: Lab, trial: Trial, teacher: Teacher | None) -> tuple[StudentNetwork, Method]:
    """Make student and method and bring them to the device."""
    shape = (lab.task.num_classes, len(lab.train.split))
    student, method = make(trial, shape, lab.task, lab.folder, teacher)
    module: nn.Module = student
    module.to(lab.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    method.to(lab.device)
    if trial.compile:
        student.backbone.compile()
    return student, method


def warm_up(
    lab: Lab, trial: Trial, student: StudentNetwork, method: Method, autocast: Autocast
) -> tuple[int, int]:
    """Take a few steps on random images and labels; return FLOPs of a step and of inference.

    The second step is the one that is counted: some methods' first is lighter.
    """
    lists = method.sample(lab.train.split.labels, trial.batch_size, first_epoch_rng(trial.seed))
    source = lab.train.split.source
    size = (source.height, source.width)
    batch = random_batch(method, lists[0], size, lab.task.num_classes, lab.device)
    step = new_step(trial, student, method, batch, autocast)
    step()
    step_flops = count_flops(step)
    for _ in range(WARM_UP_STEPS - 2):
        step()
    student.eval()
    with torch.no_grad():
        infer_flops = count_flops(lambda: student(batch.views[0].images[:1]))
    lab.clocks.switch("setup")
    return step_flops, infer_flops


def random_batch(
    method: Method, ids: Labels, size: tuple[int, int], num_classes: int, device: torch.device
) -> Batch:
    """Return a batch of noise with random labels, of the shape that the method draws."""
    images = torch.randn(len(ids), 3, *size, device=device)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(num_classes, (len(ids),), device=device)
    return Batch((View(images, labels),) * method.views, torch.from_numpy(ids).to(device))


def new_step(
    trial: Trial, student: StudentNetwork, method: Method, batch: Batch, autocast: Autocast
) -> Callable[[], None]:
    """Return a function that takes one training step on the batch."""
    optimizer = new_optimizer(trial, student, method)
    method.start_epoch(Progress(0, 0, 1.0, 0.0))

    def step() -> None:
        with autocast():
            terms = method.loss(student, batch, Progress(1, 0, 1.0, 0.5))
        loss: Any = reduce(add, terms.values())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def new_optimizer(trial: Trial, student: nn.Module, method: nn.Module) -> optim.Optimizer:
    """Return one optimizer over student and method, as the trial's recipe says."""
    parameters = [p for m in (student, method) for p in m.parameters() if p.requires_grad]
    recipe = trial.optimizer
    if isinstance(recipe, SGD):
        return optim.SGD(parameters, lr=recipe.lr, momentum=recipe.momentum, fused=True,
                         weight_decay=recipe.weight_decay, nesterov=recipe.nesterov)  # fmt: skip
    return optim.AdamW(parameters, lr=recipe.lr, betas=(recipe.beta1, recipe.beta2), fused=True,
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
