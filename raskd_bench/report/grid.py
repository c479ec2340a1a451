"""A table on a terminal of any width: no number is ever cut."""

import unicodedata
from collections.abc import Iterator, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from raskd_bench.encoding import in_ascii

ASCII_HEAD = box.Box("    \n    \n -- \n" + 5 * "    \n", ascii=True)  # as SIMPLE_HEAD
MAX_NAME, MIN_NAME = 40, 16  # characters of a first column before it wraps, if need be earlier
EDGES, GAP = 2, 2  # columns that a table's own margins take, and what is between two of its columns


class Grid:
    """Rows under a title; what does not fit beside the first column continues below.

    Args:
        title: in bold.
        head: names of the columns.
        rows: cells, the first of each a name.
        notes: lines below.
        opening: lines between the title and the rows.
    """

    def __init__(
        self, title: str, head: Sequence[str], rows: Sequence[Sequence[str]],
        notes: Sequence[str], opening: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.title = title
        self.head = head
        self.rows = rows
        self._cells = [[plain(cell) for cell in row] for row in rows]
        self.notes = notes
        self.opening = opening
        self._ascii = False

    def _in_ascii(self) -> "Grid":
        """Return the same for a terminal of ASCII: columns are as wide as what is written."""
        title, *head = map(in_ascii, (self.title, *self.head))
        rows = [[*map(in_ascii, row)] for row in self._cells]
        made = Grid(title, head, rows, [*map(in_ascii, self.notes)],
                    [*map(in_ascii, self.opening)])  # fmt: skip
        made._ascii = True
        return made

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if options.ascii_only and not self._ascii:
            yield self._in_ascii()
            return
        yield Text(plain(self.title), style="bold")
        for line in self.opening:
            yield Padding(Text(plain(line)), (0, 0, 0, 2), expand=False)
        most, widths = options.max_width, self._widths()
        name = min(MAX_NAME, widths[0])
        beside = sum(width + GAP for width in widths[1:]) + EDGES
        if MIN_NAME <= most - beside < name:  # a name is folded sooner than the table is cut
            name = most - beside
        for columns in _parts(widths, name, most):
            yield self._table(columns, name)
        yield from (Text(f"  {plain(note)}", style="dim") for note in self.notes)
        yield Text("")

    def _widths(self) -> list[int]:
        lines = [self.head, *self._cells]
        return [max(map(cell_len, column)) for column in zip(*lines, strict=True)]

    def _table(self, columns: Sequence[int], name: int) -> Table:
        grid = Table(
            box=ASCII_HEAD if self._ascii else box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
        )
        grid.add_column(Text(self.head[0]), max_width=name, overflow="fold")
        for column in columns:
            grid.add_column(Text(self.head[column]), justify="right", no_wrap=True)
        for row in self._cells:
            grid.add_row(*(Text(row[column]) for column in (0, *columns)))
        return grid


def _parts(widths: Sequence[int], name: int, most: int) -> Iterator[list[int]]:
    """Yield the columns that fit beside the first one, as many at a time as do."""
    fitting: list[int] = []
    width = name + EDGES
    for column, needed in enumerate(widths[1:], 1):
        if fitting and width + needed + GAP > most:
            yield fitting
            fitting, width = [], name + EDGES
        fitting.append(column)
        width += needed + GAP
    yield fitting


def plain(text: str) -> str:
    """Return the text on one line, what would steer a terminal or turn the text made visible."""
    if text.isprintable():  # almost all are
        return text
    return "".join(
        " " if character in "\n\r\t" else "�" if unicodedata.category(character) in {"Cc", "Cf"}
        else character
        for character in text
    )  # fmt: skip
