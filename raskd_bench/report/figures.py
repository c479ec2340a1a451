"""Figures for papers, as SVG and PDF: one column wide, one style, the same bytes every time."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raskd_bench.errors import RequestError
from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.collect import REMEDY, find_records
from raskd_bench.report.figure_curves import draw_curves
from raskd_bench.report.figure_forest import draw_forest
from raskd_bench.report.figure_pareto import draw_pareto
from raskd_bench.report.figure_reliability import draw_reliability
from raskd_bench.report.latex_tables import slug
from raskd_bench.report.overhead_tables import OverheadTable, overhead_tables
from raskd_bench.report.paired import FLOPS, STEP_TIME, paired_picture
from raskd_bench.report.tables import Table, tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# metadata without a date, and identifiers that are no random numbers: a file changes with its data
KINDS: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
STYLE: Any = {
    "font.family": "DejaVu Sans", "font.size": 7.0, "axes.labelsize": 7.0, "axes.titlesize": 7.0,
    "figure.titlesize": 7.0, "figure.labelsize": 7.0,
    "xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "legend.fontsize": 6.0,
    "legend.frameon": False, "axes.spines.top": False, "axes.spines.right": False,
    "axes.linewidth": 0.6, "lines.linewidth": 1.0, "lines.markersize": 4.0,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "axes.formatter.useoffset": False,
    "pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "raskd-bench",
    "text.usetex": False, "text.parse_math": False, "savefig.dpi": 300,
}  # fmt: skip

NEEDED = (
    "a figure needs two methods that finished, one that was evaluated twice or whose Records hold "
    "bins of confidence, or a campaign that timed a method; run more of the suite: raskd-bench run "
    "SUITE"
)


def write_figures(places: Sequence[Path], folder: Path) -> list[Path]:
    """Write the figures of everything that lies in some places; return their files.

    Of each table of trials: accuracy against training FLOPs and against the time of a step,
    learning curves, reliability; of each campaign's cell and mode: overheads with the margin.

    Args:
        places: folders and files.
        folder: is made if it is not there.

    Raises:
        RequestError: a place does not exist, or nothing in them can be drawn.
        RecordError: a Record cannot be read.
    """
    from matplotlib import rc_context

    written: list[Path] = []
    refused: list[str] = []  # told by the report itself where it is made
    records, campaigns = find_records(places), find_campaigns(places)
    if not records and not campaigns:
        raise RequestError(f"{_named(places)}: no Records there, so nothing to draw; {REMEDY}")
    with rc_context(STYLE), warnings.catch_warnings():
        # a label may have characters that the font lacks: they become boxes
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        for name, draw in _figures(tables(records, refused), overhead_tables(campaigns)):
            figure = draw()
            if figure is not None:
                written += _saved(figure, folder / name)
    if not written:
        reason = refused[0].partition("\n")[0] if refused else NEEDED
        raise RequestError(f"{_named(places)}: nothing to draw there: {reason}")
    return written


def _named(places: Sequence[Path]) -> str:
    return ", ".join(map(str, places))


def _figures(
    trials: Sequence[Table], overheads: Sequence[OverheadTable]
) -> Iterator[tuple[str, Callable[[], "Figure | None"]]]:
    """Yield the name of each figure and what draws it, or finds that there is nothing to draw."""
    for number, table in enumerate(trials, 1):
        name = slug(table.suite, table.machine, str(number))
        flops, time = (paired_picture(table, cost, overheads) for cost in (FLOPS, STEP_TIME))
        yield f"{name}-flops", partial(draw_pareto, table, flops)
        yield f"{name}-time", partial(draw_pareto, table, time)
        yield f"{name}-curves", partial(draw_curves, table)
        yield f"{name}-reliability", partial(draw_reliability, table)
    for number, overhead in enumerate(overheads, 1):
        header = overhead.group.header
        name = slug(overhead.campaign.suite, overhead.campaign.machine, header.mode, str(number))
        yield f"{name}-overhead", partial(draw_forest, overhead)


def _saved(figure: "Figure", path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    for kind, metadata in KINDS.items():
        file = path.with_name(f"{path.name}.{kind}")
        figure.savefig(file, metadata=metadata)
        yield file
