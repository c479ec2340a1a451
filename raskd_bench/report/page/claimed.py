"""Claims and controls as the page shows them: verdict, interval, sentence, and the files."""

from collections.abc import Iterator, Sequence
from itertools import count

from raskd_bench.report.answers import numbers_of
from raskd_bench.report.campaigns import Campaign
from raskd_bench.report.claims import judged_claims
from raskd_bench.report.overhead_tables import OverheadTable
from raskd_bench.report.page.anchors import Anchors
from raskd_bench.report.page.parts import Cell, ClaimCell, ClaimPart, ControlPart
from raskd_bench.report.sentences import found_in_words, what_is_claimed
from raskd_bench.report.verdicts import Answer, CellVerdict, ClaimVerdict, claims_of


def claim_parts(campaigns: Sequence[Campaign], anchors: Anchors) -> tuple[ClaimPart, ...]:
    """Return the claims of the plans registered last; a plan that cannot be read is one too."""
    numbers = count(1)
    return tuple(part for campaign in campaigns for part in _parts(campaign, anchors, numbers))


def _parts(campaign: Campaign, anchors: Anchors, numbers: "count[int]") -> Iterator[ClaimPart]:
    faults = list(campaign.wrong_plans)
    if campaign.latest is not None:
        faults += claims_of(campaign.latest)[1]
    for text in faults:
        yield ClaimPart(_place(next(numbers)), f"{campaign.suite}: plan", "invalid", text)
    for verdict in judged_claims(campaign):
        yield _part(campaign, verdict, anchors, next(numbers))


def _place(number: int) -> str:
    return f"claim-{number}"


def _part(campaign: Campaign, verdict: ClaimVerdict, anchors: Anchors, number: int) -> ClaimPart:
    files = dict.fromkeys(path for cell in verdict.cells for path in cell.evidence)
    notes = dict.fromkeys(cell.footnote for cell in verdict.cells if cell.footnote)
    return ClaimPart(
        _place(number),
        f"{campaign.suite}: {verdict.claim.id}",
        verdict.verdict.value,
        verdict.claim.say,
        numbers_of(verdict),
        what_is_claimed(verdict.claim),
        tuple(map(_cell, verdict.cells)),
        tuple(Cell(str(path), anchors.file(path)) for path in files),
        tuple(f"{verdict.claim.method}: {note}" for note in notes),
    )


def _cell(cell: CellVerdict) -> ClaimCell:
    axes = ", ".join(str(value) for axis, value in cell.case.cell.items() if axis != "compile")
    standing = cell.standing if cell.found is not None else None
    lines = cell.reasons if cell.verdict is not Answer.unmeasured else (
        *cell.reasons, *cell.case.campaign.problems)  # fmt: skip
    return ClaimCell(
        cell.place or axes,
        cell.verdict.value,
        "" if cell.found is None else found_in_words(cell.found),
        "" if standing is None else "confirmatory" if standing.confirmatory else "exploratory",
        cell.test,
        (*lines, *(standing.lines if standing is not None else ())),
    )


def control_parts(tables: Sequence[OverheadTable]) -> tuple[ControlPart, ...]:
    """Return what the controls of each cell and mode found."""
    return tuple(
        ControlPart(table.title, table.controls.fault is None, tuple(table.controls.lines()))
        for table in tables
    )
