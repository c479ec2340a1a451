"""What the page shows, as data: texts, numbers and anchors, no markup."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from raskd_bench.report.page.charts import Drawing


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: as it is printed.
        anchor: of what it rests on, further down the page.
        value: that a column is sorted by; None leaves it to the text.
    """

    text: str
    anchor: str | None = None
    value: float | None = None


@dataclass(frozen=True)
class Sheet:
    """A table: the first cell of a row names it."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClaimCell:
    """What a claim comes to in one cell of the suite."""

    place: str
    verdict: str
    found: str
    standing: str
    test: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClaimPart:
    """A claim with its verdict: one row, the rest folded beneath it.

    Attributes:
        anchor: of the claim.
        name: suite and id.
        verdict: of all cells.
        say: what the suite claims, in its own words.
        numbers: what was found, or why nothing.
        claimed: the bound that is judged.
        cells: one by one.
        files: path and, if there is one, anchor of each file.
        footnotes: what methods say of themselves.
    """

    anchor: str
    name: str
    verdict: str
    say: str
    numbers: str = ""
    claimed: str = ""
    cells: tuple[ClaimCell, ...] = ()
    files: tuple[Cell, ...] = ()
    footnotes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ControlPart:
    """What the controls of one cell and mode found."""

    title: str
    holds: bool
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A file of the appendix."""

    anchor: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Files of the appendix that belong together: those of one row."""

    anchor: str
    title: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Facts:
    """A titled list of names and values."""

    title: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Recipe:
    """How to get the numbers of one suite again."""

    title: str
    commands: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """Everything on the page, in its order.

    Attributes:
        title: of the document.
        problems: what could not be read or compared.
        answers: to questions that no claim asks, a line each.
        sheets: by section: main, overhead, equal_seconds, ledger, calibration, phases.
        drawings: by section: pareto, forest, curves, calibration, phases.
        groups: Records, row by row.
        block_files: of the campaigns.
    """

    title: str
    problems: tuple[str, ...]
    answers: tuple[str, ...]
    claims: tuple[ClaimPart, ...]
    controls: tuple[ControlPart, ...]
    sheets: Mapping[str, Sequence[Sheet]]
    drawings: Mapping[str, Sequence[Drawing]]
    machines: tuple[Facts, ...]
    recipes: tuple[Recipe, ...]
    groups: tuple[Group, ...] = field(default=())
    block_files: tuple[Entry, ...] = field(default=())
