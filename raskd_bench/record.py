"""Record: what one trial gave, raw, with its conditions. Written once, whole, never edited."""

import json
import math
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raskd_bench import __version__
from raskd_bench.errors import RecordError
from raskd_bench.files import write_text
from raskd_bench.record_fields import (
    Amount,
    DataFacts,
    Disturbance,
    Number,
    Outcomes,
    ReliabilityBin,
    Share,
)

# 1 has no bins, 2 no outcomes, data, interruptions and disturbance; a reader refuses fields that it
# does not know, so a new one raises it
SCHEMA = 3
# of each schema: Records of one meaning are compared, whatever else the later ones hold
MEANINGS = {1: 1, 2: 1, 3: 1}
AS_WRITTEN = re.compile(rf'\{{\s*"schema":\s*[1-{SCHEMA}],')
NO_JSON = re.compile("NaN|Infinity")
Status = Literal["done", "diverged", "out_of_memory", "timeout", "failed"]


class Record(BaseModel):
    """One trial's numbers: units end the names, accuracies are in [0, 1], None is not measured.

    A NaN or an infinity is no measurement: `finite` makes it None.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(alias="schema", default=SCHEMA)
    trial: str  # identity of the trial
    suite: str
    cell: str  # identity of the conditions that methods share
    method: str
    label: str  # what the suite calls the method
    position: Number  # of the method in its suite
    baseline: str  # label of the method that ratios of this suite refer to
    hparams: dict[str, Any]  # resolved
    switched_off: bool = False  # its hyper-parameters make it cross entropy
    hparams_passed: dict[str, Any]  # as the suite gives them
    method_digest: str  # of the code behind the method
    footnote: str | None = None  # what a table must say beside this method
    seed: int
    budget: dict[str, Amount]
    conditions: dict[str, Any]  # task, data, student, batch size, recipe, precision
    status: Status
    error: str | None = None
    started: str  # ISO 8601, UTC
    program: str = __version__

    test_top1: Share | None = None
    test_top5: Share | None = None
    test_nll: Amount | None = None
    test_ece: Share | None = None  # 15 bins
    test_aurc: Share | None = None
    test_reliability: list[ReliabilityBin] | None = None  # the bins of test_ece, the lowest first
    val_top1: Share | None = None
    val_top5: Share | None = None
    val_nll: Amount | None = None
    val_ece: Share | None = None
    val_aurc: Share | None = None
    val_reliability: list[ReliabilityBin] | None = None
    val_selected_top1: Share | None = None  # on the test split, at the best point on validation
    best_epoch_top1: Share | None = None  # best on the test split: shown apart, never ranked
    teacher_top1: Share | None = None
    curve: list[dict[str, Any]] = []

    train_seconds: Amount | None = None  # a teacher's training and the wait for data included
    setup_seconds: Amount | None = None
    compile_seconds: Amount | None = None  # of the set-up; 0 where nothing is compiled
    eval_seconds: Amount | None = None
    io_seconds: Amount | None = None
    wall_seconds: Amount | None = None
    data_wait_seconds: Amount | None = None
    step_seconds: dict[str, Amount | None] | None = None  # percentiles and mean over its steps
    peak_allocated_bytes: Number | None = None  # on the GPU, while training
    peak_reserved_bytes: Number | None = None  # with what evaluation left in torch's cache
    peak_host_bytes: Number | None = None  # resident, process and children
    peak_host_source: str | None = None
    energy_joules: Amount | None = None  # of the GPU, during the student's training

    step_flops: Number | None = (
        None  # matmul and convolution, forward and backward, 2 a multiply-add
    )
    train_flops: Number | None = None  # a teacher's training included
    infer_flops: Number | None = None  # forward on one image
    train_params: Number | None = None  # trainable: student and auxiliary modules
    infer_params: Number | None = None
    state_bytes: Number | None = None  # a method's memories between steps, and its teacher

    steps: Number | None = None
    epochs: Amount | None = None
    images_drawn: Number | None = None
    images_unique: Number | None = None
    images_forwarded: Number | None = None  # through the student, with gradient
    images_forwarded_without_gradient: Number | None = None
    images_backwarded: Number | None = None
    preparation_seconds: Amount | None = None  # a teacher's training, part of train_seconds
    preparation_flops: Number | None = None
    preparation_steps: Number | None = None

    outcomes: Outcomes | None = None  # of each test example
    data: DataFacts | None = None
    interruptions: Number | None = None  # how often it was continued
    disturbance: Disturbance | None = None  # None: not looked for

    storage: str | None = None  # of the training images: on the device, or streamed
    seeds_together: Number | None = None  # trained as one network with it; None: alone
    jobs: Number | None = None  # trials that shared the machine with it or its teacher; None: alone
    machine: dict[str, Any]
    commit: str | None = None
    dirty: bool | None = None

    @property
    def finished(self) -> bool:
        return self.status == "done"

    @property
    def ended(self) -> bool:
        """Whether trying it again would give the same: divergence is a result."""
        return self.status in {"done", "diverged"}


class Preparation(NamedTuple):
    """A trained teacher, as the trials that learn from it are charged for it."""

    weights: Path
    seconds: float
    flops: int
    steps: int
    top1: float | None
    jobs: int


def preparation_of(teacher: Record, weights: Path) -> Preparation:
    """Return what a teacher's Record charges to each trial that learns from it."""
    return Preparation(
        weights, teacher.train_seconds or 0.0, teacher.train_flops or 0, teacher.steps or 0,
        teacher.test_top1, teacher.jobs or 1,
    )  # fmt: skip


def write(record: Record, path: Path) -> None:
    """Write a Record so that a reader sees the whole of it or nothing."""
    content = record.model_dump(mode="json", by_alias=True)
    write_text(json.dumps(finite(content), indent=1, allow_nan=False) + "\n", path)


def read(path: Path) -> Record:
    """Return the Record in a file.

    Raises:
        RecordError: it is no Record, is damaged, or was written by a newer version.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if (sound := _sound(text)) is not None:
            return sound
        content = json.loads(text, parse_constant=_refuse)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: is no Record, or a damaged one: {error}") from error
    found = content.get("schema") if isinstance(content, dict) else None
    if type(found) is not int or found < 1:
        raise RecordError(f"{path}: is not a Record: it has no schema number")
    if found > SCHEMA:
        raise RecordError(
            f"{path}: has Record schema {found}, this is raskd-bench {__version__}, which reads up "
            f"to schema {SCHEMA}; read it with the version that wrote it "
            f"({content.get('program', 'unknown')}), or a newer one"
        )
    try:
        return Record.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        found = f"; found {first['input']:g}" if type(first["input"]) is float else ""
        raise RecordError(f"{path}: is damaged: {key}: {first['msg']}{found}") from error


def _sound(text: str) -> Record | None:
    """Return a Record as `write` writes them, in half the time; None where more must be said."""
    if AS_WRITTEN.match(text) is None or NO_JSON.search(text) is not None:
        return None
    try:
        found = Record.model_validate_json(text)
    except ValidationError:
        return None
    return found if 1 <= found.version <= SCHEMA else None


def _refuse(constant: str) -> None:
    """Refuse what JSON lacks and Python's reader would take: a Record is written without."""
    raise ValueError(f"{constant} is not JSON")


def finite(value: Any) -> Any:
    """Return the value with every NaN and infinity, which JSON lacks, as None."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
