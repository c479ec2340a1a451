"""What is kept of a training: ledger, curve and step times, looked at between blocks only.

Looking is charged to the clock of input and output, never to training.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from raskd_bench.batch import Batch, Terms
from raskd_bench.errors import Diverged
from raskd_bench.meter import Clocks, Energy, PeakMemory, StepTimes
from raskd_bench.pace import Pace
from raskd_bench.students.network import StudentNetwork

SYNC_STEPS = 20  # a budget in seconds must not run ahead of the device for longer

Report = Callable[[dict[str, Any]], None]


@dataclass
class Ledger:
    """What a training has used, in every unit."""

    steps: int = 0
    epochs: float = 0.0
    images_drawn: int = 0
    images_unique: int = 0
    images_forwarded: int = 0
    images_forwarded_without_gradient: int = 0
    images_backwarded: int = 0
    train_flops: int = 0
    train_seconds: float = 0.0


@dataclass
class TrainingWatch:
    """Keeps the ledger and the curve of one training.

    Args:
        student: counts its own forwards.
        pace: counts steps.
        clocks: of the trial; training and evaluation are switched between here.
        step_flops: of one step.
        evaluations: how many, evenly spaced over the budget; the last one at its end.
        score: evaluates the student.
        report: tells whoever looks on.
        num_samples: N, images of the training split.
        device: where it trains.
    """

    student: StudentNetwork
    pace: Pace
    clocks: Clocks
    step_flops: int
    evaluations: int
    score: Callable[[bool], dict[str, float]]
    report: Report
    num_samples: int
    device: torch.device
    ledger: Ledger = field(default_factory=Ledger)
    curve: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.times = StepTimes(self.device)
        self.memory = PeakMemory(self.device)
        self.energy = Energy(self.device)
        self._terms: list[Terms] = []
        self._ids: list[Tensor] = []
        self._views = 1
        self._seen = torch.zeros(self.num_samples, dtype=torch.bool, device=self.device)
        self._done = 0
        self._charged_before = self.clocks.seconds("train")
        self._before = self._start_block()

    def start_epoch(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        return self.times.waiting(batches)

    def after_step(self, batch: Batch, terms: Terms, *, epoch_ends: bool) -> None:
        self.times.mark()
        self._terms.append({name: term.detach() for name, term in terms.items()})
        self._ids.append(batch.ids)
        self._views = len(batch.views)
        spent = self.pace.spent
        due = min(spent, 1.0) * self.evaluations >= self._done + 1 - 1e-9
        if due or epoch_ends or spent >= 1:
            self._end_block(evaluate=due or spent >= 1)
        elif self.pace.budget.unit == "seconds" and self.pace.step % SYNC_STEPS == 0:
            self.clocks.switch("train")

    def _start_block(self) -> tuple[int, int]:
        self.memory.start()
        self.energy.start()
        self.clocks.switch("train")
        self.times.mark()
        return self.student.images_with_grad, self.student.images_without_grad

    def _end_block(self, *, evaluate: bool) -> None:
        self.clocks.switch("io")
        self.energy.stop()
        self.memory.stop()
        self.times.close()
        self._keep_ledger()
        terms, self._terms = self._terms, []
        losses = mean_terms(terms)
        progress = self.pace.progress()
        point: dict[str, Any] = {
            "step": self.pace.step,
            "epoch": self.ledger.epochs,
            "spent": progress.spent,
            "train_seconds": self.ledger.train_seconds,
            "loss": losses,
        }
        self.curve.append(point)
        if not all(map(math.isfinite, losses.values())):
            index, broken = first_broken(terms)
            step = self.pace.step - len(terms) + 1 + index
            raise Diverged(f"{', '.join(broken)} is not finite at step {step}")
        if evaluate:
            self._done = math.floor(progress.spent * self.evaluations + 1e-9)
            self.clocks.switch("eval")
            try:
                point |= self.score(progress.spent >= 1)
            except Diverged as failure:
                raise Diverged(f"{failure} after step {self.pace.step}") from None
            self.clocks.switch("io")
        self.report(point)
        if progress.spent < 1:
            self._before = self._start_block()

    def _keep_ledger(self) -> None:
        ledger, (with_grad, without) = self.ledger, self._before
        ledger.steps = self.pace.step
        ledger.epochs = self.pace.step / self.pace.steps_per_epoch
        ledger.images_forwarded += self.student.images_with_grad - with_grad
        ledger.images_forwarded_without_gradient += self.student.images_without_grad - without
        ledger.images_backwarded = ledger.images_forwarded
        ledger.train_flops = ledger.steps * self.step_flops
        ledger.train_seconds = self.clocks.seconds("train") - self._charged_before
        ids = torch.cat(self._ids)
        self._ids.clear()
        ledger.images_drawn += len(ids) * self._views
        self._seen[ids] = True
        ledger.images_unique = int(self._seen.sum())


def mean_terms(steps: list[Terms]) -> dict[str, float]:
    """Return the mean of each named term over steps, with one copy from the device."""
    names = list(dict.fromkeys(name for terms in steps for name in terms))
    columns = {name: [terms[name] for terms in steps if name in terms] for name in names}
    means = [torch.stack(column).double().mean() for column in columns.values()]
    return dict(zip(names, torch.stack(means).tolist(), strict=True))


def first_broken(steps: list[Terms]) -> tuple[int, list[str]]:
    """Return the index of the first step with terms that are not finite, and their names.

    With one copy from the device, as `mean_terms`. If a mean alone is not finite, as it overflows,
    that is the last step, and all of its terms.
    """
    places = [(index, name) for index, terms in enumerate(steps) for name in terms]
    values = torch.stack([steps[index][name].double() for index, name in places]).tolist()
    broken = [
        place for place, value in zip(places, values, strict=True) if not math.isfinite(value)
    ]
    first = min((index for index, _ in broken), default=len(steps) - 1)
    return first, [name for index, name in broken if index == first] or list(steps[first])
