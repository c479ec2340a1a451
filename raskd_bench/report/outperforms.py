"""The sentence of a claim to outperform several methods, with those that stand in the way."""

from collections.abc import Sequence

from raskd_bench.report.verdicts import Answer, CellVerdict, ClaimVerdict
from raskd_bench.report.wording import bounds, scaled, several

ENDS = {Answer.supported: "that it outperforms all of them is supported",
        Answer.refuted: "that it outperforms all of them is refuted"}  # fmt: skip
LEFT = "that it outperforms all of them is not decided"
KINDS = (
    (Answer.inconclusive, "not decided against"),
    (Answer.refuted, "outperformed by"),
    (Answer.unmeasured, "not measured against"),
    (Answer.invalid, "invalid against"),
)


def outperforms(verdict: ClaimVerdict) -> str:
    """Return `ras_kd outperforms 1 of 4 methods ...; not decided against byot (...); ...`."""
    cells = verdict.cells
    places = {str(cell.case.cell) for cell in cells}
    place = next((cell.place for cell in cells if cell.place), cells[0].where)
    won = [cell for cell in cells if cell.verdict is Answer.supported]
    noun = several(len(cells), "method" if len(places) == 1 else "comparison")
    where = f"on {place}" if len(places) == 1 else f"in {several(len(places), 'cell')}"
    parts = [f"{verdict.claim.method} outperforms {len(won)} of {noun} in "
             f"{cells[0].case.metric.title} {where}{_listed(': ', won, len(places))}"]  # fmt: skip
    for answer, words in KINDS:
        alike = [cell for cell in cells if cell.verdict is answer]
        if alike:
            parts.append(f"{words}{_listed(' ', alike, len(places))}")
    tests = "; ".join(filter(None, (next((c.test for c in cells if c.test), ""), verdict.family)))
    return "; ".join(
        [*parts, f"{ENDS.get(verdict.verdict, LEFT)}{f' ({tests})' if tests else ''}."]
    )


def _listed(before: str, cells: Sequence[CellVerdict], places: int) -> str:
    """Return `: byot (+0.8 pp, +0.2 to +1.4), ...`; empty of none."""
    return before + ", ".join(_member(cell, places > 1) for cell in cells) if cells else ""


def _member(cell: CellVerdict, tell_place: bool) -> str:
    name = f"{cell.case.against} on {cell.where}" if tell_place else cell.case.against
    found = cell.found
    if found is None:
        return name
    inside = bounds(found.low, found.high, found.unit)
    return f"{name} ({scaled(found.value, found.high - found.low, found.unit)}, {inside})"
