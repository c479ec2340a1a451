"""Records to tables: one a suite, machine and cell; a row a method.

Records are compared only where suite, machine, cell and data agree, and averaged only where method,
hyper-parameters and the method's code agree too.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from raskd_bench.machine import slug
from raskd_bench.placebo import placebos
from raskd_bench.record import Record
from raskd_bench.report.alone import beside_others, comparable
from raskd_bench.report.budgets import UnequalBudgets, check_budgets, overruns
from raskd_bench.report.collect import load_records
from raskd_bench.report.data_notes import data_notes
from raskd_bench.report.describe import describe_conditions, differences
from raskd_bench.report.notes import failures, footnotes, provenance, repetitions, teachers
from raskd_bench.report.unequal import unequal_notes
from raskd_bench.same_data import data_keys
from raskd_bench.stats import Interval, ratio, student_t

__all__ = [
    "Row", "Table", "UnequalBudgets", "describe", "describe_conditions", "load_records", "tables",
]  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One method of a table: intervals over its seeds.

    Attributes:
        label: what the suite calls it.
        records: one a seed, by seed.
        digest: of the method's code, if rows of the same label differ in it.
        variant: hyper-parameters that rows of the same label differ in.
        repeated: how many more Records of the same seeds there are, older or failed.
    """

    label: str
    records: tuple[Record, ...]
    digest: str | None = None
    variant: str | None = None
    repeated: int = 0

    @cached_property
    def done(self) -> tuple[Record, ...]:
        return tuple(result for result in self.records if result.finished)

    @property
    def shown(self) -> str:
        variant = f" ({self.variant})" if self.variant else ""
        return self.label + variant + (f" [{self.digest}]" if self.digest else "")

    def interval(self, name: str) -> Interval:
        """Mean over seeds of a Record's field; of `step_seconds` that of each one's median.

        What other trials disturbed is left out.
        """
        if name not in self._intervals:
            found = [_value(result, name) for result in self.done]
            self._intervals[name] = student_t([value for value in found if value is not None])
        return self._intervals[name]

    @cached_property
    def _intervals(self) -> dict[str, Interval]:
        """Intervals by field: each stands in several places of a report."""
        return {}

    @cached_property
    def scores(self) -> dict[tuple[str, float], Any]:
        """Scores by field and confidence, as `chance` finds them: outcomes are unpacked once."""
        return {}

    def measured(self, name: str) -> Interval:
        """The same of all Records, also of those that other trials ran beside."""
        return student_t([v for result in self.done if (v := _raw(result, name)) is not None])

    def by_seed(self, name: str) -> dict[int, float]:
        """Return a Record's field by seed, of the trials that finished and have it."""
        found = {result.seed: _value(result, name) for result in self.done}
        return {seed: value for seed, value in found.items() if value is not None}

    def images_per_step(self) -> float | None:
        """Images forwarded through the student, with or without gradient, per optimiser step."""
        first = next(iter(self.done), None)
        if first is None or not first.steps or first.images_forwarded is None:
            return None
        without = first.images_forwarded_without_gradient or 0
        return (first.images_forwarded + without) / first.steps


@dataclass(frozen=True)
class Table:
    """The methods of one cell, on one machine.

    Attributes:
        suite: its name.
        machine: name of the machine's folder.
        conditions: what all rows share.
        rows: in the suite's order.
        baseline: the row that ratios refer to, or None if it has no finished Record.
        notes: what a reader must know.
        data: digest of the rows' data; None where it was not recorded.
    """

    suite: str
    machine: str
    conditions: dict[str, Any]
    rows: tuple[Row, ...]
    baseline: Row | None
    notes: tuple[str, ...] = field(default=())
    data: str | None = None

    def difference(self, row: Row, name: str) -> Interval | None:
        """Mean difference to the baseline, paired by seed; None without a pair."""
        pairs = self._pairs(row, name)
        return student_t([a - b for a, b in pairs]) if pairs else None

    def ratio(self, row: Row, name: str) -> Interval | None:
        """Ratio to the baseline, paired by seed; None without a pair."""
        pairs = [(a, b) for a, b in self._pairs(row, name) if a > 0 and b > 0]
        return ratio([a for a, _ in pairs], [b for _, b in pairs]) if pairs else None

    def _pairs(self, row: Row, name: str) -> list[tuple[float, float]]:
        if self.baseline is None or row is self.baseline:
            return []
        base = {result.seed: _value(result, name) for result in self.baseline.done}
        found = [(_value(result, name), base.get(result.seed)) for result in row.done]
        return [(a, b) for a, b in found if a is not None and b is not None]


def tables(records: Iterable[Record], refused: list[str] | None = None) -> list[Table]:
    """Return the tables of Records, in the order of suite, machine and conditions.

    Args:
        records: of any suites and machines.
        refused: is given the reason of each table that cannot be made; the others are returned.

    Raises:
        UnequalBudgets: rows of a table used different amounts of what was held equal, and there
            is no list to say so in.
    """
    groups: dict[tuple[str, str, str, str | None], list[Record]] = {}
    found = list(records)
    for result, data in zip(found, data_keys(found), strict=True):
        key = (result.suite, slug(result.machine), result.cell, data)
        groups.setdefault(key, []).append(result)
    made = []
    for (suite, machine, _, data), group in groups.items():
        try:
            made.append(replace(_table(suite, machine, group), data=data))
        except UnequalBudgets as error:
            if refused is None:
                raise
            refused.append(str(error))
    titled: dict[tuple[str, str, str], list[Table]] = {}
    for table in made:
        titled.setdefault((table.suite, table.machine, describe(table)), []).append(table)
    return [table for _, alike in sorted(titled.items()) for table in _told_apart(alike)]


def describe(table: Table) -> str:
    """Return the conditions of a table in one line."""
    return describe_conditions(table.conditions)


def _told_apart(alike: list[Table]) -> list[Table]:
    """Note what tables of one title differ in."""
    if len(alike) == 1:
        return alike
    told = differences([
        table.conditions | {"digest of the data": (table.data or "not recorded")[:12]}
        for table in alike
    ])  # fmt: skip
    pairs = sorted(zip(told, alike, strict=True), key=lambda pair: pair[0])
    return [replace(table, notes=(f"this table has {text}", *table.notes)) for text, table in pairs]


def _table(suite: str, machine: str, records: list[Record]) -> Table:
    rows = _rows(records)
    done = [(row.shown, row.done) for row in rows]
    check_budgets(suite, done)
    label = max(records, key=lambda result: result.started).baseline
    candidates = [row for row in rows if row.label == label and row.done]
    baseline = max(candidates, key=_weight, default=None)
    notes = [*footnotes(rows), *overruns(done), *unequal_notes(rows, baseline), *teachers(rows),
             *failures(rows)]  # fmt: skip
    if baseline is None:
        notes.append(f"no ratios: the baseline {label!r} has no finished Record")
    used = [result for row in rows for result in row.done]
    notes += data_notes(rows, records)
    notes += [*beside_others(used), *repetitions(rows), *placebos(records), *provenance(records)]
    conditions = {k: v for k, v in records[0].conditions.items() if k != "teacher"}
    return Table(suite, machine, conditions, tuple(rows), baseline, tuple(notes))


def _weight(row: Row) -> tuple[int, str]:
    return len(row.done), max(result.started for result in row.done)


def _rows(records: list[Record]) -> list[Row]:
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for result in sorted(records, key=lambda result: (result.position, result.started)):
        identity = json.dumps(_identity(result), sort_keys=True)
        groups.setdefault((result.label, identity, result.method_digest), []).append(result)
    return [_row(list(groups), key, group) for key, group in groups.items()]


def _row(
    keys: Sequence[tuple[str, str, str]], key: tuple[str, str, str], group: list[Record]
) -> Row:
    """Return a row, named so that it differs from others of its label."""
    label, identity, digest = key
    identities = list(dict.fromkeys(other[1] for other in keys if other[0] == label))
    told = differences([json.loads(text) for text in identities])[identities.index(identity)]
    digests = {other[2] for other in keys if other[:2] == key[:2]}
    # the latest Record of a seed, one that finished before one that did not
    order = sorted(group, key=lambda result: (result.finished, result.started))
    seeds = {result.seed: result for result in order}
    return Row(
        label,
        tuple(seeds[seed] for seed in sorted(seeds)),
        digest[:6] if len(digests) > 1 else None,
        told or None,
        len(group) - len(seeds),
    )


def _identity(result: Record) -> dict[str, Any]:
    return {"method": result.method, "teacher": result.conditions.get("teacher")} | result.hparams


def _value(result: Record, name: str) -> float | None:
    return _raw(result, name) if comparable(result, name) else None


def _raw(result: Record, name: str) -> float | None:
    value = getattr(result, name)
    if isinstance(value, dict):
        value = value.get("p50")
    return None if value is None else float(value)
