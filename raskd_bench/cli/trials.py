"""`run` and `plan`: the trials of a suite."""

from pathlib import Path
from typing import Annotated, Any

import typer

from raskd_bench.cli.options import (
    FAILED,
    INTERRUPTED,
    INVALID,
    Device,
    Format,
    Jobs,
    Only,
    Results,
    SuiteFile,
    Threads,
)
from raskd_bench.cli.output import console, print_report, say
from raskd_bench.errors import RecordError, RequestError


def run(
    suite: SuiteFile,
    results: Results = Path("results"),
    only: Only = None,
    device: Device = "auto",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Run finished trials again; their Records are kept.")
    ] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Run trials that diverged again.")] = False,
    jobs: Jobs = 1,
    threads: Threads = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Time on where other work disturbs a whole comparison.")
    ] = False,
) -> None:
    """Run the trials of a suite that are not finished yet, and print the table."""
    from raskd_bench.spec import load_suite

    loaded, home = load_suite(suite), suite.parent.resolve()  # its faults cost no further import

    from raskd_bench.machine import crowded
    from raskd_bench.progress import new_show
    from raskd_bench.runner import Interrupted, run_suite

    show = new_show(jobs)
    if crowd := crowded(jobs, threads):
        say(f"note: {crowd}")
    try:
        outcome = run_suite(
            loaded, home, results=results, show=show, only=only, device=device, fresh=fresh,
            retry=retry, jobs=jobs, threads=threads, anyway=anyway,
        )  # fmt: skip
    except Interrupted:
        show.close()
        say(f"stopped: {show.done} of {show.total} {show.noun} are finished and kept; "
            "the same command continues")  # fmt: skip
        raise typer.Exit(INTERRUPTED) from None
    finally:
        show.close()
    _conclude(outcome)


def _conclude(outcome: Any) -> None:
    """Print the table and whatever is wrong; exit code 1 if anything is, 12 if it was stopped."""
    print_report([outcome.folder], Format.table)
    from raskd_bench.placebo import placebos
    from raskd_bench.report.collect import find_records

    records = find_records([outcome.folder])
    silent = placebos(records)
    for line in silent:
        say(f"error: {line}")
    if diverged := sum(result.status == "diverged" for result in records):
        say(f"{diverged} of the trials here diverged, which is a result: --retry runs them again")
    if outcome.failed:
        say(f"{len(outcome.failed)} trials did not finish; the same command tries them again")
    for trouble in outcome.troubles:
        say(f"error: {trouble}; the same command tries it again")
    if outcome.stopped:
        say(f"stopped: {outcome.stopped}; what was measured is kept, the same command continues")
    if outcome.failed or silent or outcome.troubles:
        raise typer.Exit(FAILED)
    if outcome.stopped:
        raise typer.Exit(INVALID)


def plan(
    suite: SuiteFile,
    only: Only = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Time A/A for a minute: can this host decide it?")
    ] = False,
    device: Device = "auto",
    results: Results = Path("results"),
) -> None:
    """Show the trials of a suite with predicted parameters, FLOPs and memory; runs nothing.

    And how many seeds and test pictures its claims on accuracies need: by the Records that lie
    under --results, where there are some.
    """
    from raskd_bench.machine import check_device
    from raskd_bench.predict import predict
    from raskd_bench.report.plan import plan_tables
    from raskd_bench.spec import load_suite, steps_of

    loaded, home = load_suite(suite), suite.parent.resolve()
    if probe and loaded.overhead is None:
        raise RequestError(f"{suite}: has no paired campaign to probe; add 'overhead: {{}}'")
    check_device(device)
    facts: dict[str, Any] = {}
    predictions, notes = predict(steps_of(loaded, home, only), home, facts)
    console().print(plan_tables(loaded, predictions))
    for name, found in facts.items():
        say(f"{name}: {found.line}")
        notes += [f"{name}: {note}" for note in found.notes]
    _print_needs(loaded, predictions, results)
    for note in notes:
        say(f"note: {note}")
    if probe:
        _print_probe(loaded, home, only, device)


def _print_needs(suite: Any, predictions: Any, results: Path) -> None:
    """Print what the claims on accuracies need; a Record that cannot be read is no pilot."""
    from raskd_bench.report.collect import find_records
    from raskd_bench.report.needs import accuracy_needs

    pilots = results / suite.name
    try:
        records = find_records([pilots]) if pilots.is_dir() else []
    except RecordError as error:
        say(f"note: {error}; no Record is taken as a pilot")
        records = []
    for line in accuracy_needs(suite, predictions, records):
        console().print(line, soft_wrap=True, markup=False, highlight=False)


def _print_probe(suite: Any, home: Path, only: str | None, device: str) -> None:
    from raskd_bench.progress import new_show
    from raskd_bench.report.power import power_grid
    from raskd_bench.runner import Interrupted, probe_suite

    show = new_show()
    try:
        probed = probe_suite(suite, home, show=show, only=only, device=device)
    except Interrupted:
        raise typer.Exit(INTERRUPTED) from None
    finally:
        show.close()
    console().print(power_grid(suite, probed))
