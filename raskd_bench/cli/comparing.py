"""`compare`: what changed between two sets of results."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from raskd_bench.cli.output import write_or_print


class CompareFormat(StrEnum):
    """How a comparison is written."""

    table = "table"
    markdown = "markdown"
    json = "json"


def compare(
    first: Annotated[Path, typer.Argument(help="Folder of Records, or a Record.",
                                          show_default=False)],
    second: Annotated[Path, typer.Argument(help="The same of another commit, machine or setting.",
                                           show_default=False)],
    form: Annotated[
        CompareFormat, typer.Option("--format", help="How to write it.")
    ] = CompareFormat.table,
    out: Annotated[
        Path | None, typer.Option(help="Write to this file instead of the terminal.")
    ] = None,
) -> None:  # fmt: skip
    """Say what changed between two sets of results; what is not comparable is said to be so."""
    from raskd_bench.report.compare import compare as compare_sets
    from raskd_bench.report.compare_text import FORMATS

    write_or_print(FORMATS[form](compare_sets(first, second)), out)
