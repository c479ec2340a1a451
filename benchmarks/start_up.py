"""Start-up of a trial's process: from asking for it until it works, and until its first step.

The server that trials are forked from is started once, with what a run of the suite preloads. Each
start is then a process of its own. What trains is the digits' trial with ResNet-8, for one step.
"""

import multiprocessing
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.frame import Bound, Result, of_values
from raskd_bench.machine import Share
from raskd_bench.process import Listener, preload, process_for, wait_for
from raskd_bench.spec.trial import SGD, Augmentation, Budget, Named, Schedule, Trial

PREDICTED = (
    "a fork of a server with some 300 MB of torch mapped copies page tables, some 5 ms, and a pipe "
    "is nothing: 10 to 30 ms until it works; the server imports torch once, 3 s; the first step "
    "adds data, building and three steps of warm-up of 5 ms each with first-time costs: 0.3 s."
)
EXPLAINED = {
    "cpu": "a process works after {start_up[ready].conditions[median]:.3f} s at the median; the "
    "first step comes after {start_up[first_step].conditions[median]:.2f} s, of which "
    "{start_up[setup].conditions[median]:.2f} s are the trial's own set-up. The server is started "
    "once a run, in {start_up[server].value:.1f} s."
}
QUANTILES, STARTS = (0.05, 0.5, 0.95), 20
PARTS = {
    "ready": ("start of a trial's process until it works", Bound("at most 0.1 s", most=0.1)),
    "first_step": ("until its first step was taken, resnet8 on digits", None),
    "gone": ("until it is gone, one step and one evaluation later", None),
    "setup": ("set-up by the trial's own clock", None),
    "server": ("start of the server, once a run", None),
}


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


def starts(number: int, share: Share) -> dict[str, list[float]]:
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


def measure(quick: bool) -> list[Result]:
    """Return the mean of each part of some starts."""
    found = starts(2 if quick else STARTS, Share(1, 1))
    rows = []
    for name, (what, bound) in PARTS.items():
        low, median, high = (float(value) for value in np.quantile(found[name], QUANTILES))
        rows.append(of_values(name, what, found[name], "s", bound, p05=low, median=median,
                              p95=high))  # fmt: skip
    return rows
