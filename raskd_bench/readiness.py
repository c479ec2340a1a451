"""Whether trials can start here: device, data sets, students, methods."""

from pathlib import Path
from typing import Any, NamedTuple

import torch

from raskd_bench.counting.fingerprint import count_step
from raskd_bench.data.build import Shape, load_splits, shape_of
from raskd_bench.data.facts import facts_of
from raskd_bench.data.splits import Labels
from raskd_bench.errors import BenchError, DataError, IncompatibleTrial, RequestError, in_short
from raskd_bench.flops import count_flops
from raskd_bench.method import Method
from raskd_bench.pace import below_one_step
from raskd_bench.record_fields import DataFacts
from raskd_bench.setup import check_picture, first_epoch_rng, make
from raskd_bench.spec import Trial
from raskd_bench.students.build import check_size
from raskd_bench.students.network import StudentNetwork
from raskd_bench.tasks.build import new_task
from raskd_bench.teachers import untrained_teacher

DOUBTFUL = 100  # times the images of a batch, or the FLOPs of its forward: no step takes as many


def choose_device(wanted: str) -> torch.device:
    """Return the device for `auto`, `cpu`, `cuda` or `cuda:n`.

    Raises:
        RequestError: it is not there.
    """
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(wanted)
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            text = f"--device {wanted}: torch sees {count} CUDA devices; try --device cpu"
            raise RequestError(text)
    return device


def faults_of(
    trials: list[Trial], device: torch.device, folder: Path, facts: dict[str, DataFacts]
) -> list[str]:
    """Return why trials cannot start: each data set read once, each network built once.

    Args:
        trials: all that are to start.
        device: where.
        folder: of the suite's file.
        facts: is given those of each data set, by its name and options.
    """
    read: dict[str, _Data | None] = {}
    faults: dict[str, None] = {}
    built = set()
    for trial in trials:
        name = str(trial.data)
        if name not in read:
            read[name] = None
            try:
                splits = load_splits(trial.data.name, trial.data.options, folder)
                facts[name] = facts_of(splits)
                read[name] = _Data(shape_of(splits), splits.train.labels)
            except DataError as error:
                faults[str(error)] = None
        found = read[name]
        key = (name, str(trial.student), trial.method, str(trial.hparams), trial.batch_size)
        if found is None or key in built:
            continue
        built.add(key)
        try:
            _check(trial, found, folder)
        except BenchError as error:
            faults[str(error)] = None
        except Exception as error:  # a user's own build may raise anything
            reason = f"{trial.method} cannot be built for {trial.student}: {in_short(error)}"
            faults[reason] = None
    if device.type != "cuda" and any(trial.execution.cuda_graphs for trial in trials):
        faults[f"execution.cuda_graphs: needs a CUDA device; this run is on {device}"] = None
    return list(faults)


class _Data(NamedTuple):
    """What trials are held to of a data set."""

    shape: Shape
    labels: Labels


def _check(trial: Trial, data: _Data, folder: Path) -> None:
    """Build student and method; see that batch, pictures and budget are not too small for them."""
    shape = data.shape
    with torch.device("meta"):
        student, method = build_untaught(trial, shape[:2], folder)
    for named in [trial.student, *([trial.teacher.student] if trial.teacher else [])]:
        check_size(named.name, named.options, shape.height, shape.width)
    fewest, size = method.smallest_batch, min(trial.batch_size, shape.num_samples)
    if size < fewest:
        raise IncompatibleTrial(f"{trial.method}: compares images of a batch and needs {fewest}; "
                                f"those of {trial.data} have {size}")  # fmt: skip
    check_picture(trial, student, method, (shape.height, shape.width))
    _check_budget(trial, student, method, data, folder)
    if trial.teacher is not None and trial.teacher.budget is not None:
        with torch.device("meta"):
            taught = build_untaught(trial.teacher_trial, shape[:2], folder)
        _check_budget(trial.teacher_trial, *taught, data, folder)


def _check_budget(
    trial: Trial, student: StudentNetwork, method: Method, data: _Data, folder: Path
) -> None:
    """See that the budget has one step; FLOPs are counted only where that is in doubt."""
    size = min(trial.batch_size, data.shape.num_samples)
    images = flops = 0
    if trial.budget.images is not None and trial.budget.images < DOUBTFUL * size:
        lists = method.sample(data.labels, trial.batch_size, first_epoch_rng(trial.seed))
        images = len(lists[0]) * method.views
    elif trial.budget.flops is not None:
        pictures = torch.zeros(1, 3, data.shape.height, data.shape.width, device="meta")
        with torch.no_grad():
            forward = size * count_flops(lambda: student.eval()(pictures))
        if trial.budget.flops < DOUBTFUL * forward:
            flops = count_step(trial, data.shape, data.labels, folder).fingerprint.matmul_flops
    if fault := below_one_step(trial.budget, images, flops):
        raise IncompatibleTrial(f"{trial.method} on {trial.student}: {fault}")


def build_untaught(
    trial: Trial, shape: tuple[int, int], folder: Path
) -> tuple[StudentNetwork, Method]:
    """Build student and method, with an untrained teacher: enough to see that they fit."""
    task = new_task(trial.task, shape[0])
    return make(trial, shape, task, folder, untrained_teacher(trial, task))


def describe_device(device: torch.device) -> dict[str, Any]:
    """Return what a Record says of the device: name, identity, memory, threads."""
    described: dict[str, Any] = {"device": str(device), "threads": torch.get_num_threads()}
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        described |= {
            "gpu": properties.name,
            "gpu_uuid": f"GPU-{properties.uuid}",
            "gpu_memory_bytes": properties.total_memory,
            "cuda": torch.version.cuda,
        }
    return described
