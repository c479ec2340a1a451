"""The whole report in one format: tables of trials, then campaigns, then claims."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from raskd_bench.errors import RequestError
from raskd_bench.report.campaigns import Campaign, find_campaigns
from raskd_bench.report.claims import findings_of
from raskd_bench.report.collect import REMEDY, find_records
from raskd_bench.report.findings import Finding, remedies, tally
from raskd_bench.report.formats import FORMATS, escaped
from raskd_bench.report.grid import Grid, plain
from raskd_bench.report.latex import latex_report
from raskd_bench.report.overhead_tables import OverheadTable, campaign_notes, overhead_tables
from raskd_bench.report.raw import as_json
from raskd_bench.report.raw_overhead import (
    claims_as_csv,
    claims_as_json,
    tables_as_csv,
    tables_as_json,
)
from raskd_bench.report.tables import Table, tables

STYLES = {"green": "bold green", "red": "bold red"}  # any other outcome: yellow


@dataclass(frozen=True)
class Contents:
    """What a report is made of."""

    trials: list[Table]
    campaigns: list[Campaign]

    @property
    def overheads(self) -> list[OverheadTable]:
        """The tables of the campaigns."""
        return overhead_tables(self.campaigns)

    @property
    def claims(self) -> list[Finding]:
        """The claims of the campaigns' latest plans."""
        return [finding for campaign in self.campaigns for finding in findings_of(campaign)]

    @property
    def notes(self) -> list[str]:
        """What could not be read."""
        return [note for campaign in self.campaigns for note in campaign_notes(campaign)]


def whole_report(places: Sequence[Path], form: str, refused: list[str]) -> Any:
    """Return everything that lies in some places, as text or for a terminal.

    Args:
        places: folders and files.
        form: a key of FORMATS.
        refused: is given the reason of each table of trials that cannot be made.

    Raises:
        RequestError: a place does not exist, or holds neither Records nor a campaign.
        RecordError: a Record cannot be read.
    """
    records, campaigns = find_records(places), find_campaigns(places)
    if not records and not campaigns:
        raise RequestError(f"{', '.join(map(str, places))}: no Records there; {REMEDY}")
    trials = tables(records, refused)
    if not campaigns:
        return FORMATS[form](trials)
    return WHOLE[form](Contents(trials, campaigns))


def _terminal(contents: Contents) -> Group:
    parts: list[Any] = [FORMATS["table"](contents.trials)]
    for table in contents.overheads:
        lines = table.controls.lines()
        parts.append(Grid(table.title, table.head, table.cells(), table.notes, lines))
    claims = contents.claims
    if claims:
        parts.append(Text(f"claims: {tally(claims)}", style="bold"))
    for claim in claims:
        parts += _claim_for_a_terminal(claim)
    parts += [_indented(line, 2) for line in (*remedies(claims), *contents.notes)]
    return Group(*parts)


def _claim_for_a_terminal(claim: Finding) -> list[Text | Padding]:
    style = STYLES.get(claim.outcome.value, "bold yellow")
    head = Text.assemble((claim.verdict, style), plain(f": {claim.name}: {claim.sentence}"))
    return [head, *(_indented(line, 4) for line in claim.detail)]


def _indented(line: str, columns: int) -> Padding:
    """Return a line whose further lines are indented like its first."""
    own = len(line) - len(line.lstrip())
    return Padding(Text(plain(line.lstrip()), style="dim"), (0, 0, 0, columns + own), expand=False)


def _markdown(contents: Contents) -> str:
    parts = [FORMATS["markdown"](contents.trials)] if contents.trials else []
    parts += [_table_in_markdown(table) for table in contents.overheads]
    if claims := contents.claims:
        lines = [f"**claims: {tally(claims)}**", ""]
        for claim in claims:
            lines.append(f"- **{claim.verdict}**: {escaped(claim.name)}: {escaped(claim.sentence)}")
            lines += [f"  - {escaped(line.strip())}" for line in claim.detail]
        parts.append("\n".join([*lines, ""]))
    if contents.notes:
        parts.append("\n".join([*(f"- {escaped(note)}" for note in contents.notes), ""]))
    return "\n".join(parts)


def _table_in_markdown(table: OverheadTable) -> str:
    head = table.head
    lines = [f"**{escaped(table.title)}**", ""]
    lines += [f"- {escaped(line)}" for line in table.controls.lines()]
    lines += ["", f"| {' | '.join(head)} |"]
    lines.append("|" + "|".join(["---", *["--:"] * (len(head) - 1)]) + "|")
    lines += [f"| {' | '.join(map(escaped, row))} |" for row in table.cells()]
    return "\n".join([*lines, "", *(f"- {escaped(note)}" for note in table.notes), ""])


def _latex(contents: Contents) -> str:
    return latex_report(contents.trials, contents.overheads, contents.claims, contents.notes)


def _json(contents: Contents) -> str:
    content = json.loads(as_json(contents.trials))
    content["overhead"] = tables_as_json(contents.overheads)
    content["claims"] = claims_as_json(contents.campaigns)
    content["problems"] = contents.notes
    return json.dumps(content, indent=1, allow_nan=False)


def _csv(contents: Contents) -> str:
    """Return the three tables one below the other, an empty line between them."""
    parts = [FORMATS["csv"](contents.trials)] if contents.trials else []
    parts += [tables_as_csv(contents.overheads)] if any(t.rows for t in contents.overheads) else []
    claims = claims_as_csv(contents.campaigns)
    return "\n".join([*parts, *([claims] if claims.strip() else [])])


WHOLE: dict[str, Callable[[Contents], Any]] = {
    "table": _terminal, "markdown": _markdown, "latex": _latex, "csv": _csv, "json": _json,
}  # fmt: skip
