"""The loop's own cost: our cross-entropy training against a minimal hand-written loop.

Both train the same network on the same uint8 images in memory and call the same functions for crop,
flip and normalisation, in blocks of whole epochs that alternate in random order. What is timed of
ours is the whole call of the trainer, with its ledger, curve and clocks; evaluation is left out.

    python -m benchmarks.bare_loop [--student resnet20] [--data synthetic] [--epochs 1]
"""

import argparse
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, amp, nn
from torch.nn import functional as F

from benchmarks.frame import (
    Bound,
    Paired,
    Result,
    device_name,
    of_pairs,
    of_rounds,
    paired,
    until_done,
)
from raskd_bench.data.augment import cut, normalise, pad, places
from raskd_bench.lab import Lab, new_lab
from raskd_bench.machine import cpu_name
from raskd_bench.meter import Clocks, synchroniser
from raskd_bench.pace import Pace
from raskd_bench.setup import autocast_of, build, new_optimizer
from raskd_bench.spec.trial import SGD, Augmentation, Budget, Named, Schedule, Trial
from raskd_bench.trainer import train
from raskd_bench.watch import TrainingWatch

PREDICTED = (
    "the loop adds a clock reading and a few Python calls a step, some 50 to 100 microseconds, and "
    "no FLOPs and no bytes: below 0.2 % of a step of 75 ms, 1 to 2 % of one of 5 ms."
)
EXPLAINED = {
    "cpu": "on ResNet-20 a step of ours takes {bare_loop[resnet20].conditions[step_ms]:.1f} ms, so "
    "that a cost of 0.1 ms is below what the interval resolves; on the digits' ResNet-8 it takes "
    "{bare_loop[resnet8].conditions[step_ms]:.1f} ms, and there Python's calls "
    "show: the forward's wrappers and the ledger."
}
BOUND = Bound("at most 1.01", most=1.01)
# student, data, epochs of a block, pairs of a round: a trial calls the trainer once for its epochs
CASES = (("resnet20", "synthetic", 1, 12), ("resnet8", "digits", 4, 12))
ROUNDS = 12
SYNTHETIC_IMAGES = 640
WARM_UP_BLOCKS = 2


def ours(lab: Lab, trial: Trial) -> Callable[[int], None]:
    """Return a function that trains for a trial's epochs with the product's loop."""
    student, method = build(lab, trial, None)
    optimizer = new_optimizer(trial, student, method)
    steps = len(lab.train.split) // trial.batch_size
    scaler = amp.GradScaler(lab.device.type, enabled=False)

    def block(number: int) -> None:
        first = number * round(trial.budget.amount)
        pace = Pace(trial.budget, steps_per_epoch=steps, images_per_step=trial.batch_size,
                    step_flops=0, elapsed=lambda: 0.0)  # fmt: skip
        watch = TrainingWatch(student, pace, lab.clocks, 0, 1, lambda last: {}, lambda point: None,
                              len(lab.train.split), lab.device)  # fmt: skip
        train(
            student, method, lambda epoch: lab.train.epoch(trial.seed, first + epoch,
                                                           method.sample, trial.batch_size),
            optimizer=optimizer, rate=lambda spent: 0.01, scaler=scaler, pace=pace, watch=watch,
            autocast=partial(autocast_of, lab.device, trial),
        )  # fmt: skip

    return block


def bare(lab: Lab, trial: Trial, padding: int, flip: bool) -> Callable[[int], None]:
    """Return a function that trains for a trial's epochs with a loop written by hand."""
    student, _ = build(lab, trial, None)
    network: nn.Module = student.backbone
    head: nn.Module = student.head
    recipe = trial.optimizer
    assert isinstance(recipe, SGD)
    optimizer = torch.optim.SGD([*network.parameters(), *head.parameters()], lr=0.01,
                                momentum=recipe.momentum, weight_decay=recipe.weight_decay,
                                nesterov=recipe.nesterov, fused=True)  # fmt: skip
    source = lab.train.split.source
    device = lab.device
    pixels = torch.from_numpy(source.read(np.arange(len(source)))).to(device)
    padded = pad(pixels, padding)
    labels = torch.from_numpy(lab.train.split.labels).to(device)
    mean, scale, size = lab.train.mean, lab.train.scale, trial.batch_size

    def crop(index: Tensor) -> Tensor:
        offsets, flips = places(torch.rand(size, 3, device=device), padded.shape[2], padding)
        return normalise(cut(padded, index, offsets, flips if flip else None, padding), mean, scale)

    def block(_: int) -> None:
        for _ in range(round(trial.budget.amount)):
            order = torch.randperm(len(labels), device=device)
            for index in order[: len(order) // size * size].view(-1, size):
                loss = F.cross_entropy(head(network(crop(index)).pooled), labels[index])
                loss.backward()
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)

    return block


def new_trial(student: str, data: str, epochs: int, batch_size: int) -> Trial:
    """Return a training of some epochs by cross entropy."""
    options = {"train": SYNTHETIC_IMAGES} if data == "synthetic" else {}
    return Trial(
        task="classification", data=Named(name=data, **options), student=Named(name=student),
        method="cross_entropy", hparams={}, batch_size=batch_size, budget=Budget(epochs=epochs),
        optimizer=SGD(name="sgd"), schedule=Schedule(name="constant"), precision="fp32",
        compile=False, augmentation=Augmentation(), val_fraction=0, evaluations=1, seed=0,
    )  # fmt: skip


def compared(
    trial: Trial, pairs: int, device: torch.device, rounds: int = ROUNDS
) -> tuple[Paired, int]:
    """Return how the two loops compare over blocks, and the steps of one.

    Args:
        trial: what both train.
        pairs: of blocks in a round.
        device: where.
        rounds: how often both are made anew, the one and the other first in turn.
    """
    lab = new_lab(trial, device, Path(), Clocks(synchroniser(device)), lambda point: None)
    rng, found = np.random.default_rng(0), []
    makers = (partial(ours, lab, trial), partial(bare, lab, trial, lab.train.padding,
                                                 lab.train.flip))  # fmt: skip
    for number in range(rounds):
        order = (0, 1) if number % 2 == 0 else (1, 0)
        blocks = {which: makers[which]() for which in order}
        arms = [until_done(partial(_next, blocks[which], itertools.count()), device.type)
                for which in (0, 1)]  # fmt: skip
        for arm in arms * WARM_UP_BLOCKS:
            arm()
        found.append(paired(*arms, pairs=pairs, rng=rng))
    epochs = round(trial.budget.amount)
    return of_rounds(found), epochs * (len(lab.train.split) // trial.batch_size)


def _next(block: Callable[[int], None], numbers: Iterator[int]) -> None:
    block(next(numbers))


def measure(quick: bool) -> list[Result]:
    """Compare the loops with a network of a usual size and with the smallest one."""
    device, rows = torch.device(device_name()), []
    for student, data, epochs, usual_pairs in CASES:
        trial = new_trial(student, data, epochs, batch_size=64)
        pairs, rounds = (2, 2) if quick else (usual_pairs, ROUNDS)
        found, steps = compared(trial, pairs, device, rounds)
        rows.append(of_pairs(
            student, f"cross-entropy training, {student} on {data}", "loop written by hand", found,
            BOUND, batch_size=trial.batch_size, epochs=epochs, pairs=pairs, device=device.type,
            step_ms=1e3 * found.first_seconds / steps,
        ))  # fmt: skip
    return rows


def main() -> None:
    """Print the ratio, its interval, and where it was measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--student", default="resnet20")
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=12)
    given = parser.parse_args()
    trial = new_trial(given.student, given.data, given.epochs, given.batch_size)
    found, _ = compared(trial, given.pairs, torch.device("cpu"))
    print(f"raskd-bench / bare loop: {found.ratio:.4f} (95 % interval {found.low:.4f} to "
          f"{found.high:.4f}), {ROUNDS} rounds of {given.pairs} pairs of {given.epochs} epochs, "
          f"{given.student} on {given.data}, batch {given.batch_size}; {cpu_name()}, "
          f"{torch.get_num_threads()} threads, torch {torch.__version__}")  # fmt: skip


if __name__ == "__main__":
    main()
