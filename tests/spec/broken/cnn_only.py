"""Methods that the broken suites name; never imported."""

from typing import ClassVar

from raskd_bench.method import Fraction, Method


class Helper:
    pass


class ConvolutionsOnly(Method):
    backbones: ClassVar[frozenset[str]] = frozenset({"cnn"})

    def __init__(self, *, strength: Fraction = 0.5) -> None:
        super().__init__()
        self.strength = strength
