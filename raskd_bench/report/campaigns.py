"""Campaigns as they lie on disk: plans, comparisons, counted steps, and the Records beside them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from raskd_bench import record
from raskd_bench.errors import RecordError, RequestError
from raskd_bench.evidence import blocks, registration
from raskd_bench.evidence.blocks import Comparison
from raskd_bench.evidence.places import FINGERPRINTS, FOLDER, PLANS
from raskd_bench.evidence.registration import Registration
from raskd_bench.fingerprint.model import Fingerprint
from raskd_bench.record import Record
from raskd_bench.report.collect import REMEDY, SKIPPED_FOLDERS, campaign_folder
from raskd_bench.report.collect import holds_campaign as holds
from raskd_bench.report.controls import Group, group_key, groups
from raskd_bench.report.wording import several


class CountedStep(BaseModel):
    """One line of the file of counted steps: a method in a cell, and what its step costs."""

    model_config = ConfigDict(frozen=True)

    cell: dict[str, Any]
    conditions: dict[str, Any] = {}
    label: str
    method: str
    hparams: dict[str, Any]
    digest: str
    fingerprint: Fingerprint


@dataclass(frozen=True)
class Campaign:
    """What is known of one suite on one machine.

    Attributes:
        folder: of the campaign's files; the Records lie in its parent.
        plans: the one that was registered first comes first.
        comparisons: in the order of their files' names.
        counted: costs of steps.
        torch: version under which they were counted.
        problems: files that could not be read, plans among them.
        wrong_plans: plans that could not be read.
        current: hash of the plan that the suite had when it was last run.
    """

    folder: Path
    plans: tuple[Registration, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    counted: tuple[CountedStep, ...] = ()
    torch: str | None = None
    problems: tuple[str, ...] = ()
    wrong_plans: tuple[str, ...] = ()
    current: str | None = None

    @property
    def suite(self) -> str:
        """Name of the suite."""
        if self.plans:
            return self.plans[-1].suite
        headers = (comparison.header.suite for comparison in self.comparisons)
        return next(headers, self.folder.parent.parent.name)

    @property
    def machine(self) -> str:
        """Name of the machine's folder."""
        return self.folder.parent.name

    @property
    def latest(self) -> Registration | None:
        """The plan that the suite was last run with: its claims are the ones that count."""
        current = None if self.current is None else self.plan(self.current)
        return current or (self.plans[-1] if self.plans else None)

    def plan(self, name: str) -> Registration | None:
        """Return the plan of a hash."""
        return next((plan for plan in self.plans if plan.plan == name), None)

    @cached_property
    def groups(self) -> list[Group]:
        """The comparisons by cell, mode and baseline."""
        return groups(self.comparisons)

    def group_of(self, comparison: Comparison) -> Group:
        """Return the group that a comparison belongs to."""
        key = group_key(comparison.header)
        return next(group for group in self.groups if group_key(group.header) == key)

    @cached_property
    def trials(self) -> "Trials":
        """The Records beside the campaign, read when a claim needs them."""
        return _trials(self.folder.parent)


@dataclass(frozen=True)
class Trials:
    """Records by their files, and why others could not be read."""

    records: dict[Path, Record] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def find_campaigns(places: Sequence[Path]) -> list[Campaign]:
    """Return the campaigns in files and folders, each once.

    Published and superseded ones are left out unless they are asked for. A file of blocks stands
    for its whole campaign, as nothing can be said of it without its controls.

    Raises:
        RequestError: a place does not exist.
    """
    folders: dict[Path, Path] = {}
    for place in places:
        if not place.exists():
            raise RequestError(f"{place}: no such folder; {REMEDY}")
        for folder in _folders(place):
            folders.setdefault(folder.resolve(), folder)
    return [read_campaign(folder) for folder in folders.values()]


def loss(comparison: Comparison) -> str:
    """Return how much of a comparison's file is damaged, and how much counts nevertheless."""
    intact = sum(sum(1 for _ in restart.whole_pairs()) for restart in comparison.restarts)
    were = "was" if comparison.lost == 1 else "were"
    lines, pairs = several(comparison.lost, "damaged line"), several(intact, "intact pair")
    return f"{lines} {were} left out; {pairs} {'counts' if intact == 1 else 'count'}"


def _folders(place: Path) -> Iterator[Path]:
    own = campaign_folder(place)
    if own is not None:
        yield own
    elif place.is_dir():
        skipped = SKIPPED_FOLDERS - {FOLDER}
        for folder in sorted(place.rglob(FOLDER)):
            if not skipped & set(folder.relative_to(place).parts) and holds(folder):
                yield folder


def read_campaign(folder: Path) -> Campaign:
    """Return what lies in a campaign's folder; what cannot be read is said, and the rest goes on.

    Args:
        folder: `results/<suite>/<machine>/overhead`.
    """
    problems: list[str] = []
    wrong: list[str] = []
    plans = [plan for path in sorted(folder.glob(PLANS))
             if (plan := _plan(path, wrong)) is not None]  # fmt: skip
    plans.sort(key=lambda plan: plan.registered)
    comparisons = [found for path in sorted(folder.rglob("*.jsonl"))
                   if (found := _comparison(path, problems)) is not None]  # fmt: skip
    torch, counted = _counted(folder / FINGERPRINTS, problems)
    return Campaign(
        folder, tuple(plans), tuple(comparisons), counted, torch,
        (*wrong, *problems), tuple(wrong), registration.current(folder),
    )  # fmt: skip


def _plan(path: Path, wrong: list[str]) -> Registration | None:
    try:
        return registration.read(path)
    except RecordError as error:
        wrong.append(str(error))
        return None


def _comparison(path: Path, problems: list[str]) -> Comparison | None:
    try:
        return blocks.read(path)
    except RecordError as error:
        problems.append(str(error))
        return None


def _counted(path: Path, problems: list[str]) -> tuple[str | None, tuple[CountedStep, ...]]:
    if not path.exists():
        return None, ()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != 1:
            problems.append(f"{path}: was written by a newer version; read it with that one")
            return None, ()
        rows = tuple(CountedStep.model_validate(row) for row in content["rows"])
        return str(content["torch"]), rows
    except (OSError, ValueError, ValidationError, KeyError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        problems.append(f"{path}: is no file of counted steps, or a damaged one: {reason}")
        return None, ()


def _trials(folder: Path) -> Trials:
    records: dict[Path, Record] = {}
    problems = []
    for path in sorted(folder.glob("[!.]*.json")):
        try:
            records[path] = record.read(path)
        except RecordError as error:
            problems.append(str(error))
    return Trials(records, tuple(problems))
