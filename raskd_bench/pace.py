"""How far a trial has come, and what follows from it: when it ends, and its learning rate."""

import math
from collections.abc import Callable

from raskd_bench.batch import Progress
from raskd_bench.spec.trial import Budget, Schedule


class Pace:
    """Counts steps against a budget.

    A trial ends with the first step at which its budget is spent, so an amount that is not a
    multiple of a step's is exceeded by less than one step. A clock is read once a step, so that
    whoever asks after a step hears the same.

    Args:
        budget: amount and unit.
        steps_per_epoch: of this method's sampler.
        images_per_step: drawn from the training split, second views and partners included.
        step_flops: of one training step.
        elapsed: seconds on the training clock.

    Attributes:
        step: optimiser steps taken so far.
        total_steps: of the whole trial; None for a budget in seconds.
    """

    def __init__(
        self,
        budget: Budget,
        *,
        steps_per_epoch: int,
        images_per_step: int,
        step_flops: float,
        elapsed: Callable[[], float],
    ) -> None:
        self.budget = budget
        self.steps_per_epoch = steps_per_epoch
        self.step = 0
        self._elapsed = elapsed
        self._seconds = 0.0
        self.total_steps: int | None = None
        if budget.unit != "seconds":
            amount = {
                "epochs": budget.amount * steps_per_epoch,
                "steps": budget.amount,
                "images": budget.amount / images_per_step,
                "flops": budget.amount / max(step_flops, 1),
            }[budget.unit]
            self.total_steps = math.ceil(amount)

    def advance(self) -> None:
        """Count a step that was taken."""
        self.step += 1
        self._seconds = self._elapsed()

    @property
    def spent(self) -> float:
        """Fraction of the budget that is spent, 1 or above at the end."""
        if self.total_steps is not None:
            return self.step / self.total_steps
        return self._seconds / self.budget.amount

    @property
    def epoch(self) -> int:
        return self.step // self.steps_per_epoch

    def progress(self) -> Progress:
        """Return what the method may know of time."""
        spent = min(self.spent, 1.0)
        if self.total_steps is not None:
            epochs = self.total_steps / self.steps_per_epoch
        elif self.epoch > 0 and spent > 0:
            epochs = self.step / self.steps_per_epoch / spent
        else:
            epochs = math.inf
        return Progress(self.step, self.epoch, epochs, spent)


def below_one_step(budget: Budget, images_per_step: int, step_flops: int) -> str | None:
    """Return why a budget is spent before its first step ends, or None; of seconds none can say.

    Args:
        budget: amount and unit.
        images_per_step: drawn from the training split.
        step_flops: of one training step.
    """
    step = {"images": images_per_step, "flops": step_flops}.get(budget.unit, 0)
    if budget.amount >= step:
        return None
    return f"a budget of {budget} is below one step, which has {step:,} {budget.unit}"


def learning_rate_factor(schedule: Schedule, spent: float) -> float:
    """Return the factor on the learning rate at a spent fraction of the budget.

    Args:
        schedule: its shape.
        spent: in [0, 1].
    """
    if spent < schedule.warmup:
        return spent / schedule.warmup
    after = (spent - schedule.warmup) / (1 - schedule.warmup)
    match schedule.name:
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * min(after, 1.0)))
        case "linear":
            return max(0.0, 1 - after)
        case "step":
            passed = sum(spent >= milestone for milestone in schedule.milestones or ())
            return float((schedule.gamma or 0.1) ** passed)
        case "constant":
            return 1.0
