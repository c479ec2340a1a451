"""A table of trials as LaTeX: accuracy with its interval, cost as a ratio to the baseline."""

import math
from collections.abc import Callable, Iterator

from raskd_bench.record import Record
from raskd_bench.report.cells import (
    EXACT,
    count,
    meanings,
    mebibytes,
    milliseconds,
    title_of,
)
from raskd_bench.report.latex_tables import Line, Marks, Sheet, slug
from raskd_bench.report.latex_text import escaped, number
from raskd_bench.report.notes import failures, footnotes
from raskd_bench.report.published import published_lines
from raskd_bench.report.tables import Row, Table
from raskd_bench.report.unequal import unequal, unequal_notes
from raskd_bench.stats import Interval

HEAD = ("method", "seeds", r"top-1 (\%)", r"\(\Delta\) (pp)", "NLL", r"ECE (\%)", "step time",
        "memory", "step FLOPs", "train FLOPs")  # fmt: skip
UNEQUAL = r"\dag"
NUMBERS = (
    "in brackets: half-width of the 95 % Student-t interval over seeds, in units of the last digit"
)
BOLD = "bold: better than {baseline}, as the interval of the difference paired by seed supports"
PLUS_MINUS = "± is a 95 % Student-t interval over seeds; "  # which brackets replace here
MOST_REASON = 80  # characters of why a trial failed


def trials_sheet(table: Table, place: int) -> Sheet:
    """Return a table of trials.

    Args:
        table: of one cell.
        place: of the table in the report, from 0: part of the name that a paper refers to.
    """
    marks = Marks()
    lines = [line for row in table.rows for line in _lines(table, row, marks)]
    return Sheet(
        escaped(title_of(table)), slug(table.suite, table.machine, str(place + 1)), HEAD, lines,
        [*marks.notes(), *_notes(table)],
    )  # fmt: skip


def better(difference: Interval | None, sign: int = 1) -> bool:
    """Whether a paired interval supports that a method is better than the baseline.

    Args:
        difference: method less baseline.
        sign: -1 where less is better.
    """
    if difference is None or not math.isfinite(difference.half):
        return False
    return sign * difference.mean - difference.half > 0


def _lines(table: Table, row: Row, marks: Marks) -> Iterator[Line]:
    name = escaped(row.shown) + marks.of(row.records[-1].footnote)
    if unequal(row, table.baseline):
        name += rf"\tnote{{{UNEQUAL}}}"
    yield Line(name, _cells(table, row))
    for result in row.records:
        if not result.finished:
            yield Line(rf"\quad seed {result.seed}", remark=escaped(_ending(result)))


def _cells(table: Table, row: Row) -> list[str]:
    done, total = len(row.done), len(row.records)
    memory = "peak_allocated_bytes" if _on_gpu(table) else "peak_host_bytes"
    higher = better(table.difference(row, "test_top1"))
    return [
        f"{{{done}}}" if done == total else f"{{{done} of {total}}}",
        _bold(number(row.interval("test_top1"), 100), higher),
        _bold(number(table.difference(row, "test_top1"), 100, sign=True), higher),
        _score(table, row, "test_nll", 1, 3),
        _score(table, row, "test_ece", 100, 2),
        _ratio(table, row, "step_seconds", milliseconds),
        _ratio(table, row, memory, mebibytes),
        _ratio(table, row, "step_flops", count, places=4),
        _ratio(table, row, "train_flops", count),
    ]


def _score(table: Table, row: Row, name: str, scale: float, most: int) -> str:
    """Return a score of which less is better."""
    return _bold(number(row.interval(name), scale, most), better(table.difference(row, name), -1))


def _ratio(table: Table, row: Row, name: str, unit: Callable[[float], str], places: int = 3) -> str:
    """Return the baseline's amount with its unit, and the others' ratios to it."""
    if row is table.baseline or table.baseline is None:
        amount = row.interval(name)
        return f"{{{_amount(unit(amount.mean))}}}" if amount.num_values else ""
    found = table.ratio(row, name)
    if found is None:
        return ""
    if found.half < EXACT:
        return f"{found.mean:.{places}f}"
    if found.half > found.mean:  # nothing is known but that little is
        return rf"{{{found.mean:.3g}, over \(\pm 100\)\,\%}}"
    return number(found, most=places)


def _amount(text: str) -> str:
    return escaped(text).replace(" ", "~")


def _bold(cell: str, wanted: bool) -> str:
    return rf"\bfseries {cell}" if wanted and cell else cell


def _notes(table: Table) -> Iterator[tuple[str, str]]:
    """Yield what stands below the table; what has a mark or a line of its own is left out."""
    other = list(unequal_notes(table.rows, table.baseline))
    elsewhere = {*other, *footnotes(table.rows), *failures(table.rows)}
    yield from ((UNEQUAL, escaped(note)) for note in other)
    notes = [note for note in table.notes if note not in elsewhere]
    yield from (("", escaped(note)) for note in (*notes, *published_lines(table)))
    yield "", escaped(NUMBERS)
    if table.baseline is not None:
        yield "", escaped(BOLD.format(baseline=table.baseline.shown))
    yield from (("", escaped(text.removeprefix(PLUS_MINUS))) for text in meanings(table))


def _ending(result: Record) -> str:
    reason = (result.error or "").partition("\n")[0]
    short = reason if len(reason) <= MOST_REASON else f"{reason[:MOST_REASON]}…"
    return f"{result.status}: {short}" if short else result.status


def _on_gpu(table: Table) -> bool:
    return any(result.peak_allocated_bytes is not None for row in table.rows for result in row.done)
