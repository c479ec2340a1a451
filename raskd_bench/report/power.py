"""What a probe says of a campaign: whether this host can decide its margins, and in what time."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from raskd_bench.progress import clock
from raskd_bench.report.cells import milliseconds
from raskd_bench.report.grid import Grid
from raskd_bench.report.wording import percent
from raskd_bench.spec import Suite

HEAD = ("cell", "step", "noise of a pair", "of a restart", "pairs in a restart", "resolves",
        "margin", "restarts needed", "of", "time for one")  # fmt: skip


class Need(Protocol):
    """What a margin asks of a host, as `overhead.probe` found it."""

    @property
    def margin(self) -> float: ...
    @property
    def restarts(self) -> int | None: ...
    @property
    def seconds(self) -> float | None: ...
    @property
    def possible(self) -> bool: ...


class Probed(Protocol):
    """What a probe has shown of a cell."""

    @property
    def cell(self) -> Mapping[str, Any]: ...
    @property
    def mode(self) -> str: ...
    @property
    def step_seconds(self) -> float: ...
    @property
    def pair_sd(self) -> float: ...
    @property
    def restart_sd(self) -> float: ...
    @property
    def pairs(self) -> int: ...
    @property
    def resolution(self) -> float: ...
    @property
    def needs(self) -> Sequence[Need]: ...
    @property
    def comparisons(self) -> int: ...
    @property
    def disturbed(self) -> tuple[int, int]: ...


def power_grid(suite: Suite, probed: Sequence[Probed | str]) -> Grid:
    """Return a row a cell and margin, and notes on what cannot be decided here."""
    assert suite.overhead is not None, "asked of a suite that has a campaign"
    looks = suite.overhead.looks[-1]
    found = [row for row in probed if not isinstance(row, str)]
    rows = [
        (
            _cell(row), milliseconds(row.step_seconds), percent(row.pair_sd, sign=""),
            percent(row.restart_sd, sign=""), str(row.pairs), percent(row.resolution, sign=""),
            percent(need.margin, sign=""), "none will do" if need.restarts is None
            else str(need.restarts), str(looks),
            "" if need.seconds is None else clock(need.seconds),
        )
        for row in found
        for need in row.needs
    ]  # fmt: skip
    title = f"{suite.name}: what a minute of A/A says of this host"
    return Grid(title, HEAD, rows, [*_notes(suite, found), *_unmeasured(probed)])


def _notes(suite: Suite, found: Sequence[Probed]) -> Iterator[str]:
    assert suite.overhead is not None
    power = f"{suite.overhead.power:.0%}"
    yield (f"noise: standard deviations; 'resolves': the smallest margin that the last look "
           f"decides with a power of {power}, if there is no overhead")  # fmt: skip
    for row in found:
        for need in row.needs:
            if not need.possible:
                yield (f"* {_cell(row)}: a margin of {percent(need.margin, sign='')} cannot be "
                       f"decided here: {_remedy(row, need)}, or measure on a quieter "
                       "host")  # fmt: skip
        spoilt, whole = row.disturbed
        if spoilt > whole / 10:
            yield f"* {_cell(row)}: {spoilt} of {whole} pairs were disturbed: stop other work"
    total = sum(row.comparisons for row in found)
    longest = total * suite.overhead.max_seconds
    yield f"{total} comparisons, at most about {clock(longest)} in all"


def _remedy(row: Probed, need: Need) -> str:
    if need.restarts is None:
        return "no time would do: raise the margin"
    longer = (row.restart_sd / _sd_for(row, need)) ** 2
    return f"raise max_seconds about {math.ceil(longer)} times, or the margin"


def _sd_for(row: Probed, need: Need) -> float:
    """Return the noise of a restart with which the suite's looks would decide a margin."""
    return row.restart_sd * math.log1p(need.margin) / math.log1p(row.resolution)


def _unmeasured(probed: Sequence[Probed | str]) -> Iterator[str]:
    yield from (f"* not measured: {row}" for row in probed if isinstance(row, str))


def _cell(row: Probed) -> str:
    cell = row.cell
    return f"{cell['student']}, batch {cell['batch_size']}, {cell['precision']}"
