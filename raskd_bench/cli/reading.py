"""`report`, `list` and `doctor`: what is there to read."""

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from raskd_bench.cli.options import FAILED, Format, Kind, Results
from raskd_bench.cli.output import (
    print_grid,
    print_history,
    print_report,
    write_export,
    write_figures,
    write_page,
)
from raskd_bench.errors import BenchError, RequestError


def report(
    results: Annotated[
        list[Path] | None, typer.Argument(help="Folders of Records, or Records.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.table,
    out: Annotated[
        Path | None, typer.Option(help="Write to this file instead of the terminal.")
    ] = None,
    static: Annotated[
        bool, typer.Option("--static", help="html: pictures as SVG, a small page.")
    ] = False,
    wide: Annotated[
        bool, typer.Option("--wide", help="All columns, and intervals on this very test set.")
    ] = False,
    figures: Annotated[
        Path | None, typer.Option(help="Write figures there too, for a paper: SVG and PDF.")
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Costs over the commits of one folder instead.")
    ] = False,
    export: Annotated[
        list[str] | None,
        typer.Option(help="Write trials for a tracker too: tensorboard:DIR or mlflow:DIR."),
    ] = None,
) -> None:
    """Print answers and tables of Records: accuracy with intervals, cost as ratios."""
    places = results or [Path("results")]
    if wide and form not in {Format.table, Format.markdown}:
        raise RequestError(f"report: --wide is for tables and markdown; --format {form.value} has "
                           "all its columns without it")  # fmt: skip
    if static and form is not Format.html:
        raise RequestError("report: --static is for --format html; leave it out")
    if form is Format.html and out is None and not history:
        raise RequestError("report: --format html is a page, not text; add --out page.html")
    with _uncollected():
        _report(places, form, out, static, wide, figures, history, export or ())


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage: a report drops little, and a search of many Records takes seconds."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _report(
    places: list[Path], form: Format, out: Path | None, static: bool, wide: bool,
    figures: Path | None, history: bool, export: Iterable[str],
) -> None:  # fmt: skip
    if history:
        print_history(places, out)
        return
    if figures is not None:
        write_figures(places, figures)
    for target in export:
        write_export(places, target)
    if form is Format.html and out is not None:
        write_page(places, out, static)
    else:
        print_report(places, form, out, wide)


def list_(
    kind: Annotated[Kind, typer.Argument(help="What to list.", show_default=False)],
    name: Annotated[str | None, typer.Argument(help="One of them: show its card.")] = None,
    folder: Annotated[Path, typer.Option(help="Where suites are.")] = Path("suites"),
) -> None:
    """List methods, students, data sets or suites; with a name, show its card."""
    from raskd_bench import listing

    if name is not None:
        if kind is Kind.suites:
            raise BenchError(f"list suites {name}: suites have no card; try 'raskd-bench plan'")
        kinds: dict[Kind, Any] = {Kind.methods: "method", Kind.students: "student",
                                  Kind.datasets: "dataset"}  # fmt: skip
        print(listing.card(name, kinds[kind]))
        return
    tables: dict[Kind, Callable[[], listing.Rows]] = {
        Kind.methods: listing.methods,
        Kind.students: listing.students,
        Kind.datasets: listing.datasets,
        Kind.suites: lambda: listing.suites(folder),
    }
    print_grid(*tables[kind]())
    notes = {Kind.methods: listing.method_notes, Kind.datasets: listing.dataset_notes}
    for note in notes[kind]() if kind in notes else ():
        print(f"  {note}")


def doctor(results: Results = Path("results")) -> None:
    """Say whether this host is fit to measure on, and what to do about it."""
    from raskd_bench.doctor import examine

    findings = list(examine(results))
    print_grid(
        ("", "what", "found", "what to do"),
        [(finding.state, finding.what, finding.found, finding.remedy) for finding in findings],
    )
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(FAILED)
