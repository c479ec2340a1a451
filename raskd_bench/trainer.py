"""The training loop. It knows no method and no task by name."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import reduce
from operator import add
from typing import Any, Protocol, TypeVar

from torch import amp
from torch.optim import Optimizer

from raskd_bench.batch import Progress, Terms

B = TypeVar("B")  # a batch; of several students, one of each


class Pace(Protocol):
    """Counts steps against a budget."""

    step: int
    steps_per_epoch: int

    @property
    def spent(self) -> float:
        """Fraction of the budget that is spent, 1 or above at the end."""

    @property
    def epoch(self) -> int:
        """Number of the epoch, from 0."""

    def advance(self) -> None:
        """Count a step that was taken."""

    def progress(self) -> Progress:
        """Return what the method may know of time."""


class Watch(Protocol[B]):
    """What sees each step, and may pause the training between two."""

    def start_epoch(self, batches: Iterator[B]) -> Iterator[B]:
        """Return the batches of an epoch, their waiting time kept."""

    def after_step(self, batch: B, terms: Terms, *, epoch_ends: bool) -> None:
        """See one step's terms, still on the device."""


class Learner(Protocol):
    """A method, or several of them: student and batch to loss terms."""

    def start_epoch(self, progress: Progress) -> None:
        """Refresh what changes once an epoch."""

    def parameters(self) -> Iterator[Any]:
        """Return what is trained beside the student."""

    def __call__(self, student: Any, batch: Any, progress: Progress) -> Terms:
        """Return the named loss terms of one step."""


def train(
    student: object,
    method: Learner,
    batches: Callable[[int], Iterator[B]],
    *,
    optimizer: Optimizer,
    rate: Callable[[float], float],
    autocast: Callable[[], AbstractContextManager[None]],
    scaler: amp.GradScaler,
    pace: Pace,
    watch: Watch[B],
) -> None:
    """Train until the budget is spent.

    Args:
        student: what is trained.
        method: gives the loss; its own parameters are trained by the same optimizer.
        batches: one epoch of batches, by its number.
        optimizer: of all parameters.
        rate: learning rate at a spent fraction of the budget.
        autocast: makes the precision's context.
        scaler: of gradients; disabled but for fp16.
        pace: counts steps against the budget.
        watch: clocks and curves.
    """
    while pace.spent < 1:
        method.start_epoch(pace.progress())
        for batch in watch.start_epoch(batches(pace.epoch)):
            progress = pace.progress()
            for group in optimizer.param_groups:
                group["lr"] = rate(progress.spent)
            with autocast():
                terms = method(student, batch, progress)
            loss: Any = reduce(add, terms.values())
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad(set_to_none=True)
            pace.advance()
            watch.after_step(batch, terms, epoch_ends=pace.step % pace.steps_per_epoch == 0)
            if pace.spent >= 1:
                break
