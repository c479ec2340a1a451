"""A suite on a machine: where its Records are, which are finished, how a new one is made."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from raskd_bench import catalog, record
from raskd_bench.errors import RecordError
from raskd_bench.record import Record
from raskd_bench.spec import Plan, Suite

SUPERSEDED = "superseded"  # folder of Records that a later run replaced
TEACHERS = "teachers"  # folder of the Records and weights of teachers


@dataclass(frozen=True)
class Bench:
    """A suite on this machine.

    Attributes:
        suite: what to run.
        home: folder of the suite's file.
        folder: of its Records.
        machine: description of host and device.
        code: commit and whether the code was changed since.
    """

    suite: Suite
    home: Path
    folder: Path
    machine: dict[str, Any]
    code: tuple[str | None, bool | None]

    @property
    def of_teachers(self) -> "Bench":
        """The same, for the teachers of its trials."""
        return replace(self, folder=self.folder / TEACHERS)

    def path_of(self, plan: Plan) -> Path:
        """Return the file of a trial's Record."""
        return self.folder / plan.trial.file_name

    def finished(self, plan: Plan) -> Record | None:
        """Return a trial's Record if it is done and made by the method's present code.

        Raises:
            RecordError: there is one that cannot be read, or was written by a newer version.
        """
        found = self.ended(plan)
        return found if found is not None and found.finished else None

    def ended(self, plan: Plan) -> Record | None:
        """Return a trial's Record if it is done or diverged, under the method's present code.

        Raises:
            RecordError: there is one that cannot be read, or was written by a newer version.
        """
        path = self.path_of(plan)
        if not path.exists():
            return None
        try:
            found = record.read(path)
        except RecordError as error:
            raise RecordError(f"{error}; move it away, or use --fresh") from None
        digest = catalog.digest(catalog.find("method", plan.trial.method, self.home))
        same = found.trial == plan.trial.id and found.method_digest == digest
        return found if found.ended and same else None

    def keep(self, plan: Plan, begin: str, measured: dict[str, Any]) -> Record:
        """Write the Record of what a trial measured; an older one of it is set aside."""
        made = self._new_record(plan, begin, dict(measured))
        path = self.path_of(plan)
        if path.exists():
            self.set_aside([path])
        record.write(made, path)
        return made

    def set_aside(self, paths: list[Path]) -> None:
        """Move Records into a folder of superseded ones; none is ever changed or lost."""
        if not paths:
            return
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        target = self.folder / SUPERSEDED / stamp
        target.mkdir(parents=True)
        for path in paths:
            path.rename(target / path.name)

    def _new_record(self, plan: Plan, begin: str, measured: dict[str, Any]) -> Record:
        trial, suite = plan.trial, self.suite
        card = catalog.find("method", trial.method, self.home)
        labels = [entry.shown for entry in suite.methods]
        threads = {"threads": n} if (n := measured.pop("threads", None)) else {}
        if trace := measured.pop("traceback", None):
            measured["error"] = f"{measured['error']}\n{trace}"
        return Record(
            trial=trial.id,
            suite=suite.name,
            cell=trial.cell,
            method=trial.method,
            label=plan.label,
            position=labels.index(plan.label) if plan.label in labels else len(labels),
            baseline=suite.baseline_label,
            hparams=trial.hparams,
            switched_off=card.is_switched_off(trial.hparams),
            hparams_passed=plan.passed,
            method_digest=catalog.digest(card),
            footnote=card.constants.get("footnote"),
            seed=trial.seed,
            budget=trial.budget.model_dump(exclude_none=True),
            conditions=trial.model_dump(mode="json", exclude={"method", "hparams", "seed"}),
            started=begin,
            machine=self.machine | threads,
            commit=self.code[0],
            dirty=self.code[1],
            **record.finite(measured),
        )


def started() -> str:
    """Return the present moment as a Record writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
