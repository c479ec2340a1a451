"""What else goes on while something is timed: other work, stolen time, throttling, heat."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import psutil

CPUS = Path("/sys/devices/system/cpu")
# work is divided among threads beforehand and the slowest is waited for, so what others take of one
# core lengthens a step by more than its share: a quarter of a core by a third
MOST_TAKEN = 0.25

# nvidia-ml-py's bits for clocks that are lowered by heat, power or hardware protection
THROTTLES = {
    0x8: "hardware slowdown", 0x20: "thermal slowdown by software",
    0x40: "thermal slowdown by hardware", 0x80: "power brake",
}  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """Counters of the host at one moment, in core-seconds."""

    moment: float
    busy_seconds: float
    stolen_seconds: float
    own_seconds: float


class Others(NamedTuple):
    """What others took of the host between two readings.

    Attributes:
        seconds: between the readings.
        foreign_seconds: core-seconds of other processes; below 0 by the counters' steps.
        stolen_seconds: core-seconds that the hypervisor gave to others.
    """

    seconds: float
    foreign_seconds: float
    stolen_seconds: float


class HostWatch:
    """Reads host counters before a block and says afterwards what disturbed it."""

    def __init__(self, now: Callable[[], float] = perf_counter) -> None:
        self._now = now
        self._process = psutil.Process()

    def read(self) -> Reading:
        """Read the counters; a tenth of a millisecond."""
        times, own = _usable_times(), self._process.cpu_times()
        stolen = sum(getattr(core, "steal", 0.0) for core in times)
        idle = sum(core.idle + getattr(core, "iowait", 0.0) for core in times)
        busy = sum(sum(core[:8]) for core in times) - idle - stolen  # guests are part of user
        return Reading(self._now(), busy, stolen, own.user + own.system)

    def others(self, before: Reading, arm_seconds: float) -> Others:
        """Return what others took since a reading.

        Args:
            before: reading at the start.
            arm_seconds: processor time of what is timed, beyond that of this process.
        """
        after = self.read()
        own = after.own_seconds - before.own_seconds + arm_seconds
        return Others(
            max(after.moment - before.moment, 1e-9),
            after.busy_seconds - before.busy_seconds - own,
            after.stolen_seconds - before.stolen_seconds,
        )

    def troubles(self) -> tuple[str, ...]:
        """Return what disturbs at this moment beside other work, in words."""
        return ()

    def since(self, before: Reading, arm_seconds: float) -> dict[str, Any]:
        """Return what a block's line says of the host.

        Args:
            before: reading at its start.
            arm_seconds: processor time of the arm itself.
        """
        found = self.others(before, arm_seconds)
        facts: dict[str, Any] = {
            "foreign_cores": round(max(0.0, found.foreign_seconds / found.seconds), 3),
            "stolen_cores": round(found.stolen_seconds / found.seconds, 3),
        }
        frequency = _core_hertz()
        return facts | ({"clock_hz": frequency} if frequency else {})


class GPUWatch(HostWatch):
    """The same on a GPU: clock, temperature, throttle reasons, foreign processes.

    Other work on the host does not make a GPU's block useless: what counts is on the GPU.

    Args:
        uuid: of the GPU, as the driver names it.
        arms: gives the process ids that belong to what is timed.
        now: seconds, monotonic.

    Raises:
        pynvml.NVMLError: the driver does not know it.
    """

    def __init__(
        self, uuid: str, arms: Callable[[], set[int]], now: Callable[[], float] = perf_counter
    ) -> None:
        super().__init__(now)
        import pynvml

        self._nvml: Any = pynvml
        self._arms = arms
        pynvml.nvmlInit()
        self._handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)

    def troubles(self) -> tuple[str, ...]:
        reasons = self._ask(self._nvml.nvmlDeviceGetCurrentClocksThrottleReasons)
        found = [name for bit, name in THROTTLES.items() if int(reasons or 0) & bit]
        if others := self._foreign():
            found.append(f"{len(others)} foreign processes on the GPU")
        return tuple(found)

    def since(self, before: Reading, arm_seconds: float) -> dict[str, Any]:
        nvml, facts = self._nvml, dict[str, Any]()
        facts["clock_hz"] = self._ask(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM, scale=1e6)
        facts["temperature_celsius"] = self._ask(nvml.nvmlDeviceGetTemperature,
                                                 nvml.NVML_TEMPERATURE_GPU)  # fmt: skip
        return facts | {"troubles": self.troubles()}

    def _ask(self, question: Callable[..., Any], *values: Any, scale: float = 1) -> float | None:
        """Return what NVML answers; None where a device has no such reading."""
        try:
            return float(question(self._handle, *values)) * scale
        except self._nvml.NVMLError:
            return None

    def _foreign(self) -> set[int]:
        try:
            running = self._nvml.nvmlDeviceGetComputeRunningProcesses(self._handle)
        except self._nvml.NVMLError:
            return set()
        # inside a container the driver may not tell process ids: 0 or ids of the host
        return {process.pid for process in running if psutil.pid_exists(process.pid)} - self._arms()


def new_watch(machine: Mapping[str, Any], arms: Callable[[], set[int]]) -> HostWatch:
    """Return the watch of a machine's device; of its host where the driver shows no GPU.

    Args:
        machine: description of host and device.
        arms: gives the process ids that belong to what is timed.
    """
    if not machine["device"].startswith("cuda"):
        return HostWatch()
    import pynvml

    try:
        return GPUWatch(machine["gpu_uuid"], arms)
    except (pynvml.NVMLError, KeyError):
        return HostWatch()


def taken_cores(others: float, cores: int, needed: int) -> float:
    """Return how many of the cores that some work needs others have taken.

    Args:
        others: cores that other processes and the hypervisor used.
        cores: there are.
        needed: by the work, one for each of its threads.
    """
    return max(0.0, others - max(0, cores - needed))


def other_work(others: float, cores: int) -> str:
    """Return in words what other work took."""
    return f"other work took {others:.1f} of {cores} core{'s' * (cores != 1)}"


def throttle_count(folder: Path = CPUS) -> int | None:
    """Return how often the processor was throttled by heat; None where the system has no counter.

    Args:
        folder: of the system's descriptions of processors.
    """
    counts = [int(path.read_text(encoding="ascii"))
              for path in folder.glob("cpu*/thermal_throttle/*_throttle_count")]  # fmt: skip
    return sum(counts) if counts else None


def _usable_times() -> list[Any]:
    """Return the times of each core that this process may use; of all of them where unknown."""
    times = psutil.cpu_times(percpu=True)
    if not hasattr(os, "sched_getaffinity"):
        return list(times)
    return [times[core] for core in os.sched_getaffinity(0) if core < len(times)] or list(times)


def _core_hertz() -> float | None:
    """Return the processors' present clock; None where the system does not tell (most VMs)."""
    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError):
        return None
    known = frequency is not None and frequency.max > 0  # else it is a nominal value
    return frequency.current * 1e6 if known else None
