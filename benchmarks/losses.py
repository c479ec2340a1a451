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
import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import partial, reduce
from operator import add
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.fixed import FixedStudent, Sizes, new_batch, new_method
from benchmarks.frame import Bound, Clock, Paired, Result, device_name, of_pairs, paired, until_done
from benchmarks.naive import Naive, naive_of
from benchmarks.page import measured
from raskd_bench import catalog
from raskd_bench.batch import Batch, Progress
from raskd_bench.heap import keep_heap
from raskd_bench.method import Method

PREDICTED = (
    "a loss on 128 x 100 logits is some 50 kB a tensor and bound by calls, 5 to 10 microseconds "
    "each on a CPU: with as many calls as the equation has terms, or fewer, none is slower; those "
    "that share a softmax are 10 to 40 % faster. Losses of stage maps read 34 MB and are bound by "
    "memory: equal."
)
EXPLAINED = {
    "cpu": "the control says what the instrument resolves: {losses[control].low:.3f} to "
    "{losses[control].high:.3f} of a loss against itself. Ratios below it are calls that were "
    "saved."
}
BOUND = Bound("not slower", most=1, disproof=True)
BLOCK_SECONDS, PAIRS = 0.02, 30
CONTROL = "control"
QUICK = Sizes(batch=12, classes=10, samples=60, channels=(8, 8, 16, 16), sides=(8, 4, 2, 2))
EPOCHS = 20
CHECKED = tuple(Progress(e, e, EPOCHS, e / EPOCHS) for e in (0, 5, 5, 10))
TIMED = Progress(11, 11, EPOCHS, 11 / EPOCHS)  # mid-training: what is kept in tables counts
MATCH = {"rtol": 1e-3, "atol": 1e-5}  # of values, and of gradients over their largest

SWAPPED = {"uskd": 1e-3}  # share of entries that may differ: rounding swaps ranks of equal scores


class Row(NamedTuple):
    """What one method's comparison gave.

    Attributes:
        method: name.
        status: `timed`, `missing` (no naive counterpart) or what differs.
        found: the times of blocks of steps, None unless it was timed.
        steps: of a block.
    """

    method: str
    status: str
    found: Paired | None = None
    steps: int = 0


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


def row_of(name: str, sizes: Sizes, pairs: int) -> Row:
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
    device = first.student.sizes.device
    # another process on the host disturbs the processor time of this one less than the wall clock
    clock = time.perf_counter if device == "cuda" else time.process_time
    fastest = min(_step_seconds(arm, clock) for arm in (first, second))
    steps = max(1, math.ceil(BLOCK_SECONDS / fastest))
    blocks = [until_done(partial(block, arm, steps), device) for arm in (first, second)]
    found = paired(*blocks, pairs=pairs, rng=np.random.default_rng(0), clock=clock)
    return Row(name, "timed", found, steps)


def block(arm: Arm, steps: int) -> None:
    """Take so many steps."""
    for _ in range(steps):
        arm.step(TIMED)


def _step_seconds(arm: Arm, clock: Clock) -> float:
    """Return about how long a step takes, after some that warm up."""
    work = until_done(partial(block, arm, 5), arm.student.sizes.device)
    work()
    before = clock()
    work()
    return (clock() - before) / 5


def control(sizes: Sizes, pairs: int) -> Row:
    """Time a naive loss against itself: what the instrument resolves."""
    _, naive = arms_of("label_smoothing", sizes)
    _, again = arms_of("label_smoothing", sizes)
    return timed(CONTROL, naive, again, pairs)


def measure(quick: bool) -> list[Result]:
    """Compare all methods, a control of the instrument before them.

    Raises:
        RuntimeError: a method has no counterpart, or differs from it.
    """
    sizes = QUICK if quick else Sizes(device=device_name())
    return rows_of(catalog.names("method"), sizes, 2 if quick else PAIRS)


def rows_of(names: Sequence[str], sizes: Sizes, pairs: int) -> list[Result]:
    """Return the rows of some methods, the control's first; a RuntimeError as `measure` says."""
    keep_heap()  # as a trial does: maps are megabytes
    torch.set_num_threads(1)  # of 128 x 100 numbers a second thread does nothing but wait
    rows = [control(sizes, pairs), *(row_of(name, sizes, pairs) for name in names)]
    if unsound := [f"{row.method} {row.status}" for row in rows if row.status != "timed"]:
        raise RuntimeError("; ".join(unsound))
    results = []
    for row in rows:
        assert row.found is not None
        against = "itself" if row.method == CONTROL else "its equation written naively"
        results.append(of_pairs(
            row.method, f"loss of {row.method}", against, row.found, BOUND, device=sizes.device,
            batch_size=sizes.batch, classes=sizes.classes, steps=row.steps,
            microseconds=1e6 * row.found.first_seconds / row.steps,
        ))  # fmt: skip
    return results


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row a method."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--methods", nargs="+", default=catalog.names("method"), metavar="NAME")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    given = parser.parse_args(arguments)
    sizes = Sizes(given.batch_size, given.classes, device=given.device)
    for row in rows_of(given.methods, sizes, given.pairs):
        print(f"{row.what:<26} {measured(row)}, {row.conditions['microseconds']:.0f} us")


if __name__ == "__main__":
    main()
