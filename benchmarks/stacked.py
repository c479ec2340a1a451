"""Four students as one network, against four one after another.

Each has images of its own, batch 64 of 32x32, and cross entropy; a step is forward, backward and
SGD. Numbers must agree before anything is timed.
"""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.frame import Bound, Result, device_name, of_pairs, paired, until_done
from raskd_bench.flops import count_flops
from raskd_bench.students.build import new_student
from raskd_bench.students.network import StudentNetwork
from raskd_bench.students.stack import Stack
from raskd_bench.tasks.classification import Classification

PREDICTED = (
    "FLOPs and bytes are equal, kernels a quarter: on a GPU ResNet-8's step is bound by launches "
    "(about 200 of 5 microseconds each), so near 3x; on a CPU the kernels are long, nothing is "
    "saved but calls, and grouped convolutions of few channels may be slower: 0.8 to 1.1x."
)
EXPLAINED = {
    "cpu": "ResNet-8 stacked takes {stacked[resnet8].conditions[seconds]:.3f} s against "
    "{stacked[resnet8].conditions[against_seconds]:.3f} s; both do the same "
    "{stacked[resnet8].conditions[gflops]:.1f} GFLOPs, and what differs is how oneDNN's grouped "
    "convolutions use the channels of a group.",
    "gpu": "ResNet-8 stacked takes {stacked[resnet8].conditions[seconds]:.4f} s against "
    "{stacked[resnet8].conditions[against_seconds]:.4f} s: launches are what is saved.",
}
BOUND = Bound("at least 1.5x on a GPU", least=1.5)
STUDENTS = {"resnet8": 40, "resnet20": 20}  # pairs
COUNT, SIZE, CLASSES = 4, 64, 10
TOLERANCE = 2e-3  # of losses after a few steps, relative: only the order of additions differs

Step = Callable[[], Tensor]


def new_students(name: str, device: torch.device) -> list[StudentNetwork]:
    """Return students of one architecture and four initialisations."""
    students = []
    for seed in range(COUNT):
        with torch.random.fork_rng(devices=[]):
            torch.random.default_generator.manual_seed(seed)
            student = new_student(name, {}, Classification(CLASSES))
        student.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        students.append(student.train())
    return students


def new_sgd(network: nn.Module) -> torch.optim.SGD:
    """Return the optimiser of both sides."""
    return torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, fused=True)


def new_batches(device: torch.device) -> tuple[list[Tensor], list[Tensor]]:
    """Return images and labels, a batch for each student."""
    generator = torch.Generator().manual_seed(0)
    images = [torch.randn(SIZE, 3, 32, 32, generator=generator) for _ in range(COUNT)]
    labels = [torch.randint(CLASSES, (SIZE,), generator=generator) for _ in range(COUNT)]
    return ([image.to(device, memory_format=torch.channels_last) for image in images],
            [label.to(device) for label in labels])  # fmt: skip


def together(students: Sequence[StudentNetwork], device: torch.device) -> Step:
    """Return a step of all students as one network; it gives the sum of their losses."""
    stack = Stack(students)
    images, labels = new_batches(device)
    optimizer = new_sgd(stack)

    def step() -> Tensor:
        stack.offer(images)
        outputs = [member(image) for member, image in zip(stack.members, images, strict=True)]
        losses = [F.cross_entropy(output.logits, label)
                  for output, label in zip(outputs, labels, strict=True)]  # fmt: skip
        loss = torch.stack(losses).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    return step


def in_turn(students: Sequence[StudentNetwork], device: torch.device) -> Step:
    """Return a step of each student, one after another; it gives the sum of their losses."""
    batches = list(zip(students, map(new_sgd, students), *new_batches(device), strict=True))

    def step() -> Tensor:
        total = torch.zeros((), device=device)
        for student, optimizer, images, labels in batches:
            loss = F.cross_entropy(student(images).logits, labels)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
            total += loss.detach()
        return total

    return step


def measure(quick: bool) -> list[Result]:
    """Compare steps of both, for two sizes of student."""
    device, rows = torch.device(device_name()), []
    for name, pairs in STUDENTS.items():
        students = new_students(name, device)
        alone = in_turn(copy.deepcopy(students), device)
        arms = (together(students, device), alone)
        for _ in range(3):
            one, other = (arm() for arm in arms)
            torch.testing.assert_close(one, other, rtol=TOLERANCE, atol=0)
        flops = count_flops(alone)

        found = paired(*(until_done(arm, device.type) for arm in arms),
                       pairs=2 if quick else pairs, rng=np.random.default_rng(0))  # fmt: skip
        rows.append(of_pairs(
            name, f"{COUNT} {name} stacked", f"{COUNT} one after another", found,
            BOUND if device.type == "cuda" else None, faster=True, device=device.type,
            batch_size=SIZE, gflops=flops / 1e9,
        ))  # fmt: skip
    return rows
