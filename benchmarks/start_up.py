"""Start-up of a trial's process: from asking for it until it works, and until its first step.

The server that trials are forked from is started once, with what a run of the suite preloads. Each
start is then a process of its own. What trains is the digits' trial with ResNet-8, for one step.

    python -m benchmarks.start_up [--starts 20] [--threads 1]
"""

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from raskd_bench.machine import Share, cpu_name
from raskd_bench.process import Listener, preload, process_for, wait_for
from raskd_bench.spec.trial import SGD, Augmentation, Budget, Named, Schedule, Trial

QUANTILES = (0.05, 0.5, 0.95)


class Training(NamedTuple):
    """Seconds of a trial, from asking for its process.

    Attributes:
        first_step: until its first step was taken; reading data, building, counting and warm-up
            are part of it.
        gone: until its process is gone, after an evaluation and its answer.
        setup: what the trial's own clock calls set-up.
    """

    first_step: float
    gone: float
    setup: float


def new_trial() -> Trial:
    """Return the digits' trial of one step."""
    return Trial(
        task="classification", data=Named(name="digits"), student=Named(name="resnet8"),
        method="cross_entropy", hparams={}, batch_size=64, budget=Budget(steps=1),
        optimizer=SGD(name="sgd"), schedule=Schedule(name="constant"), precision="fp32",
        compile=False, augmentation=Augmentation(), val_fraction=0, evaluations=1, seed=0,
    )  # fmt: skip


def ready() -> float:
    """Return the seconds from asking for a process until it could begin a trial."""
    context = multiprocessing.get_context("forkserver")
    begin = time.perf_counter()
    ours, theirs = context.Pipe()
    process = context.Process(target=_tell, args=(theirs,))
    process.start()
    ours.recv()
    seconds = time.perf_counter() - begin
    process.join()
    return seconds


def _tell(connection: Connection) -> None:
    from raskd_bench import worker  # as a trial's process does: it is there already

    connection.send(worker.__name__)


def training(trial: Trial, share: Share) -> Training:
    """Run a trial of one step and return how long it took to get there."""
    marks: list[float] = []
    begin = time.perf_counter()
    with process_for("run_trial", trial, "cpu", Path(), share) as (process, connection):
        listener = Listener(process, connection, None, lambda _: marks.append(time.perf_counter()))
        while (measured := listener.hear()) is None:
            wait_for([listener])
    gone = time.perf_counter() - begin
    if measured["status"] != "done":
        raise RuntimeError(measured["error"])
    stepped = marks[0] - begin - measured["eval_seconds"]  # the point comes after an evaluation
    return Training(stepped, gone, measured["setup_seconds"])


def quantiles(seconds: Sequence[float]) -> tuple[float, ...]:
    """Return the 5 %, 50 % and 95 % quantiles."""
    return tuple(float(value) for value in np.quantile(seconds, QUANTILES))


def measure(number: int, share: Share) -> dict[str, list[float]]:
    """Return the seconds of each part of so many starts, by its name; `server` is the first one.

    The two kinds of start alternate.
    """
    trial = new_trial()
    preload([trial])
    found = {"server": [ready()], "ready": [], **{name: [] for name in Training._fields}}
    for _ in range(number):
        found["ready"].append(ready())
        for name, seconds in zip(Training._fields, training(trial, share), strict=True):
            found[name].append(seconds)
    return found


def main() -> None:
    """Print the quantiles of each part, and where it was measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--threads", type=int, default=None)
    given = parser.parse_args()
    for name, seconds in measure(given.starts, Share(1, given.threads)).items():
        low, median, high = quantiles(seconds)
        print(f"{name:10} {median:.3f} s (5 % {low:.3f}, 95 % {high:.3f}; {len(seconds)} starts)")
    threads = "torch's own number of" if given.threads is None else given.threads
    print(f"one step of resnet8 on digits; {cpu_name()}, {threads} threads")


if __name__ == "__main__":
    main()
