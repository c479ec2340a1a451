"""From a suite to its trials: the product of the grid, the methods and the seeds."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from raskd_bench import catalog
from raskd_bench.errors import BenchError, RequestError, did_you_mean
from raskd_bench.spec.suite import GRID_AXES, MethodEntry, Suite
from raskd_bench.spec.trial import Trial


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
                trial.precision, trial.id)  # fmt: skip

    def __str__(self) -> str:
        return f"{self.label} on {self.trial.student}, seed {self.trial.seed}"


def expand(suite: Suite, folder: Path, only: str | None = None) -> list[Plan]:
    """Return the trials of a suite, seed by seed, so that an early stop leaves whole comparisons.

    Args:
        suite: as read by `load_suite`.
        folder: where the suite's file lies; `./file.py:Class` is relative to it.
        only: names joined by `and`, `or`, `not` and parentheses; `*` matches any text.

    Raises:
        BenchError: two entries are the same trial, or nothing is left to run.
    """
    plans = [
        _plan(suite, folder, cell, entry, seed)
        for cell in _cells(suite)
        for seed in suite.seeds
        for entry in suite.methods
        if not _excluded(suite, cell | {"method": entry.shown})
    ]
    _refuse_duplicates(plans)
    if not plans:
        raise BenchError(f"suite {suite.name}: 'exclude' leaves nothing to run")
    return [plan for plan in plans if _matches(only, plan.names)] if only is None else _only(
        plans, only)  # fmt: skip


def _cells(suite: Suite) -> Iterator[dict[str, Any]]:
    values = [getattr(suite, axis) for axis in GRID_AXES]
    return (dict(zip(GRID_AXES, chosen, strict=True)) for chosen in itertools.product(*values))


def _excluded(suite: Suite, cell: dict[str, Any]) -> bool:
    names = {key: getattr(value, "name", value) for key, value in cell.items()}
    return any(
        all(names[key] == value for key, value in exclusion.items())
        for exclusion in suite.exclude
        if exclusion
    )


def _plan(suite: Suite, folder: Path, cell: dict[str, Any], entry: MethodEntry, seed: int) -> Plan:
    card = catalog.find("method", entry.name, folder)
    trial = Trial(
        task=suite.task,
        **cell,
        method=entry.name,
        hparams=card.defaults | entry.hparams,
        teacher=suite.teacher if card.needs_teacher else None,
        **{name: getattr(suite, name) for name in ("budget", "optimizer", "schedule",
           "augmentation", "val_fraction", "evaluations")},
        seed=seed,
    )  # fmt: skip
    return Plan(trial, entry.shown, entry.hparams)


def _refuse_duplicates(plans: list[Plan]) -> None:
    labels: dict[str, str] = {}
    for plan in plans:
        first = labels.setdefault(plan.trial.id, plan.label)
        if first != plan.label:
            text = f"methods {first!r} and {plan.label!r} are the same trial"
            raise BenchError(
                f"{text}: their hyper-parameters are equal once defaults are filled in"
            )


def _only(plans: list[Plan], expression: str) -> list[Plan]:
    known = {name for plan in plans for name in plan.names}
    for name in _names(expression):
        if not any(fnmatchcase(other, name) for other in known):
            hint = did_you_mean(name, known)
            raise RequestError(f"--only {expression}: no trial has the name {name!r}{hint}")
    chosen = [plan for plan in plans if _matches(expression, plan.names)]
    if not chosen:
        raise RequestError(f"--only {expression}: leaves nothing to run")
    return chosen


TOKEN = re.compile(r"\s*(\(|\)|'[^']*'|\"[^\"]*\"|[^\s()'\"]+)")
WORDS = {"and", "or", "not", "(", ")"}


def _names(expression: str) -> list[str]:
    return [t.strip("'\"") for t in TOKEN.findall(expression) if t not in WORDS]


def _matches(expression: str | None, names: tuple[str, ...]) -> bool:
    """Evaluate `a and (b or not c)`, each name standing for "the trial has this name"."""
    if expression is None:
        return True
    python = " ".join(
        token if token in WORDS
        else str(any(fnmatchcase(name, token.strip("'\"")) for name in names))
        for token in TOKEN.findall(expression)
    )  # fmt: skip
    try:
        return bool(eval(python, {"__builtins__": {}}))  # only True, False, and, or, not, ( and )
    except SyntaxError:
        example = "'ras_kd or (cross_entropy and not seed2)'"
        raise RequestError(f"--only {expression}: write names like {example}") from None
