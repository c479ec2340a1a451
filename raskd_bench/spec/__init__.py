"""The suite file: what it may say, where it is wrong, and the trials it stands for. No torch."""

from raskd_bench.spec.expand import Plan, expand
from raskd_bench.spec.load import load_suite
from raskd_bench.spec.suite import Suite
from raskd_bench.spec.trial import Budget, Trial

__all__ = ["Budget", "Plan", "Suite", "Trial", "expand", "load_suite"]
