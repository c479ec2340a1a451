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
from raskd_bench.data.workers import worker_failure
from raskd_bench.errors import BenchError, IncompatibleTrial, in_short
from raskd_bench.execute import execute
from raskd_bench.heap import keep_heap
from raskd_bench.machine import Share, describe_host
from raskd_bench.readiness import choose_device, describe_device, faults_of
from raskd_bench.record import Preparation
from raskd_bench.record_fields import DataFacts
from raskd_bench.share import take
from raskd_bench.spec import Plan, Trial
from raskd_bench.together import NotTogether, execute_together

# what torchvision and timm print as they are imported; nothing a user could act on
warnings.filterwarnings("ignore", message=".*torch.jit", category=FutureWarning)
warnings.filterwarnings("ignore", message="The .grad attribute of a Tensor")  # torch's compiler

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
    with _told(connection):
        chosen = take(share, device)
        measured = execute(
            trial,
            chosen,
            folder,
            lambda point: connection.send(("point", point)),
            teacher=teacher,
            save_to=save_to,
        )
        connection.send(("done", measured | {"threads": torch.get_num_threads()}))


def run_together(
    connection: Connection, trials: list[Trial], device: str, folder: Path, share: Share
) -> None:
    """Train trials that differ in their seed as one network.

    Sends `("done", answer)` with status `done` and the measured `parts`, or `apart` and the reason
    why they must run one by one; `("point", ...)`, with the trial's `member` number, on the way.
    """
    _follow_parent(connection)
    with _told(connection):
        chosen = take(share, device)
        try:
            parts = execute_together(trials, chosen, folder, lambda member, point: connection.send(
                ("point", point | {"member": member})))  # fmt: skip
        except NotTogether as reason:
            connection.send(("done", {"status": "apart", "error": str(reason)}))
            return
        threads = {"threads": torch.get_num_threads()}
        connection.send(("done", {"status": "done", "parts": [part | threads for part in parts]}))


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
        # torch tells of a worker that was killed wherever the trial happens to be
        if (failure := worker_failure(error)) is not None:
            connection.send(("done", {"status": "failed", "error": str(failure)}))
            return
        status = "out_of_memory" if CPU_OUT_OF_MEMORY in str(error) else "failed"
        measured = {"status": status, "error": in_short(error), "traceback": _trace()}
    except BenchError as error:
        measured = {"status": "failed", "error": str(error)}
    except Exception as error:  # whatever a user's method raises ends this trial, not the suite
        measured = {"status": "failed", "error": in_short(error), "traceback": _trace()}
    connection.send(("done", measured))


def prepare(connection: Connection, trials: list[Trial], device: str, folder: Path) -> None:
    """Check that all trials can start: device, data sets, students, methods.

    Sends `("done", answer)` with status `ready`, the machine and the facts of each data set, or
    `refused` and the faults.
    """
    _follow_parent(connection)
    facts: dict[str, DataFacts] = {}
    try:
        chosen = choose_device(device)
        faults = faults_of(trials, chosen, folder, facts)
    except BenchError as error:
        faults = [str(error)]
    if faults:
        connection.send(("done", {"status": "refused", "faults": faults}))
    else:
        machine = describe_host() | describe_device(chosen)
        connection.send(("done", {"status": "ready", "machine": machine, "data": facts}))


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
