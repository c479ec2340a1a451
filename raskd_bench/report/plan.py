"""The table of a plan."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from rich.console import Group, RenderableType
from rich.text import Text

from raskd_bench.report.cells import count
from raskd_bench.report.describe import budget_of, describe_conditions, named
from raskd_bench.report.grid import Grid
from raskd_bench.spec import Plan, Suite

HEAD = ("method", "trials", "steps", "params", "+params", "forward MMACs", "step FLOPs",
        "x baseline", "train FLOPs", "images/step", "state")  # fmt: skip
MEANING = (
    "nothing was run. Forward: multiply-adds of one image, by fvcore. FLOPs: those of matrix "
    "products and convolutions, forward and backward, of a step and of a trial's training."
)


class Predicted(Protocol):
    """A prediction, as `predict` makes it."""

    @property
    def plan(self) -> Plan: ...
    @property
    def seeds(self) -> int: ...
    @property
    def infer_params(self) -> int: ...
    @property
    def extra_params(self) -> int: ...
    @property
    def forward_macs(self) -> int: ...
    @property
    def step_flops(self) -> int: ...
    @property
    def images_per_step(self) -> int: ...
    @property
    def state_bytes(self) -> int: ...
    @property
    def steps(self) -> int | None: ...
    @property
    def train_flops(self) -> int | None: ...
    @property
    def preparation_flops(self) -> int | None: ...


def plan_tables(suite: Suite, predictions: Sequence[Predicted]) -> RenderableType:
    """Return one table a cell: a row a method, its step's FLOPs as a ratio to the baseline."""
    cells: dict[str, list[Predicted]] = {}
    for prediction in predictions:
        cells.setdefault(prediction.plan.trial.cell, []).append(prediction)
    trials = _many(sum(prediction.seeds for prediction in predictions), "trial")
    summary = f"{trials} in {_many(len(cells), 'cell')}{_total(predictions)}; {MEANING}"
    return Group(*(_table(suite, rows) for rows in cells.values()), Text(summary, style="dim"))


def _total(predictions: Sequence[Predicted]) -> str:
    """Return the FLOPs of all trials, those of a teacher that several learn from counted once."""
    own = 0
    teachers: dict[str, int] = {}
    for row in predictions:
        if row.train_flops is None or row.preparation_flops is None:
            return ""
        own += row.seeds * (row.train_flops - row.preparation_flops)
        if row.plan.trial.teacher is not None:
            key = row.plan.trial.teacher_trial.id
            teachers[key] = max(teachers.get(key, 0), row.seeds * row.preparation_flops)
    return f", {count(own + sum(teachers.values()))}FLOPs in all"


def _table(suite: Suite, rows: Sequence[Predicted]) -> Grid:
    conditions = describe_conditions(rows[0].plan.trial.model_dump(mode="json"))
    base = next((r.step_flops for r in rows if r.plan.label == suite.baseline_label), None)
    cells = [
        (
            row.plan.label,
            str(row.seeds),
            "?" if row.steps is None else f"{row.steps:,}",
            f"{row.infer_params:,}",
            f"{row.extra_params:,}",
            f"{row.forward_macs / 1e6:,.1f}",
            count(row.step_flops),
            f"{row.step_flops / base:.4f}" if base else "",
            "?" if row.train_flops is None else count(row.train_flops),
            f"{row.images_per_step:,}",
            f"{row.state_bytes:,} B",
        )
        for row in rows
    ]
    return Grid(f"{suite.name}: {conditions}", HEAD, cells, list(_teachers(rows)))


def _teachers(rows: Sequence[Predicted]) -> Iterator[str]:
    """Yield what is trained before a teacher-based method."""
    for row in rows:
        teacher = row.plan.trial.teacher
        if teacher is not None:
            budget = budget_of((teacher.budget or row.plan.trial.budget).model_dump())
            flops = row.preparation_flops
            cost = "" if flops is None else f": {count(flops)}FLOPs, part of train FLOPs"
            student = named(teacher.student.model_dump(mode="json"))
            yield f"* {row.plan.label}: a teacher ({student}, {budget}) is trained first{cost}"


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
