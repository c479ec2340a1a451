"""What a reader of a table must know of the data: which they are, and what chance would give."""

from collections.abc import Iterator, Sequence
from statistics import fmean

from raskd_bench.record import Record
from raskd_bench.report.notes import RowLike
from raskd_bench.same_data import digest_in, is_fixed


def data_notes(rows: Sequence[RowLike], records: Sequence[Record]) -> Iterator[str]:
    """Yield the data in a line, what is peculiar about them, and rows that are not above chance.

    Args:
        rows: of a table.
        records: of its rows, all on the same data.
    """
    known = [result for result in records if result.data is not None]
    if known:
        facts = max(known, key=lambda result: result.started).data
        assert facts is not None
        yield f"data: {facts.line}"
        yield from (f"data: {note}" for note in facts.notes)
        if facts.basis is not None:
            yield f"data: told apart by {facts.basis}"
        yield from _not_above_chance(rows, facts.largest_class)
    unknown = [r for r in records if digest_in(r) is None and not is_fixed(r)]
    if unknown:
        yield "data not recorded: whether these Records are of the same pictures is not known"


def _not_above_chance(rows: Sequence[RowLike], share: float) -> Iterator[str]:
    for row in rows:
        scores = [result.test_top1 for result in row.done if result.test_top1 is not None]
        if scores and fmean(scores) <= share:
            yield (f"{row.shown}: top-1 {100 * fmean(scores):.1f} % is not above the share of the "
                   f"largest class, {100 * share:.2g} %")  # fmt: skip
