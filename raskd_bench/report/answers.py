"""What a report begins with: one line a question, in the words of the rules that answer it."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from raskd_bench.report.alone import unfit
from raskd_bench.report.chance import Chance, difference_of
from raskd_bench.report.contents import Contents
from raskd_bench.report.describe import named
from raskd_bench.report.overhead_tables import OverheadRow, OverheadTable
from raskd_bench.report.sentences import found_in_words
from raskd_bench.report.spreads import SEEDS_ALONE, known, without
from raskd_bench.report.tables import Row, Table
from raskd_bench.report.verdicts import ClaimVerdict
from raskd_bench.report.wording import percent, relative, several
from raskd_bench.stats import decimals

OF_INTEREST = "ras_kd"  # where the suite's name says nothing else
MOST_METHODS = 3  # that have a line each
INDICATIVE = "indicative: one after another"


@dataclass(frozen=True)
class Said:
    """An answer.

    Attributes:
        text: one line.
        verdict: of a claim, a key of `findings.OUTCOMES`; None where nothing was claimed.
    """

    text: str
    verdict: str | None = None


def answers(contents: Contents) -> list[Said]:
    """Return what a report says of the questions that its suites ask.

    A suite with claims asks those. Any other asks what a method costs and what it gains, which is
    the method that the suite is called after, or RAS-KD, or each of a few.

    Args:
        contents: of the report.
    """
    claimed = {campaign.suite for campaign, _ in contents.verdicts}
    several_suites = len(claimed) > 1
    said = [claim_answer(verdict, campaign.suite if several_suites else "")
            for campaign, verdict in contents.verdicts]  # fmt: skip
    asked = [table for table in contents.trials
             if table.suite not in claimed and len(table.rows) > 1]  # fmt: skip
    for table, place in zip(asked, _places(asked), strict=True):
        said += [Said(place + line) for line in table_answers(table, contents.overheads)]
    timed = [
        table
        for table in contents.overheads
        if table.campaign.suite not in {*claimed, *(found.suite for found in asked)}
    ]
    for overhead in timed:
        place = f"{overhead.title.partition(':')[0]}: " if len(timed) > 1 or said else ""
        said += [Said(f"{place}{row.name}: {paired_time(row)}") for row in overhead.rows]
    return said


def claim_answer(verdict: ClaimVerdict, suite: str = "") -> Said:
    """Return verdict, the claim in the suite's words, and the numbers.

    Args:
        verdict: of a claim.
        suite: that it is of, where there are several.
    """
    numbers = numbers_of(verdict)
    text = f"{verdict.claim.say}: {numbers}" if numbers else verdict.claim.say
    return Said(f"{suite}: {text}" if suite else text, verdict.verdict.value)


def numbers_of(verdict: ClaimVerdict) -> str:
    """Return what was found in the cell that decides a claim, or why nothing was."""
    cell, count = verdict.deciding, len(verdict.cells)
    found = "; ".join(cell.reasons) if cell.found is None else found_in_words(cell.found)
    return f"{found}; the worst of {count} cells" if count > 1 else found


def table_answers(table: Table, overheads: Sequence[OverheadTable]) -> Iterator[str]:
    """Yield a line for each method that a table is about, or one line for all of many.

    Args:
        table: of trials.
        overheads: of campaigns, of which one may have timed its methods in pairs.
    """
    if table.baseline is None:
        return
    others = [row for row in table.rows if row is not table.baseline]
    chosen = of_interest(table.suite, others)
    if not chosen and len(others) > MOST_METHODS:
        yield _summary(table, others)
        return
    chosen = chosen or others
    lines = [f"{row.shown}: {accuracy(table, row)}; {time(table, row, overheads)}"
             for row in chosen]  # fmt: skip
    left = len(others) - len(chosen)
    if left:
        lines[-1] += f"; {several(left, 'other method')} in the table"
    yield from lines


def of_interest(suite: str, rows: Sequence[Row]) -> list[Row]:
    """Return the rows that a suite is called after, else those of RAS-KD; none of many.

    Args:
        suite: its name.
        rows: of its table, without the baseline.
    """
    name = _plain(suite)
    fitting = {row.shown: max(_fit(row.label, name), _fit(row.records[-1].method, name))
               for row in rows}  # fmt: skip
    longest = max(fitting.values(), default=0)
    if longest:
        return [row for row in rows if fitting[row.shown] == longest][:MOST_METHODS]
    own = [row for row in rows if row.records[-1].method == OF_INTEREST]
    return own[:MOST_METHODS]


def accuracy(table: Table, row: Row) -> str:
    """Return `accuracy +0.3 pp (-0.5 to +1.1), undecided at 3 seeds x 359 pictures`."""
    if not row.done:
        return "no trial finished"
    found = difference_of(table, row, "test_top1")
    if found is None:
        return "accuracy: no seed in common with the baseline"
    if why := without(found):
        return f"accuracy {100 * found.mean:+z.2f} pp ({why})"
    low, high = 100 * found.low, 100 * found.high
    places = decimals((high - low) / 2, 2)
    bounds = f"{low:+z.{places}f} to {high:+z.{places}f}"
    sizes = several(found.num_seeds, "seed")
    if found.num_examples is None:
        bounds += f"; {SEEDS_ALONE}"
    else:
        sizes += f" x {found.num_examples:,} pictures"
    return f"accuracy {100 * found.mean:+z.{places}f} pp ({bounds}), {_ranked(found)} at {sizes}"


def time(table: Table, row: Row, overheads: Sequence[OverheadTable]) -> str:
    """Return the time of a step, paired where a campaign measured it."""
    paired = paired_row(table, row, overheads)
    if paired is not None and math.isfinite(paired.decision.found.value):
        return paired_time(paired)
    ratio = table.ratio(row, "step_seconds")
    if ratio is not None:
        return f"step time x{ratio.mean:.3g}, {INDICATIVE}"
    sides = (*row.done, *(table.baseline.done if table.baseline else ()))
    why = next(filter(None, map(unfit, sides)), "not measured of both")
    return f"no step time ({why})"


def paired_time(row: OverheadRow) -> str:
    """Return `step time +0.7 % (-0.4 to +1.9), within 2 %: supported`."""
    value, low, high = (100 * relative(x) for x in row.decision.found[:3])
    margin = f"within {percent(row.decision.margin, '')}: {row.verdict.value}"
    if not math.isfinite(value):
        return f"no step time ({'; '.join(row.decision.reasons) or 'not measured'})"
    if not known(low, high):
        return f"step time {value:+.2g} % (no interval), {margin}"
    places = decimals((high - low) / 2, 2)
    point, lower, upper = (f"{x:+z.{places}f}" for x in (value, low, high))
    return f"step time {point} % ({lower} to {upper}), {margin}"


def paired_row(table: Table, row: Row, overheads: Sequence[OverheadTable]) -> OverheadRow | None:
    """Return what a campaign measured of a table's method in the table's cell; None without.

    Args:
        table: of trials.
        row: of it.
        overheads: of campaigns; what is held equal in a compute-mode one comes first.
    """
    found = [(overhead.group.header.mode != "compute", paired) for overhead in overheads
             if _same_cell(table, overhead) for paired in overhead.rows
             if _same_method(row, paired)]  # fmt: skip
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _same_cell(table: Table, overhead: OverheadTable) -> bool:
    campaign, header = overhead.campaign, overhead.group.header
    if (campaign.suite, campaign.machine) != (table.suite, table.machine):
        return False
    if table.baseline is None or header.baseline != table.baseline.label:
        return False
    values = ((table.conditions.get(axis), value) for axis, value in header.cell.items())
    return all((own["name"] if isinstance(own, dict) else own) == value for own, value in values)


def _same_method(row: Row, paired: OverheadRow) -> bool:
    header, latest = paired.comparison.header, row.records[-1]
    return (header.label, header.method_digest, header.hparams) == (
        row.label, latest.method_digest, latest.hparams)  # fmt: skip


def _summary(table: Table, rows: Sequence[Row]) -> str:
    """Return how many of many methods are better and worse than the baseline."""
    found = [score for row in rows if (score := difference_of(table, row, "test_top1")) is not None]
    counts = dict.fromkeys(("higher", "lower", "undecided"), 0)
    for score in found:
        counts[_ranked(score)] += 1
    told = ", ".join(f"{count} {word}" for word, count in counts.items())
    baseline = table.baseline.shown if table.baseline is not None else ""
    return (f"{several(len(rows), 'method')} against {baseline}: accuracy of {told}, each for "
            "itself at 95 %")  # fmt: skip


def _ranked(found: Chance) -> str:
    if without(found):
        return "undecided"
    return "higher" if found.low > 0 else "lower" if found.high < 0 else "undecided"


def _places(tables: Sequence[Table]) -> list[str]:
    """Return what tells each of several tables from the others; nothing for one."""
    asked = [(table.suite, named(table.conditions["data"]), named(table.conditions["student"]),
              str(table.conditions["precision"]), table.machine) for table in tables]  # fmt: skip
    suites = [parts[0] for parts in asked]
    if len(tables) < 2 or len(set(suites)) == len(suites):
        return [f"{suite}: " if len(tables) > 1 else "" for suite in suites]
    telling = [k for k in range(5) if len({parts[k] for parts in asked}) > 1]
    return ["".join([", ".join(parts[k] for k in telling), ": "]) if telling else ""
            for parts in asked]  # fmt: skip


def _fit(name: str, suite: str) -> int:
    """Return how many characters of a suite's name are a method's; 0 if it is not in it."""
    own = _plain(name)
    return len(own) if own and f"_{own}_" in f"_{suite}_" else 0


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
