"""The whole report in one format: answers, tables of trials, then campaigns, then claims."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from raskd_bench.errors import RequestError
from raskd_bench.report.answers import Said, answers
from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.collect import REMEDY, find_records
from raskd_bench.report.contents import Contents
from raskd_bench.report.findings import OUTCOMES, Finding, remedies, tally
from raskd_bench.report.formats import escaped, markdown, terminal
from raskd_bench.report.grid import Grid, plain
from raskd_bench.report.latex import latex_report
from raskd_bench.report.overhead_tables import OverheadTable
from raskd_bench.report.raw import as_json, csv
from raskd_bench.report.raw_overhead import (
    claims_as_csv,
    claims_as_json,
    tables_as_csv,
    tables_as_json,
)
from raskd_bench.report.tables import tables

STYLES = {"green": "bold green", "red": "bold red"}  # any other outcome: yellow


def whole_report(places: Sequence[Path], form: str, refused: list[str], wide: bool = False) -> Any:
    """Return everything that lies in some places, as text or for a terminal.

    Args:
        places: folders and files.
        form: a key of FORMATS.
        refused: is given the reason of each table of trials that cannot be made.
        wide: tables for people have all columns, not six; those for programs always have.

    Raises:
        RequestError: a place does not exist, or holds neither Records nor a campaign.
        RecordError: a Record cannot be read.
    """
    records, campaigns = find_records(places), find_campaigns(places)
    if not records and not campaigns:
        raise RequestError(f"{', '.join(map(str, places))}: no Records there; {REMEDY}")
    contents = Contents(tables(records, refused), campaigns)
    match form:
        case "table":
            return _terminal(contents, wide)
        case "markdown":
            return _markdown(contents, wide)
        case "latex":
            return latex_report(contents.trials, contents.overheads, contents.claims,
                                contents.notes)  # fmt: skip
        case "json":
            return _json(contents)
    return _csv(contents)


def _terminal(contents: Contents, wide: bool) -> Group:
    parts: list[Any] = [*map(_answer_for_a_terminal, answers(contents))]
    parts += [Text("")] if parts else []
    parts.append(terminal(contents.trials, wide))
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


def _answer_for_a_terminal(said: Said) -> Text:
    if said.verdict is None:
        return Text(plain(said.text))
    style = STYLES.get(OUTCOMES[said.verdict].value, "bold yellow")
    return Text.assemble((said.verdict, style), plain(f": {said.text}"))


def _claim_for_a_terminal(claim: Finding) -> list[Text | Padding]:
    style = STYLES.get(claim.outcome.value, "bold yellow")
    head = Text.assemble((claim.verdict, style), plain(f": {claim.name}: {claim.sentence}"))
    return [head, *(_indented(line, 4) for line in claim.detail)]


def _indented(line: str, columns: int) -> Padding:
    """Return a line whose further lines are indented like its first."""
    own = len(line) - len(line.lstrip())
    return Padding(Text(plain(line.lstrip()), style="dim"), (0, 0, 0, columns + own), expand=False)


def _markdown(contents: Contents, wide: bool) -> str:
    parts = []
    if said := answers(contents):
        parts.append("\n".join([*map(_answer_in_markdown, said), ""]))
    parts += [markdown(contents.trials, wide)] if contents.trials else []
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


def _answer_in_markdown(said: Said) -> str:
    verdict = "" if said.verdict is None else f"**{said.verdict}**: "
    return f"- {verdict}{escaped(said.text)}"


def _table_in_markdown(table: OverheadTable) -> str:
    head = table.head
    lines = [f"**{escaped(table.title)}**", ""]
    lines += [f"- {escaped(line)}" for line in table.controls.lines()]
    lines += ["", f"| {' | '.join(head)} |"]
    lines.append("|" + "|".join(["---", *["--:"] * (len(head) - 1)]) + "|")
    lines += [f"| {' | '.join(map(escaped, row))} |" for row in table.cells()]
    return "\n".join([*lines, "", *(f"- {escaped(note)}" for note in table.notes), ""])


def _json(contents: Contents) -> str:
    content = json.loads(as_json(contents.trials))
    content["answers"] = [{"verdict": said.verdict, "text": said.text}
                          for said in answers(contents)]  # fmt: skip
    if contents.campaigns:
        content["overhead"] = tables_as_json(contents.overheads)
        content["claims"] = claims_as_json(contents.campaigns)
        content["problems"] = contents.notes
    return json.dumps(content, indent=1, allow_nan=False)


def _csv(contents: Contents) -> str:
    """Return the three tables one below the other, an empty line between them."""
    if not contents.campaigns:
        return csv(contents.trials)
    parts = [csv(contents.trials)] if contents.trials else []
    parts += [tables_as_csv(contents.overheads)] if any(t.rows for t in contents.overheads) else []
    claims = claims_as_csv(contents.campaigns)
    return "\n".join([*parts, *([claims] if claims.strip() else [])])
