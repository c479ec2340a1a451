"""Tables as text: for a terminal, as markdown, LaTeX, csv or json."""

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Group, RenderableType

from raskd_bench.report.cells import columns_of, notes_of, title_of
from raskd_bench.report.grid import Grid, plain
from raskd_bench.report.latex import latex
from raskd_bench.report.raw import as_json, csv
from raskd_bench.report.tables import Table

MARKUP = "\\`*_<>|[]~$&#"  # what markdown, and GitHub's mathematics and references, give a meaning


def terminal(tables: Sequence[Table], wide: bool = False) -> RenderableType:
    """Return the tables for a terminal."""
    return Group(*(_grid(table, wide) for table in tables))


def markdown(tables: Sequence[Table], wide: bool = False) -> str:
    """Return the tables as GitHub markdown."""
    parts = []
    for table in tables:
        rows, _ = columns_of(table, wide)
        head = list(rows[0])
        lines = [f"**{escaped(title_of(table))}**", "", f"| {' | '.join(head)} |"]
        lines.append("|" + "|".join(["---", *["--:"] * (len(head) - 1)]) + "|")
        lines += [f"| {' | '.join(map(escaped, row.values()))} |" for row in rows]
        lines += ["", *(f"- {escaped(note)}" for note in notes_of(table, wide)), ""]
        parts.append("\n".join(lines))
    return "\n".join(parts)


FORMATS: dict[str, Callable[[Sequence[Table]], Any]] = {
    "table": terminal, "markdown": markdown, "latex": latex, "csv": csv, "json": as_json,
}  # fmt: skip


def _grid(table: Table, wide: bool) -> Grid:
    rows, _ = columns_of(table, wide)
    cells = [list(row.values()) for row in rows]
    return Grid(title_of(table), list(rows[0]), cells, notes_of(table, wide))


def escaped(text: str) -> str:
    """Return the text as markdown shows it, on one line."""
    return "".join(f"\\{character}" if character in MARKUP else character
                   for character in plain(text))  # fmt: skip
