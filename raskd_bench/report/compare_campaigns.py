"""Campaigns of two sets of results side by side: paired ratios, and counted steps."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from raskd_bench.fingerprint.difference import Difference
from raskd_bench.fingerprint.difference import compare as compare_steps
from raskd_bench.report.campaigns import Campaign, CountedStep
from raskd_bench.report.overhead_tables import OverheadRow, OverheadTable, overhead_tables


@dataclass(frozen=True)
class OverheadPair:
    """One cell and mode in both sets: ratios to a baseline hold on any machine.

    Attributes:
        before: in the first set.
        after: in the second.
        rows: by name, in the first set and in the second.
    """

    before: OverheadTable
    after: OverheadTable
    rows: tuple[tuple[str, OverheadRow | None, OverheadRow | None], ...]


@dataclass(frozen=True)
class StepPair:
    """A method's counted step in both sets.

    Attributes:
        suite: its name.
        cell: value of each axis.
        label: of the method.
        found: what differs; None if nothing does, or if it is refused.
        refused: why the two cannot be compared, or None.
    """

    suite: str
    cell: dict[str, Any]
    label: str
    found: Difference | None
    refused: str | None


def overhead_pairs(before: Sequence[Campaign], after: Sequence[Campaign]) -> Iterator[OverheadPair]:
    """Yield the tables of paired timing that are in both sets.

    Of several machines the same one is preferred.
    """
    others = overhead_tables(after)
    for table in overhead_tables(before):
        alike = [other for other in others if _key(other) == _key(table)]
        if alike:
            same = [other for other in alike if other.campaign.machine == table.campaign.machine]
            other = (same or alike)[0]
            yield OverheadPair(table, other, tuple(_rows(table, other)))


def step_pairs(before: Sequence[Campaign], after: Sequence[Campaign]) -> Iterator[StepPair]:
    """Yield the counted steps that are in both sets."""
    for campaign in before:
        others = [other for other in after if other.suite == campaign.suite and other.counted]
        if campaign.counted and others:
            same = [other for other in others if other.machine == campaign.machine]
            yield from _steps(campaign, (same or others)[0])


def _key(table: OverheadTable) -> str:
    header = table.group.header
    return json.dumps([table.campaign.suite, header.cell, header.mode, header.baseline],
                      sort_keys=True)  # fmt: skip


def _rows(
    before: OverheadTable, after: OverheadTable
) -> Iterator[tuple[str, OverheadRow | None, OverheadRow | None]]:
    first, second = ({row.name: row for row in table.rows} for table in (before, after))
    for name in dict.fromkeys((*first, *second)):
        yield name, first.get(name), second.get(name)


def _steps(before: Campaign, after: Campaign) -> Iterator[StepPair]:
    partners = {_identity(row): row for row in after.counted}
    refused = None
    if before.torch != after.torch:
        refused = (f"{before.suite}: steps were counted under torch {before.torch} and "
                   f"{after.torch}, which make a step of other operations")  # fmt: skip
    for row in before.counted:
        other = partners.get(_identity(row))
        if other is not None:
            found = None if refused else compare_steps(row.fingerprint, other.fingerprint)
            yield StepPair(before.suite, row.cell, row.label, found, refused)


def _identity(row: CountedStep) -> str:
    return json.dumps([row.cell, row.label], sort_keys=True)
