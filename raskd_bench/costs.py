"""What each method costs by count, on one reference cell: read from a generated file, no torch.

`scripts/method-costs` counts it on fake tensors and writes `methods/costs.json`; a test holds the
file current.
"""

import json
from functools import cache
from typing import Any, NamedTuple

from raskd_bench.catalog import PACKAGE

FILE = PACKAGE / "methods" / "costs.json"


class Cost(NamedTuple):
    """Of one training step and of the whole trial, beside cross entropy.

    Attributes:
        images_per_primary: forwarded through the student for each image of the batch.
        step_flops_ratio: matmul and convolution FLOPs of a step.
        train_flops_ratio: of a trial of equal epochs, a teacher's training left out.
        extra_params: trainable, of auxiliary modules.
        state_bytes: kept between steps: tables, and a teacher's weights.
    """

    images_per_primary: float
    step_flops_ratio: float
    train_flops_ratio: float
    extra_params: int
    state_bytes: int


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def conditions() -> str:
    """Return the reference cell in words."""
    return str(_content()["conditions"])


def cost_of(name: str) -> Cost | None:
    """Return a method's cost; None for one that was not counted (a user's own)."""
    found = _content()["methods"].get(name)
    return Cost(**found) if found else None
