"""`check` and `baseline accept`: what holds, and what was accepted."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raskd_bench.cli.options import INCONCLUSIVE, INVALID, NOTHING_MEASURED, REFUTED
from raskd_bench.cli.output import say
from raskd_bench.errors import RequestError

if TYPE_CHECKING:
    from raskd_bench.report.findings import Finding, Sections
    from raskd_bench.report.gate import Counted
    from raskd_bench.spec import Plan

BASELINE, RESULTS = Path("results/baseline.json"), Path("results")
EXIT_CODES = {"red": REFUTED, "invalid": INVALID, "not measured": NOTHING_MEASURED,
              "inconclusive": INCONCLUSIVE, "green": 0}  # fmt: skip

baseline_app = typer.Typer(help="Accepted costs of the methods' steps.", no_args_is_help=True)


def check(
    results: Annotated[
        list[Path] | None, typer.Argument(help="Folders with claims' evidence.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Compare every step's counted cost with this file.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")] = None,
    github_summary: Annotated[
        bool, typer.Option("--github-summary", help="Append to the GitHub job's summary.")
    ] = False,
) -> None:
    """Say whether the claims hold and whether a step costs what was accepted.

    Exit codes: 0 all is well, 10 refuted or regressed, 12 invalid evidence, 4 nothing was
    measured, 11 inconclusive, 2 the request is wrong; of several, the first in this order.
    """
    from raskd_bench.report.findings import worst
    from raskd_bench.report.github import append_summary, summary_file
    from raskd_bench.report.junit import junit as as_junit

    summary = summary_file() if github_summary else None  # a wrong request costs no counting
    sections = _sections(results or [], baseline)
    _print(sections)
    if junit is not None:
        junit.parent.mkdir(parents=True, exist_ok=True)
        junit.write_text(as_junit(sections), encoding="utf-8")
    if summary is not None:
        append_summary(sections, summary)
    raise typer.Exit(EXIT_CODES[worst(f for found in sections.values() for f in found)])


@baseline_app.command()
def accept(
    suites: Annotated[
        list[Path] | None,
        typer.Argument(help="Suite files; without any, those that the file names already."),
    ] = None,
    reason: Annotated[
        str, typer.Option(help="Why the change is right; stays in the file.", show_default=False)
    ] = "",
    baseline: Annotated[Path, typer.Option(help="File of accepted fingerprints.")] = BASELINE,
) -> None:
    """Count what the methods' steps cost now and accept it, with a reason."""
    if not reason.strip():
        raise RequestError("baseline accept: wants --reason TEXT: why the change is right")

    from datetime import UTC, datetime

    from raskd_bench.fingerprint.baseline import Acceptance
    from raskd_bench.machine import commit_of
    from raskd_bench.report.gate import accept as accept_counted

    torch = _torch()
    commit = commit_of(baseline.parent if baseline.parent.is_dir() else Path())
    today = datetime.now(UTC).date().isoformat()
    note = Acceptance(date=today, commit=commit, torch=torch, reason=reason.strip(), changed=[])
    changes, notes = accept_counted(baseline, suites or [], note, _predict)
    _print_findings(changes)
    _say_notes(notes)
    changed = f"{len(changes)} of its rows changed" if changes else "as it was, nothing to accept"
    say(f"{baseline}: {changed} (torch {torch})")


def _sections(results: list[Path], baseline: Path | None) -> "Sections":
    """Return what was found about claims, and by the gate; each only where it was asked for."""
    from raskd_bench.report.findings import Finding

    places = results or ([RESULTS] if baseline is None and RESULTS.is_dir() else [])
    sections: dict[str, list[Finding]] = {}
    if places:
        sections["claims"] = _claims(places)
    if baseline is not None:
        sections["gate"] = _gate(baseline)
    if not sections:
        text = f"there is no folder {RESULTS}; name one, or a file with --baseline"
        return {"check": [Finding("check", "not measured", text)]}
    return sections


def _claims(places: list[Path]) -> "list[Finding]":
    from raskd_bench.report.claims import claim_findings
    from raskd_bench.report.findings import Finding

    text = (f"no claims are registered under {', '.join(map(str, places))}; write 'claims:' into a "
            "suite and run it")  # fmt: skip
    return claim_findings(places) or [Finding("claims", "not measured", text)]


def _gate(path: Path) -> "list[Finding]":
    from raskd_bench.report.gate import gate

    findings, notes = gate(path, _torch(), _predict)
    _say_notes(notes)
    return findings


def _predict(plans: "list[Plan]", home: Path) -> "tuple[Sequence[Counted], list[str]]":
    from raskd_bench.predict import predict  # imports torch: not before something is counted

    return predict(plans, home)


def _torch() -> str:
    from importlib.metadata import version

    from raskd_bench.fingerprint.baseline import release

    return release(version("torch"))


def _print(sections: "Sections") -> None:
    from raskd_bench.report.findings import remedies, tally, told

    for title, findings in sections.items():
        _print_findings(told(findings))
        print(f"{title}: {tally(findings)}")
        for remedy in remedies(findings):
            print(f"  {remedy}")


def _print_findings(findings: "Sequence[Finding]") -> None:
    from raskd_bench.report.grid import plain

    for finding in findings:
        print(plain(f"{finding.verdict}: {finding.name}: {finding.sentence}"))
        for line in finding.detail:
            print(f"  {plain(line)}")


def _say_notes(notes: list[str]) -> None:
    for note in notes:
        say(f"note: {note}")
