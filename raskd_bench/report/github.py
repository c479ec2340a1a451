"""Findings as the summary of a GitHub job."""

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

from raskd_bench.errors import RequestError
from raskd_bench.report.findings import Finding, Sections, remedies, tally, told, worst
from raskd_bench.report.formats import escaped
from raskd_bench.report.grid import plain

VARIABLE = "GITHUB_STEP_SUMMARY"


def summary_file() -> Path:
    """Return the file that GitHub shows as the job's summary.

    Raises:
        RequestError: this is no step of a GitHub job.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        raise RequestError(
            f"--github-summary: {VARIABLE} is not set, so this is no step of a GitHub job; "
            "leave the option out here"
        )
    return Path(name)


def append_summary(sections: Sections, path: Path) -> None:
    """Append the summary to what earlier steps wrote there."""
    with path.open("a", encoding="utf-8", errors="replace") as file:
        file.write(summary(sections))


def summary(sections: Sections) -> str:
    """Return a heading with a table for each section; what is as accepted is only counted."""
    return "".join(_section(title, findings) for title, findings in sections.items())


def _section(title: str, findings: Sequence[Finding]) -> str:
    lines = [f"### raskd-bench {title}: {worst(findings)}", "", tally(findings) or "nothing", ""]
    if shown := told(findings):
        lines += ["| verdict | what | found |", "|---|---|---|"]
        lines += [f"| {finding.verdict} | {escaped(finding.name)} | {escaped(finding.sentence)} |"
                  for finding in shown]  # fmt: skip
        lines.append("")
    for finding in shown:
        lines += _detail(finding)
    lines += [line for remedy in remedies(findings) for line in (escaped(remedy), "")]
    return "\n".join(lines) + "\n"


def _detail(finding: Finding) -> list[str]:
    if not finding.detail:
        return []
    # markdown has no meaning inside <pre>, and escaped text cannot end it
    text = escape("\n".join(map(plain, finding.detail)))
    return [f"{escaped(finding.name)}", "", f"<pre>\n{text}\n</pre>", ""]
