"""From a suite to its trials: the product of the grid, the methods and the seeds."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raskd_bench import catalog
from raskd_bench.errors import RequestError
from raskd_bench.spec.only import Only
from raskd_bench.spec.options import settle
from raskd_bench.spec.suite import GRID_AXES, MethodEntry, Suite, excluded
from raskd_bench.spec.trial import Teacher, Trial

RECIPE = ("budget", "optimizer", "schedule", "augmentation", "val_fraction", "evaluations")


@dataclass(frozen=True)
class Plan:
    """One trial of a suite, and what the suite calls its method."""

    trial: Trial
    label: str
    passed: dict[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """What `--only` may call it."""
        trial = self.trial
        return (self.label, trial.method, trial.student.name, trial.data.name, f"seed{trial.seed}",
                f"batch{trial.batch_size}", trial.precision,
                "compiled" if trial.compile else "eager", trial.id)  # fmt: skip

    def __str__(self) -> str:
        return f"{self.label} on {self.trial.student}, seed {self.trial.seed}"


def expand(suite: Suite, folder: Path, only: str | None = None) -> list[Plan]:
    """Return the trials of a suite, cell by cell and seed by seed.

    So an early stop leaves whole comparisons. They are all different: `load_suite` saw to it.

    Args:
        suite: as read by `load_suite`.
        folder: where the suite's file lies; `./file.py:Class` is relative to it.
        only: names joined by `and`, `or`, `not` and parentheses; `*` matches any text.

    Raises:
        RequestError: `only` is malformed, has an unknown name, or leaves nothing.
        NoSuchName: a user's file is gone since the suite was read.
    """
    chosen = Only(only) if only is not None else None
    plans = [
        _plan(suite, folder, cell, entry, seed)
        for cell in _cells(suite)
        for seed in suite.seeds
        for entry in suite.methods
        if not excluded(suite.exclude, _names(cell) | {"method": entry.shown})
    ]
    if chosen is None:
        return plans
    chosen.check_names(name for plan in plans for name in plan.names)
    plans = [plan for plan in plans if chosen.matches(plan.names)]
    if not plans:
        raise RequestError(f"--only {only}: leaves nothing to run")
    return plans


def _cells(suite: Suite) -> Iterator[dict[str, Any]]:
    values = [getattr(suite, axis) for axis in GRID_AXES]
    return (dict(zip(GRID_AXES, chosen, strict=True)) for chosen in itertools.product(*values))


def _names(cell: dict[str, Any]) -> dict[str, Any]:
    """Return a cell as an exclusion would write it."""
    return {axis: getattr(value, "name", value) for axis, value in cell.items()}


def _plan(suite: Suite, folder: Path, cell: dict[str, Any], entry: MethodEntry, seed: int) -> Plan:
    card = catalog.find("method", entry.name, folder)
    trial = Trial(
        task=suite.task,
        **cell,
        method=entry.name,
        hparams=settle(card, entry.hparams),
        teacher=_teacher(suite, cell, card),
        **{name: getattr(suite, name) for name in RECIPE},
        seed=seed,
    )
    return Plan(trial, entry.shown, entry.hparams)


def _teacher(suite: Suite, cell: dict[str, Any], card: catalog.Card) -> Teacher | None:
    if card.teaches_itself:
        return Teacher(student=cell["student"])
    return suite.teacher if card.needs_teacher else None
