"""What papers and repositories report, beside what was measured: never ranked, never averaged."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from raskd_bench.errors import RequestError
from raskd_bench.report.chance import chance_of, difference_of
from raskd_bench.report.spreads import spread
from raskd_bench.report.tables import Row, Table

FILE = Path(__file__).parents[1] / "published.yaml"
DATA = frozenset({"cifar100", "tiny_imagenet"})  # that the file is about: it is read for these only
PREACTIVATED = "preact_"
WHY_RECIPES_DIFFER = (
    "published accuracies are not ranked: other recipes, other backbones of the same name and the "
    "best epoch on the test split make up to 3 points of difference; compare gains, if anything"
)

Tag = Literal["repo", "issue", "survey", "calc", "recalled"]
Percent = Annotated[float, Field(gt=1, lt=100)]


class Entry(BaseModel):
    """One published number.

    Attributes:
        method: file name.
        data: name and options that matter, a subset of a table's.
        student: as the catalogue calls it.
        recipe: a key of the file's recipes.
        top1: in percent.
        baseline_top1: of cross entropy in the same source, if it gives one.
        source: who reports it.
        tag: how it was read.
        baseline_tag: how the baseline's was read, if otherwise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    data: dict[str, Any]
    student: str
    recipe: str
    top1: Percent
    baseline_top1: Percent | None = None
    source: str
    tag: Tag
    baseline_tag: Tag | None = None

    @property
    def gain(self) -> float | None:
        """Top-1 less the baseline's, in points."""
        return None if self.baseline_top1 is None else self.top1 - self.baseline_top1

    def __str__(self) -> str:
        tag = f" [{self.baseline_tag}]" if self.baseline_tag else ""
        base = f", baseline {self.baseline_top1:.2f}{tag}" if self.baseline_top1 else ""
        kind = ", pre-activation" if self.student.startswith(PREACTIVATED) else ""
        return f"{self.top1:.2f} [{self.tag}] ({self.source}, recipe {self.recipe}{kind}{base})"


class Published(BaseModel):
    """The file: recipes by name, and the numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = Field(alias="schema")
    recipes: dict[str, str]
    entries: tuple[Entry, ...]

    @model_validator(mode="after")
    def _recipes_are_there(self) -> "Published":
        missing = sorted({entry.recipe for entry in self.entries} - self.recipes.keys())
        if missing:
            raise ValueError(f"recipe {missing[0]} is not described")
        return self


def read_published(path: Path = FILE) -> Published:
    """Return a file of published numbers.

    Raises:
        RequestError: it cannot be read, or an entry is wrong.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return Published.model_validate(YAML(typ="safe", pure=True).load(path.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise RequestError(f"{path}: {key}: {first['msg']}") from None
    except (OSError, YAMLError) as error:
        reason = str(error).partition("\n")[0]
        raise RequestError(f"{path}: cannot be read: {reason}") from None


@cache
def shipped() -> Published:
    """Return the numbers that come with the package."""
    return read_published()


def published_for(conditions: dict[str, Any], method: str) -> list[Entry]:
    """Return what is published of a method on a table's data and student.

    A pre-activation network counts as the student of the same depth: the text tells it.
    """
    data, student = conditions["data"], conditions["student"]["name"]
    if data["name"] not in DATA:
        return []
    return [entry for entry in shipped().entries
            if entry.method == method and entry.data.items() <= data.items()
            and _depth(entry.student) == _depth(student)]  # fmt: skip


def published_lines(table: Table) -> list[str]:
    """Return a line for each method of a table of which a number is published, then why not rank.

    Empty where data or student are not those of any source.
    """
    found = [(row, entries) for row in table.rows
             if (entries := published_for(table.conditions, row.records[-1].method))]  # fmt: skip
    if not found:
        return []
    used = {entry.recipe for _, entries in found for entry in entries}
    recipes = [f"recipe {name}: {text}" for name, text in shipped().recipes.items() if name in used]
    lines = [f"published of {row.shown}: {'; '.join(map(str, entries))}{_here(table, row, entries)}"
             for row, entries in found]  # fmt: skip
    return [*lines, WHY_RECIPES_DIFFER, *recipes]


def _here(table: Table, row: Row, entries: Sequence[Entry]) -> str:
    """Return how far the table's own number is from the published ones."""
    own, gain = chance_of(row, "test_top1"), difference_of(table, row, "test_top1")
    if own is None:
        return ""
    distances = sorted(100 * own.mean - entry.top1 for entry in entries)
    bounds = dict.fromkeys((f"{distances[0]:+.2f}", f"{distances[-1]:+.2f}"))
    gains = [entry.gain for entry in entries if entry.gain is not None]
    there = dict.fromkeys(f"{value:+.2f}" for value in (min(gains), max(gains))) if gains else {}
    compared = f"; gain {spread(gain, 100, sign=True)}, published {' to '.join(there)}" if (
        gain is not None and there) else ""  # fmt: skip
    return f"; here {spread(own, 100)}: {' to '.join(bounds)} points from them{compared}"


def _depth(student: str) -> str:
    return student.removeprefix(PREACTIVATED)
