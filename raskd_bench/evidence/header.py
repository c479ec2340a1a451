"""What a comparison compares, under which conditions and rules: the first line of its file."""

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from raskd_bench import __version__

SCHEMA = 1
ArmName = Literal["baseline", "method"]
Role = Literal["method", "a/a", "spike"]
ARMS: tuple[ArmName, ...] = get_args(ArmName)


class Rules(BaseModel):
    """How a comparison is decided, declared before its first sample.

    Attributes:
        margins: fractions at which a verdict is wanted; the first is the suite's own.
        alpha: probability of a false `supported`, over all looks.
        power: wanted of the test.
        looks: numbers of restarts after which the evidence is looked at.
        pairs: of blocks in a restart; None: as many as fit into `max_seconds`.
        max_seconds: of a comparison; the first look is always reached.
        in_process: both arms in one process.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    margins: tuple[float, ...]
    alpha: float
    power: float
    looks: tuple[int, ...]
    pairs: int | None
    max_seconds: float
    in_process: bool


class Header(BaseModel):
    """What is compared with what, under which conditions: the first line of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(alias="schema", default=SCHEMA)
    comparison: str  # identity
    plan: str  # hash of the plan that was registered when the first sample was taken
    suite: str
    cell: dict[str, Any]  # axis of the grid -> value, as `exclude` would write it
    conditions: dict[str, Any]  # task, data, student, batch size, recipe, precision
    mode: str
    role: Role
    spike: float | None = None  # extra work of a spike, as a fraction of the baseline's step
    label: str
    method: str
    hparams: dict[str, Any]
    method_digest: str
    footnote: str | None = None
    baseline: str  # label
    baseline_method: str
    baseline_hparams: dict[str, Any]
    baseline_digest: str
    rules: Rules
    machine: dict[str, Any]
    commit: str | None
    dirty: bool | None
    started: str
    program: str = __version__
