"""The loop's own cost: our cross-entropy training against a minimal hand-written loop.

Both train the same network on the same uint8 images in memory with the same crop and flip, in
blocks of one epoch that alternate in random order. What is timed of ours is the whole call of the
trainer, with its ledger, curve and clocks; evaluation is left out on both sides.

    python -m benchmarks.bare_loop [--student resnet20] [--data synthetic] [--pairs 40]
"""

import argparse
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, amp, nn
from torch.nn import functional as F

from raskd_bench.lab import Lab, new_lab
from raskd_bench.machine import cpu_name
from raskd_bench.meter import Clocks
from raskd_bench.pace import Pace
from raskd_bench.setup import autocast_of, build, new_optimizer
from raskd_bench.spec.trial import SGD, Augmentation, Budget, Named, Schedule, Trial
from raskd_bench.stats import student_t
from raskd_bench.trainer import train
from raskd_bench.watch import TrainingWatch

CPU = torch.device("cpu")


def ours(lab: Lab, trial: Trial) -> Callable[[int], None]:
    """Return a function that trains for one epoch with the product's loop."""
    student, method = build(lab, trial, None)
    optimizer = new_optimizer(trial, student, method)
    steps = len(lab.train.split) // trial.batch_size
    scaler = amp.GradScaler(CPU.type, enabled=False)

    def block(epoch: int) -> None:
        pace = Pace(trial.budget, steps_per_epoch=steps, images_per_step=trial.batch_size,
                    step_flops=0, elapsed=lambda: 0.0)  # fmt: skip
        watch = TrainingWatch(student, pace, lab.clocks, 0, 1, lambda last: {}, lambda point: None,
                              len(lab.train.split), CPU)  # fmt: skip
        train(
            student, method, lambda _: lab.train.epoch(trial.seed, epoch, method.sample,
                                                       trial.batch_size),
            optimizer=optimizer, rate=lambda spent: 0.01, scaler=scaler, pace=pace, watch=watch,
            autocast=partial(autocast_of, CPU, trial),
        )  # fmt: skip

    return block


def bare(lab: Lab, trial: Trial, padding: int, flip: bool) -> Callable[[int], None]:
    """Return a function that trains for one epoch with a loop written by hand."""
    student, _ = build(lab, trial, None)
    network: nn.Module = student.backbone
    head: nn.Module = student.head
    recipe = trial.optimizer
    assert isinstance(recipe, SGD)
    optimizer = torch.optim.SGD([*network.parameters(), *head.parameters()], lr=0.01,
                                momentum=recipe.momentum, weight_decay=recipe.weight_decay,
                                nesterov=recipe.nesterov, fused=True)  # fmt: skip
    source = lab.train.split.source
    pixels = torch.from_numpy(source.read(np.arange(len(source))))
    padded = F.pad(pixels, (0, 0, padding, padding, padding, padding))
    labels = torch.from_numpy(lab.train.split.labels)
    mean, scale, size = lab.train.mean, lab.train.scale, trial.batch_size
    y, x = torch.arange(source.height), torch.arange(source.width)

    def crop(index: Tensor) -> Tensor:
        top = torch.randint(2 * padding + 1, (size, 1))
        left = torch.randint(2 * padding + 1, (size, 1))
        columns = left + x
        if flip:
            columns = torch.where(torch.rand(size, 1) < 0.5, left + x.flip(0), columns)
        rows = top + y
        images = padded[index[:, None, None], rows[:, :, None], columns[:, None, :]]
        images = images.permute(0, 3, 1, 2).float().sub_(mean).mul_(scale)
        return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images

    def block(epoch: int) -> None:
        order = torch.randperm(len(labels))
        for index in order[: len(order) // size * size].view(-1, size):
            loss = F.cross_entropy(head(network(crop(index)).pooled), labels[index])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return block


def main() -> None:
    """Print the ratio, its interval, and where it was measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--student", default="resnet20")
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=40)
    given = parser.parse_args()
    options = {"train": 640} if given.data == "synthetic" else {}
    trial = Trial(
        task="classification", data=Named(name=given.data, **options),
        student=Named(name=given.student), method="cross_entropy", hparams={},
        batch_size=given.batch_size, budget=Budget(epochs=1), optimizer=SGD(name="sgd"),
        schedule=Schedule(name="constant"), precision="fp32", compile=False,
        augmentation=Augmentation(), val_fraction=0, evaluations=1, seed=0,
    )  # fmt: skip
    lab = new_lab(trial, CPU, Path(), Clocks(), lambda point: None)
    arms = [ours(lab, trial), bare(lab, trial, lab.train.padding, lab.train.flip)]
    for epoch in range(3):
        for arm in arms:
            arm(epoch)
    logs = []
    rng = np.random.default_rng(0)
    for pair in range(given.pairs):
        seconds = [0.0, 0.0]
        for which in rng.permutation(2):
            before = time.perf_counter()
            arms[which](pair)
            seconds[which] = time.perf_counter() - before
        logs.append(math.log(seconds[0] / seconds[1]))
    kept = sorted(logs)[len(logs) // 10 : len(logs) - len(logs) // 10]  # 10 % trimmed
    mean, half, _ = student_t(kept)
    low, high = math.exp(mean - half), math.exp(mean + half)
    print(f"raskd-bench / bare loop: {math.exp(mean):.4f} (95 % interval {low:.4f} to {high:.4f}), "
          f"{given.pairs} pairs of one epoch, {given.student} on {given.data}, batch "
          f"{given.batch_size}; {cpu_name()}, {torch.get_num_threads()} threads, torch "
          f"{torch.__version__}")  # fmt: skip


if __name__ == "__main__":
    main()
