"""Suite: the model of a suite file."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from raskd_bench.spec.trial import (
    SGD,
    AdamW,
    Augmentation,
    Budget,
    Count,
    Named,
    Positive,
    Precision,
    Schedule,
    Share,
    Strict,
    Teacher,
)  # fmt: skip

SCHEMA = 1
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


def _different(values: list[Any]) -> list[Any]:
    for index, value in enumerate(values):
        if value in values[:index]:
            template = "{value} is given twice"
            raise PydanticCustomError("duplicate", template, {"value": str(value)})
    return values


def _safe_name(name: str) -> str:
    if name in {".", ".."} or not all(c.isalnum() or c in "._-" for c in name):
        text = "only letters, digits, '.', '_' and '-': it names the results folder"
        raise PydanticCustomError("name", text)
    return name


Different = AfterValidator(_different)
Seed = Annotated[int, Field(ge=0)]
FolderName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_safe_name)]


class MethodEntry(BaseModel):
    """A method by its name, or a mapping of `name`, `label` and hyper-parameters."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
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
    """Trials to run under identical budgets: every method x every cell x every seed."""

    version: Literal[1] = Field(alias="schema")
    name: FolderName
    task: str = "classification"
    data: Annotated[list[Named], Field(min_length=1), Different, OneOrMany()]
    student: Annotated[list[Named], Field(min_length=1), Different, OneOrMany()]
    batch_size: Annotated[list[Count], Field(min_length=1), Different, OneOrMany()] = [128]
    budget: Budget
    optimizer: SGD | AdamW = Field(discriminator="name", default=SGD(name="sgd"))
    schedule: Schedule = Schedule(name="cosine")
    precision: Annotated[list[Precision], Field(min_length=1), Different, OneOrMany()] = ["fp32"]
    compile: Annotated[list[bool], Field(min_length=1), Different, OneOrMany()] = [False]
    augmentation: Augmentation = Augmentation()
    val_fraction: Share = 0.0
    evaluations: Count = 10
    seeds: Annotated[list[Seed], Field(min_length=1), Different]
    methods: Annotated[list[MethodEntry], Field(min_length=1)]
    baseline: str | None = None
    teacher: Teacher | None = None
    exclude: list[dict[str, Any]] = []
    timeout_seconds: Positive | None = None

    @property
    def baseline_label(self) -> str:
        """The method that costs are ratios to: `baseline`, else cross entropy, else the first."""
        labels = [entry.shown for entry in self.methods]
        if self.baseline is not None:
            return self.baseline
        return "cross_entropy" if "cross_entropy" in labels else labels[0]


def json_schema() -> dict[str, Any]:
    """The JSON Schema that editors use to complete and check a suite."""
    schema = Suite.model_json_schema(by_alias=True)
    for name in ("Named", "MethodEntry"):
        schema["$defs"][name] = {"anyOf": [{"type": "string"}, schema["$defs"][name]]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
