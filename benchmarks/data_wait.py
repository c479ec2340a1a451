"""What images cost a trial: its start with and without the cache, and its wait for a stream.

The data set is `tiny-imagenet-100-32.zip` of the shared folder, or any other image folder, brought
to 64x64. A start is what a trial does before its student is built: read the archive's directory,
measure channel statistics, bring training and test images to the device. The wait is the share of
the training clock that `TrainingWatch` saw the loop wait for a batch, of a short training that
streams.

    python -m benchmarks.data_wait [--root ZIP] [--student resnet18] [--batch-size 16] [--steps 60]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import amp

from benchmarks.frame import Bound, Result, device_name, new_result, of_values
from benchmarks.page import measured
from raskd_bench.lab import new_lab
from raskd_bench.machine import cpu_name
from raskd_bench.meter import Clocks, synchroniser
from raskd_bench.pace import Pace
from raskd_bench.setup import autocast_of, build, new_optimizer
from raskd_bench.spec.trial import SGD, Augmentation, Budget, Named, Schedule, Trial
from raskd_bench.trainer import train
from raskd_bench.watch import TrainingWatch

PREDICTED = (
    "16 images at 64x64 are 16 x 0.15 ms of decoding, 2.4 ms, in processes beside a step of 16 x "
    "13 GFLOPs, 1.5 s on two cores with AVX2: the loop waits for a hand-over, far below 2 %, the "
    "first batch excepted; from the cache 0.2 MB are copied, 0.1 ms. 55,000 images decode in 8 s "
    "at the start, and are found decoded in the time that it takes to read 0.7 GB."
)
EXPLAINED = {
    "cpu": "a step takes {data_wait[thread].conditions[step_seconds]:.2f} s, and of "
    "{data_wait[workers].n} short trainings each starts its workers and waits for its first batch. "
    "The start takes {data_wait[decode].value:.1f} s with decoding, "
    "{data_wait[keep].value:.1f} s where it also keeps what it decoded, and "
    "{data_wait[find].value:.2f} s where it finds it.",
    "gpu": "a step takes {data_wait[thread].conditions[step_seconds]:.3f} s; the share of workers "
    "is what decoding takes longer.",
}
SHARED = Path(__file__).parents[2] / "shared" / "data" / "tiny-imagenet-100-32.zip"
BOUND = Bound("below 2 %", most=2)
REPEATS = 4
STARTS = (
    ("decode", "start: decode in each trial", False),
    ("keep", "start: decode once and keep", True),
    ("find", "start: find it decoded", True),
)
WAYS = (
    ("workers", "wait for data, workers that decode", False),
    ("thread", "wait for data, thread on mapped file", True),
)  # fmt: skip


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


def rows_of(given: argparse.Namespace, repeats: int) -> Iterator[Result]:
    """Yield what starts and waits take.

    A start is taken once: the later ones of a process find files in memory.
    """
    nothing = float("nan")
    device = {"device": given.device.type}
    # a folder of its own: the first start finds no cache, and the user's is left alone
    with tempfile.TemporaryDirectory() as home:
        os.environ["RASKD_BENCH_DATA"] = home
        for name, what, cache in STARTS:
            seconds = start_seconds(new_trial(given, cache=cache), given.device)
            yield new_result(name, f"{what}, {given.root.name}", (seconds, nothing, nothing), 1,
                             "s", **device)  # fmt: skip
        for name, what, cache in WAYS:
            trial = new_trial(given, storage="stream", cache=cache)
            found = [wait_share(trial, given.device) for _ in range(repeats)]
            shares = [100 * share for share, _ in found]
            steps = [step for _, step in found]
            yield of_values(
                name, f"{what}, {given.student}, batch {given.batch_size}, {given.steps} steps",
                shares, "% of training", BOUND, step_seconds=sum(steps) / len(steps), **device,
            )  # fmt: skip


def measure(quick: bool) -> list[Result]:
    """Measure with the defaults of the command line."""
    short = ["--student", "resnet8", "--steps", "2"]
    given = parse([*short] if quick else [])
    return list(rows_of(given, 1 if quick else REPEATS))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--root", type=Path, default=SHARED)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--student", default="resnet18")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--device", type=torch.device, default=device_name())
    return parser.parse_args(arguments)


def main() -> None:
    """Print starts, waits, and where they were measured."""
    given = parse()
    for row in rows_of(given, given.repeats):
        print(f"{row.what}: {measured(row)}", flush=True)
    print(f"{cpu_name()}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}, "
          f"torch {torch.__version__}")  # fmt: skip


if __name__ == "__main__":
    main()
