"""Tables as LaTeX sets them: booktabs rules, siunitx columns, notes below by threeparttable."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from raskd_bench.report.latex_text import column, escaped

MARKS = "abcdefghijklmnopqrstuvwxyz"
OPTIONS = (
    "mode=text, reset-text-series=false, text-series-to-math=true, "
    "retain-explicit-plus, retain-zero-uncertainty"
)


@dataclass(frozen=True)
class Line:
    """One row of a table, written as LaTeX.

    Attributes:
        name: first cell.
        cells: the others, one a column: numbers of siunitx, or text in braces.
        remark: text that stands in their place, for a trial that has no numbers.
    """

    name: str
    cells: Sequence[str] = ()
    remark: str | None = None


@dataclass(frozen=True)
class Sheet:
    """A table, written as LaTeX.

    Attributes:
        caption: above it.
        name: that a paper refers to it by, after `tab:`.
        head: names of the columns, one a line of `lines`' cells, the first that of the names.
        lines: rows.
        notes: below it, each with its mark, or none.
    """

    caption: str
    name: str
    head: Sequence[str]
    lines: Sequence[Line]
    notes: Sequence[tuple[str, str]]


@dataclass
class Marks:
    """Gives each footnote of a table a letter, the same text the same one."""

    texts: list[str] = field(default_factory=list)

    def of(self, text: str | None) -> str:
        """Return the mark of a text as LaTeX; empty for no text."""
        if not text:
            return ""
        if text not in self.texts:
            self.texts.append(text)
        return rf"\tnote{{{_letter(self.texts.index(text))}}}"

    def notes(self) -> list[tuple[str, str]]:
        """Return the marks and their texts as LaTeX."""
        return [(_letter(place), escaped(text)) for place, text in enumerate(self.texts)]


def sheet(table: Sheet) -> str:
    """Return a table as LaTeX."""
    return "\n".join([*_opening(table), *_body(table), *_ending(table)]) + "\n"


def slug(*parts: str) -> str:
    """Return a name that a paper can refer to: letters, digits and hyphens."""
    return "-".join(filter(None, (re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-")
                                  for part in parts)))  # fmt: skip


def _opening(table: Sheet) -> Iterator[str]:
    columns = [column([line.cells[place] for line in table.lines if line.cells])
               for place in range(len(table.head) - 1)]  # fmt: skip
    yield r"\begin{table}"
    yield r"  \centering\footnotesize\setlength{\tabcolsep}{3pt}"
    yield rf"  \sisetup{{{OPTIONS}}}"
    yield r"  \begin{threeparttable}"
    yield rf"  \caption{{{table.caption}}}"
    yield rf"  \label{{tab:{table.name}}}"
    yield rf"  \begin{{tabular}}{{@{{}}l{''.join(columns)}@{{}}}}"


def _body(table: Sheet) -> Iterator[str]:
    head = [table.head[0], *(f"{{{name}}}" for name in table.head[1:])]
    yield r"    \toprule"
    yield f"    {' & '.join(head)} \\\\"
    yield r"    \midrule"
    for line in table.lines:
        cells = list(line.cells)
        if line.remark is not None:
            cells = [rf"\multicolumn{{{len(table.head) - 1}}}{{l@{{}}}}{{{line.remark}}}"]
        yield f"    {' & '.join([line.name, *cells])} \\\\"
    yield r"    \bottomrule"


def _ending(table: Sheet) -> Iterator[str]:
    yield r"  \end{tabular}"
    if table.notes:
        yield r"  \begin{tablenotes}[flushleft]\footnotesize"
        yield from (rf"    \item[{mark}] {text}" for mark, text in table.notes)
        yield r"  \end{tablenotes}"
    yield r"  \end{threeparttable}"
    yield r"\end{table}"


def _letter(place: int) -> str:
    return MARKS[place] if place < len(MARKS) else str(place)
