"""Which trials of a suite may be trained as one network: they differ in their seed alone."""

from collections.abc import Sequence
from pathlib import Path

from raskd_bench import catalog
from raskd_bench.spec import Plan


class Groups:
    """Finds trials that go together, until it is told that some must not.

    Args:
        most: trials of a group, `seeds_together` of the suite.
        home: folder of the suite's file.
    """

    def __init__(self, most: int, home: Path) -> None:
        self._most = most
        self._home = home
        self._apart: set[tuple[str, str]] = set()

    def of(self, plan: Plan, waiting: Sequence[Plan]) -> list[Plan]:
        """Return a plan, and those of the waiting ones that may be trained with it."""
        if self._most == 1 or _key(plan) in self._apart or not self._stackable(plan):
            return [plan]
        same = (other for other in waiting if other.label == plan.label)
        return [other for other in same if other.trial.cell == plan.trial.cell][: self._most]

    def part(self, plan: Plan) -> None:
        """Keep all seeds of a method in a cell apart from now on."""
        self._apart.add(_key(plan))

    def _stackable(self, plan: Plan) -> bool:
        """Whether nothing of a trial is shared in a stack that must be its own.

        A loss scale of fp16 is, and a clock that ends the budget.
        """
        trial = plan.trial
        if trial.teacher is not None or trial.precision == "fp16" or trial.budget.unit == "seconds":
            return False
        if trial.execution.compile_loss or trial.execution.cuda_graphs:
            return False
        card = catalog.find("method", trial.method, self._home)
        return bool(card.constants.get("seeds_together", False))


def _key(plan: Plan) -> tuple[str, str]:
    return plan.label, plan.trial.cell
