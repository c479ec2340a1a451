"""Printing: results on stdout, everything else on stderr."""

import sys
from pathlib import Path
from typing import Any

import typer

from raskd_bench.cli.options import FAILED, Format
from raskd_bench.errors import RequestError


def print_report(
    places: list[Path], form: Format, out: Path | None = None, wide: bool = False
) -> None:
    """Print the tables that can be made; one that cannot be is a line on stderr and exit code 1."""
    from raskd_bench.report.whole import whole_report

    refused: list[str] = []
    made = whole_report(places, form, refused, wide)
    write_or_print(made, out)
    _say_refused(refused)


def write_figures(places: list[Path], folder: Path) -> None:
    """Write the figures of some places."""
    from raskd_bench.report import figures

    written = figures.write_figures(places, folder)
    say(f"{len(written)} figures written to {folder}")


def write_export(places: list[Path], target: str) -> None:
    """Write trials for a tracker."""
    from raskd_bench.report.exports import export

    say(export(places, target))


def print_history(places: list[Path], out: Path | None) -> None:
    """Print the costs over the commits of a folder of results."""
    from raskd_bench.report.history import history_tables

    if len(places) != 1:
        raise RequestError("report --history: takes one folder, as each has its own commits")
    write_or_print(history_tables(places[0]), out)


def write_or_print(made: Any, out: Path | None) -> None:
    """Write a text, or what rich prints, to a file or the terminal."""
    if out is not None:
        out.write_text(_as_text(made), encoding="utf-8")
        say(f"written to {out}")
    elif isinstance(made, str):
        print(made)
    else:
        console().print(made)


def write_page(places: list[Path], out: Path, static: bool) -> None:
    """Write the report as one HTML file; a table that cannot be made is exit code 1, as above."""
    from raskd_bench.report.page.build import page

    refused: list[str] = []
    out.write_text(page(places, static, refused), encoding="utf-8")
    say(f"written to {out}")
    _say_refused(refused)


def _say_refused(refused: list[str]) -> None:
    for line in refused:
        say(f"error: {line}")
    if refused:
        raise typer.Exit(FAILED)


def _as_text(made: Any) -> str:
    if isinstance(made, str):
        return made
    from io import StringIO

    from rich.console import Console

    file = StringIO()
    Console(file=file, width=200).print(made)
    return file.getvalue()


def print_grid(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print rows under a head."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(*head, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        grid.add_row(*map(Text, row))
    console().print(grid)


def console() -> Any:
    """Return the console of the results."""
    from rich.console import Console

    # without a terminal there is no width to fit into: lines stay whole
    made = Console()
    return made if made.is_terminal else Console(width=300)


def say(text: str) -> None:
    """Say something that is no result."""
    print(text, file=sys.stderr)
