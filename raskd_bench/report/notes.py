"""What a reader of a table must know beside its numbers."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from raskd_bench.record import Record
from raskd_bench.report.describe import budget_of, named


class RowLike(Protocol):
    """A row, as `tables` makes it."""

    @property
    def records(self) -> tuple[Record, ...]: ...
    @property
    def done(self) -> tuple[Record, ...]: ...
    @property
    def shown(self) -> str: ...
    @property
    def repeated(self) -> int: ...


def footnotes(rows: Sequence[RowLike]) -> Iterator[str]:
    """Yield what methods say of themselves, once for all rows that say it."""
    said: dict[str, list[str]] = {}
    for row in rows:
        if text := row.records[-1].footnote:
            said.setdefault(text, []).append(row.shown)
    for text, names in said.items():
        yield f"{', '.join(names)}: {text}"


def teachers(rows: Sequence[RowLike]) -> Iterator[str]:
    """Yield what taught a method, and where that cost is."""
    for row in rows:
        conditions = row.records[-1].conditions
        if teacher := conditions.get("teacher"):
            budget = budget_of(teacher.get("budget") or conditions["budget"])
            scores = [result.teacher_top1 for result in row.done if result.teacher_top1 is not None]
            score = f", top-1 {100 * sum(scores) / len(scores):.1f} %" if scores else ""
            yield (f"{row.shown}: learns from a teacher ({named(teacher['student'])}, {budget}"
                   f"{score}) that is trained first: part of train time, not of step "
                   "time")  # fmt: skip


def failures(rows: Sequence[RowLike]) -> Iterator[str]:
    """Yield how each trial ended that did not finish."""
    for row in rows:
        for result in row.records:
            if not result.finished:
                reason = (result.error or "").partition("\n")[0]
                ending = f"{result.status}: {reason}" if reason else result.status
                yield f"{row.shown}, seed {result.seed}: {ending}"


def repetitions(rows: Sequence[RowLike]) -> Iterator[str]:
    """Yield which rows have several Records of one trial: a seed counts once."""
    for row in rows:
        if row.repeated:
            yield f"{row.shown}: older Records of the same seeds are left out ({row.repeated})"


def provenance(records: Sequence[Record]) -> Iterator[str]:
    """Yield what makes the Records of a table less than comparable, or unfit to publish."""
    commits = sorted({(result.commit or "unknown")[:10] for result in records})
    if len(commits) > 1:
        yield f"Records of {len(commits)} commits: {', '.join(commits)}"
    for name in ("torch", "torchvision", "timm"):
        versions = _different(result.machine.get("versions", {}).get(name) for result in records)
        if len(versions) > 1:
            yield f"Records of several versions of {name}: {', '.join(versions)}"
    threads = _different(result.machine.get("threads") for result in records)
    if len(threads) > 1:
        yield f"Records with {' and '.join(threads)} threads: times are not comparable"
    if any(result.dirty for result in records):
        yield "measured with uncommitted changes to the code: not for publication"


def _different(values: Iterable[Any]) -> list[str]:
    return sorted({str(value) for value in values})
