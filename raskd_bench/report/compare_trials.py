"""Tables of trials of two sets of results: which belong together, and what may be compared."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raskd_bench.fingerprint.difference import settings_changed
from raskd_bench.record import MEANINGS, Record
from raskd_bench.report.tables import Row, Table
from raskd_bench.same_data import FIXED
from raskd_bench.stats import Interval, ratio, student_t

# what accuracies are of; the rest of the conditions are settings, whose effect one may want to see
HELD = ("task", "data", "student", "batch_size", "budget", "val_fraction")
FAR = 100  # a difference in what is held weighs more than any number of settings


@dataclass(frozen=True)
class RowPair:
    """A method in both sets.

    Attributes:
        before: in the first.
        after: in the second.
        changed: its code and hyper-parameters, where they are not the same.
    """

    before: Row
    after: Row
    changed: tuple[str, ...]

    def difference(self, name: str) -> Interval | None:
        """After less before, paired by seed; None without a common seed."""
        pairs = self._pairs(name)
        return student_t([b - a for a, b in pairs]) if pairs else None

    def ratio(self, name: str) -> Interval | None:
        """After to before, paired by seed; None without a common seed."""
        pairs = [(a, b) for a, b in self._pairs(name) if a > 0 and b > 0]
        return ratio([b for _, b in pairs], [a for a, _ in pairs]) if pairs else None

    def counted(self, name: str) -> tuple[int, int] | None:
        """Both counts; None where one is missing or is not the same for all seeds."""
        before, after = (set(row.by_seed(name).values()) for row in (self.before, self.after))
        if len(before) != 1 or len(after) != 1:
            return None
        return int(before.pop()), int(after.pop())

    def _pairs(self, name: str) -> list[tuple[float, float]]:
        before, after = self.before.by_seed(name), self.after.by_seed(name)
        return [(before[seed], after[seed]) for seed in sorted(before.keys() & after.keys())]


@dataclass(frozen=True)
class TablePair:
    """A cell in both sets.

    Attributes:
        before: in the first.
        after: in the second.
        settings: that differ, `precision fp32 -> bf16`.
        refused: why accuracies cannot be compared, or None.
        times_refused: why times and memory cannot be compared, or None.
        rows: methods that are in both.
        alone: methods that are in one only, in words.
    """

    before: Table
    after: Table
    settings: tuple[str, ...]
    refused: str | None
    times_refused: str | None
    rows: tuple[RowPair, ...]
    alone: tuple[str, ...]


def table_pairs(
    before: Sequence[Table], after: Sequence[Table]
) -> tuple[list[TablePair], list[str]]:
    """Return the tables of two sets that are most alike, and in words those left over."""
    near = sorted((_distance(a, b), i, k) for i, a in enumerate(before)
                  for k, b in enumerate(after) if a.suite == b.suite)  # fmt: skip
    partners: dict[int, int] = {}
    for _, i, k in near:
        if i not in partners and k not in partners.values():
            partners[i] = k
    pairs = [_pair(before[i], after[k]) for i, k in sorted(partners.items())]
    alone = [_only("first", table) for i, table in enumerate(before) if i not in partners]
    alone += [_only("second", table) for k, table in enumerate(after)
              if k not in partners.values()]  # fmt: skip
    return pairs, alone


def _distance(before: Table, after: Table) -> int:
    held = [*settings_changed(_held(before), _held(after)), *_other_data(before, after)]
    machine = before.machine != after.machine
    return FAR * len(held) + len(settings_changed(_settings(before), _settings(after))) + machine


def _pair(before: Table, after: Table) -> TablePair:
    rows, alone = _rows(before, after)
    held = [*settings_changed(_held(before), _held(after)), *_other_data(before, after)]
    schemas = [sorted({result.version for result in _records(t)}) for t in (before, after)]
    if len({MEANINGS[schema] for found in schemas for schema in found}) > 1:
        held.append(f"schema of Records {schemas[0]} -> {schemas[1]}")
    place = f"{before.suite}, {before.conditions['data']['name']}"
    refused = f"{place}: accuracies are not of the same thing: {', '.join(held)}" if held else None
    changed = settings_changed(_settings(before), _settings(after))
    fixed = before.conditions["data"]["name"] in FIXED
    if (before.data is None) != (after.data is None) and not fixed:
        changed.append(f"data not recorded in the {'first' if before.data is None else 'second'}")
    if refused is None and (apart := _no_common_seed(rows)):
        refused = f"{place}: {apart}"
    return TablePair(
        before, after, tuple(changed), refused,
        _times_refused(before, after), tuple(rows), tuple(alone),
    )  # fmt: skip


def _no_common_seed(rows: Sequence[RowPair]) -> str | None:
    """Return that no method of two tables has a seed in both, or None."""
    sides = [[{result.seed for result in row.done} for row in (pair.before, pair.after)]
             for pair in rows]  # fmt: skip
    if any(a & b for a, b in sides) or not any(a and b for a, b in sides):
        return None
    told = [", ".join(map(str, sorted(set().union(*seeds)))) for seeds in zip(*sides, strict=True)]
    return f"no seed in common, and differences are paired by seed: {told[0]} -> {told[1]}"


def _held(table: Table) -> dict[str, Any]:
    """Return what must be the same; of a root the name only: folders differ between hosts."""
    held = {name: table.conditions.get(name) for name in HELD}
    if root := table.conditions["data"].get("root"):
        held["data"] = table.conditions["data"] | {"root": Path(root).name}
    return held


def _other_data(before: Table, after: Table) -> list[str]:
    """Return in words that two tables are of different data, as far as that was recorded."""
    if before.data is None or after.data is None or before.data == after.data:
        return []
    return [f"other data: digest {before.data[:12]} -> {after.data[:12]}"]


def _settings(table: Table) -> dict[str, Any]:
    return {name: value for name, value in table.conditions.items() if name not in HELD}


def _times_refused(before: Table, after: Table) -> str | None:
    """Return why times of two tables cannot be compared, or None."""
    if before.machine != after.machine:
        return f"other machine: {before.machine} -> {after.machine}"
    for name in ("device", "threads"):
        first, second = (sorted({str(result.machine.get(name)) for result in _records(table)})
                         for table in (before, after))  # fmt: skip
        if first != second or len(first) > 1:
            return f"other {name}: {', '.join(first)} -> {', '.join(second)}"
    return None


def _rows(before: Table, after: Table) -> tuple[list[RowPair], list[str]]:
    """Return the methods that are in both tables, and in words those that are in one only."""
    left = list(after.rows)
    pairs: list[RowPair] = []
    alone: list[str] = []
    for row in before.rows:
        partner = max((other for other in left if other.label == row.label),
                      key=lambda other: _likeness(row, other), default=None)  # fmt: skip
        if partner is None:
            alone.append(f"{row.shown}: in the first set only")
            continue
        left.remove(partner)
        pairs.append(RowPair(row, partner, tuple(_changed(row, partner))))
    return pairs, [*alone, *(f"{row.shown}: in the second set only" for row in left)]


def _likeness(row: Row, other: Row) -> tuple[bool, bool, int]:
    first, second = row.records[-1], other.records[-1]
    return (first.hparams == second.hparams, first.method_digest == second.method_digest,
            len(other.done))  # fmt: skip


def _changed(before: Row, after: Row) -> Iterator[str]:
    first, second = before.records[-1], after.records[-1]
    if first.method != second.method:
        yield f"method {first.method} -> {second.method}"
    if first.method_digest != second.method_digest:
        yield f"code of the method {first.method_digest[:6]} -> {second.method_digest[:6]}"
    teachers = (json.dumps(r.conditions.get("teacher"), sort_keys=True) for r in (first, second))
    if len(set(teachers)) > 1:
        yield "another teacher"
    yield from settings_changed({"hparams": first.hparams}, {"hparams": second.hparams})


def _records(table: Table) -> Iterable[Record]:
    return [result for row in table.rows for result in row.records]


def _only(which: str, table: Table) -> str:
    data, student = (table.conditions[name]["name"] for name in ("data", "student"))
    return f"in the {which} set only: {table.suite}, {data}, {student} ({table.machine})"
