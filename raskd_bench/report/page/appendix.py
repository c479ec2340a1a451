"""What stands at the end of the page: every Record, every file of blocks, machines, commands."""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from raskd_bench.evidence.blocks import Comparison, Header
from raskd_bench.record import Record
from raskd_bench.report.campaigns import Campaign
from raskd_bench.report.page.anchors import Anchors
from raskd_bench.report.page.parts import Entry, Facts, Group, Recipe
from raskd_bench.report.tables import Table
from raskd_bench.report.wording import several

RECORD_HEAD = ("file", "seed", "status", "top-1 %", "train seconds", "jobs", "started", "commit",
               "trial")  # fmt: skip
BLOCKS_HEAD = ("file", "what", "mode", "restarts", "pairs", "started", "commit", "plan")
OTHERS = "row-none"
UNKNOWN = "unknown"
CHANGES = {True: "yes", False: "no", None: UNKNOWN}  # by `dirty` of a file


def record_groups(
    tables: Sequence[Table], records: Mapping[Path, Record], anchors: Anchors
) -> tuple[Group, ...]:
    """Return the Records row by row, then those that no row is made of: older, or refused."""
    paths = {id(record): path for path, record in records.items()}
    made = [Group(anchors.row(row), f"{table.suite}, {table.machine}: {row.shown}",
                  tuple(_entry(paths[id(r)], r, anchors) for r in row.records))
            for table in tables for row in table.rows]  # fmt: skip
    used = {id(r) for table in tables for row in table.rows for r in row.records}
    left = tuple(_entry(path, r, anchors) for path, r in records.items() if id(r) not in used)
    title = "in no row of a table: older Records of the same seeds, and those of refused tables"
    return (*made, Group(OTHERS, title, left)) if left else tuple(made)


def _entry(path: Path, record: Record, anchors: Anchors) -> Entry:
    reason = (record.error or "").partition("\n")[0]
    status = f"{record.status}: {reason}" if reason else record.status
    cells = (
        str(path), str(record.seed), status, _or_empty(record.test_top1, 100, 2),
        _or_empty(record.train_seconds, 1, 3), str(record.jobs or 1), record.started,
        commit_of(record.commit, record.dirty), record.trial,
    )  # fmt: skip
    return Entry(anchors.record(record), cells)


def _or_empty(value: float | None, scale: float, places: int) -> str:
    return "" if value is None else f"{value * scale:,.{places}f}"


def commit_of(commit: str | None, dirty: bool | None) -> str:
    """Return a commit, and whether the code was changed since."""
    return f"{(commit or UNKNOWN)[:10]}{' + changes' if dirty else ''}"


def block_entries(campaigns: Iterable[Campaign], anchors: Anchors) -> tuple[Entry, ...]:
    """Return the files of blocks."""
    return tuple(
        Entry(anchors.file(item.path) or OTHERS, _blocks(item))
        for campaign in campaigns for item in campaign.comparisons
    )  # fmt: skip


def _blocks(item: Comparison) -> tuple[str, ...]:
    head = item.header
    pairs = sum(sum(1 for _ in restart.whole_pairs()) for restart in item.counted)
    return (
        str(item.path), f"{item.label} against {head.baseline}", head.mode, str(len(item.counted)),
        str(pairs), head.started, commit_of(head.commit, head.dirty), head.plan,
    )  # fmt: skip


def machines(records: Iterable[Record], campaigns: Iterable[Campaign]) -> tuple[Facts, ...]:
    """Return each machine, with its versions and the commit, that something was measured on."""
    found: dict[str, tuple[tuple[tuple[str, str], ...], list[str]]] = {}
    sources: list[Record | Header] = list(records)
    sources += [item.header for campaign in campaigns for item in campaign.comparisons]
    for source in sources:
        facts = tuple(_facts(source.machine, source.commit, source.dirty, source.program))
        key = json.dumps(facts)
        found.setdefault(key, (facts, []))[1].append(source.suite)
    return tuple(
        Facts(f"{several(len(suites), 'file')} of {', '.join(sorted(set(suites)))}", facts)
        for facts, suites in found.values()
    )


def _facts(
    machine: Mapping[str, Any], commit: str | None, dirty: bool | None, program: str
) -> Iterator[tuple[str, str]]:
    for name, value in machine.items():
        if isinstance(value, Mapping):
            yield name, ", ".join(f"{key} {entry}" for key, entry in value.items())
        elif name == "memory_bytes" and isinstance(value, int):
            yield "memory", f"{value / 2**30:,.1f} GiB"
        else:
            yield name, str(value)
    yield "raskd-bench", program
    yield "commit", commit or UNKNOWN
    yield "uncommitted changes", CHANGES[dirty]


def recipes(records: Iterable[Record], campaigns: Iterable[Campaign]) -> tuple[Recipe, ...]:
    """Return how to get the numbers of each suite again."""
    commits: dict[str, set[str]] = {}
    plans: dict[str, list[str]] = {}
    for record in records:
        commits.setdefault(record.suite, set()).add(record.commit or UNKNOWN)
    for campaign in campaigns:
        known = commits.setdefault(campaign.suite, set())
        known |= {item.header.commit or UNKNOWN for item in campaign.comparisons}
        current = campaign.latest.plan if campaign.latest is not None else None
        plans.setdefault(campaign.suite, []).extend(
            f"plan {plan.plan}, registered {plan.registered}"
            + (", the current one" if plan.plan == current else "")
            for plan in campaign.plans
        )
    return tuple(_recipe(suite, commits[suite], plans.get(suite, [])) for suite in sorted(commits))


def _recipe(suite: str, commits: set[str], plans: Sequence[str]) -> Recipe:
    checkouts = [f"git checkout {shlex.quote(commit)}" for commit in sorted(commits - {UNKNOWN})]
    notes = list(plans)
    if len(checkouts) > 1:
        notes.append("measured at several commits: the table of its files says which at which")
    if UNKNOWN in commits:
        notes.append("some files name no commit: the code was not in a git repository")
    return Recipe(suite, (*checkouts, "raskd-bench run SUITE.yaml"), tuple(notes))


def page_command(places: Sequence[Path], static: bool) -> str:
    """Return the command that makes the page again."""
    parts = ["raskd-bench", "report", *map(str, places), "--format", "html",
             *(["--static"] if static else []), "--out", "page.html"]  # fmt: skip
    return shlex.join(parts)
