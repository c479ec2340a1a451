r"""The report as LaTeX, for a paper's \input: tables of trials, of campaigns, then claims."""

from collections.abc import Iterator, Sequence

from raskd_bench.report.findings import Finding, tally
from raskd_bench.report.grid import plain
from raskd_bench.report.latex_overhead import overhead_sheet
from raskd_bench.report.latex_tables import sheet
from raskd_bench.report.latex_text import escaped
from raskd_bench.report.latex_trials import trials_sheet
from raskd_bench.report.overhead_tables import OverheadTable
from raskd_bench.report.tables import Table

PREAMBLE = r"""\usepackage{booktabs}
\usepackage{siunitx} % version 3, as in TeX Live since 2021
\usepackage{threeparttable}"""
OPENING = r"% Made by: raskd-bench report --format latex. Use with \input; the preamble needs:"
EVIDENCE = "evidence: "  # paths are for who checks, not for who reads: they become comments


def latex(tables: Sequence[Table]) -> str:
    """Return the tables of trials as LaTeX."""
    return latex_report(tables, [], [], [])


def latex_report(
    trials: Sequence[Table],
    overheads: Sequence[OverheadTable],
    claims: Sequence[Finding],
    notes: Sequence[str],
) -> str:
    """Return a whole report as LaTeX.

    Args:
        trials: tables of Records.
        overheads: tables of campaigns.
        claims: of the campaigns.
        notes: what could not be read.
    """
    parts = ["\n".join([OPENING, *(f"%   {line}" for line in PREAMBLE.splitlines()), ""])]
    parts += [sheet(trials_sheet(table, place)) for place, table in enumerate(trials)]
    parts += [sheet(overhead_sheet(table, place)) for place, table in enumerate(overheads)]
    if claims:
        parts.append("\n".join([*_claims(claims), ""]))
    if notes:
        parts.append("\n".join([*_list(list(map(escaped, notes))), ""]))
    return "\n".join(parts)


def _claims(claims: Sequence[Finding]) -> Iterator[str]:
    yield rf"\paragraph{{Claims: {escaped(tally(claims))}}}"
    yield r"\begin{itemize}"
    for claim in claims:
        verdict, name = escaped(claim.verdict), escaped(claim.name)
        yield rf"  \item \textbf{{{verdict}}}: {name}: {escaped(claim.sentence)}"
        lines = [line.strip() for line in claim.detail]
        told = [escaped(line) for line in lines if not line.startswith(EVIDENCE)]
        yield from (f"    {line}" for line in (_list(told) if told else ()))
        yield from (f"    % {plain(line)}" for line in lines if line.startswith(EVIDENCE))
    yield r"\end{itemize}"


def _list(items: Sequence[str]) -> Iterator[str]:
    yield r"\begin{itemize}\footnotesize"
    yield from (rf"  \item {item}" for item in items)
    yield r"\end{itemize}"
