"""A suite on a machine: where its Records are, which are finished, how a new one is made."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from raskd_bench import catalog, record
from raskd_bench.errors import RecordError
from raskd_bench.record import Record
from raskd_bench.record_fields import DataFacts
from raskd_bench.same_data import FIXED, digest_in
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
        data: facts of each data set, by its name and options.
    """

    suite: Suite
    home: Path
    folder: Path
    machine: dict[str, Any]
    code: tuple[str | None, bool | None]
    data: dict[str, DataFacts] = field(default_factory=dict)

    @property
    def of_teachers(self) -> "Bench":
        """The same, for the teachers of its trials."""
        return replace(self, folder=self.folder / TEACHERS)

    def path_of(self, plan: Plan, facts: DataFacts | None = None) -> Path:
        """Return the file of a trial's Record: data that can change are in its name.

        Args:
            plan: the trial.
            facts: of the data it was trained on; None: of the data as they are now.
        """
        path = self.folder / plan.trial.file_name
        found = facts or self.data.get(str(plan.trial.data))
        if found is None or found.digest is None or plan.trial.data.name in FIXED:
            return path
        return path.with_name(f"{path.stem}-{found.digest[:8]}.json")

    def of_other_data(self, plans: list[Plan]) -> list[Record]:
        """Return the Records of trials that were run on other data, or before data were recorded.

        Raises:
            RecordError: one cannot be read.
        """
        found = (path for plan in plans for path in sorted(self.folder.glob(
            f"*-{plan.trial.id}*.json")) if path != self.path_of(plan))  # fmt: skip
        return [record.read(path) for path in found]

    def _of_this_data(self, plan: Plan, found: Record) -> bool:
        """Whether a Record is of the data as they are now."""
        present = self.data.get(str(plan.trial.data))
        digest = digest_in(found)
        if present is None or present.digest is None:
            return True
        return digest == present.digest or (digest is None and plan.trial.data.name in FIXED)

    def finished(self, plan: Plan) -> Record | None:
        """Return a trial's Record if it is done, by the method's present code, on these data.

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
        same = same and self._of_this_data(plan, found)
        return found if found.ended and same else None

    def keep(self, plan: Plan, begin: str, measured: dict[str, Any]) -> Record:
        """Write the Record of what a trial measured; an older one of it is set aside."""
        known = {"data": self.data.get(str(plan.trial.data))}  # a failed trial measured none
        made = self._new_record(plan, begin, known | measured)
        path = self.path_of(plan, made.data)
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


def notes_on_data(bench: Bench, waiting: list[Plan]) -> Iterator[str]:
    """Yield what the data are, and how many trials wait because they were run on other data.

    Raises:
        RecordError: a Record of other data cannot be read.
    """
    for name, facts in bench.data.items():
        yield f"{name}: {facts.line}"
        yield from (f"  {note}" for note in facts.notes)
    before = bench.of_other_data(waiting)
    unknown = [found for found in before if digest_in(found) is None]
    changed = {found.trial: found.data for found in before if digest_in(found) is not None}
    again = "trained again, the older Records are kept"
    if changed:
        now = {facts.line for facts in bench.data.values()}
        lines = {facts.line for facts in changed.values() if facts is not None} - now
        told = f"they were {'; '.join(sorted(lines))}" if lines else "as many pictures, other ones"
        yield f"the data changed since {_trials(len(changed))} run: {told}; {again}"
    if left := {found.trial for found in unknown} - changed.keys():
        yield (f"{_trials(len(left))} run before data were recorded: whether on these is not "
               f"known; {again}")  # fmt: skip


def _trials(count: int) -> str:
    return "1 trial was" if count == 1 else f"{count} trials were"


def started() -> str:
    """Return the present moment as a Record writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
