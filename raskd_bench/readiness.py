"""Whether trials can start here: device, data sets, students, methods."""

from pathlib import Path
from typing import Any

import torch

from raskd_bench.data.build import Shape, load_splits, shape_of
from raskd_bench.data.facts import facts_of
from raskd_bench.errors import BenchError, DataError, RequestError, in_short
from raskd_bench.record_fields import DataFacts
from raskd_bench.setup import make
from raskd_bench.spec import Trial
from raskd_bench.students.build import check_size
from raskd_bench.tasks.build import new_task
from raskd_bench.teachers import untrained_teacher


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
    shapes: dict[str, Shape | None] = {}
    faults: dict[str, None] = {}
    built = set()
    for trial in trials:
        data = str(trial.data)
        if data not in shapes:
            shapes[data] = None
            try:
                splits = load_splits(trial.data.name, trial.data.options, folder)
                facts[data] = facts_of(splits)
                shapes[data] = shape_of(splits)
            except DataError as error:
                faults[str(error)] = None
        found = shapes[data]
        key = (data, str(trial.student), trial.method, str(trial.hparams))
        if found is None or key in built:
            continue
        built.add(key)
        try:
            with torch.device("meta"):
                build_untaught(trial, found[:2], folder)
            _check_sizes(trial, found)
        except BenchError as error:
            faults[str(error)] = None
        except Exception as error:  # a user's own build may raise anything
            reason = f"{trial.method} cannot be built for {trial.student}: {in_short(error)}"
            faults[reason] = None
    if device.type != "cuda" and any(trial.execution.cuda_graphs for trial in trials):
        faults[f"execution.cuda_graphs: needs a CUDA device; this run is on {device}"] = None
    return list(faults)


def _check_sizes(trial: Trial, shape: Shape) -> None:
    """Refuse pictures of a size that the student, or its teacher, does not take."""
    for named in [trial.student, *([trial.teacher.student] if trial.teacher else [])]:
        check_size(named.name, named.options, shape.height, shape.width)


def build_untaught(trial: Trial, shape: tuple[int, int], folder: Path) -> Any:
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
