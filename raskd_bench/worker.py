"""What runs in a trial's own process, started from a server that has torch imported already."""

import os
import threading
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # optimizers import it at their first use; here once for all trials
import torch.utils.flop_counter

from raskd_bench import catalog
from raskd_bench.arm import ArmSpec, run_arm
from raskd_bench.data.build import load_splits, shape_of
from raskd_bench.errors import BenchError, DataError, IncompatibleTrial, RequestError, in_short
from raskd_bench.execute import execute
from raskd_bench.heap import keep_heap
from raskd_bench.machine import Share, describe_host
from raskd_bench.record import Preparation
from raskd_bench.setup import make
from raskd_bench.share import take
from raskd_bench.spec import Plan, Trial
from raskd_bench.tasks.build import new_task
from raskd_bench.teachers import untrained_teacher

# what torchvision and timm print as they are imported; nothing a user could act on
warnings.filterwarnings("ignore", message=".*torch.jit", category=FutureWarning)

catalog.names("student"), catalog.names("dataset")  # parses their sources, once for all trials

CPU_OUT_OF_MEMORY = "DefaultCPUAllocator"  # torch raises a bare RuntimeError for it


def run_trial(
    connection: Connection,
    trial: Trial,
    device: str,
    folder: Path,
    share: Share,
    teacher: Preparation | None = None,
    save_to: Path | None = None,
) -> None:
    """Run one trial and send `("done", measured)`; `("point", ...)` on the way."""
    _follow_parent(connection)
    chosen = torch.device(device)
    if chosen.index is not None:
        torch.cuda.set_device(chosen)
    with _told(connection):
        take(share, chosen)
        measured = execute(
            trial,
            chosen,
            folder,
            lambda point: connection.send(("point", point)),
            teacher=teacher,
            save_to=save_to,
        )
        connection.send(("done", measured | {"threads": torch.get_num_threads()}))


def run_arms(
    connection: Connection,
    arms: list[tuple[Trial, str, Connection]],
    device: str,
    folder: Path,
) -> None:
    """Run the arms of a paired comparison, each in a thread if there are several.

    Args:
        connection: closes when the coordinator ends.
        arms: what each trains, its mode, and its own connection.
        device: where.
        folder: of the suite's file.
    """
    _follow_parent(connection)
    threads = []
    for trial, mode, own in arms:
        built = threading.Event()
        work = partial(_run_arm, ArmSpec(trial, mode), own, torch.device(device), folder, built)
        if len(arms) == 1:
            work()
            return
        threads.append(threading.Thread(target=work))
        threads[-1].start()
        built.wait()  # they share torch's seed while they are built
    for thread in threads:
        thread.join()


def _run_arm(
    spec: ArmSpec, own: Connection, device: torch.device, folder: Path, built: threading.Event
) -> None:
    try:
        with suppress(EOFError, BrokenPipeError), _told(own):  # the coordinator has gone
            run_arm(spec, own, device, folder, built.set)
    finally:
        built.set()
        own.close()


def count_steps(connection: Connection, plans: list[Plan], folder: Path) -> None:
    """Count one training step of each plan; send `("done", answer)` with their fingerprints."""
    _follow_parent(connection)
    with _told(connection):
        release = torch.__version__.partition("+")[0]
        answer = {"status": "counted", "torch": release, "steps": _counted(plans, folder)}
        connection.send(("done", answer))


def _counted(plans: list[Plan], folder: Path) -> list[dict[str, Any]]:
    """Count all plans at once, as they share students and data; one by one if one is broken."""
    from raskd_bench.predict import predict  # fvcore: two seconds that no trial should pay

    try:
        predictions, _ = predict(plans, folder)
    except IncompatibleTrial as error:
        if len(plans) == 1:
            return [{"error": str(error)}]
        return [counted for plan in plans for counted in _counted([plan], folder)]
    return [{"fingerprint": p.fingerprint.model_dump(mode="json")} for p in predictions]


@contextmanager
def _told(connection: Connection) -> Iterator[None]:
    """Send `("done", how it ended)` for whatever error ends the work inside."""
    try:
        yield
        return
    except (EOFError, BrokenPipeError):
        raise
    except (torch.OutOfMemoryError, MemoryError) as error:
        measured = {"status": "out_of_memory", "error": in_short(error)}
    except RuntimeError as error:
        status = "out_of_memory" if CPU_OUT_OF_MEMORY in str(error) else "failed"
        measured = {"status": status, "error": in_short(error), "traceback": _trace()}
    except BenchError as error:
        measured = {"status": "failed", "error": str(error)}
    except Exception as error:  # whatever a user's method raises ends this trial, not the suite
        measured = {"status": "failed", "error": in_short(error), "traceback": _trace()}
    connection.send(("done", measured))


def prepare(connection: Connection, trials: list[Trial], device: str, folder: Path) -> None:
    """Check that all trials can start: device, data sets, students, methods.

    Sends `("done", answer)` with status `ready` and the machine, or `refused` and the faults.
    """
    _follow_parent(connection)
    try:
        chosen = choose_device(device)
        faults = _faults(trials, folder)
        if chosen.type != "cuda" and any(trial.execution.cuda_graphs for trial in trials):
            faults.append(f"execution.cuda_graphs: needs a CUDA device; this run is on {chosen}")
    except BenchError as error:
        faults = [str(error)]
    if faults:
        connection.send(("done", {"status": "refused", "faults": faults}))
    else:
        machine = describe_host() | _describe_device(chosen)
        connection.send(("done", {"status": "ready", "machine": machine}))


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


def _faults(trials: list[Trial], folder: Path) -> list[str]:
    """Return why trials cannot start: each data set read once, each network built once."""
    shapes: dict[str, tuple[int, int] | None] = {}
    faults: dict[str, None] = {}
    built = set()
    for trial in trials:
        data = str(trial.data)
        if data not in shapes:
            shapes[data] = None
            try:
                shape = shape_of(load_splits(trial.data.name, trial.data.options, folder))
                shapes[data] = shape[:2]
            except DataError as error:
                faults[str(error)] = None
        found = shapes[data]
        key = (data, str(trial.student), trial.method, str(trial.hparams))
        if found is None or key in built:
            continue
        built.add(key)
        try:
            with torch.device("meta"):
                build_untaught(trial, found, folder)
        except BenchError as error:
            faults[str(error)] = None
        except Exception as error:  # a user's own build may raise anything
            reason = f"{trial.method} cannot be built for {trial.student}: {in_short(error)}"
            faults[reason] = None
    return list(faults)


def build_untaught(trial: Trial, shape: tuple[int, int], folder: Path) -> Any:
    """Build student and method, with an untrained teacher: enough to see that they fit."""
    task = new_task(trial.task, shape[0])
    return make(trial, shape, task, folder, untrained_teacher(trial, task))


def _describe_device(device: torch.device) -> dict[str, Any]:
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


def _follow_parent(connection: Connection) -> None:
    """End when the parent is gone, however it ended."""
    keep_heap()

    def wait() -> None:
        try:
            connection.recv()  # nothing is ever sent: this returns when the other end closes
        except (EOFError, OSError):
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _trace() -> str:
    return traceback.format_exc(limit=-5)
