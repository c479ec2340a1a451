"""Trial: what is trained, how long, and how. Frozen; its hash is its identity."""

import hashlib
import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator
from pydantic import SerializerFunctionWrapHandler as Dump
from pydantic_core import PydanticCustomError

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(gt=0, le=2**53)]  # a float holds every whole number up to 2^53
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what every library's generator takes
Precision = Literal["fp32", "bf16", "fp16"]

TEACHER_SEED = 1_000_000  # added to a trial's seed for its teacher's
UNITS = ("epochs", "steps", "images", "seconds", "flops")


def misfit(text: str, *, at: str = "") -> PydanticCustomError:
    """Return the error of keys that do not go together; `at` is the one to change."""
    return PydanticCustomError("misfit", "{text}", {"text": text, "at": at})


class Strict(BaseModel):
    """Unknown keys are refused and values are not converted."""

    # deferred: reading a suite builds the validators of what the suite uses, and no others
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Named(BaseModel):
    """A student or a data set: a name alone, or a mapping of `name` and its options."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, defer_build=True)
    name: str

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})

    def __str__(self) -> str:
        options = ", ".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}({options})" if options else self.name


class Budget(Strict):
    """How long a trial trains: exactly one amount, in one unit.

    `images` counts every image drawn from the training split, partners and second views included;
    `flops` counts multiplications and additions of matrix products and convolutions, forward and
    backward; `seconds` is the training clock.
    """

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    epochs: Count | None = None
    steps: Count | None = None
    images: Count | None = None
    seconds: Positive | None = None
    flops: Positive | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Budget":
        given = [unit for unit in UNITS if getattr(self, unit) is not None]
        if len(given) != 1:
            listing = ", ".join(UNITS)
            found = " and ".join(given) or "none"
            raise misfit(f"give exactly one of {listing}; found {found}")
        return self

    @property
    def unit(self) -> str:
        return next(unit for unit in UNITS if getattr(self, unit) is not None)

    @property
    def amount(self) -> float:
        return float(getattr(self, self.unit))

    def __str__(self) -> str:
        one = self.amount == 1 and self.unit != "flops"
        return f"{self.amount:g} {self.unit.removesuffix('s') if one else self.unit}"


class SGD(Strict):
    """Stochastic gradient descent with momentum (torch.optim.SGD)."""

    name: Literal["sgd"]
    lr: Positive = 0.1
    momentum: Share = 0.9
    weight_decay: NonNegative = 5e-4
    nesterov: bool = True

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "SGD":
        if self.nesterov and self.momentum == 0:
            raise misfit("needs momentum above 0; write nesterov: false", at="nesterov")
        return self


class AdamW(Strict):
    """Adam with decoupled weight decay (torch.optim.AdamW)."""

    name: Literal["adamw"]
    lr: Positive = 1e-3
    weight_decay: NonNegative = 0.05
    beta1: Share = 0.9
    beta2: Share = 0.999


class Schedule(Strict):
    """The learning rate's factor as a function of the spent fraction of the budget.

    Linear from 0 over the first `warmup` fraction; then `cosine` to 0, `linear` to 0, `constant`,
    or `step`: times `gamma` at each of `milestones` (fractions of the budget).
    """

    name: Literal["cosine", "linear", "constant", "step"]
    warmup: Share = 0.0
    milestones: tuple[Share, ...] | None = None
    gamma: Positive | None = None

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("milestones"), list):
            return value | {"milestones": tuple(value["milestones"])}
        return value

    @model_validator(mode="after")
    def _milestones_belong_to_step(self) -> "Schedule":
        if self.name == "step" and not self.milestones:
            raise misfit("is required by name: step; e.g. [0.5, 0.75]", at="milestones")
        for key in ("milestones", "gamma"):
            if self.name != "step" and getattr(self, key) is not None:
                raise misfit(f"belongs to name: step; found name: {self.name}", at=key)
        return self


class Augmentation(Strict):
    """Random crop after zero padding, and horizontal flip; the data set's own choice if absent."""

    crop_padding: Annotated[int, Field(ge=0)] | None = None
    flip: bool | None = None


class Execution(Strict):
    """How steps are executed: switches that change speed and memory, and numbers by rounding only.

    `cuda_graphs` records the compiled kernels of a step once and replays them.
    """

    memory_format: Literal["channels_last", "contiguous"] = "channels_last"
    optimizer_step: Literal["fused", "foreach", "for_loop"] = "fused"
    compile_loss: bool = False
    cuda_graphs: bool = False

    @property
    def switched(self) -> dict[str, Any]:
        """The switches that are not at their defaults."""
        return self.model_dump(exclude_defaults=True)


class Teacher(Strict):
    """The network a teacher-based method learns from, trained inside the trial by cross entropy.

    Without a budget of its own it is trained for the trial's.
    """

    student: Named
    budget: Budget | None = None


class Trial(Strict):
    """One training run: everything that decides its numbers except machine and device."""

    task: str
    data: Named
    student: Named
    method: str
    hparams: dict[str, Any]
    teacher: Teacher | None = None
    batch_size: Count
    budget: Budget
    optimizer: SGD | AdamW = Field(discriminator="name")
    schedule: Schedule
    precision: Precision
    compile: bool
    execution: Execution = Field(default_factory=Execution)
    augmentation: Augmentation
    val_fraction: Share
    evaluations: Count
    seed: Seed

    @model_serializer(mode="wrap")
    def _without_defaults(self, dump: Dump) -> dict[str, Any]:
        """Leave out switches at their defaults: trials older than them keep their identity."""
        content: dict[str, Any] = dump(self)
        if "execution" in content:
            del content["execution"]
            if switched := self.execution.switched:
                content["execution"] = switched
        return content

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that name this trial, and no other."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def file_name(self) -> str:
        """Name of its Record's file: readable, and unique by the id in it."""
        method = re.sub(r"[^\w-]+", "_", self.method.rpartition("/")[2])
        return f"{method}-s{self.seed}-{self.id}.json"

    @property
    def cell(self) -> str:
        """Identity of the conditions under which methods are compared."""
        data = self.model_dump(mode="json", exclude={"method", "hparams", "teacher", "seed"})
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def teacher_trial(self) -> "Trial":
        """The training of this trial's teacher: by cross entropy, under the same recipe.

        Its seed is another one: a teacher starts from weights, and sees batches, of its own.
        """
        assert self.teacher is not None, "asked of a trial that has a teacher"
        return self.model_copy(
            update={
                "student": self.teacher.student,
                "budget": self.teacher.budget or self.budget,
                "method": "cross_entropy",
                "hparams": {},
                "teacher": None,
                "evaluations": 1,
                "seed": self.seed + TEACHER_SEED,
            }
        )
