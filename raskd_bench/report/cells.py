"""The cells of a table as they are printed: digits follow the uncertainty."""

import math
from collections.abc import Callable

from raskd_bench.report.chance import Chance, chance_of, difference_of
from raskd_bench.report.published import published_lines
from raskd_bench.report.spreads import SEEDS_ALONE, about, shown, spread, without
from raskd_bench.report.tables import Row, Table, describe
from raskd_bench.report.wording import several

RATIOS = "ratios are to {baseline}"
INDICATIVE = (
    "those of time compare trials that ran one after another: "
    "indicative, no evidence of an overhead or of its absence"
)
INDICATIVE_STEP = (
    "time is that of a training step, of trials that ran one after another: "
    "indicative, no evidence of an overhead or of its absence"
)
INTERVAL = "± and brackets are 95 % intervals"
LIKE_THESE = "what to expect on pictures like these"
SUFFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))
EXACT = 1e-9  # half-width of a ratio of counts
RANKED, DIFFERENCE, ON_THIS_SET = "top-1 %", "vs baseline pp", "on this test set %"
DIFFERENCE_HERE = "on this set pp"
SCORES = ("NLL", "ECE %")  # columns of which no Record has outcomes
NARROW = {"method": "method", "seeds": "seeds", RANKED: RANKED, DIFFERENCE: "diff pp",
          "step time": "time", "memory": "memory"}  # fmt: skip
WITHOUT_INTERVALS = ("step time", "memory")  # in the narrow table

Rows = list[dict[str, str]]


def rows_of(table: Table) -> Rows:
    """Return a table's cells as they are printed, column by column name."""
    return [_row(table, row) for row in table.rows]


def _row(table: Table, row: Row, short: bool = False) -> dict[str, str]:
    memory = memory_field(table)
    top1, difference = chance_of(row, "test_top1"), difference_of(table, row, "test_top1")
    return {
        "method": row.shown,
        "seeds": _seeds(row),
        RANKED: spread(top1, 100, short=short),
        DIFFERENCE: spread(difference, 100, sign=True, short=short),
        ON_THIS_SET: _here(top1),
        DIFFERENCE_HERE: _here(difference, sign=True),
        "NLL": spread(chance_of(row, "test_nll"), most=3),
        "ECE %": spread(chance_of(row, "test_ece"), 100),
        "step time": _ratio(table, row, "step_seconds", milliseconds),
        "train time": _ratio(table, row, "train_seconds", seconds),
        "memory": _ratio(table, row, memory, mebibytes),
        "step FLOPs": _ratio(table, row, "step_flops", count, places=4),
        "train FLOPs": _ratio(table, row, "train_flops", count),
        "images/step": _number(row.images_per_step()),
        "+params": _extra_params(row),
    }


def columns_of(table: Table, wide: bool) -> tuple[Rows, int]:
    """Return the cells that a reader is shown, and how many more columns there are.

    A column that is empty in every row is none. The narrow table is of six columns, and its
    ratios are without intervals.

    Args:
        table: of trials.
        wide: all columns.
    """
    rows = [_row(table, row, short=not wide) for row in table.rows]
    filled = [name for name in rows[0] if name == "method" or any(row[name] for row in rows)]
    if wide:
        return [{name: row[name] for name in filled} for row in rows], 0
    kept = [name for name in filled if name in NARROW]
    cut = [{NARROW[name]: _cut(name, row[name]) for name in kept} for row in rows]
    return cut, len(filled) - len(kept)


def _cut(name: str, text: str) -> str:
    """Return a cell of the narrow table: of a ratio of costs without its interval."""
    return text.partition(" ± ")[0] if name in WITHOUT_INTERVALS else text


def _here(found: Chance | None, sign: bool = False) -> str:
    """Return a score with its interval on this very test set, where the other one is known."""
    if found is None or found.why or found.num_seeds < 2:
        return ""
    return spread(found, 100, sign=sign, this_set=True)


def title_of(table: Table) -> str:
    """Return suite, conditions and machine."""
    return f"{table.suite}: {describe(table)} ({table.machine})"


def notes_of(table: Table, wide: bool = True) -> list[str]:
    """Return the table's own notes and published numbers, with a star, and what columns mean.

    Args:
        table: of trials.
        wide: as for `columns_of`.
    """
    starred = (*table.notes, *about_scores(table), *published_lines(table))
    more = columns_of(table, wide)[1]
    hidden = [f"{several(more, 'more column')}, and intervals of ratios: --wide"] if more else []
    return [*(f"* {note}" for note in starred), *meanings(table, wide), *hidden]


def about_scores(table: Table) -> list[str]:
    """Return what a reader must know of the intervals of the ranked metric."""
    found = ((row.shown, chance_of(row, "test_top1")) for row in table.rows)
    return list(about([(name, score) for name, score in found if score is not None]))


def meanings(table: Table, wide: bool = True) -> list[str]:
    """Return what a table's columns mean."""
    kind = "GPU memory allocated by torch" if on_gpu(table) else (
        "resident memory of the process and its workers, torch's own included")  # fmt: skip
    costs = [f"memory is the peak {kind}"]
    costs += ["FLOPs are those of matrix products and convolutions"] if wide else []
    lines = [plus_minus(table, wide), "; ".join(costs)]
    if table.baseline is None:
        return list(filter(None, lines))
    ratios = RATIOS.format(baseline=table.baseline.shown)
    timed = table.baseline.interval("step_seconds").num_values > 0
    indicative = INDICATIVE if wide else INDICATIVE_STEP
    return list(filter(None, [f"{ratios}; {indicative}" if timed else ratios, *lines]))


def plus_minus(table: Table, wide: bool = True) -> str:
    """Return what an interval is of; empty where no score has one."""
    found = [score for row in table.rows if (score := chance_of(row, "test_top1")) is not None]
    found = [score for score in found if not without(score)]
    if not any(not score.why for score in found):
        return f"{INTERVAL} over {SEEDS_ALONE}" if found else ""
    text = f"{INTERVAL} over seeds and test pictures: {LIKE_THESE}"
    if not wide:
        return f"{text}; on this very test set: {SEEDS_ALONE}, --wide"
    return f"{text}; on this very test set: {SEEDS_ALONE}; of {', '.join(SCORES)}: {SEEDS_ALONE}"


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


def memory_field(table: Table) -> str:
    """Return the Record's field that a table's memory is of."""
    return "peak_allocated_bytes" if on_gpu(table) else "peak_host_bytes"


def on_gpu(table: Table) -> bool:
    """Whether a trial was trained on a GPU."""
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
