"""Accepted fingerprints: one file, read by people in a diff, compared to the last digit."""

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raskd_bench import __version__
from raskd_bench.errors import BaselineError
from raskd_bench.files import write_text
from raskd_bench.fingerprint.model import Fingerprint
from raskd_bench.spec import Plan

FIRST_KEY_BYTES = 64  # a file of accepted fingerprints has shown its first key by then
SCHEMA = 1  # of this file, fingerprints included
CONDITIONS = ("task", "data", "student", "batch_size", "precision", "compile", "execution",
              "optimizer")  # fmt: skip


class Row(BaseModel):
    """A method of one cell of a suite, and what its step costs.

    Attributes:
        suite: its file, relative to the folder of the baseline's file.
        method: as the suite names it.
        settings: hyper-parameters, teacher and conditions; they explain a difference and are not
            compared themselves.
        fingerprint: what is compared.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    suite: str
    method: str
    settings: dict[str, Any]
    fingerprint: Fingerprint


class Entry(Row):
    """A row as it was accepted: why, when (UTC), at which commit of the file's repository."""

    reason: str
    accepted: str
    commit: str | None


class Acceptance(BaseModel):
    """One acceptance in the file's history: the rows whose fingerprints it changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    date: str
    commit: str | None
    torch: str
    reason: str
    changed: list[str]


class Baseline(BaseModel):
    """Accepted fingerprints by version of torch, then by the title of the row."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(alias="schema", default=SCHEMA)
    program: str = __version__
    accepted: dict[str, dict[str, Entry]] = {}
    history: list[Acceptance] = []

    def suites(self, torch: str) -> list[str]:
        """Return the suites accepted under a version of torch; of all versions if it is new."""
        versions = [self.accepted[torch]] if torch in self.accepted else self.accepted.values()
        return sorted({entry.suite for entries in versions for entry in entries.values()})

    def accept(
        self, counted: Mapping[str, Row], suites: Collection[str], note: Acceptance
    ) -> "Baseline":
        """Return the file with what was counted in the place of the same suites' earlier rows.

        A row whose fingerprint is the accepted one keeps its reason. Rows of other suites and of
        other versions of torch stay.
        """
        earlier = self.accepted.get(note.torch, {})
        stays = {title: entry for title, entry in earlier.items() if entry.suite not in suites}
        fresh = {title: _accepted(row, earlier.get(title), note) for title, row in counted.items()}
        return self.model_copy(update={
            "program": __version__,
            "accepted": self.accepted | {note.torch: stays | fresh},
            "history": [*self.history, note],
        })  # fmt: skip


def _accepted(row: Row, earlier: Entry | None, note: Acceptance) -> Entry:
    if earlier is not None and earlier.fingerprint == row.fingerprint:
        return earlier.model_copy(update={"suite": row.suite, "settings": row.settings})
    return Entry(**dict(row), reason=note.reason, accepted=note.date, commit=note.commit)


def title_of(suite: str, plan: Plan) -> str:
    """Return a row's identity: `gate: ras_kd on resnet20, batch 128, fp32, synthetic(...)`."""
    trial = plan.trial
    compiled = ", compiled" if trial.compile else ""
    switched = "".join(f", {name} {value}" for name, value in trial.execution.switched.items())
    return (
        f"{suite}: {plan.label} on {trial.student}, batch {trial.batch_size}, "
        f"{trial.precision}{compiled}{switched}, {trial.data}"
    )


def row_of(plan: Plan, suite: str, fingerprint: Fingerprint) -> Row:
    """Return the row of a counted plan; `suite` is its file as the baseline names it."""
    content = plan.trial.model_dump(mode="json", include={*CONDITIONS, "hparams"})
    teacher = plan.trial.teacher
    settings = content | {"teacher": str(teacher.student) if teacher else None}
    return Row(suite=suite, method=plan.trial.method, settings=settings, fingerprint=fingerprint)


def release(version: str) -> str:
    """Return `2.15.0` of `2.15.0+cpu`: a build decides where torch runs, not what a step does."""
    found = re.match(r"\d+\.\d+\.\d+", version)
    return found[0] if found else version.partition("+")[0]


def write(baseline: Baseline, path: Path) -> None:
    """Write the file whole or not at all; one operation a line, so that a diff can be read."""
    content = baseline.model_dump(mode="json", by_alias=True)
    write_text(json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n", path)


def is_baseline(path: Path) -> bool:
    """Whether a file holds accepted fingerprints, by its first key: it may lie among Records."""
    try:
        with path.open("rb") as file:
            return b'"accepted"' in file.read(FIRST_KEY_BYTES)
    except OSError:
        return False


def read(path: Path) -> Baseline:
    """Return the accepted fingerprints in a file.

    Raises:
        BaselineError: there is none, it is damaged, or was written by a newer version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BaselineError(
            f"{path}: no such file; make it with: raskd-bench baseline accept SUITE.yaml "
            f"--baseline {path} --reason TEXT"
        ) from error
    except OSError as error:
        raise BaselineError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"{path}: is no file of accepted fingerprints: {error}") from error
    return _validated(content, path)


def _validated(content: Any, path: Path) -> Baseline:
    found = content.get("schema") if isinstance(content, dict) else None
    if type(found) is not int or found < 1:
        raise BaselineError(f"{path}: is no file of accepted fingerprints: it has no schema number")
    if found > SCHEMA:
        raise BaselineError(
            f"{path}: has baseline schema {found}, this is raskd-bench {__version__}, which reads "
            f"up to schema {SCHEMA}; use the version that wrote it "
            f"({content.get('program', 'unknown')}), or a newer one"
        )
    try:
        return Baseline.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise BaselineError(f"{path}: is damaged: {key}: {first['msg']}") from error
