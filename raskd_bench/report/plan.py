"""The table of a plan."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from rich.console import Group, RenderableType
from rich.text import Text

from raskd_bench.fingerprint.model import Fingerprint
from raskd_bench.report.cells import count, mebibytes
from raskd_bench.report.describe import budget_of, describe_conditions, named
from raskd_bench.report.grid import Grid
from raskd_bench.spec import Plan, Suite

HEAD = ("method", "trials", "steps", "params", "+params", "forward MMACs", "step FLOPs",
        "x baseline", "train FLOPs", "images/step", "state")  # fmt: skip
MEANING = (
    "nothing was run. Forward: multiply-adds of one image, by fvcore. FLOPs: those of matrix "
    "products and convolutions, forward and backward, of a step and of a trial's training."
)

STEP: dict[str, tuple[str, Callable[[float], str]]] = {
    "operations": ("num_operations", count),
    "matmul FLOPs": ("matmul_flops", count),
    "other FLOPs": ("other_flops", count),
    "bytes moved": ("bytes_moved", mebibytes),
    "bytes saved": ("saved_bytes", mebibytes),
    "peak memory": ("peak_live_bytes", mebibytes),
}
STEP_MEANING = (
    "other FLOPs: element-wise operations and reductions. Bytes are those of tensors, as if no "
    "operation were fused; memory is the predicted peak of live tensors"
)


class Predicted(Protocol):
    """A prediction, as `predict` makes it."""

    @property
    def plan(self) -> Plan: ...
    @property
    def seeds(self) -> int: ...
    @property
    def fingerprint(self) -> Fingerprint: ...
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
    """Return two tables a cell: what is planned, and one training step by count.

    A row is a method; amounts of a step are ratios to the baseline's.
    """
    cells: dict[str, list[Predicted]] = {}
    for prediction in predictions:
        cells.setdefault(prediction.plan.trial.cell, []).append(prediction)
    trials = _many(sum(prediction.seeds for prediction in predictions), "trial")
    summary = f"{trials} in {_many(len(cells), 'cell')}{_total(predictions)}; {MEANING}"
    grids = [make(suite, rows) for rows in cells.values() for make in (_table, _step_table)]
    return Group(*grids, Text(summary, style="dim"))


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


def _step_table(suite: Suite, rows: Sequence[Predicted]) -> Grid:
    base = next((r.fingerprint for r in rows if r.plan.label == suite.baseline_label), None)
    ratio = f", ratio to {suite.baseline_label}" if base else ""
    cells = [
        (
            row.plan.label,
            *(_amount(row.fingerprint, base, *column) for column in STEP.values()),
            f"{row.fingerprint.synchronisations:,}",
            f"{row.fingerprint.copies:,}",
        )
        for row in rows
    ]
    head = ("method", *STEP, "waits", "copies")
    return Grid(f"one training step by count{ratio}", head, cells, [*_unknown(rows), STEP_MEANING])


def _amount(
    row: Fingerprint, base: Fingerprint | None, name: str, unit: Callable[[float], str]
) -> str:
    """Return the baseline's amount with its unit, and the others' ratios to it."""
    if base is None or row is base:
        return unit(getattr(row, name))
    whole = getattr(base, name)
    return f"x{getattr(row, name) / whole:.4f}" if whole else "?"


def _unknown(rows: Sequence[Predicted]) -> Iterator[str]:
    """Yield which operations are in a method's bytes but in none of its FLOPs."""
    for row in rows:
        names = row.fingerprint.unknown
        if names:
            yield f"* {row.plan.label}: no FLOPs are known of {', '.join(names)}"


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
