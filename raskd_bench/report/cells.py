"""The cells of a table as they are printed: digits follow the uncertainty."""

import math
from collections.abc import Callable

from raskd_bench.report.published import published_lines
from raskd_bench.report.tables import Row, Table, describe
from raskd_bench.stats import Interval, decimals

RATIOS = "ratios are to {baseline}"
INDICATIVE = (
    "those of time compare trials that ran one after another: "
    "indicative, no evidence of an overhead or of its absence"
)
SUFFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))
EXACT = 1e-9  # half-width of a ratio of counts


def shown(interval: Interval | None, scale: float = 1.0, most: int = 2, sign: bool = False) -> str:
    """Return `78.3 ± 0.4`, with the digits that the interval supports; empty for None."""
    if interval is None or interval.num_values == 0 or not math.isfinite(interval.mean):
        return ""
    half = interval.half * scale
    places = decimals(half, most)
    plus = "+" if sign else ""
    mean = f"{interval.mean * scale:{plus}z.{places}f}"
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
            "step FLOPs": _ratio(table, row, "step_flops", count, places=4),
            "train FLOPs": _ratio(table, row, "train_flops", count),
            "images/step": _number(row.images_per_step()),
            "+params": _extra_params(row),
        }
        for row in table.rows
    ]


def title_of(table: Table) -> str:
    """Return suite, conditions and machine."""
    return f"{table.suite}: {describe(table)} ({table.machine})"


def notes_of(table: Table) -> list[str]:
    """Return the table's own notes and published numbers, with a star, and what columns mean."""
    starred = (*table.notes, *published_lines(table))
    return [*(f"* {note}" for note in starred), *meanings(table)]


def meanings(table: Table) -> list[str]:
    """Return what a table's columns mean."""
    kind = "GPU memory allocated by torch" if _on_gpu(table) else (
        "resident memory of the process and its workers, torch's own included")  # fmt: skip
    meaning = (f"± is a 95 % Student-t interval over seeds; memory is the peak {kind}; FLOPs are "
               "those of matrix products and convolutions")  # fmt: skip
    if table.baseline is None:
        return [meaning]
    ratios = RATIOS.format(baseline=table.baseline.shown)
    timed = table.baseline.interval("step_seconds").num_values > 0
    return [f"{ratios}; {INDICATIVE}" if timed else ratios, meaning]


def milliseconds(seconds: float) -> str:
    """Return seconds in milliseconds."""
    return f"{_digits(seconds * 1e3)} ms"


def seconds(value: float) -> str:
    """Return seconds as they are."""
    return f"{_digits(value)} s"


def mebibytes(value: float) -> str:
    """Return bytes in MiB."""
    return f"{value / 2**20:,.0f} MiB"


def count(value: float) -> str:
    """Return a large count with a suffix: `78.3 G`."""
    for size, suffix in SUFFIXES:
        if value >= size:
            return f"{_digits(value / size)} {suffix}"
    return f"{value:,.0f}"


def _digits(value: float) -> str:
    """Return three significant digits, or all before the point."""
    if value <= 0:
        return f"{value:.0f}"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(value)))}f}"


def _on_gpu(table: Table) -> bool:
    return any(result.peak_allocated_bytes is not None for row in table.rows for result in row.done)


def _seeds(row: Row) -> str:
    done, total = len(row.done), len(row.records)
    return str(done) if done == total else f"{done} of {total}"


def _ratio(table: Table, row: Row, name: str, unit: Callable[[float], str], places: int = 3) -> str:
    """Return the baseline's amount with its unit, and the others' ratios to it."""
    if row is table.baseline or table.baseline is None:
        amount = row.interval(name)
        return unit(amount.mean) if amount.num_values else ""
    found = table.ratio(row, name)
    if found is None:
        return ""
    if found.half < EXACT:
        return f"x{found.mean:.{places}f}"
    if found.half > found.mean:  # nothing is known but that little is
        return f"x{_digits(found.mean)} ± >100 %"
    return f"x{shown(found, most=places)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _extra_params(row: Row) -> str:
    first = next(iter(row.done), None)
    if first is None or first.train_params is None or first.infer_params is None:
        return ""
    return f"{first.train_params - first.infer_params:,}"
