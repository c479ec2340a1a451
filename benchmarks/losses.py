"""The loss of each method against its equation written naively: forward and backward.

Both get the same student, teacher and auxiliary networks, which give kept tensors in the shapes of
a ResNet-18 on 32x32 images, so that the loss is all that is timed. Before that, losses, gradients
and tables of both are compared over a few steps: methods of which they differ are not timed. On a
CPU the clock counts the processor time of one thread, which other processes on the host disturb
less than the wall clock.

    python -m benchmarks.losses [--methods ras_kd ols] [--pairs 30] [--device cpu]
"""

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.fixed import FixedStudent, Sizes, new_batch, new_method
from benchmarks.naive import Naive, naive_of
from raskd_bench import catalog
from raskd_bench.batch import Batch, Progress
from raskd_bench.machine import cpu_name
from raskd_bench.method import Method
from raskd_bench.stats import student_t

BLOCK_SECONDS = 0.02
EPOCHS = 20
CHECKED = tuple(Progress(e, e, EPOCHS, e / EPOCHS) for e in (0, 5, 5, 10))
TIMED = Progress(11, 11, EPOCHS, 11 / EPOCHS)  # mid-training: what is kept in tables counts
MATCH = {"rtol": 1e-3, "atol": 1e-6}  # of values, and of gradients over their largest

SWAPPED = {"uskd": 1e-3}  # share of entries that may differ: rounding swaps ranks of equal scores


class Row(NamedTuple):
    """What one method's comparison gave; seconds and ratio are NaN unless it was timed.

    Attributes:
        method: name.
        status: `timed`, `missing` (no naive counterpart) or what differs.
        ratio: time of ours over that of naive, 10 % trimmed mean of log ratios.
        low: lower bound of its 95 % interval.
        high: upper bound.
        seconds: median of one step of ours.
    """

    method: str
    status: str
    ratio: float = math.nan
    low: float = math.nan
    high: float = math.nan
    seconds: float = math.nan


class Arm:
    """A method with a student of its own, and a loss of the two: ours or naive.

    Args:
        method: whose tables and auxiliary modules the loss uses.
        sizes: of what the student gives.
        naive: the loss; the method's own unless given.
    """

    def __init__(self, method: Method, sizes: Sizes, naive: Naive | None = None) -> None:
        self.method, self.naive = method, naive
        self.student = FixedStudent(sizes)
        self.batch: Batch = new_batch(method, sizes)

    def step(self, progress: Progress) -> Tensor:
        """Return the loss of one step, its gradient left in the leaves."""
        self.student.calls = 0
        for leaf in self.leaves():
            leaf.grad = None
        if self.naive is None:
            terms = self.method.loss(self.student, self.batch, progress)
            loss: Tensor = reduce(add, terms.values())
        else:
            loss = self.naive(self.method, self.student, self.batch, progress)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def leaves(self) -> Iterator[Tensor]:
        """Yield all that gets a gradient."""
        yield from self.student.leaves()
        yield from self.method.parameters()


def arms_of(name: str, sizes: Sizes) -> tuple[Arm, Arm]:
    """Return a method with its own loss, and its copy with the naive one."""
    naive = naive_of(name)
    assert naive is not None, f"{name} has no naive counterpart"
    method = new_method(name, sizes)
    return Arm(method, sizes), Arm(deepcopy(method), sizes, naive)


def compare(ours: Arm, naive: Arm, swapped: float = 0.0) -> None:
    """Take the same steps with both; losses, gradients and tables must match.

    Args:
        ours: with the method's loss.
        naive: with the naive one.
        swapped: share of a gradient's entries that may differ.

    Raises:
        AssertionError: they do not; the message says what differs and by how much.
    """
    for progress in CHECKED:
        for arm in (ours, naive):
            arm.method.start_epoch(progress)
        with torch.random.fork_rng():  # dropout and mixing draw the same for both
            loss = ours.step(progress)
        match("loss", loss, naive.step(progress))
        for number, leaves in enumerate(zip(ours.leaves(), naive.leaves(), strict=True)):
            match(f"gradient {number}", *(gradient(leaf) for leaf in leaves), swapped=swapped)
        tables, others = (dict(arm.method.named_buffers()) for arm in (ours, naive))
        assert tables.keys() == others.keys(), "one keeps tables that the other does not"
        for key, table in tables.items():
            match(key, table, others[key])


def match(what: str, one: Tensor, other: Tensor, swapped: float = 0.0) -> None:
    """Check that two tensors are close, relative to the largest number of the second."""
    scale = other.abs().max().clamp(min=1e-30) if other.is_floating_point() else 1
    if swapped:
        off = ~torch.isclose(one / scale, other / scale, **MATCH)
        one = torch.where(off, other, one) if off.double().mean() <= swapped else one
    torch.testing.assert_close(one / scale, other / scale, **MATCH, msg=lambda m: f"{what}: {m}")


def gradient(leaf: Tensor) -> Tensor:
    """Return a leaf's gradient, zeros where it has none."""
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


def log_ratios(first: Arm, second: Arm, pairs: int) -> tuple[list[float], float]:
    """Return log ratios of the times of paired blocks in random order, and the first's median."""
    arms = (first, second)
    for arm in arms:
        seconds(arm, 3)
    count = max(1, math.ceil(BLOCK_SECONDS / min(seconds(arm, 5) for arm in arms)))
    rng = np.random.default_rng(0)
    logs, firsts = [], []
    for _ in range(pairs):
        times = [0.0, 0.0]
        for which in rng.permutation(2):
            times[which] = seconds(arms[which], count)
        logs.append(math.log(times[0] / times[1]))
        firsts.append(times[0])
    return logs, float(np.median(firsts))


def seconds(arm: Arm, count: int) -> float:
    """Return the time of one step, of a block of `count`."""
    cuda = arm.student.sizes.device == "cuda"
    clock = time.perf_counter if cuda else time.process_time
    before = clock()
    for _ in range(count):
        arm.step(TIMED)
    if cuda:
        torch.cuda.synchronize()
    return (clock() - before) / count


def measure(name: str, sizes: Sizes, pairs: int) -> Row:
    """Compare and time one method."""
    if naive_of(name) is None:
        return Row(name, "missing")
    ours, naive = arms_of(name, sizes)
    try:
        compare(ours, naive, SWAPPED.get(name, 0.0))
    except AssertionError as error:
        return Row(name, "differs: " + " ".join(str(error).split()))
    return timed(name, ours, naive, pairs)


def timed(name: str, first: Arm, second: Arm, pairs: int) -> Row:
    """Time two arms, whatever they are."""
    logs, median = log_ratios(first, second, pairs)
    kept = sorted(logs)[pairs // 10 : pairs - pairs // 10]  # 10 % trimmed
    mean, half, _ = student_t(kept)
    return Row(name, "timed", math.exp(mean), math.exp(mean - half), math.exp(mean + half), median)


def control(sizes: Sizes, pairs: int) -> Row:
    """Time a naive loss against itself: what the instrument resolves."""
    _, naive = arms_of("label_smoothing", sizes)
    _, again = arms_of("label_smoothing", sizes)
    return timed("A/A control", naive, again, pairs)


def line(row: Row) -> str:
    """Return a row of the table, microseconds of ours last."""
    if row.status != "timed":
        return f"{row.method:<16} {row.status}"
    verdict = "SLOWER" if row.low > 1 else ""
    return (f"{row.method:<16} {row.ratio:6.3f}  {row.low:6.3f} to {row.high:6.3f} "
            f"{row.seconds * 1e6:10.0f}  {verdict}").rstrip()  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row a method; return 1 if one is missing or differs, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--methods", nargs="+", default=catalog.names("method"), metavar="NAME")
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)  # of 128 x 100 numbers a second thread does nothing but wait
    sizes = Sizes(given.batch_size, given.classes, device=given.device)
    print(f"batch {sizes.batch}, {sizes.classes} classes, {sizes.channels[-1]} dimensions, "
          f"{given.pairs} pairs of blocks of {BLOCK_SECONDS} s; {given.device}, {cpu_name()}, "
          f"1 thread, torch {torch.__version__}")  # fmt: skip
    print(f"{'method':<16} {'ratio':>6}  {'95 % interval':<16} {'ours, us':>10}")
    print(line(control(sizes, given.pairs)), flush=True)
    rows = []
    for name in given.methods:
        rows.append(measure(name, sizes, given.pairs))
        print(line(rows[-1]), flush=True)
    return int(any(row.status != "timed" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
