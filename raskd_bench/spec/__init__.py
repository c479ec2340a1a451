"""The suite file: what it may say, where it is wrong, and the trials it stands for. No torch."""

from raskd_bench.spec.expand import CellPlan, Plan, expand, expand_cells, steps_of
from raskd_bench.spec.load import load_suite
from raskd_bench.spec.suite import Suite
from raskd_bench.spec.trial import Budget, Trial

__all__ = [
    "Budget",
    "CellPlan",
    "Plan",
    "Suite",
    "Trial",
    "expand",
    "expand_cells",
    "load_suite",
    "steps_of",
]
