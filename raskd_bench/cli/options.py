"""What the commands' signatures share: options, choices, exit codes."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

FAILED, REQUEST_IS_WRONG, NOTHING_MEASURED, DISK_IS_FULL, INTERRUPTED = 1, 2, 4, 5, 130
REFUTED, INCONCLUSIVE, INVALID = 10, 11, 12

SuiteFile = Annotated[Path, typer.Argument(help="Suite file (YAML).", show_default=False)]
Only = Annotated[str | None, typer.Option(help="Only trials with these names, e.g. "
                 "'ras_kd or (cross_entropy and not seed2)'.")]  # fmt: skip
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", help="Trials at the same time; their times are "
                 "not compared.")]  # fmt: skip
Threads = Annotated[int | None, typer.Option(help="Threads of each trial.",
                    show_default="cores / jobs; for one job by the size of a step")]  # fmt: skip
Results = Annotated[Path, typer.Option("--results", help="Folder of the Records.")]


class Format(StrEnum):
    """How a report is written."""

    table = "table"
    markdown = "markdown"
    latex = "latex"
    csv = "csv"
    json = "json"
    html = "html"


class Kind(StrEnum):
    """What can be listed."""

    methods = "methods"
    students = "students"
    datasets = "datasets"
    suites = "suites"
