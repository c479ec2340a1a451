"""Which Records stand on the two sides of a claim, paired by seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raskd_bench.placebo import placebos
from raskd_bench.record import Record
from raskd_bench.report.describe import place_of
from raskd_bench.report.standing import of_records
from raskd_bench.report.verdicts import Answer, Case, CellVerdict
from raskd_bench.report.wording import several
from raskd_bench.same_data import data_keys

RUN = "'raskd-bench run' makes them"


@dataclass(frozen=True)
class Arms:
    """Records of both sides of a claim.

    Attributes:
        pairs: of the method and what it is compared with, by seed.
        files: of their Records.
        faults: why they say nothing: failed trials, a method that trained the baseline.
        absent: why there is no pair; empty if there is one.
        notes: what else a reader must know.
    """

    pairs: Mapping[int, tuple[Record, Record]]
    files: tuple[Path, ...] = ()
    faults: tuple[str, ...] = ()
    absent: str = ""
    notes: tuple[str, ...] = ()

    @property
    def records(self) -> list[Record]:
        return [record for pair in self.pairs.values() for record in pair]


def arms_of(case: Case) -> Arms:
    """Return the Records of a claim's sides in its cell: present code, one Record a seed."""
    found = {
        path: record
        for path, record in case.campaign.trials.records.items()
        if _in_cell(record, case.cell)
        and case.holds(record.conditions)
        and record.label in {case.claim.method, case.against}
    }
    if not found:
        return Arms({}, absent=f"no Records of this cell; {RUN}")
    current = {path: record for path, record in found.items() if case.is_current(
        record.label, record.method, record.hparams, record.method_digest)}  # fmt: skip
    if not current:
        return Arms({}, absent=f"the code or settings changed since the trials were run; {RUN}")
    chosen, notes = _of_latest_recipe(current)
    chosen, others = _of_latest_data(chosen)
    notes += others
    sides = [_by_seed(chosen.values(), label) for label in (case.claim.method, case.against)]
    seeds = sorted(sides[0].keys() & sides[1].keys())
    records = [record for side in sides for record in side.values()]
    faults = [f"{r.label}, seed {r.seed}: {_ending(r)}" for r in records if not r.finished]
    faults += [line for line in placebos(records) if line.startswith(f"{case.claim.method},")]
    unpaired = sorted(sides[0].keys() ^ sides[1].keys())
    if unpaired:
        notes.append(f"seeds that one side lacks are left out: {', '.join(map(str, unpaired))}")
    used = {record.trial for record in records}
    files = tuple(path for path, record in chosen.items() if record.trial in used)
    absent = "" if seeds else f"no seed of both {case.claim.method} and {case.against}; {RUN}"
    pairs = {seed: (sides[0][seed], sides[1][seed]) for seed in seeds}
    return Arms(pairs, files, tuple(faults), absent, tuple(notes))


def begun(case: Case, arms: Arms) -> CellVerdict:
    """Return what is known before the numbers are looked at."""
    reasons = arms.faults or ((arms.absent,) if arms.absent else ())
    verdict = Answer.invalid if arms.faults else Answer.unmeasured
    records = arms.records
    if not records:
        return CellVerdict(case, verdict, reasons=reasons, evidence=arms.files)
    return CellVerdict(
        case, verdict, reasons=reasons, evidence=arms.files,
        place=place_of(case.cell, records[0].machine),
        standing=of_records(case, [record.started for record in records]),
        seconds=sum(record.wall_seconds or 0.0 for record in records),
        footnote=records[0].footnote,
    )  # fmt: skip


def _of_latest_data(records: dict[Path, Record]) -> tuple[dict[Path, Record], list[str]]:
    """Return the Records that are of the same data as the latest one."""
    keys = dict(zip(records, data_keys(list(records.values())), strict=True))
    latest = keys[max(records, key=lambda path: records[path].started)]
    chosen = {path: record for path, record in records.items() if keys[path] == latest}
    others = len(records) - len(chosen)
    trials = several(others, "trial")
    return chosen, [f"{trials} on other data, or unrecorded ones, left out"] if others else []


def _of_latest_recipe(records: dict[Path, Record]) -> tuple[dict[Path, Record], list[str]]:
    """Return the Records of one cell's identity: axes alone do not tell budgets apart."""
    latest = max(records.values(), key=lambda record: record.started).cell
    chosen = {path: record for path, record in records.items() if record.cell == latest}
    others = len(records) - len(chosen)
    trials = several(others, "trial")
    return chosen, [f"{trials} under another recipe or budget left out"] if others else []


def _by_seed(records: Any, label: str) -> dict[int, Record]:
    """Return the latest Record of each seed, one that finished before one that did not."""
    own = [record for record in records if record.label == label]
    ordered: Sequence[Record] = sorted(own, key=lambda record: (record.finished, record.started))
    return {record.seed: record for record in ordered}


def _in_cell(record: Record, cell: dict[str, Any]) -> bool:
    return all(_name(record.conditions.get(axis)) == value for axis, value in cell.items())


def _name(value: Any) -> Any:
    return value["name"] if isinstance(value, dict) else value


def _ending(record: Record) -> str:
    reason = (record.error or "").partition("\n")[0]
    return f"{record.status}: {reason}" if reason else record.status
