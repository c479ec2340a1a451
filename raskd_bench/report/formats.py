"""Tables as text: for a terminal, as markdown, csv or json."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from raskd_bench.report.stats import Interval, decimals
from raskd_bench.report.tables import Row, Table, describe

INDICATIVE = (
    "ratios are to {baseline}; those of time compare trials that ran one after another: "
    "indicative, no evidence of an overhead or of its absence"
)


def shown(interval: Interval | None, scale: float = 1.0, most: int = 2, sign: bool = False) -> str:
    """Return `78.3 ± 0.4`, with the digits that the interval supports; empty for None."""
    if interval is None or interval.num_values == 0 or not math.isfinite(interval.mean):
        return ""
    half = interval.half * scale
    places = decimals(half, most)
    plus = "+" if sign else ""
    mean = f"{interval.mean * scale:{plus}.{places}f}"
    return f"{mean} ± {half:.{places}f}" if math.isfinite(half) else mean


def rows_of(table: Table) -> list[dict[str, str]]:
    """Return a table's cells as they are printed, column by column name."""
    memory = "peak_allocated_bytes" if _on_gpu(table) else "peak_host_bytes"
    return [
        {
            "method": row.shown,
            "seeds": _seeds(row),
            "top-1 %": shown(row.interval("test_top1"), 100),
            "vs baseline pp": shown(table.difference(row, "test_top1"), 100, sign=True),
            "NLL": shown(row.interval("test_nll"), most=3),
            "ECE %": shown(row.interval("test_ece"), 100),
            "step time": _ratio(table, row, "step_seconds", milliseconds),
            "train time": _ratio(table, row, "train_seconds", seconds),
            "memory": _ratio(table, row, memory, mebibytes),
            "step FLOPs": _ratio(table, row, "step_flops", giga, places=4),
            "images/step": _number(row.images_per_step()),
            "+params": _extra_params(row),
        }
        for row in table.rows
    ]


def terminal(tables: Sequence[Table]) -> RenderableType:
    """Return the tables for a terminal."""
    parts: list[RenderableType] = []
    for table in tables:
        rows = rows_of(table)
        grid = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left",
                         title=Text(_title(table), style="bold"))  # fmt: skip
        for name in rows[0]:
            grid.add_column(name, justify="left" if name == "method" else "right",
                            no_wrap=name != "method")  # fmt: skip
        for row in rows:
            grid.add_row(*(Text(cell) for cell in row.values()))
        notes = [Text(f"  {note}", style="dim") for note in _notes(table)]
        parts += [grid, *notes, Text("")]
    return Group(*parts)


def markdown(tables: Sequence[Table]) -> str:
    """Return the tables as GitHub markdown."""
    parts = []
    for table in tables:
        rows = rows_of(table)
        head = list(rows[0])
        lines = [f"**{_escaped(_title(table))}**", "", f"| {' | '.join(head)} |"]
        lines.append("|" + "|".join(["---", *["--:"] * (len(head) - 1)]) + "|")
        lines += [f"| {' | '.join(map(_escaped, row.values()))} |" for row in rows]
        lines += ["", *(f"- {_escaped(note)}" for note in _notes(table)), ""]
        parts.append("\n".join(lines))
    return "\n".join(parts)


def csv(tables: Sequence[Table]) -> str:
    """Return one line a method, raw numbers with units in the column names."""
    import pandas as pd

    frame = pd.DataFrame([_flat(row) for table in tables for row in _raw(table)["rows"]])
    return frame.to_csv(index=False)


def as_json(tables: Sequence[Table]) -> str:
    """Return the tables with raw numbers."""
    return json.dumps({"schema": 1, "tables": [_raw(table) for table in tables]}, indent=1)


FORMATS: dict[str, Callable[[Sequence[Table]], Any]] = {
    "table": terminal, "markdown": markdown, "csv": csv, "json": as_json,
}  # fmt: skip


def milliseconds(seconds: float) -> str:
    """Return seconds in milliseconds."""
    return f"{seconds * 1e3:.3g} ms"


def seconds(value: float) -> str:
    """Return seconds as they are."""
    return f"{value:.3g} s"


def mebibytes(value: float) -> str:
    """Return bytes in MiB."""
    return f"{value / 2**20:.0f} MiB"


def giga(value: float) -> str:
    """Return a count in units of 10^9."""
    return f"{value / 1e9:.3g} G"


def _title(table: Table) -> str:
    return f"{table.suite}: {describe(table)} ({table.machine})"


def _notes(table: Table) -> list[str]:
    notes = [f"* {note}" for note in table.notes]
    if table.baseline is not None:
        notes.append(INDICATIVE.format(baseline=table.baseline.label))
    kind = "GPU memory allocated by torch" if _on_gpu(table) else (
        "resident memory of the process, torch's own included")  # fmt: skip
    notes.append(f"± is a 95 % Student-t interval over seeds; memory is the peak {kind}; FLOPs are "
                 "those of matrix products and convolutions")  # fmt: skip
    return notes


def _on_gpu(table: Table) -> bool:
    return any(result.peak_allocated_bytes is not None for row in table.rows for result in row.done)


def _seeds(row: Row) -> str:
    done, total = len(row.done), len(row.records)
    return str(done) if done == total else f"{done} of {total}"


def _ratio(table: Table, row: Row, name: str, unit: Callable[[float], str], places: int = 3) -> str:
    """Return the baseline's amount with its unit, and the others' ratios to it."""
    if row is table.baseline or table.baseline is None:
        values = [_value(result, name) for result in row.done]
        known = [value for value in values if value is not None]
        return unit(sum(known) / len(known)) if known else ""
    found = table.ratio(row, name)
    if found is None:
        return ""
    if found.half < 1e-9:  # exact counts
        return f"x{found.mean:.{places}f}"
    return f"x{shown(found, most=places)}"


def _value(result: Any, name: str) -> float | None:
    value = getattr(result, name)
    return value.get("p50") if isinstance(value, dict) else value


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _extra_params(row: Row) -> str:
    first = next(iter(row.done), None)
    if first is None or first.train_params is None or first.infer_params is None:
        return ""
    return f"{first.train_params - first.infer_params:,}"


def _raw(table: Table) -> dict[str, Any]:
    accuracies = ("test_top1", "test_top5", "test_nll", "test_ece", "test_aurc",
                  "best_epoch_top1", "val_selected_top1")  # fmt: skip
    costs = ("step_seconds", "train_seconds", "peak_allocated_bytes", "peak_host_bytes",
             "energy_joules", "step_flops", "train_flops")  # fmt: skip
    rows = [
        {
            "suite": table.suite, "machine": table.machine, "conditions": describe(table),
            "label": row.shown, "method": row.records[0].method,
            "hparams": row.records[0].hparams, "baseline": row is table.baseline,
            "seeds": [result.seed for result in row.done],
            "failed": [{"seed": r.seed, "status": r.status} for r in row.records if not r.finished],
            "images_per_step": row.images_per_step(),
            "train_params": row.interval("train_params").mean,
            "infer_params": row.interval("infer_params").mean,
            "state_bytes": row.interval("state_bytes").mean,
            "trials": [result.trial for result in row.records],
        }
        | {name: _interval(row.interval(name)) for name in accuracies}
        | {f"{name}_difference": _interval(table.difference(row, name)) for name in accuracies[:4]}
        | {f"{name}_ratio": _interval(table.ratio(row, name)) for name in costs}
        for row in table.rows
    ]  # fmt: skip
    clean: dict[str, Any] = json.loads(json.dumps(
        {"suite": table.suite, "machine": table.machine, "conditions": table.conditions,
         "notes": _notes(table), "rows": rows}), parse_constant=lambda _: None)  # fmt: skip
    return clean


def _interval(interval: Interval | None) -> dict[str, float | int] | None:
    if interval is None or interval.num_values == 0:
        return None
    return {"mean": interval.mean, "half_width_95": interval.half, "count": interval.num_values}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict) and "half_width_95" in value:
            flat |= {key: value["mean"], f"{key}_half_width_95": value["half_width_95"]}
        elif isinstance(value, dict | list):
            flat[key] = json.dumps(value)
        else:
            flat[key] = value
    return flat


def _escaped(text: str) -> str:
    for character in "\\`*_<>|[]":
        text = text.replace(character, f"\\{character}")
    return text.replace("\n", " ")
