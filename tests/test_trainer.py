"""The loop and its watch, on a real network: where it stops, what it counts, when it looks.

An epoch has 16 images in 2 steps of 8; time passes only where a test lets it.
"""

import ast
import inspect
import math
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
import torch
from torch import amp

from raskd_bench import trainer
from raskd_bench.errors import Diverged
from raskd_bench.losses import supervise
from raskd_bench.meter import Clocks
from raskd_bench.method import Method
from raskd_bench.pace import Pace
from raskd_bench.spec.trial import Budget
from raskd_bench.watch import TrainingWatch

CPU = torch.device("cpu")
STEP_FLOPS = 1000


class Clock:
    """Seconds that pass when a test says so, and `tick` at each look."""

    def __init__(self, tick=0.0):
        self.seconds = 0.0
        self.tick = tick

    def __call__(self):
        self.seconds += self.tick
        return self.seconds


class TwoViews(Method):
    """Cross entropy on two views; counts its epochs and has a parameter of its own."""

    views: ClassVar[int] = 2

    def build(self, setting):
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.epochs = []

    def start_epoch(self, progress):
        self.epochs.append(progress.epoch)

    def loss(self, student, batch, progress):
        first, second = (supervise(student(*view))["ce"] for view in batch.views)
        return {"ce": first, "second": self.scale * second}


class Breaks(Method):
    """Cross entropy that is NaN from its third step on."""

    def loss(self, student, batch, progress):
        ce = supervise(student(*batch.views[0]))["ce"]
        return {"ce": ce, "aux": ce.detach() * (math.nan if progress.step >= 2 else 0.0)}


@dataclass
class Lab:
    """A short training and what it left."""

    rig: object
    unit: str
    amount: float
    evaluations: int = 1
    step_seconds: float = 1.0
    score_seconds: float = 100.0
    clock: Clock = field(default_factory=Clock)
    points: list = field(default_factory=list)
    scored: list = field(default_factory=list)
    fractions: list = field(default_factory=list)

    def __post_init__(self):
        rig = self.rig
        self.clocks = Clocks(now=self.clock)
        self.pace = Pace(
            Budget(**{self.unit: self.amount}), steps_per_epoch=2,
            images_per_step=len(rig.batch().ids) * rig.method.views, step_flops=STEP_FLOPS,
            elapsed=lambda: self.clocks.seconds("train"),
        )  # fmt: skip
        self.watch = TrainingWatch(rig.student, self.pace, self.clocks, STEP_FLOPS,
                                   self.evaluations, self.score, self.points.append, 16,
                                   CPU)  # fmt: skip
        parameters = [*rig.student.parameters(), *rig.method.parameters()]
        self.optimizer = torch.optim.SGD(parameters, lr=9.0, momentum=0.9)

    def score(self, last):
        self.clock.seconds += self.score_seconds
        self.scored.append((self.pace.step, last))
        return {"test_top1": 0.5}

    def batches(self, epoch):
        for batch in self.rig.batches(epoch):
            self.clock.seconds += self.step_seconds
            yield batch

    def rate(self, spent):
        self.fractions.append(spent)
        return 0.05

    def train(self):
        trainer.train(
            self.rig.student, self.rig.method, self.batches, optimizer=self.optimizer,
            rate=self.rate, autocast=nullcontext, scaler=amp.GradScaler("cpu", enabled=False),
            pace=self.pace, watch=self.watch,
        )  # fmt: skip
        return self


@pytest.mark.parametrize(
    ("unit", "amount", "steps"),
    [("epochs", 2, 4), ("steps", 3, 3), ("images", 40, 5), ("flops", 2500.0, 3),
     ("seconds", 3.5, 4)],
)  # fmt: skip
def test_every_unit_stops_with_the_step_that_spends_it(new_rig, unit, amount, steps):
    lab = Lab(new_rig("cross_entropy"), unit, amount).train()
    ledger = lab.watch.ledger
    assert ledger.steps == lab.pace.step == steps
    assert ledger.epochs == steps / 2
    assert ledger.images_drawn == 8 * steps
    assert ledger.train_flops == STEP_FLOPS * steps
    assert ledger.train_seconds == steps
    assert lab.scored == [(steps, True)]


def test_training_lowers_the_loss_of_student_and_method_together(new_rig):
    lab = Lab(new_rig(TwoViews()), "epochs", 6).train()
    losses = [sum(point["loss"].values()) for point in lab.watch.curve]
    assert losses[-1] < 0.7 * losses[0]
    assert lab.rig.method.scale != 1


def test_the_learning_rate_is_set_from_the_fraction_spent_before_each_step(new_rig):
    lab = Lab(new_rig("cross_entropy"), "steps", 4).train()
    assert lab.fractions == [0, 0.25, 0.5, 0.75]
    assert lab.optimizer.param_groups[0]["lr"] == 0.05


def test_the_method_hears_of_each_epoch_once(new_rig):
    lab = Lab(new_rig(TwoViews()), "steps", 5).train()
    assert lab.rig.method.epochs == [0, 1, 2]


def test_no_gradient_is_left_behind(new_rig):
    lab = Lab(new_rig("cross_entropy"), "steps", 1).train()
    assert all(parameter.grad is None for parameter in lab.rig.student.parameters())


def test_the_loop_fits_on_a_page():
    tree = ast.parse(inspect.getsource(trainer))
    loop = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    assert loop.end_lineno - loop.body[1].lineno < 40


@pytest.mark.parametrize(
    ("method", "drawn", "with_gradient", "without"),
    [("cross_entropy", 8, 8, 0), (TwoViews, 16, 16, 0), ("cs_kd", 16, 8, 8)],
)
def test_the_ledger_knows_every_image_that_went_through_the_student(
    new_rig, method, drawn, with_gradient, without
):
    rig = new_rig(method if isinstance(method, str) else method())
    ledger = Lab(rig, "steps", 3, evaluations=3).train().watch.ledger
    assert ledger.images_drawn == 3 * drawn
    assert ledger.images_forwarded == ledger.images_backwarded == 3 * with_gradient
    assert ledger.images_forwarded_without_gradient == 3 * without


@pytest.mark.parametrize(("steps", "unique"), [(1, 8), (2, 16), (5, 16)])
def test_an_image_that_comes_again_is_not_a_new_one(new_rig, steps, unique):
    ledger = Lab(new_rig("cross_entropy"), "steps", steps).train().watch.ledger
    assert ledger.images_unique == unique


@pytest.mark.parametrize(
    ("steps", "evaluations", "at"),
    [(8, 1, [8]), (8, 2, [4, 8]), (7, 2, [4, 7]), (5, 3, [2, 4, 5]), (3, 100, [1, 2, 3])],
)
def test_evaluations_are_evenly_spaced_and_the_last_is_at_the_end(new_rig, steps, evaluations, at):
    lab = Lab(new_rig("cross_entropy"), "steps", steps, evaluations).train()
    assert lab.scored == [(step, step == steps) for step in at]
    assert [p["step"] for p in lab.watch.curve if "test_top1" in p] == at


def test_a_point_is_kept_at_the_end_of_each_epoch_and_reported(new_rig):
    lab = Lab(new_rig("cross_entropy"), "steps", 5).train()
    assert [point["step"] for point in lab.watch.curve] == [2, 4, 5]
    assert [point["epoch"] for point in lab.watch.curve] == [1, 2, 2.5]
    assert lab.points == lab.watch.curve


def test_evaluation_and_reporting_are_not_charged_to_training(new_rig):
    lab = Lab(new_rig("cross_entropy"), "steps", 4, evaluations=4).train()
    assert lab.clocks.seconds("eval") == 400
    assert lab.clocks.seconds("train") == lab.watch.ledger.train_seconds == 4
    assert [point["train_seconds"] for point in lab.watch.curve] == [1, 2, 3, 4]


def test_a_budget_in_seconds_is_of_training_seconds_only(new_rig):
    lab = Lab(new_rig("cross_entropy"), "seconds", 4.0, evaluations=2).train()
    assert lab.scored == [(2, False), (4, True)]


@pytest.mark.parametrize("tick", [0.003, 0.011, 0.027, 0.05])
def test_a_clock_that_runs_on_between_looks_never_skips_the_last_evaluation(new_rig, tick):
    lab = Lab(new_rig("cross_entropy"), "seconds", 2.0, step_seconds=0.1, clock=Clock(tick)).train()
    assert lab.scored == [(lab.pace.step, True)]


def test_a_second_training_on_the_same_clocks_pays_for_itself_only(new_rig):
    lab = Lab(new_rig("cross_entropy"), "steps", 3).train()
    rig = new_rig("cross_entropy")
    pace = Pace(Budget(steps=1), steps_per_epoch=2, images_per_step=8, step_flops=1,
                elapsed=lambda: 0.0)  # fmt: skip
    again = TrainingWatch(
        rig.student, pace, lab.clocks, 1, 1, lab.score, lab.points.append, 16, CPU
    )
    lab.clock.seconds += 7
    pace.advance()
    again.after_step(rig.batch(), rig.loss(), epoch_ends=False)
    assert again.ledger.train_seconds == 7
    assert lab.clocks.seconds("train") == 10


def test_every_step_is_timed(new_rig):
    lab = Lab(new_rig("cross_entropy"), "steps", 5, evaluations=2).train()
    assert len(lab.watch.times.seconds) == 5
    assert all(seconds > 0 for seconds in lab.watch.times.seconds)


def test_divergence_ends_the_block_with_the_point_kept_and_nothing_evaluated(new_rig):
    lab = Lab(new_rig(Breaks()), "steps", 8, evaluations=2)
    with pytest.raises(Diverged, match="aux is not finite at step 3"):
        lab.train()
    assert [point["step"] for point in lab.watch.curve] == [2, 4]
    assert math.isnan(lab.watch.curve[-1]["loss"]["aux"])
    assert math.isfinite(lab.watch.curve[-1]["loss"]["ce"])
    assert lab.scored == []
    assert lab.watch.ledger.steps == 4
