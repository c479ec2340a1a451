"""From what lies on disk to what the page shows: pure data, in the page's order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from raskd_bench.errors import RequestError
from raskd_bench.record import Record
from raskd_bench.report.answers import answers
from raskd_bench.report.campaigns import Campaign, find_campaigns
from raskd_bench.report.cells import title_of
from raskd_bench.report.collect import REMEDY, find_record_files, resolved
from raskd_bench.report.contents import Contents
from raskd_bench.report.overhead_tables import OverheadTable, campaign_notes, overhead_tables
from raskd_bench.report.page.anchors import Anchors
from raskd_bench.report.page.appendix import block_entries, machines, recipes, record_groups
from raskd_bench.report.page.charts import Drawing, bars, calibration, forest
from raskd_bench.report.page.claimed import claim_parts, control_parts
from raskd_bench.report.page.curves import curves, points_for
from raskd_bench.report.page.parts import Page, Sheet
from raskd_bench.report.page.sheets import (
    calibration_sheet,
    equal_seconds_sheet,
    ledger_sheet,
    main_sheet,
    overhead_sheet,
    phase_sheet,
)
from raskd_bench.report.paired import paired_pictures
from raskd_bench.report.tables import Table, tables


@dataclass(frozen=True)
class Found:
    """What was read.

    Attributes:
        records: by their files.
        campaigns: beside them.
        tables: of the Records.
        overheads: tables of the campaigns.
        refused: why some Records make no table.
    """

    records: Mapping[Path, Record]
    campaigns: Sequence[Campaign]
    tables: Sequence[Table]
    overheads: Sequence[OverheadTable]
    refused: Sequence[str] = field(default=())


def read(places: Sequence[Path], refused: list[str]) -> Found:
    """Return what lies in some places.

    Args:
        places: folders and files.
        refused: is given the reason of each table of trials that cannot be made.

    Raises:
        RequestError: a place does not exist, or holds neither Records nor a campaign.
        RecordError: a Record cannot be read.
    """
    campaigns = find_campaigns(places)
    records = find_record_files(places)
    if not records and not campaigns:
        raise RequestError(f"{', '.join(map(str, places))}: no Records there; {REMEDY}")
    made = tables(records.values(), refused)
    return Found(
        _with_those_of_claims(records, campaigns), campaigns, made, overhead_tables(campaigns),
        tuple(refused),
    )  # fmt: skip


def _with_those_of_claims(
    records: Mapping[Path, Record], campaigns: Sequence[Campaign]
) -> dict[Path, Record]:
    """Add the Records that claims may rest on though no table was asked for."""
    known = set(resolved(records))
    beside = {path: record for campaign in campaigns if campaign.latest is not None
              for path, record in campaign.trials.records.items()
              if path.resolve() not in known}  # fmt: skip
    return {**records, **beside}


def content(found: Found) -> Page:
    """Return what the page shows."""
    files = [item.path for campaign in found.campaigns for item in campaign.comparisons]
    anchors = Anchors(found.records, found.tables, files)
    suites = sorted({record.suite for record in found.records.values()}
                    | {campaign.suite for campaign in found.campaigns})  # fmt: skip
    notes = [note for campaign in found.campaigns for note in campaign_notes(campaign)]
    return Page(
        title=f"raskd-bench: {', '.join(suites)}",
        problems=(*found.refused, *notes),
        answers=tuple(
            said.text
            for said in answers(Contents(found.tables, found.campaigns))
            if said.verdict is None
        ),
        claims=claim_parts(found.campaigns, anchors),
        controls=control_parts(found.overheads),
        sheets=_sheets(found, anchors),
        drawings=drawings(found),
        machines=machines(found.records.values(), found.campaigns),
        recipes=recipes(found.records.values(), found.campaigns),
        groups=record_groups(found.tables, found.records, anchors),
        block_files=block_entries(found.campaigns, anchors),
    )


def _sheets(found: Found, anchors: Anchors) -> dict[str, list[Sheet]]:
    equal = [equal_seconds_sheet(table, anchors) for table in found.tables]
    made = {
        "main": [main_sheet(table, anchors) for table in found.tables],
        "overhead": [overhead_sheet(table, anchors) for table in found.overheads],
        "equal_seconds": [sheet for sheet in equal if sheet is not None],
        "ledger": [ledger_sheet(table, anchors) for table in found.tables],
        "calibration": [calibration_sheet(table, anchors) for table in found.tables],
        "phases": [phase_sheet(table, anchors) for table in found.tables],
    }
    return {name: [sheet for sheet in sheets if len(sheet.head) > 1]
            for name, sheets in made.items()}  # fmt: skip


def drawings(found: Found) -> dict[str, list[Drawing]]:
    """Return the pictures by section; a table that has none is left out."""
    most = points_for(found.tables)
    titled = [(title_of(table), table) for table in found.tables]
    made = {
        "pareto": [Drawing(title, paired_pictures(table, found.overheads))
                   for title, table in titled],
        "forest": [Drawing(table.title, (forest(table),)) for table in found.overheads],
        "curves": [Drawing(title, curves(table, most)) for title, table in titled],
        "calibration": [Drawing(title, (chart,)) for title, table in titled
                        if (chart := calibration(table)).lines],
        "phases": [Drawing(title, (phases,)) for title, table in titled
                   if (phases := bars(table)).labels],
    }  # fmt: skip
    return {name: [item for item in items if item.charts] for name, items in made.items()}
