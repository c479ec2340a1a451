"""From a suite to its trials: the product of the grid, the methods and the seeds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raskd_bench import catalog
from raskd_bench.errors import RequestError
from raskd_bench.spec.grid import cell_names, cells
from raskd_bench.spec.only import Only
from raskd_bench.spec.options import settle
from raskd_bench.spec.suite import MethodEntry, Suite, excluded
from raskd_bench.spec.trial import Teacher, Trial

RECIPE = ("budget", "optimizer", "schedule", "execution", "augmentation", "val_fraction",
          "evaluations")  # fmt: skip


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


@dataclass(frozen=True)
class CellPlan:
    """One cell of a suite's grid, and the methods that meet in it.

    Attributes:
        cell_names: value of each axis, as an exclusion or the `where` of a claim writes it.
        plans: one for each method, in the suite's order; all of the same seed.
    """

    cell_names: dict[str, Any]
    plans: list[Plan]


def expand(suite: Suite, folder: Path, only: str | None = None) -> list[Plan]:
    """Return the trials of a suite, cell by cell and seed by seed.

    So an early stop leaves whole comparisons. They are all different: `load_suite` saw to it.
    A suite without seeds has none, whatever `only` says: its cells are from `expand_cells`.

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
        plan
        for cell in cells(suite)
        for seed in suite.seeds
        for plan in _plans(suite, folder, cell, seed)
    ]
    if chosen is None or not suite.seeds:
        return plans
    chosen.check_names(name for plan in plans for name in plan.names)
    plans = [plan for plan in plans if chosen.matches(plan.names)]
    if not plans:
        raise RequestError(f"--only {only}: leaves nothing to run")
    return plans


def steps_of(suite: Suite, folder: Path, only: str | None = None) -> list[Plan]:
    """Return a plan for each step to count: the trials, or those of the cells if it trains none.

    Args and errors are those of `expand`.
    """
    if suite.seeds:
        return expand(suite, folder, only)
    return [plan for cell in expand_cells(suite, folder, only) for plan in cell.plans]


def expand_cells(suite: Suite, folder: Path, only: str | None = None) -> list[CellPlan]:
    """Return the cells of a suite, each with the methods that are compared in it.

    A method stays if `only` chooses a trial of it in that cell, whatever the trial's seed; the
    baseline of overhead stays beside any other method. The plans have the suite's first seed, or 0.

    Args:
        suite: as read by `load_suite`.
        folder: as for `expand`.
        only: as for `expand`.

    Raises:
        RequestError: `only` is malformed, has an unknown name, or leaves nothing.
        NoSuchName: a user's file is gone since the suite was read.
    """
    chosen = Only(only) if only is not None else None
    grid = [(cell_names(cell), _by_method(suite, folder, cell)) for cell in cells(suite)]
    if chosen is not None:
        every = (plan for _, methods in grid for plans in methods for plan in plans)
        chosen.check_names(name for plan in every for name in plan.names)
    found = [
        CellPlan(names, kept)
        for names, methods in grid
        if (kept := _kept(methods, chosen, suite.overhead_baseline))
    ]
    if chosen is not None and not found:
        raise RequestError(f"--only {only}: leaves nothing to run")
    return found


def _by_method(suite: Suite, folder: Path, cell: dict[str, Any]) -> list[tuple[Plan, ...]]:
    """Return the plans of each method in a cell, one for each seed."""
    seeds = suite.seeds or [0]
    return list(zip(*(_plans(suite, folder, cell, seed) for seed in seeds), strict=True))


def _kept(methods: list[tuple[Plan, ...]], only: Only | None, baseline: str) -> list[Plan]:
    """Return the first plan of each method that `only` chooses, and of the baseline beside it."""
    chosen = {
        plans[0].label
        for plans in methods
        if only is None or any(only.matches(plan.names) for plan in plans)
    }
    wanted = chosen | {baseline} if chosen else chosen
    return [plans[0] for plans in methods if plans[0].label in wanted]


def _plans(suite: Suite, folder: Path, cell: dict[str, Any], seed: int) -> list[Plan]:
    """Return the trials of a cell and seed that no exclusion removes."""
    names = cell_names(cell)
    return [
        _plan(suite, folder, cell, entry, seed)
        for entry in suite.methods
        if not excluded(suite.exclude, names | {"method": entry.shown})
    ]


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
