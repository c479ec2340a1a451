"""What changed between two sets of results, for a terminal, as markdown or json."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from raskd_bench.report.alone import beside_others
from raskd_bench.report.cells import EXACT
from raskd_bench.report.compare import Compared
from raskd_bench.report.compare_campaigns import OverheadPair, StepPair
from raskd_bench.report.compare_trials import RowPair, TablePair
from raskd_bench.report.describe import describe_conditions, machine_of, place_of
from raskd_bench.report.formats import escaped
from raskd_bench.report.grid import Grid, plain
from raskd_bench.report.overhead_tables import OverheadRow, OverheadTable
from raskd_bench.report.spreads import shown
from raskd_bench.stats import Interval

HEAD = ("method", "seeds", "top-1 % first", "top-1 % second", "top-1 pp", "NLL", "ECE pp",
        "step FLOPs", "train FLOPs", "train params", "state", "step time", "memory")  # fmt: skip
COUNTS = ("step_flops", "train_flops", "train_params", "state_bytes")
SCORES = ("test_top1", "test_nll", "test_ece")
MEANING = (
    "differences are second less first, paired by seed, ± a 95 % Student-t interval; ratios are "
    "second to first, counts are exact"
)
INDICATIVE = (
    "step time and peak memory are of trials that ran at different times: indicative, no evidence"
)
STEP_MEANING = "counted costs of one step, exact: there is no tolerance"
PAIRED_MEANING = "each ratio is to the baseline of its own set, timed in pairs on its own host"
UNMEASURED = ["", "", "not measured"]


def terminal(made: Compared) -> Group:
    """Return it for a terminal."""
    head = Text(plain(_title(made)), style="bold")
    lines = [Padding(Text(plain(line)), (0, 0, 0, 2), expand=False) for line in _opening(made)]
    return Group(head, *lines, Text(""), *_grids(made))


def markdown(made: Compared) -> str:
    """Return it as GitHub markdown."""
    parts = ["\n".join([f"**{escaped(_title(made))}**", "", *_bullets(list(_opening(made))), ""])]
    return "\n".join([*parts, *map(_grid_in_markdown, _grids(made))])


def as_json(made: Compared) -> str:
    """Return it with raw numbers."""
    content = {
        "schema": 1,
        "first": str(made.before.place),
        "second": str(made.after.place),
        "changed": list(made.changed),
        "refused": made.refused,
        "alone": list(made.alone),
        "cells": [_raw(pair) for pair in made.cells],
        "overhead": [_raw_overhead(pair) for pair in made.overheads],
        "steps": [_raw_step(pair) for pair in made.steps],
    }
    return json.dumps(content, indent=1, allow_nan=False)


FORMATS: dict[str, Callable[[Compared], Any]] = {
    "table": terminal, "markdown": markdown, "json": as_json,
}  # fmt: skip


def _title(made: Compared) -> str:
    return f"from {made.before.place} to {made.after.place}"


def _opening(made: Compared) -> Iterator[str]:
    yield from made.changed or ["commits, machines and versions are the same"]
    yield from (f"not compared: {reason}" for reason in made.refused)
    yield from made.alone


def _grids(made: Compared) -> list[Grid]:
    cells = [_trials(pair) for pair in made.cells if not pair.refused]
    steps: dict[str, list[StepPair]] = {}
    for pair in made.steps:
        if not pair.refused:
            title = f"{pair.suite}: counted steps on {place_of(pair.cell, None)}"
            steps.setdefault(title, []).append(pair)
    return [*cells, *map(_overhead, made.overheads),
            *(_steps(title, pairs) for title, pairs in steps.items())]  # fmt: skip


def _trials(pair: TablePair) -> Grid:
    before, after = pair.before, pair.after
    machine = before.machine if before.machine == after.machine else (
        f"{before.machine} -> {after.machine}")  # fmt: skip
    title = f"{before.suite}: {describe_conditions(before.conditions)} ({machine})"
    memory = _memory(pair)
    rows = [_row(row, None if pair.times_refused else memory) for row in pair.rows]
    records = [r for row in pair.rows for side in (row.before, row.after) for r in side.done]
    notes = [*(f"* setting {line}" for line in pair.settings),
             *(f"* {line}" for line in beside_others(records)),
             *(f"* {row.before.shown}: {change}" for row in pair.rows for change in row.changed),
             *(f"* {line}" for line in pair.alone)]  # fmt: skip
    times = f"step time and memory are not compared: {pair.times_refused}"
    return Grid(title, HEAD, rows, [*notes, MEANING, times if pair.times_refused else INDICATIVE])


def _row(row: RowPair, memory: str | None) -> list[str]:
    top1, nll, ece = (row.difference(name) for name in SCORES)
    return [
        row.before.shown,
        str(top1.num_values) if top1 else "0",
        *(shown(side.interval("test_top1"), 100) for side in (row.before, row.after)),
        shown(top1, 100, sign=True),
        shown(nll, most=3, sign=True),
        shown(ece, 100, sign=True),
        *(_count(row.counted(name)) for name in COUNTS),
        *(_ratio(row.ratio(name)) if memory else ""
          for name in ("step_seconds", memory or "")),
    ]  # fmt: skip


def _count(pair: tuple[int, int] | None) -> str:
    if pair is None:
        return ""
    before, after = pair
    if before == after:
        return "same"
    return f"x{after / before:.4f}" if before else f"0 -> {after:,}"


def _ratio(found: Interval | None) -> str:
    if found is None:
        return ""
    return f"x{found.mean:.3f}" if found.half < EXACT else f"x{shown(found, most=3)}"


def _memory(pair: TablePair) -> str:
    done = [result for row in pair.rows for result in row.before.done]
    on_gpu = any(result.peak_allocated_bytes is not None for result in done)
    return "peak_allocated_bytes" if on_gpu else "peak_host_bytes"


def _overhead(pair: OverheadPair) -> Grid:
    header = pair.before.group.header
    title = (f"{pair.before.campaign.suite}: step time against {header.baseline} on "
             f"{place_of(header.cell, None, header.mode)}")  # fmt: skip
    head = ["method", *(f"{name} {which}" for which in ("first", "second")
                        for name in ("step time", "interval", "verdict"))]  # fmt: skip
    first, second = _cells(pair.before), _cells(pair.after)
    rows = [[name, *first.get(name, UNMEASURED), *second.get(name, UNMEASURED)]
            for name, _, _ in pair.rows]  # fmt: skip
    machines = [machine_of(table.group.header.machine) for table in (pair.before, pair.after)]
    where = f"first on {machines[0]}, second on {machines[1]}"
    changed = [f"* {name}: code of the method {a} -> {b}" for name, a, b in _digests(pair)]
    return Grid(title, head, rows, [*changed, where, PAIRED_MEANING])


def _cells(table: OverheadTable) -> dict[str, list[str]]:
    """Return ratio, interval and verdict as they are printed, by name."""
    return {row[0]: row[1:4] for row in table.cells()[1:]}


def _digests(pair: OverheadPair) -> Iterator[tuple[str, str, str]]:
    for name, before, after in pair.rows:
        if before is not None and after is not None:
            first, second = (row.comparison.header.method_digest for row in (before, after))
            if first != second:
                yield name, first[:6], second[:6]


def _steps(title: str, pairs: Sequence[StepPair]) -> Grid:
    rows = [[pair.label, pair.found.sentence if pair.found else "the same"] for pair in pairs]
    lines = [f"  {pair.label}: {line}" for pair in pairs if pair.found
             for line in pair.found.detail]  # fmt: skip
    return Grid(title, ("method", "what changed"), rows, [*lines, STEP_MEANING])


def _grid_in_markdown(grid: Grid) -> str:
    lines = [f"**{escaped(grid.title)}**", "", f"| {' | '.join(grid.head)} |"]
    lines.append("|" + "|".join(["---", *["--:"] * (len(grid.head) - 1)]) + "|")
    lines += [f"| {' | '.join(map(escaped, row))} |" for row in grid.rows]
    return "\n".join([*lines, "", *_bullets(grid.notes), ""])


def _bullets(lines: Sequence[str]) -> list[str]:
    return [f"- {escaped(line.strip())}" for line in lines]


def _raw(pair: TablePair) -> dict[str, Any]:
    return {
        "suite": pair.before.suite,
        "machines": [pair.before.machine, pair.after.machine],
        "conditions": pair.before.conditions,
        "settings": list(pair.settings),
        "refused": pair.refused,
        "times_refused": pair.times_refused,
        "rows": [] if pair.refused else [_raw_row(pair, row) for row in pair.rows],
        "alone": list(pair.alone),
    }


def _raw_row(pair: TablePair, row: RowPair) -> dict[str, Any]:
    times = () if pair.times_refused else ("step_seconds", "train_seconds", _memory(pair))
    return (
        {"label": row.before.shown, "changed": list(row.changed)}
        | {f"{name}_difference": _interval(row.difference(name)) for name in SCORES}
        | {name: row.counted(name) for name in COUNTS}
        | {f"{name}_ratio": _interval(row.ratio(name)) for name in times}
    )


def _interval(found: Interval | None) -> dict[str, float | int | None] | None:
    if found is None:
        return None
    half = found.half if math.isfinite(found.half) else None
    return {"mean": found.mean, "half_width_95": half, "count": found.num_values}


def _raw_overhead(pair: OverheadPair) -> dict[str, Any]:
    header = pair.before.group.header
    rows = [{"label": name, "first": _raw_paired(before), "second": _raw_paired(after)}
            for name, before, after in pair.rows]  # fmt: skip
    return {"suite": pair.before.campaign.suite, "cell": header.cell, "mode": header.mode,
            "baseline": header.baseline, "rows": rows}  # fmt: skip


def _raw_paired(row: OverheadRow | None) -> dict[str, Any] | None:
    if row is None:
        return None
    value, low, high = (x if math.isfinite(x) else None for x in row.decision.found[:3])
    return {"log_ratio": value, "low": low, "high": high, "verdict": row.verdict.value}


def _raw_step(pair: StepPair) -> dict[str, Any]:
    found = pair.found
    return {"suite": pair.suite, "cell": pair.cell, "label": pair.label, "refused": pair.refused,
            "changes": {c.name: [c.before, c.after] for c in found.changes} if found else {},
            "operations": {n: [a, b] for n, a, b in found.operations} if found else {}}  # fmt: skip
