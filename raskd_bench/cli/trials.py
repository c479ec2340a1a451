"""`run` and `plan`: the trials of a suite."""

from pathlib import Path
from typing import Annotated

import typer

from raskd_bench.cli.options import FAILED, INTERRUPTED, Format, Only, Results, SuiteFile
from raskd_bench.cli.output import console, print_report, say


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
        say(f"stopped: {show.done} of {show.total} trials are finished and kept; "
             "the same command continues")  # fmt: skip
        raise typer.Exit(INTERRUPTED) from None
    finally:
        show.close()
    print_report([outcome.folder], Format.table)
    from raskd_bench.placebo import placebos
    from raskd_bench.report.collect import load_records

    silent = placebos(load_records([outcome.folder]))
    for line in silent:
        say(f"error: {line}")
    if outcome.failed:
        say(f"{len(outcome.failed)} trials did not finish; the same command tries them again")
    if outcome.failed or silent:
        raise typer.Exit(FAILED)


def plan(suite: SuiteFile, only: Only = None) -> None:
    """Show the trials of a suite with predicted parameters and FLOPs; runs nothing."""
    from raskd_bench.predict import predict
    from raskd_bench.report.plan import plan_tables
    from raskd_bench.spec import expand, load_suite

    loaded, home = load_suite(suite), suite.parent.resolve()
    predictions, notes = predict(expand(loaded, home, only), home)
    console().print(plan_tables(loaded, predictions))
    for note in notes:
        say(f"note: {note}")
