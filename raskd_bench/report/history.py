"""How costs changed over the commits of a folder of results: what git remembers, read again."""

import io
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Group

from raskd_bench.errors import BenchError, RequestError
from raskd_bench.fingerprint import baseline
from raskd_bench.fingerprint.baseline import is_baseline
from raskd_bench.fingerprint.model import Fingerprint
from raskd_bench.report.campaigns import Campaign, find_campaigns
from raskd_bench.report.cells import count, mebibytes
from raskd_bench.report.collect import find_records
from raskd_bench.report.describe import place_of
from raskd_bench.report.grid import Grid
from raskd_bench.report.overhead_tables import overhead_tables
from raskd_bench.report.tables import describe, tables

COLUMNS = ("step FLOPs", "operations", "matmul FLOPs", "other FLOPs", "bytes moved",
           "peak memory", "step time")  # fmt: skip
HEAD = ("method", "commit", "date", *COLUMNS)
REFERENCE = "cross_entropy"  # that counted steps are ratios to
GONE = {"step FLOPs": "gone"}
MOST_COMMITS = 50
MEANING = (
    "a line is a commit of the results at which a method's numbers are not those of the line "
    "above; step FLOPs and step time are ratios to the baseline"
)

Values = dict[str, str]  # by column, as printed


@dataclass(frozen=True)
class Commit:
    """A commit of a repository.

    Attributes:
        name: its hash.
        date: of the commit, ISO 8601, day only.
    """

    name: str
    date: str


@dataclass(frozen=True)
class Change:
    """What a commit changed of one method.

    Attributes:
        suite: first part of its title.
        title: method, student and conditions.
        commit: at which it was so for the first time.
        values: since then.
    """

    suite: str
    title: str
    commit: Commit
    values: Values


def history_tables(folder: Path) -> Group:
    """Return a table a suite: the costs of each method, commit by commit.

    Raises:
        RequestError: the folder is in no repository, or no commit has results in it.
    """
    commits, more = commits_of(folder)
    changes = list(changes_over(folder, commits))
    if not changes:
        raise RequestError(f"{folder}: no commit there holds costs of steps")
    notes = [f"* the latest {MOST_COMMITS} commits; {more} are older"] if more else []
    suites = dict.fromkeys(change.suite for change in changes)
    return Group(*(_grid(suite, changes, [*notes, MEANING]) for suite in suites))


def commits_of(folder: Path) -> tuple[list[Commit], int]:
    """Return the commits that changed a folder, the oldest first, and how many are left out.

    Raises:
        RequestError: the folder does not exist or is in no repository.
    """
    if not folder.is_dir():
        raise RequestError(f"{folder}: no such folder")
    listing = _git(folder, "log", "--format=%H %cs", "--", ".").decode()
    found = [Commit(*line.split()) for line in listing.splitlines()]
    return found[:MOST_COMMITS][::-1], max(0, len(found) - MOST_COMMITS)


def changes_over(folder: Path, commits: Sequence[Commit]) -> Iterator[Change]:
    """Yield what changed from commit to commit, the first of each method included."""
    last: dict[tuple[str, str], Values] = {}
    for commit in commits:
        now = values_at(folder, commit)
        now |= {key: GONE for key in last if key not in now}
        for (suite, title), values in now.items():
            if last.get((suite, title)) != values:
                yield Change(suite, title, commit, values)
        last = now


def values_at(folder: Path, commit: Commit) -> dict[tuple[str, str], Values]:
    """Return the costs of each method, by suite and title, as a commit has them."""
    if not _git(folder, "ls-tree", commit.name, "--", "."):  # it was deleted there
        return {}
    with TemporaryDirectory() as place:
        content = _git(folder, "archive", commit.name, "--", ".")
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(place, filter="data")
        return _values(Path(place))


def _values(place: Path) -> dict[tuple[str, str], Values]:
    found: dict[tuple[str, str], Values] = {}
    for key, values in (*_of_trials(place), *_of_campaigns(place), *_of_baselines(place)):
        found[key] = found.get(key, {}) | values
    return found


def _of_trials(place: Path) -> Iterator[tuple[tuple[str, str], Values]]:
    try:
        made = tables(find_records([place]), [])
    except BenchError:  # of a commit whose Records another version wrote
        return
    for table in made:
        for row in table.rows:
            ratio = table.ratio(row, "step_flops")
            if ratio is not None:
                title = f"{row.shown} on {describe(table)}"
                yield (table.suite, title), {"step FLOPs": f"x{ratio.mean:.4f}"}


def _of_campaigns(place: Path) -> Iterator[tuple[tuple[str, str], Values]]:
    campaigns = find_campaigns([place])
    for table in overhead_tables(campaigns):
        header = table.group.header
        for name, ratio, interval, *_ in table.cells()[1:]:
            title = f"{name} on {place_of(header.cell, header.machine, header.mode)}"
            yield (table.campaign.suite, title), {"step time": f"{ratio}, {interval}"}
    for campaign in campaigns:
        yield from _counted(campaign)


def _counted(campaign: Campaign) -> Iterator[tuple[tuple[str, str], Values]]:
    bases = {str(row.cell): row.fingerprint for row in campaign.counted
             if row.method == REFERENCE}  # fmt: skip
    for row in campaign.counted:
        title = f"{row.label} on {place_of(row.cell, None)}, torch {campaign.torch}"
        yield (campaign.suite, title), _quantities(row.fingerprint, bases.get(str(row.cell)))


def _of_baselines(place: Path) -> Iterator[tuple[tuple[str, str], Values]]:
    for path in sorted(place.rglob("*.json")):
        if not is_baseline(path):
            continue
        for torch, entries in baseline.read(path).accepted.items():
            bases = {_place(title): entry.fingerprint for title, entry in entries.items()
                     if entry.method == REFERENCE}  # fmt: skip
            for title, entry in entries.items():
                suite, _, rest = title.partition(": ")
                values = _quantities(entry.fingerprint, bases.get(_place(title)))
                yield (suite, f"{rest}, torch {torch}"), values


def _place(title: str) -> str:
    """Return suite and conditions of a title, without the method."""
    suite, _, rest = title.partition(": ")
    return f"{suite}: {rest.rpartition(' on ')[2]}"


def _quantities(found: Fingerprint, base: Fingerprint | None) -> Values:
    ratio = f"x{found.matmul_flops / base.matmul_flops:.4f}" if base and base.matmul_flops else ""
    return {
        "step FLOPs": ratio,
        "operations": f"{found.num_operations:,}",
        "matmul FLOPs": count(found.matmul_flops),
        "other FLOPs": count(found.other_flops),
        "bytes moved": mebibytes(found.bytes_moved),
        "peak memory": mebibytes(found.peak_live_bytes),
    }


def _grid(suite: str, changes: Sequence[Change], notes: Sequence[str]) -> Grid:
    own = [change for change in changes if change.suite == suite]
    titles = list(dict.fromkeys(change.title for change in own))
    own.sort(key=lambda change: titles.index(change.title))  # stable: the oldest first in each
    rows = [[change.title, change.commit.name[:10], change.commit.date,
             *(change.values.get(name, "") for name in COLUMNS)] for change in own]  # fmt: skip
    return Grid(f"{suite}: costs over the commits of the results", HEAD, rows, notes)


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True,
                              timeout=60, check=False)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RequestError(f"{folder}: git cannot be asked for its history: {error}") from error
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise RequestError(f"{folder}: has no history: {reason}")
    return done.stdout
