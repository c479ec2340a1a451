"""What images cost a trial: its start with and without the cache, and its wait for a stream.

The data set is `tiny-imagenet-100-32.zip` of the shared folder, or any other image folder, brought
to 64x64. A start is what a trial does before its student is built: read the archive's directory,
measure channel statistics, bring training and test images to the device. The wait is the share of
the training clock that `TrainingWatch` saw the loop wait for a batch, of a short training that
streams.

    python -m benchmarks.data_wait [--root ZIP] [--student resnet18] [--batch-size 16] [--steps 8]
"""

import argparse
import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import amp

from raskd_bench.lab import new_lab
from raskd_bench.machine import cpu_name
from raskd_bench.meter import Clocks, synchroniser
from raskd_bench.pace import Pace
from raskd_bench.setup import autocast_of, build, new_optimizer
from raskd_bench.spec.trial import SGD, Augmentation, Budget, Named, Schedule, Trial
from raskd_bench.trainer import train
from raskd_bench.watch import TrainingWatch

SHARED = Path(__file__).parents[1] / "shared" / "data" / "tiny-imagenet-100-32.zip"
STARTS = (
    ("decode in each trial", False),
    ("decode once and keep", True),
    ("find it decoded", True),
)
WAYS = (("workers that decode", False), ("thread on mapped file", True))


def new_trial(given: argparse.Namespace, **reading: Any) -> Trial:
    """Return a short training; `reading` are the data set's `storage` and `cache`."""
    return Trial(
        task="classification",
        data=Named(name="imagefolder", root=str(given.root), size=given.size, **reading),
        student=Named(name=given.student), method="cross_entropy", hparams={},
        batch_size=given.batch_size, budget=Budget(steps=given.steps), optimizer=SGD(name="sgd"),
        schedule=Schedule(name="constant"), precision="fp32", compile=False,
        augmentation=Augmentation(), val_fraction=0, evaluations=1, seed=0,
    )  # fmt: skip


def start_seconds(trial: Trial, device: torch.device) -> float:
    """Return how long it takes to bring a trial's images to the device."""
    before = time.perf_counter()
    new_lab(trial, device, Path(), Clocks(), lambda point: None)
    return time.perf_counter() - before


def wait_share(trial: Trial, device: torch.device) -> tuple[float, float]:
    """Return the fraction of training time spent waiting for data, and seconds a step.

    The training is the product's; only the evaluation of its end is left out.
    """
    clocks = Clocks(synchroniser(device))
    lab = new_lab(trial, device, Path(), clocks, lambda point: None)
    student, method = build(lab, trial, None)
    pace = Pace(
        trial.budget, steps_per_epoch=len(lab.train.split) // trial.batch_size,
        images_per_step=trial.batch_size, step_flops=0, elapsed=lambda: clocks.seconds("train"),
    )  # fmt: skip
    watch = TrainingWatch(student, pace, clocks, 0, 1, lambda last: {}, lambda point: None,
                          len(lab.train.split), device)  # fmt: skip
    train(
        student, method,
        lambda epoch: lab.train.epoch(trial.seed, epoch, method.sample, trial.batch_size),
        optimizer=new_optimizer(trial, student, method), rate=lambda spent: 0.01,
        autocast=partial(autocast_of, device, trial),
        scaler=amp.GradScaler(device.type, enabled=False), pace=pace, watch=watch,
    )  # fmt: skip
    seconds = watch.ledger.train_seconds
    return watch.times.waited_seconds / seconds, seconds / watch.ledger.steps


def main() -> None:
    """Print starts, waits, and where they were measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--root", type=Path, default=SHARED)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--student", default="resnet18")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--device", type=torch.device, default="cpu")
    given = parser.parse_args()
    # a folder of its own: the first start finds no cache, and the user's is left alone
    with tempfile.TemporaryDirectory() as home:
        os.environ["RASKD_BENCH_DATA"] = home
        print(f"start, {given.root.name} at {given.size} px:")
        for name, cache in STARTS:
            seconds = start_seconds(new_trial(given, cache=cache), given.device)
            print(f"  {name:22} {seconds:8.2f} s", flush=True)
        print(f"wait for data, {given.student}, batch {given.batch_size}, {given.steps} steps:")
        for name, cache in WAYS:
            trial = new_trial(given, storage="stream", cache=cache)
            share, step = wait_share(trial, given.device)
            print(f"  {name:22} {share:8.2%} of training, {step:.2f} s a step", flush=True)
    print(f"{cpu_name()}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}, "
          f"torch {torch.__version__}")  # fmt: skip


if __name__ == "__main__":
    main()
