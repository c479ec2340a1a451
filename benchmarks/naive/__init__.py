"""Every method's equation written as its paper states it: what a plain implementation computes.

One function a method, of the method's name. It takes the method whose hyper-parameters, auxiliary
modules and tables it uses, and what `Method.loss` takes, and returns the whole loss, a scalar. It
is written for the method's default options.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from benchmarks.naive import features, predictions, relations, teachers
from raskd_bench import catalog
from raskd_bench.batch import Batch, Progress
from raskd_bench.method import Student

Naive = Callable[[Any, Student, Batch, Progress], Tensor]

FILES = (predictions, relations, features, teachers)


def naive_of(method: str) -> Naive | None:
    """Return the naive counterpart of a method, None where there is none."""
    found = (getattr(file, method, None) for file in FILES)
    return next((function for function in found if callable(function)), None)


def missing() -> tuple[str, ...]:
    """Names of the methods without a naive counterpart."""
    return tuple(name for name in catalog.names("method") if naive_of(name) is None)
