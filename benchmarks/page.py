"""Results as a table in the terminal, and `benchmarks/README.md` from the files of all machines.

Prediction and explanation of a benchmark are read from its source, not imported, so that the page
needs no torch. An explanation names numbers, `{whole_trial[work].value:.2f}`, and gets them from
the files of the machine that it is printed for: `EXPLAINED` is text for a GPU or the CPU.
"""

import ast
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Formatter
from typing import Any

from rich.table import Table

from benchmarks.frame import Result
from benchmarks.kept import Kept
from raskd_bench.errors import RecordError
from raskd_bench.machine import processor_of

PAGE = Path(__file__).parent / "README.md"
COLUMNS = ("what", "against", "asked", "measured, 95 % interval", "n", "holds")
VERDICTS = {True: "yes", False: "no", None: "open"}
HEAD = """# Benchmarks

Speed is a ratio within one run: both sides in pairs, in random order, 10 % trimmed mean of log
ratios, 95 % interval; the training loops are made anew several times, and the interval is over
these rounds. What stands alone is the mean of repeated runs with a Student-t interval.
A bound holds if the whole interval keeps it, and is open where the interval leaves it so. A
prediction counts bytes, FLOPs, launches and calls.

    python -m benchmarks [NAME ...] [--quick] [--list] [--readme]

Generated from `results/benchmarks/` by `python -m benchmarks --readme`; do not edit.
"""


def cells(result: Result) -> tuple[str, ...]:
    """Return a row of the table as text."""
    return (result.what, result.against or "-", result.asked or "-", measured(result),
            str(result.n), VERDICTS[result.holds] if result.asked else "-")  # fmt: skip


def measured(result: Result) -> str:
    """Return value, interval and unit, with digits that the interval warrants."""
    if math.isnan(result.value):
        return "not measured"
    if math.isnan(result.low) or math.isnan(result.high):
        return f"{result.value:.3g} {result.unit}".strip()
    half = max((result.high - result.low) / 2, abs(result.value) * 1e-4, 1e-12)
    places = max(0, 1 - math.floor(math.log10(half)))
    value, low, high = (f"{end:.{places}f}" for end in (result.value, result.low, result.high))
    return f"{value} ({low} to {high}) {result.unit}".strip()


def new_table() -> Table:
    """Return the empty table of the terminal."""
    table = Table()
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    return table


def text_of(folder: Path, benchmark: str, constant: str) -> Any:
    """Return a constant of a benchmark's module, or None if it has none of that name.

    Raises:
        RecordError: there is no such module, or the constant is not a literal.
    """
    path = folder / f"{benchmark}.py"
    try:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == constant:
                return ast.literal_eval(node.value)
    except OSError as error:
        raise RecordError(
            f"{path}: cannot be read: {error.strerror}; remove its results"
        ) from error
    except ValueError as error:
        raise RecordError(f"{path}: {constant} must be a literal: {error}") from error
    return None


def document(kept: Sequence[Kept], order: Sequence[str], folder: Path = PAGE.parent) -> str:
    """Return the page.

    Args:
        kept: of all machines.
        order: names of the benchmarks, as the page has them.
        folder: of their modules.

    Raises:
        RecordError: an explanation names a number that there is none of.
    """
    parts = [HEAD]
    for name in order:
        parts.append(f"## {name}\n\nPredicted: {text_of(folder, name, 'PREDICTED')}\n")
        of_name = [one for one in kept if one.benchmark == name]
        if not of_name:
            parts.append("Not measured yet.\n")
        for one in of_name:
            parts += _section(one, kept, folder)
    return "\n".join(parts)


def _section(one: Kept, kept: Sequence[Kept], folder: Path) -> Iterator[str]:
    machine, versions = one.machine, one.machine["versions"]
    device = f"{machine['gpu']}, " if machine.get("gpu") else ""
    threads = f", threads: {machine['threads']}" if "threads" in machine else ""
    commit = f"commit {one.commit[:12]}" if one.commit else "outside git"
    changed = ", changed since" if one.dirty else ""
    yield (f"**{device}{processor_of(machine)}**{threads}, torch "
           f"{versions['torch']}; {commit}{changed}, {one.date[:10]}\n")  # fmt: skip
    yield "\n".join([_line(COLUMNS), "|---|---|---|--:|--:|---|",
                     *(_line(cells(result)) for result in one.results)]) + "\n"  # fmt: skip
    texts = text_of(folder, one.benchmark, "EXPLAINED") or {}
    text = texts.get("gpu" if machine.get("gpu") else "cpu")
    yield f"Explained: {_filled(text, one, kept)}\n" if text else "Not explained yet.\n"


def _filled(text: str, one: Kept, kept: Sequence[Kept]) -> str:
    """Return a text with the numbers that were measured on the same machine."""
    numbers = {other.benchmark: other.by_name for other in kept if other.place == one.place}
    asked = {re.split(r"[.\[]", field)[0] for _, field, _, _ in Formatter().parse(text) if field}
    if lacking := sorted(asked - numbers.keys()):
        return f"once there is {' and '.join(lacking)} of this machine."
    try:
        return text.format(**numbers)
    except (KeyError, IndexError, AttributeError, ValueError) as error:
        raise RecordError(
            f"benchmarks/{one.benchmark}.py: EXPLAINED asks for {error}, which is not in "
            f"results/benchmarks/{one.place}; measure it"
        ) from error


def _line(words: Sequence[str]) -> str:
    return "| " + " | ".join(word.replace("|", "\\|") for word in words) + " |"
