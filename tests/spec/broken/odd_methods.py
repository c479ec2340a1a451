"""Methods whose source cannot be read as a card; never imported."""

from typing import ClassVar

from raskd_bench.method import Fraction, Method

DEFAULT = 0.5


class ComputedDefault(Method):
    def __init__(self, *, strength: Fraction = DEFAULT) -> None:
        super().__init__()
        self.strength = strength


class OddTasks(Method):
    tasks: ClassVar[frozenset[str]] = frozenset("classification")
