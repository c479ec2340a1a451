"""The table of a plan."""

from collections.abc import Sequence
from typing import Protocol

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from raskd_bench.report.tables import describe_conditions
from raskd_bench.spec import Plan, Suite


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


def plan_tables(suite: Suite, predictions: Sequence[Predicted]) -> RenderableType:
    """Return one table a cell: a row a method, its step's FLOPs as a ratio to the baseline."""
    cells: dict[str, list[Predicted]] = {}
    for prediction in predictions:
        cells.setdefault(prediction.plan.trial.cell, []).append(prediction)
    parts: list[RenderableType] = [_table(suite, rows) for rows in cells.values()]
    trials = sum(prediction.seeds for prediction in predictions)
    parts.append(Text(f"{trials} trials in {len(cells)} cells; nothing was run. Forward: multiply-"
                      "adds of one image, by fvcore. Step: FLOPs of matrix products and "
                      "convolutions, forward and backward.", style="dim"))  # fmt: skip
    return Group(*parts)


def _table(suite: Suite, rows: Sequence[Predicted]) -> Table:
    trial = rows[0].plan.trial
    described = describe_conditions(trial.model_dump(mode="json"))
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left",
                 title=Text(f"{suite.name}: {described}", style="bold"))  # fmt: skip
    grid.add_column("method")
    for name in ("trials", "steps", "params", "+params", "forward MMACs", "step GFLOPs",
                 "x baseline", "images/step", "state"):  # fmt: skip
        grid.add_column(name, justify="right", no_wrap=True)
    base = next((r.step_flops for r in rows if r.plan.label == suite.baseline_label), None)
    for row in rows:
        grid.add_row(
            Text(row.plan.label), str(row.seeds), "?" if row.steps is None else f"{row.steps:,}",
            f"{row.infer_params:,}", f"{row.extra_params:,}", f"{row.forward_macs / 1e6:,.1f}",
            f"{row.step_flops / 1e9:,.2f}", f"{row.step_flops / base:.4f}" if base else "",
            f"{row.images_per_step:,}", f"{row.state_bytes:,} B",
        )  # fmt: skip
    return grid
