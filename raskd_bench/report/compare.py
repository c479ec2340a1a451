"""Two sets of results: what belongs together, what may be compared, and what changed."""

from dataclasses import dataclass
from pathlib import Path

from raskd_bench.errors import RequestError
from raskd_bench.record import Record
from raskd_bench.report.campaigns import Campaign, find_campaigns
from raskd_bench.report.collect import REMEDY, find_records
from raskd_bench.report.compare_campaigns import (
    OverheadPair,
    StepPair,
    overhead_pairs,
    step_pairs,
)
from raskd_bench.report.compare_trials import TablePair, table_pairs
from raskd_bench.report.provenance import changed_between
from raskd_bench.report.tables import Table, tables


@dataclass(frozen=True)
class ResultSet:
    """What lies in one place.

    Attributes:
        place: folder or file.
        records: of trials.
        tables: of them.
        campaigns: with their blocks and counted steps.
        refused: tables that cannot be made, and why.
    """

    place: Path
    records: tuple[Record, ...]
    tables: tuple[Table, ...]
    campaigns: tuple[Campaign, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True)
class Compared:
    """Everything that two sets have to do with each other.

    Attributes:
        before: the first set.
        after: the second.
        changed: commits, machines, versions.
        cells: of trials.
        overheads: of campaigns.
        steps: counted ones.
        alone: cells that are in one set only, in words.
    """

    before: ResultSet
    after: ResultSet
    changed: tuple[str, ...]
    cells: tuple[TablePair, ...]
    overheads: tuple[OverheadPair, ...]
    steps: tuple[StepPair, ...]
    alone: tuple[str, ...]

    @property
    def refused(self) -> list[str]:
        """Why parts cannot be compared."""
        reasons = [*self.before.refused, *self.after.refused]
        reasons += [pair.refused for pair in self.cells if pair.refused]
        return [*reasons, *dict.fromkeys(pair.refused for pair in self.steps if pair.refused)]


def compare(before: Path, after: Path) -> Compared:
    """Return what two sets of results have to do with each other.

    Raises:
        RequestError: a place does not exist or is empty, or nothing in the two is comparable.
        RecordError: a Record cannot be read.
    """
    first, second = read_set(before), read_set(after)
    cells, alone = table_pairs(first.tables, second.tables)
    made = Compared(
        first, second,
        tuple(changed_between(first.records, first.campaigns, second.records, second.campaigns)),
        tuple(cells), tuple(overhead_pairs(first.campaigns, second.campaigns)),
        tuple(step_pairs(first.campaigns, second.campaigns)), tuple(alone),
    )  # fmt: skip
    refusals = [*(pair.refused for pair in cells), *(pair.refused for pair in made.steps)]
    if all(refusals) and not made.overheads:
        reasons = "; ".join(made.refused) or "they have no suite and cell in common"
        raise RequestError(f"{before} and {after} are not comparable: {reasons}")
    return made


def read_set(place: Path) -> ResultSet:
    """Return what lies in one place.

    Raises:
        RequestError: it does not exist, or holds neither Records nor a campaign.
        RecordError: a Record cannot be read.
    """
    records, campaigns = find_records([place]), find_campaigns([place])
    if not records and not campaigns:
        raise RequestError(f"{place}: no Records there; {REMEDY}")
    refused: list[str] = []
    made = tables(records, refused)
    return ResultSet(place, tuple(records), tuple(made), tuple(campaigns), tuple(refused))
