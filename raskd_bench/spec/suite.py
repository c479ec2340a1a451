"""Suite: the model of a suite file."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import CoreSchema, core_schema

from raskd_bench.spec.claims import Claim
from raskd_bench.spec.overhead import Overhead
from raskd_bench.spec.trial import (
    SGD,
    AdamW,
    Augmentation,
    Budget,
    Count,
    Execution,
    Named,
    Positive,
    Precision,
    Schedule,
    Seed,
    Share,
    Strict,
    Teacher,
    misfit,
)  # fmt: skip

SCHEMA = 1
RESERVED = {"overhead", "published", "superseded", "teachers"}  # folders among results
GRID_AXES = ("data", "student", "batch_size", "precision", "compile")


class OneOrMany:
    """Annotation of a grid axis: one value, or a list of different ones."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_before_validator_function(
            lambda value: value if isinstance(value, list) else [value], handler(source)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        array = handler(schema)
        return {"anyOf": [array["items"], array]}


def _safe_name(name: str) -> str:
    if not name[0].isalnum() or not all(c.isalnum() or c in "._-" for c in name):
        rule = "letters, digits, '.', '_' and '-', a letter or digit first"
        raise misfit(f"must be {rule}: it names the results folder; found {name!r}")
    if name in RESERVED:
        raise misfit(f"must not be {name}: results keep a folder of that name for themselves")
    return name


Several = Field(min_length=1, json_schema_extra={"uniqueItems": True})
FolderName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_safe_name)]


SEEDS_UNLESS_OVERHEAD: dict[str, Any] = {
    "if": {"not": {"required": ["overhead"]}},
    "then": {"properties": {"seeds": {"minItems": 1}}},
}


class MethodEntry(BaseModel):
    """A method by its name, or a mapping of `name`, `label` and hyper-parameters."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, defer_build=True)
    name: str
    label: Annotated[str, Field(min_length=1, max_length=60)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @property
    def shown(self) -> str:
        return self.label or self.name

    @property
    def hparams(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Suite(Strict):
    """Trials to run under identical budgets: every method x every cell x every seed.

    With `overhead`, a campaign that compares their costs in pairs; with `claims`, sentences about
    both and what decides them.
    """

    model_config = ConfigDict(json_schema_extra=SEEDS_UNLESS_OVERHEAD)

    version: Literal[1] = Field(alias="schema", description="Version of this format.", examples=[1])
    name: FolderName = Field(description="Names the results folder.", examples=["my-suite"])
    task: str = "classification"
    data: Annotated[list[Named], Several, OneOrMany()] = Field(
        description="Data set, or a list: `raskd-bench list datasets`.", examples=["digits"]
    )
    student: Annotated[list[Named], Several, OneOrMany()] = Field(
        description="Network, or a list: `raskd-bench list students`.", examples=["resnet8"]
    )
    batch_size: Annotated[list[Count], Several, OneOrMany()] = [128]
    budget: Budget = Field(examples=[{"epochs": 12}])
    optimizer: SGD | AdamW = Field(
        discriminator="name",
        default_factory=lambda: SGD(name="sgd"),
        examples=[{"name": "sgd", "lr": 0.1}],
    )
    schedule: Schedule = Field(
        default_factory=lambda: Schedule(name="cosine"),
        examples=[{"name": "cosine", "warmup": 0.05}],
    )
    precision: Annotated[list[Precision], Several, OneOrMany()] = ["fp32"]
    compile: Annotated[list[bool], Several, OneOrMany()] = [False]
    execution: Execution = Field(
        default_factory=Execution, examples=[{"compile_loss": True}],
        description="Switches of speed; Records hold those that are not at their defaults.",
    )  # fmt: skip
    augmentation: Augmentation = Field(default_factory=Augmentation, examples=[{"flip": False}])
    val_fraction: Share = Field(default=0.0, description="Part of the training split held out.")
    evaluations: Count = Field(default=10, description="How often a trial is evaluated.")
    seeds: Annotated[list[Seed], Field(json_schema_extra={"uniqueItems": True})] = Field(
        description="One trial for each; [] with `overhead`: costs alone.", examples=[[0, 1, 2]]
    )
    seeds_together: Count = Field(
        default=1, examples=[4],
        description="Students of one method trained as one network, where it can be and is faster.",
    )  # fmt: skip
    methods: Annotated[list[MethodEntry], Field(min_length=1)] = Field(
        description="`raskd-bench list methods`, or ./file.py:Class",
        examples=[["cross_entropy", "ras_kd"]],
    )
    baseline: str | None = Field(default=None, description="Label that costs are ratios to.")
    teacher: Teacher | None = Field(default=None, examples=[{"student": "resnet20"}])
    exclude: list[dict[str, Any]] = Field(
        default=[],
        description="Cells of the grid that are not run.",
        examples=[[{"student": "resnet8", "method": "kd"}]],
    )
    overhead: Overhead | None = Field(
        default=None,
        description="Paired measurement of each method's cost; {} for the defaults.",
        examples=[{"baseline": "cross_entropy", "margin": "2%"}],
    )
    claims: list[Claim] = Field(
        default=[],
        description="Sentences with a bound, for `raskd-bench check` to decide.",
        examples=[[{"id": "time", "say": "RAS-KD adds no relevant time", "method": "ras_kd",
                    "metric": "step_time", "at_most": "+2%"}]],
    )  # fmt: skip
    timeout_seconds: Positive | None = None

    @property
    def labels(self) -> list[str]:
        """What the methods are called, in the file's order."""
        return [entry.shown for entry in self.methods]

    @property
    def baseline_label(self) -> str:
        """The method that costs are ratios to: `baseline`, else cross entropy, else the first."""
        return self.baseline if self.baseline is not None else default_baseline(self.labels)

    @property
    def overhead_baseline(self) -> str:
        """The method that others are paired with: the campaign's own, else the suite's."""
        own = self.overhead.baseline if self.overhead else None
        return own if own is not None else self.baseline_label

    @property
    def overhead_methods(self) -> list[str]:
        """The methods that a campaign compares with the baseline; none without a campaign."""
        if self.overhead is None:
            return []
        if self.overhead.methods is not None:
            return list(self.overhead.methods)
        return [label for label in self.labels if label != self.overhead_baseline]

    def against(self, claim: Claim) -> str:
        """Return the method that a claim of this suite compares with."""
        return claim.against if claim.against is not None else self.overhead_baseline


def default_baseline(labels: list[str]) -> str:
    """Return the baseline of a suite that names none: cross entropy, else its first method."""
    return "cross_entropy" if "cross_entropy" in labels else labels[0]


def excluded(exclusions: Iterable[Mapping[str, Any]], names: Mapping[str, Any]) -> bool:
    """Whether an exclusion fits: all the axes it gives have the value it gives."""
    return any(
        exclusion and all(key in names and names[key] == value for key, value in exclusion.items())
        for exclusion in exclusions
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema that editors use to complete and check a suite."""
    schema = Suite.model_json_schema(by_alias=True)
    for name in ("Named", "MethodEntry"):
        schema["$defs"][name] = {"anyOf": [{"type": "string"}, schema["$defs"][name]]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
