"""The fingerprint of a trial: its second training step, counted on tensors without data.

Fake tensors have shapes but no data, so that a laptop counts large networks. A method that must
read its data (a user's own, with `.item()`, say) is counted on real tensors.

All is counted as on a CPU, uncompiled. What depends on that: a GPU runs batch normalisation,
attention and the fused optimiser by operations of other names, autocast there casts other
operations, and a compiler fuses: bytes moved are then fewer. Products, element-wise FLOPs and state
are the same. On a CPU attention takes its fused kernel where torch has one for the shapes
(`sdpa_kernel` decides), else it is counted as the products and softmax that it is made of.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from raskd_bench.batch import Batch
from raskd_bench.counting.counter import StepCounter
from raskd_bench.counting.selftest import check_counter
from raskd_bench.data.build import Shape
from raskd_bench.data.splits import Labels
from raskd_bench.errors import BenchError, IncompatibleTrial
from raskd_bench.fingerprint.model import Fingerprint
from raskd_bench.method import Method
from raskd_bench.setup import (
    autocast_of,
    check_picture,
    first_epoch_rng,
    make,
    new_step,
    num_trainable,
    random_batch,
    state_bytes,
)
from raskd_bench.spec.trial import Trial
from raskd_bench.students.network import StudentNetwork
from raskd_bench.tasks.build import new_task
from raskd_bench.teachers import untrained_teacher, weight_bytes

CPU = torch.device("cpu")


@dataclass(frozen=True)
class CountedStep:
    """A counted training step, and what a trial is made of beside it.

    Attributes:
        fingerprint: of the step.
        infer_params: trainable, of the student.
        steps_per_epoch: as the method samples.
        images_per_step: drawn; each view counts.
        traffic: bytes read and written by the calls of each operation.
    """

    fingerprint: Fingerprint
    infer_params: int
    steps_per_epoch: int
    images_per_step: int
    traffic: dict[str, int]


@dataclass(frozen=True)
class _Parts:
    """What takes the steps."""

    student: StudentNetwork
    method: Method
    batch: Batch
    teacher_bytes: int
    steps_per_epoch: int


def count_fingerprint(trial: Trial, shape: Shape, labels: Labels, home: Path) -> Fingerprint:
    """Return the fingerprint of a trial's training step; see `count_step`."""
    return count_step(trial, shape, labels, home).fingerprint


def count_step(trial: Trial, shape: Shape, labels: Labels, home: Path) -> CountedStep:
    """Count a trial's second training step; some methods' first is lighter.

    Args:
        trial: whose student and method are made.
        shape: of the training split.
        labels: of the training split.
        home: the suite's folder.

    Raises:
        BenchError: the trial cannot be made or cannot take a step.
        CounterError: this version of torch is not counted right.
    """
    check_counter()
    with _without_collection():
        try:
            with FakeTensorMode(allow_non_fake_inputs=True):
                return _count(trial, shape, labels, home)
        except Exception:  # whatever a network or method does that a fake tensor cannot do
            return _on_real_tensors(trial, shape, labels, home)


def _on_real_tensors(trial: Trial, shape: Shape, labels: Labels, home: Path) -> CountedStep:
    try:
        return _count(trial, shape, labels, home)
    except BenchError:
        raise
    except Exception as error:  # a user's own loss may raise anything
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        text = f"{trial.method} on {trial.student}: cannot take a step: {reason}"
        raise IncompatibleTrial(text) from error


def _count(trial: Trial, shape: Shape, labels: Labels, home: Path) -> CountedStep:
    counter = StepCounter()
    with counter:
        parts = _make(trial, shape, labels, home)
        counter.building = False
        student, method, batch = parts.student, parts.method, parts.batch
        counter.storages.add([batch.ids, *method.buffers(), *student.buffers()])
        step = new_step(trial, student, method, batch, lambda: autocast_of(CPU, trial))
        step()
        with_grad, without = student.images_with_grad, student.images_without_grad
        resting_bytes = counter.storages.live_bytes
        with counter.counting(not_saved=[*student.parameters(), *method.parameters()]):
            step()
    return CountedStep(
        fingerprint=_fingerprint(
            counter, parts, resting_bytes,
            student.images_with_grad - with_grad, student.images_without_grad - without,
        ),
        infer_params=num_trainable(student),
        steps_per_epoch=parts.steps_per_epoch,
        images_per_step=len(batch.ids) * method.views,
        traffic=dict(sorted(counter.traffic.items())),
    )  # fmt: skip


def _make(trial: Trial, shape: Shape, labels: Labels, home: Path) -> _Parts:
    """Make what a run makes: in the layout that `setup.build` gives it."""
    task = new_task(trial.task, shape.num_classes)
    teacher = untrained_teacher(trial, task)
    sizes = (shape.num_classes, shape.num_samples)
    student, method = make(trial, sizes, task, home, teacher)
    check_picture(trial, student, method, (shape.height, shape.width))
    if trial.execution.memory_format == "channels_last":
        _to_channels_last(student)
        if teacher:
            _to_channels_last(teacher.student)
    lists = method.sample(labels, trial.batch_size, first_epoch_rng(trial.seed))
    size = (shape.height, shape.width)
    batch = random_batch(method, lists[0], size, shape.num_classes, CPU, trial)
    taught = weight_bytes(teacher.student) if teacher else 0
    return _Parts(student, method, batch, taught, len(lists))


def _to_channels_last(network: nn.Module) -> None:
    """Do what `Module.to` does, which cannot exchange the data of fake parameters."""
    moved: dict[nn.Parameter, nn.Parameter] = {}
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.dim() != 4:
                continue
            if parameter not in moved:
                data = parameter.detach().contiguous(memory_format=torch.channels_last)
                moved[parameter] = nn.Parameter(data, parameter.requires_grad)
            setattr(module, name, moved[parameter])


def _fingerprint(
    counter: StepCounter, parts: _Parts, resting_bytes: int, images: int, without_gradient: int
) -> Fingerprint:
    method = parts.method
    return Fingerprint(
        operations=dict(sorted(counter.operations.items())),
        unknown=tuple(sorted(counter.unknown)),
        matmul_flops_forward=counter.matmul_flops_forward,
        matmul_flops_backward=counter.matmul_flops_backward,
        elementwise_flops=counter.elementwise_flops,
        reduction_flops=counter.reduction_flops,
        bytes_read=counter.bytes_read,
        bytes_written=counter.bytes_written,
        saved_bytes=counter.saved_bytes,
        peak_live_bytes=counter.storages.peak_bytes,
        resting_bytes=resting_bytes,
        copies=counter.host.copies,
        synchronisations=counter.host.waits,
        extra_params=num_trainable(method),
        extra_buffer_bytes=sum(b.numel() * b.element_size() for b in method.buffers()),
        images_forwarded=images,
        images_forwarded_without_gradient=without_gradient,
        state_bytes=state_bytes(method) + parts.teacher_bytes,
    )


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keep the garbage collector out, so that it frees no tensor at a moment of its own."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
