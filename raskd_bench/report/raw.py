"""Tables with raw numbers, for programs: units are in the names, nothing is rounded."""

import json
import math
from collections.abc import Sequence
from typing import Any

from raskd_bench.report.cells import about_scores, meanings
from raskd_bench.report.chance import Chance, chance_of, difference_of
from raskd_bench.report.published import WHY_RECIPES_DIFFER, Entry, published_for, shipped
from raskd_bench.report.spreads import basis
from raskd_bench.report.tables import Row, Table, describe
from raskd_bench.stats import Interval

ACCURACIES = ("test_top1", "test_top5", "test_nll", "test_ece", "test_aurc", "best_epoch_top1",
              "val_selected_top1")  # fmt: skip
DIFFERENCES = ACCURACIES[:5]
COSTS = ("step_seconds", "train_seconds", "peak_allocated_bytes", "peak_host_bytes",
         "energy_joules", "step_flops", "train_flops")  # fmt: skip
COUNTS = ("train_params", "infer_params", "state_bytes")  # the same for every seed
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n")


def as_json(tables: Sequence[Table]) -> str:
    """Return the tables with raw numbers."""
    content = {"schema": 1, "tables": [_raw(table) for table in tables]}
    return json.dumps(content, indent=1, allow_nan=False)


def csv(tables: Sequence[Table]) -> str:
    """Return one line a method, raw numbers with units in the column names.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    lines = [_flat(table, row) for table in tables for row in table.rows]
    import pandas as pd  # half a second: only for this format

    # objects, so that counts stay whole where a row lacks them
    return str(pd.DataFrame(lines, dtype=object).to_csv(index=False, lineterminator="\n"))


def _raw(table: Table) -> dict[str, Any]:
    published = _published(table)
    why = [WHY_RECIPES_DIFFER] if published else []
    return {
        "suite": table.suite,
        "machine": table.machine,
        "conditions": table.conditions,
        "notes": [*table.notes, *about_scores(table), *meanings(table), *why],
        "rows": [
            _facts(table, row)
            | {
                name: _interval(found, _score(table, row, name))
                for name, found in _intervals(table, row).items()
            }
            for row in table.rows
        ],
        "published": published,
    }


def _published(table: Table) -> list[dict[str, Any]]:
    """Return what others report of a table's methods on its data and student, not measured here."""
    return [
        {"label": row.shown} | _reported(entry)
        for row in table.rows
        for entry in published_for(table.conditions, row.records[-1].method)
    ]


def _reported(entry: Entry) -> dict[str, Any]:
    """Return a published number as its source gives it: in percent."""
    return {
        "method": entry.method,
        "data": entry.data,
        "student": entry.student,
        "recipe": shipped().recipes[entry.recipe],
        "top1_percent": entry.top1,
        "baseline_top1_percent": entry.baseline_top1,
        "source": entry.source,
        "read_from": entry.tag,
        "baseline_read_from": None
        if entry.baseline_top1 is None
        else (entry.baseline_tag or entry.tag),
    }


def _flat(table: Table, row: Row) -> dict[str, Any]:
    flat = {
        key: harmless(json.dumps(value) if isinstance(value, dict | list) else value)
        for key, value in _facts(table, row).items()
    }
    for name, found in _intervals(table, row).items():
        flat[name] = found and finite(found.mean)
        flat[f"{name}_half_width_95"] = found and finite(found.half)
    for name in (*ACCURACIES, *(f"{name}_difference" for name in DIFFERENCES)):
        score = _score(table, row, name)
        flat |= {f"{name}_{key}": value for key, value in _chances(score).items()}
    return flat


def _facts(table: Table, row: Row) -> dict[str, Any]:
    latest, first = row.records[-1], next(iter(row.done), None)
    return {
        "suite": table.suite,
        "machine": table.machine,
        "conditions": describe(table),
        "label": row.shown,
        "method": latest.method,
        "hparams": latest.hparams,
        "baseline": row is table.baseline,
        "seeds": [result.seed for result in row.done],
        "failed": [{"seed": r.seed, "status": r.status} for r in row.records if not r.finished],
        "trials": [result.trial for result in row.records],
        "images_per_step": row.images_per_step(),
        "jobs": [result.jobs or 1 for result in row.done],
    } | {name: getattr(first, name, None) for name in COUNTS}


def _intervals(table: Table, row: Row) -> dict[str, Interval | None]:
    return (
        {name: row.measured(name) for name in (*ACCURACIES, *COSTS)}
        | {f"{name}_difference": table.difference(row, name) for name in DIFFERENCES}
        | {f"{name}_ratio": table.ratio(row, name) for name in COSTS}
    )


def _score(table: Table, row: Row, name: str) -> Chance | None:
    """Return an accuracy, or a difference of accuracies, by its column; None for a cost."""
    if name in ACCURACIES:
        return chance_of(row, name)
    field = name.removesuffix("_difference")
    return difference_of(table, row, field) if field in DIFFERENCES else None


def _interval(interval: Interval | None, score: Chance | None) -> dict[str, Any] | None:
    if interval is None or interval.num_values == 0:
        return None
    mean, half = finite(interval.mean), finite(interval.half)
    found: dict[str, Any] = {"mean": mean, "half_width_95": half, "count": interval.num_values}
    return found | _chances(score) if score is not None else found


def _chances(score: Chance | None) -> dict[str, Any]:
    """Return the interval of a score over all sources of chance that are known.

    `half_width_95` beside it is that of seeds alone.
    """
    if score is None:
        return dict.fromkeys(("low", "high", "confidence", "seeds", "examples", "basis"))
    return {
        "low": finite(score.low), "high": finite(score.high), "confidence": score.confidence,
        "seeds": score.num_seeds, "examples": score.num_examples, "basis": basis(score),
    }  # fmt: skip


def finite(value: float) -> float | None:
    """Return the value, or None for NaN and infinity, which JSON lacks."""
    return value if math.isfinite(value) else None


def harmless(value: Any) -> Any:
    """Return a text as a spreadsheet takes it for one, and any other value as it is."""
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")  # which the writer would not quote
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
