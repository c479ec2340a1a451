"""Records to tables: one a suite, machine and cell; a row a method.

Records are compared only where suite, machine and cell agree, and averaged only where method,
hyper-parameters and the method's code agree too.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raskd_bench import record
from raskd_bench.errors import BenchError, RequestError
from raskd_bench.machine import slug
from raskd_bench.record import Record
from raskd_bench.report.stats import Interval, ratio, student_t

SKIPPED_FOLDERS = {"superseded"}
EXACT_AXES = {"epochs": "epochs", "steps": "steps", "images": "images_drawn"}
LOOSE_AXES = {"seconds": "train_seconds", "flops": "train_flops"}
LOOSE_TOLERANCE = 0.05  # a budget in seconds or FLOPs ends with a whole step


class UnequalBudgets(BenchError):
    """Rows of one table differ on the axis that their suite held equal."""


@dataclass(frozen=True)
class Row:
    """One method of a table: intervals over its seeds.

    Attributes:
        label: what the suite calls it.
        records: all of them.
        done: those that finished, by seed.
        digest: of the method's code, if rows of the same label differ in it.
    """

    label: str
    records: tuple[Record, ...]
    digest: str | None = None

    @property
    def done(self) -> tuple[Record, ...]:
        return tuple(result for result in self.records if result.finished)

    @property
    def shown(self) -> str:
        return f"{self.label} [{self.digest}]" if self.digest else self.label

    def interval(self, name: str) -> Interval:
        """Mean over seeds of a Record's field."""
        values = [getattr(result, name) for result in self.done]
        return student_t([value for value in values if value is not None])

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
        rows: in the suite's order, the baseline's position kept.
        baseline: the row that ratios refer to, or None if it has no finished Record.
        notes: what a reader must know.
    """

    suite: str
    machine: str
    conditions: dict[str, Any]
    rows: tuple[Row, ...]
    baseline: Row | None
    notes: tuple[str, ...] = field(default=())

    def difference(self, row: Row, name: str) -> Interval | None:
        """Mean difference to the baseline, paired by seed."""
        pairs = self._pairs(row, lambda result: getattr(result, name))
        return student_t([a - b for a, b in pairs]) if pairs else None

    def ratio(self, row: Row, name: str) -> Interval | None:
        """Ratio to the baseline, paired by seed. `name` is a field, or `step_seconds`."""
        pairs = self._pairs(row, lambda result: _cost(result, name))
        return ratio([a for a, _ in pairs], [b for _, b in pairs]) if pairs else None

    def _pairs(self, row: Row, value: Any) -> list[tuple[float, float]]:
        if self.baseline is None or row is self.baseline:
            return []
        base = {result.seed: value(result) for result in self.baseline.done}
        found = [(value(result), base.get(result.seed)) for result in row.done]
        return [(a, b) for a, b in found if a is not None and b is not None]


def load_records(places: Sequence[Path]) -> list[Record]:
    """Return the Records in files and folders, those that were superseded left out.

    Raises:
        RequestError: a place does not exist, or there is no Record in any.
        RecordError: one cannot be read.
    """
    files: list[Path] = []
    for place in places:
        if not place.exists():
            raise RequestError(f"{place}: no such folder; run a suite first: raskd-bench run SUITE")
        files += [place] if place.is_file() else sorted(
            path for path in place.rglob("*.json")
            if not SKIPPED_FOLDERS & set(path.parts) and not path.name.startswith(".")
        )  # fmt: skip
    if not files:
        listing = ", ".join(map(str, places))
        raise RequestError(f"{listing}: no Records there; run a suite first: raskd-bench run SUITE")
    return [record.read(path) for path in files]


def tables(records: Iterable[Record]) -> list[Table]:
    """Return the tables of Records, in the order of suite, machine and cell.

    Raises:
        UnequalBudgets: rows of a table used different amounts of what was held equal.
    """
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for result in records:
        key = (result.suite, slug(result.machine), result.cell)
        groups.setdefault(key, []).append(result)
    return [_table(suite, machine, group) for (suite, machine, _), group in sorted(
        groups.items(), key=lambda item: (*item[0][:2], describe_conditions(item[1][0].conditions)))
    ]  # fmt: skip


def describe(table: Table) -> str:
    """Return the conditions of a table in one line."""
    return describe_conditions(table.conditions)


def describe_conditions(conditions: dict[str, Any]) -> str:
    """Return the conditions of a trial in one line."""
    recipe, schedule = conditions["optimizer"], conditions["schedule"]
    unit, amount = next((k, v) for k, v in conditions["budget"].items() if v is not None)
    parts = [
        _named(conditions["data"]), _named(conditions["student"]),
        f"batch {conditions['batch_size']}", f"{amount:g} {unit}", conditions["precision"],
        f"{recipe['name']} lr {recipe['lr']:g}", schedule["name"],
        *(["compiled"] if conditions["compile"] else []),
    ]  # fmt: skip
    return ", ".join(parts)


def _named(part: dict[str, Any]) -> str:
    options = ", ".join(f"{k} {v}" for k, v in part.items() if k not in {"name", "root"})
    root = f" {Path(part['root']).name}" if part.get("root") else ""
    return f"{part['name']}{root}" + (f" ({options})" if options else "")


def _table(suite: str, machine: str, records: list[Record]) -> Table:
    rows = _rows(records)
    _check_budgets(suite, rows)
    label = records[0].baseline
    baseline = next((row for row in rows if row.label == label and row.done), None)
    if baseline is not None:
        rows = [baseline, *(row for row in rows if row is not baseline)]
    notes = list(dict.fromkeys(
        f"{row.label}: {row.records[0].footnote}" for row in rows if row.records[0].footnote
    ))  # fmt: skip
    notes += [
        f"{row.shown}, seed {result.seed}: {result.status}: {_first_line(result.error)}"
        for row in rows for result in row.records if not result.finished
    ]  # fmt: skip
    if baseline is None:
        notes.append(f"no ratios: the baseline {label!r} has no finished Record")
    notes += _provenance(records)
    conditions = {k: v for k, v in records[0].conditions.items() if k != "teacher"}
    return Table(suite, machine, conditions, tuple(rows), baseline, tuple(notes))


def _rows(records: list[Record]) -> list[Row]:
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for result in sorted(records, key=lambda result: (result.position, result.started)):
        hparams = json.dumps([result.method, result.hparams, result.conditions.get("teacher")])
        groups.setdefault((result.label, hparams, result.method_digest), []).append(result)
    labels = [label for label, _, _ in groups]
    return [
        Row(label, tuple(sorted(group, key=lambda result: result.seed)),
            digest[:6] if labels.count(label) > 1 else None)
        for (label, _, digest), group in groups.items()
    ]  # fmt: skip


def _check_budgets(suite: str, rows: list[Row]) -> None:
    """Refuse rows that used different amounts of what their suite held equal."""
    done = [result for row in rows for result in row.done]
    if not done:
        return
    unit = next(unit for unit, value in done[0].budget.items() if value is not None)
    name = EXACT_AXES.get(unit) or LOOSE_AXES[unit]
    # a teacher's training is charged to seconds and FLOPs on top of the budget
    used = {row.shown: _used(result, name) for row in rows for result in row.done}
    low, high = min(used.values()), max(used.values())
    # one step of the costliest method is what a budget may be exceeded by
    step = max((result.images_drawn or 0) / (result.steps or 1) for result in done)
    allowed = {"images_drawn": step, "epochs": 0.0, "steps": 0.0}.get(name, LOOSE_TOLERANCE * high)
    if high - low > allowed:
        least = min(used, key=lambda label: used[label])
        most = max(used, key=lambda label: used[label])
        raise UnequalBudgets(
            f"suite {suite}: the budget is in {unit}, but {least} used {low:g} and {most} "
            f"{high:g} {name}: these rows are not comparable"
        )


def _used(result: Record, name: str) -> float:
    value = float(getattr(result, name) or 0)
    if name in LOOSE_AXES.values():
        value -= float(getattr(result, name.replace("train", "preparation")) or 0)
    return value


def _cost(result: Record, name: str) -> float | None:
    if name == "step_seconds":
        return (result.step_seconds or {}).get("p50")
    value = getattr(result, name)
    return None if value is None else float(value)


def _provenance(records: list[Record]) -> list[str]:
    commits = {(result.commit or "unknown")[:10] for result in records}
    notes = []
    if len(commits) > 1:
        notes.append(f"Records of {len(commits)} commits: {', '.join(sorted(commits))}")
    if any(result.dirty for result in records):
        notes.append("measured with uncommitted changes to the code: not for publication")
    return notes


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0]
