"""The command line: parses, calls, prints. Whatever is slow to import is imported in a command."""

import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from raskd_bench import __version__
from raskd_bench.errors import BenchError

HELP = "Measure cost and accuracy of self-knowledge-distillation methods under equal budgets."
FAILED, REQUEST_IS_WRONG, NOTHING_MEASURED, INTERRUPTED = 1, 2, 4, 130

# pydantic would look through all installed packages for plugins of its own
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False)

SuiteFile = Annotated[Path, typer.Argument(help="Suite file (YAML).", show_default=False)]
Only = Annotated[str | None, typer.Option(help="Only trials with these names, e.g. "
                 "'ras_kd or (cross_entropy and not seed2)'.")]  # fmt: skip
Results = Annotated[Path, typer.Option("--results", help="Folder of the Records.")]


class Format(StrEnum):
    """How a report is written."""

    table = "table"
    markdown = "markdown"
    csv = "csv"
    json = "json"


class Kind(StrEnum):
    """What can be listed."""

    methods = "methods"
    students = "students"
    datasets = "datasets"
    suites = "suites"


def _version(wanted: bool) -> None:
    if wanted:
        print(f"raskd-bench {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Hold the options of every command."""


@app.command()
def run(
    suite: SuiteFile,
    results: Results = Path("results"),
    only: Only = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Run finished trials again; their Records are kept.")
    ] = False,
) -> None:
    """Run the trials of a suite that are not finished yet, and print the table."""
    from raskd_bench.spec import load_suite

    loaded, home = load_suite(suite), suite.parent.resolve()  # its faults cost no further import

    from raskd_bench.progress import new_show
    from raskd_bench.runner import Interrupted, run_suite

    show = new_show()
    try:
        outcome = run_suite(
            loaded, home, results=results, show=show, only=only, device=device, fresh=fresh
        )
    except Interrupted:
        show.close()
        _say(f"stopped: {show.done} of {show.total} trials are finished and kept; "
             "the same command continues")  # fmt: skip
        raise typer.Exit(INTERRUPTED) from None
    finally:
        show.close()
    _print_report([outcome.folder], Format.table)
    from raskd_bench.placebo import placebos
    from raskd_bench.report.collect import load_records

    silent = placebos(load_records([outcome.folder]))
    for line in silent:
        _say(f"error: {line}")
    if outcome.failed:
        _say(f"{len(outcome.failed)} trials did not finish; the same command tries them again")
    if outcome.failed or silent:
        raise typer.Exit(FAILED)


@app.command()
def plan(suite: SuiteFile, only: Only = None) -> None:
    """Show the trials of a suite with predicted parameters and FLOPs; runs nothing."""
    from raskd_bench.predict import predict
    from raskd_bench.report.plan import plan_tables
    from raskd_bench.spec import expand, load_suite

    loaded, home = load_suite(suite), suite.parent.resolve()
    predictions, notes = predict(expand(loaded, home, only), home)
    _console().print(plan_tables(loaded, predictions))
    for note in notes:
        _say(f"note: {note}")


@app.command()
def report(
    results: Annotated[
        list[Path] | None, typer.Argument(help="Folders of Records, or Records.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.table,
    out: Annotated[
        Path | None, typer.Option(help="Write to this file instead of the terminal.")
    ] = None,
) -> None:
    """Print the tables of Records: accuracy with intervals, cost as ratios to the baseline."""
    _print_report(results or [Path("results")], form, out)


@app.command(name="list")
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
    _print_grid(*tables[kind]())
    for note in listing.method_notes() if kind is Kind.methods else ():
        print(f"  {note}")


@app.command()
def doctor(results: Results = Path("results")) -> None:
    """Say whether this host is fit to measure on, and what to do about it."""
    from raskd_bench.doctor import examine

    findings = list(examine(results))
    _print_grid(
        ("", "what", "found", "what to do"),
        [(finding.state, finding.what, finding.found, finding.remedy) for finding in findings],
    )
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(FAILED)


def _print_report(places: list[Path], form: Format, out: Path | None = None) -> None:
    """Print the tables that can be made; one that cannot be is a line on stderr and exit code 1."""
    from raskd_bench.report.collect import load_records
    from raskd_bench.report.formats import FORMATS
    from raskd_bench.report.tables import tables

    refused: list[str] = []
    made = FORMATS[form](tables(load_records(places), refused))
    if out is not None:
        out.write_text(_as_text(made), encoding="utf-8")
        _say(f"written to {out}")
    elif isinstance(made, str):
        print(made)
    else:
        _console().print(made)
    for line in refused:
        _say(f"error: {line}")
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


def _print_grid(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(*head, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        grid.add_row(*map(Text, row))
    _console().print(grid)


def _console() -> Any:
    from rich.console import Console

    # without a terminal there is no width to fit into: lines stay whole
    console = Console()
    return console if console.is_terminal else Console(width=300)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _refuse(message: str) -> NoReturn:
    _say(message)
    sys.exit(REQUEST_IS_WRONG)


def main() -> None:
    """Run the command line; an error of the request is its message and exit code 2."""
    try:
        app()
    except BenchError as error:
        _refuse(str(error))
    except KeyboardInterrupt:
        _say("stopped")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `raskd-bench report | head` closes the pipe early
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:  # a full disk, a folder that may not be written
        _refuse(f"{error.filename or 'raskd-bench'}: {error.strerror or error}")
