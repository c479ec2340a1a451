"""A table of trials as LaTeX: accuracy with its interval, cost as a ratio to the baseline."""

from collections.abc import Callable, Iterator

from raskd_bench.record import Record
from raskd_bench.report.cells import (
    EXACT,
    about_scores,
    count,
    meanings,
    mebibytes,
    memory_field,
    milliseconds,
    title_of,
)
from raskd_bench.report.chance import Chance, chance_of, difference_of
from raskd_bench.report.latex_tables import Line, Marks, Sheet, slug
from raskd_bench.report.latex_text import escaped, number, score
from raskd_bench.report.notes import failures, footnotes
from raskd_bench.report.published import published_lines
from raskd_bench.report.spreads import without
from raskd_bench.report.tables import Row, Table
from raskd_bench.report.unequal import unequal, unequal_notes

HEAD = ("method", "seeds", r"top-1 (\%)", r"\(\Delta\) (pp)", "NLL", r"ECE (\%)", "step time",
        "memory", "step FLOPs", "train FLOPs")  # fmt: skip
UNEQUAL = r"\dag"
NUMBERS = "in brackets: half-width of the interval, in units of the last digit"
BOLD = "bold: better than {baseline}, as the interval of the difference paired by seed supports"
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


def better(difference: Chance | None, sign: int = 1) -> bool:
    """Whether a paired interval supports that a method is better than the baseline.

    Args:
        difference: method less baseline.
        sign: -1 where less is better.
    """
    if difference is None or without(difference):
        return False
    return difference.low > 0 if sign > 0 else difference.high < 0


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
    memory, difference = memory_field(table), difference_of(table, row, "test_top1")
    higher = better(difference)
    return [
        f"{{{done}}}" if done == total else f"{{{done} of {total}}}",
        _bold(score(chance_of(row, "test_top1"), 100), higher),
        _bold(score(difference, 100, sign=True), higher),
        _score(table, row, "test_nll", 1, 3),
        _score(table, row, "test_ece", 100, 2),
        _ratio(table, row, "step_seconds", milliseconds),
        _ratio(table, row, memory, mebibytes),
        _ratio(table, row, "step_flops", count, places=4),
        _ratio(table, row, "train_flops", count),
    ]


def _score(table: Table, row: Row, name: str, scale: float, most: int) -> str:
    """Return a score of which less is better."""
    less = better(difference_of(table, row, name), -1)
    return _bold(score(chance_of(row, name), scale, most), less)


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
    if not wanted or not cell:
        return cell
    return rf"{{\bfseries {cell[1:]}" if cell.startswith("{") else rf"\bfseries {cell}"


def _notes(table: Table) -> Iterator[tuple[str, str]]:
    """Yield what stands below the table; what has a mark or a line of its own is left out."""
    other = list(unequal_notes(table.rows, table.baseline))
    elsewhere = {*other, *footnotes(table.rows), *failures(table.rows)}
    yield from ((UNEQUAL, escaped(note)) for note in other)
    notes = [note for note in table.notes if note not in elsewhere]
    notes += [*about_scores(table), *published_lines(table)]
    yield from (("", escaped(note)) for note in notes)
    yield "", escaped(NUMBERS)
    if table.baseline is not None:
        yield "", escaped(BOLD.format(baseline=table.baseline.shown))
    yield from (("", escaped(text)) for text in meanings(table))


def _ending(result: Record) -> str:
    reason = (result.error or "").partition("\n")[0]
    short = reason if len(reason) <= MOST_REASON else f"{reason[:MOST_REASON]}…"
    return f"{result.status}: {short}" if short else result.status
