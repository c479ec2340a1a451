"""What else the machine did while a trial was trained: read between blocks, never inside one."""

import os
from multiprocessing import active_children

import psutil
import torch

from raskd_bench.bystanders import family, seconds_of
from raskd_bench.disturbance import (
    MOST_TAKEN,
    HostWatch,
    Reading,
    new_watch,
    other_work,
    taken_cores,
    throttle_count,
)
from raskd_bench.machine import jobs_beside, usable_cores
from raskd_bench.record_fields import Disturbance


class Neighbours:
    """Adds up, over stretches of training, what others took of the machine.

    Trials of the same run that share the machine (`--jobs`) are not others: a Record says of them
    apart.

    Args:
        device: where it trains; on a GPU one core is needed, on a CPU one for each thread.
        watch: of the machine; for tests.
    """

    def __init__(self, device: torch.device, watch: HostWatch | None = None) -> None:
        self._watch = watch or new_watch(_described(device), _own_family)
        self._cores = usable_cores()
        threads = torch.get_num_threads() if device.type == "cpu" else 1
        self._needed = min(threads, self._cores)
        self._throttled = throttle_count()
        self._seconds = self._foreign = self._stolen = 0.0
        self._troubles: list[str] = []
        self._before: tuple[Reading, float] | None = None

    def start(self) -> None:
        self._before = self._watch.read(), _beside_seconds()

    def stop(self) -> None:
        if self._before is None:
            return
        reading, beside = self._before
        found = self._watch.others(reading, _beside_seconds() - beside)
        self._seconds += found.seconds
        self._foreign += found.foreign_seconds
        self._stolen += found.stolen_seconds
        self._troubles += self._watch.troubles()
        self._before = None

    def found(self) -> Disturbance | None:
        """Return what was seen; None if nothing was trained."""
        if not self._seconds:
            return None
        foreign, stolen = (max(0.0, seconds / self._seconds)
                           for seconds in (self._foreign, self._stolen))  # fmt: skip
        reasons = list(dict.fromkeys(self._troubles))
        if (throttled := (throttle_count() or 0) - (self._throttled or 0)) > 0:
            reasons.append(f"the processor was throttled {throttled} times")
        if taken_cores(foreign + stolen, self._cores, self._needed) > MOST_TAKEN:
            reasons.append(other_work(foreign + stolen, self._cores))
        return Disturbance(foreign_cores=round(foreign, 3), stolen_cores=round(stolen, 3),
                           reasons=reasons)  # fmt: skip


def _described(device: torch.device) -> dict[str, str]:
    if device.type != "cuda":
        return {"device": device.type}
    uuid = torch.cuda.get_device_properties(device).uuid
    return {"device": device.type, "gpu_uuid": f"GPU-{uuid}"}


def _own_family() -> set[int]:
    """Return the process ids of the whole run: siblings on a GPU are no strangers."""
    return family() | family(os.getppid())


def _beside_seconds() -> float:
    """Return the processor time so far of all that belongs to the run, without this process."""
    if jobs_beside() == 1:  # looking through all processes would cost a millisecond
        workers = [child.pid for child in active_children() if child.pid is not None]
        ended = psutil.Process().cpu_times()
        return ended.children_user + ended.children_system + sum(map(seconds_of, workers))
    server = psutil.Process(os.getppid())
    others = [child.pid for child in server.children(recursive=True) if child.pid != os.getpid()]
    return sum(map(seconds_of, [server.pid, *others]))
