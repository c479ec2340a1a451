"""A trial beside a busy process against the same trial alone, with today's settings and before.

How threads wait is read when torch is loaded, so each setting has a server of its own, which runs
trials one by one when it is told to. What is compared is the training clock of each trial.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Literal

import numpy as np

from benchmarks.frame import Bound, Paired, Result, of_pairs, of_seconds
from raskd_bench.machine import Share, usable_cores
from raskd_bench.process import PASSIVE, listen, preload, process_for
from raskd_bench.spec.trial import SGD, Augmentation, Budget, Named, Schedule, Trial

PREDICTED = (
    "a busy process gets half of one core, and the thread that has the other half is waited for: "
    "twice the time with as many threads as cores, the same time with one thread on two cores. "
    "Alone, threads that sleep must be woken, some 20 microseconds for each of 300 parallel "
    "regions a step: 5 ms of 230 (2 %) of ResNet-20, nothing of a step that has one thread. With "
    "threads that spin a time slice is lost at each region: tens of times as long."
)
EXPLAINED = {
    "cpu": "beside a busy process a trial of small steps takes {neighbour[beside_small].value:.2f} "
    "times its time alone, of large ones {neighbour[beside_large].value:.2f}; with threads that "
    "spin it was {neighbour[before_small].value:.1f} and {neighbour[before_large].value:.1f}. "
    "Alone, today's settings take {neighbour[alone_small].value:.2f} and "
    "{neighbour[alone_large].value:.2f} of the time before."
}
Setting = Literal["now", "before"]
Size = Literal["small", "large"]
WORDS = {"small": "resnet8 on digits", "large": "resnet20, 32x32"}
LOOP = "while True: pass"
PAIRS, PAIRS_BEFORE = 6, 2
BESIDE, ALONE = Bound("at most 2.2", most=2.2), Bound("at most 1.01", most=1.01, disproof=True)


def new_trial(size: Size) -> Trial:
    """Return a trial of small or of large steps."""
    options = {"size": 32, "train": 1024, "test": 32, "classes": 100}
    data = Named(name="digits") if size == "small" else Named(name="synthetic", options=options)
    return Trial(
        task="classification", data=data,
        student=Named(name="resnet8" if size == "small" else "resnet20"),
        method="cross_entropy", hparams={}, batch_size=64,
        budget=Budget(steps=22 if size == "small" else 8), optimizer=SGD(name="sgd"),
        schedule=Schedule(name="constant"), precision="fp32", compile=False,
        augmentation=Augmentation(), val_fraction=0, evaluations=1, seed=0,
    )  # fmt: skip


class Server:
    """Runs trials of one setting when it is told to.

    Args:
        setting: `now`, or `before`: threads that spin, as many as cores.
    """

    def __init__(self, setting: Setting) -> None:
        environment = {key: value for key, value in os.environ.items() if key not in PASSIVE}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.neighbour", setting],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
            cwd=Path(__file__).parents[1],
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to: IO[str] = self._process.stdin
        self._from: IO[str] = self._process.stdout

    def seconds(self, size: Size) -> float:
        """Return the training clock of one trial."""
        self._to.write(f"{size}\n")
        self._to.flush()
        return float(json.loads(self._from.readline()))

    def close(self) -> None:
        """End the server."""
        self._to.close()
        self._process.wait()


@contextmanager
def busy_process() -> Iterator[None]:
    """Keep one core busy meanwhile."""
    with subprocess.Popen([sys.executable, "-c", LOOP]) as process:
        try:
            yield
        finally:
            process.kill()


def beside(server: Server, size: Size) -> float:
    """Return the training clock of a trial beside a busy process."""
    with busy_process():
        return server.seconds(size)


def measure(quick: bool) -> list[Result]:
    """Return the ratios of both sizes."""
    rng, rows = np.random.default_rng(0), []
    pairs, few = (2, 2) if quick else (PAIRS, PAIRS_BEFORE)
    with ExitStack() as stack:
        now, before = (Server(setting) for setting in ("now", "before"))
        for server in (now, before):
            stack.callback(server.close)
        for size in ("small", "large"):
            for server in (now, before):
                server.seconds(size)  # the first trial of a server finds caches cold
            what, alone = WORDS[size], f"the same alone, {WORDS[size]}"
            found = _paired(lambda s=size: beside(now, s), lambda s=size: now.seconds(s), pairs,
                            rng)  # fmt: skip
            rows.append(of_pairs(f"beside_{size}", f"trial beside a busy process, {what}", alone,
                                 found, BESIDE))  # fmt: skip
            found = _paired(lambda s=size: beside(before, s), lambda s=size: before.seconds(s), few,
                            rng)  # fmt: skip
            rows.append(of_pairs(f"before_{size}", f"likewise, settings of before, {what}", alone,
                                 found))  # fmt: skip
            found = _paired(lambda s=size: now.seconds(s), lambda s=size: before.seconds(s), pairs,
                            rng)  # fmt: skip
            rows.append(of_pairs(f"alone_{size}", f"trial alone, {what}", "settings of before",
                                 found, ALONE))  # fmt: skip
    return rows


def _paired(first, second, pairs: int, rng: np.random.Generator) -> Paired:  # type: ignore[no-untyped-def]
    """Return what pairs of two clocks say, the order inside each at random."""
    arms, seconds = (first, second), np.empty((pairs, 2))
    for row in seconds:
        for which in rng.permutation(2):
            row[which] = arms[which]()
    return of_seconds(seconds[:, 0].tolist(), seconds[:, 1].tolist())


def serve(setting: Setting) -> None:
    """Run a trial for each line that comes, and answer with its training clock."""
    trials = {size: new_trial(size) for size in WORDS}
    preload(trials.values())
    share = Share(1, None)
    if setting == "before":
        for name in PASSIVE:
            os.environ.pop(name, None)
        share = Share(1, usable_cores())
    for line in sys.stdin:
        trial = trials[line.strip()]
        with process_for("run_trial", trial, "cpu", Path(), share) as started:
            answer = listen(*started)
        if answer["status"] != "done":
            raise RuntimeError(answer["error"])
        print(json.dumps(answer["train_seconds"]), flush=True)


if __name__ == "__main__":
    serve("now" if sys.argv[1] == "now" else "before")
