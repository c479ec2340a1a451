"""What else goes on while a block is timed: other work, stolen time, throttling, heat."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import psutil

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


class HostWatch:
    """Reads host counters before a block and says afterwards what disturbed it."""

    def __init__(self, now: Callable[[], float] = perf_counter) -> None:
        self._now = now
        self._process = psutil.Process()

    def read(self) -> Reading:
        """Read the counters; a tenth of a millisecond."""
        times, own = psutil.cpu_times(), self._process.cpu_times()
        stolen = getattr(times, "steal", 0.0)
        idle = times.idle + getattr(times, "iowait", 0.0)
        busy = sum(times[:8]) - idle - stolen  # guests are part of user
        return Reading(self._now(), busy, stolen, own.user + own.system)

    def since(self, before: Reading, arm_seconds: float) -> dict[str, Any]:
        """Return what a block's line says of the host.

        Args:
            before: reading at its start.
            arm_seconds: processor time of the arm itself.
        """
        after = self.read()
        elapsed = max(after.moment - before.moment, 1e-9)
        own = after.own_seconds - before.own_seconds + arm_seconds
        foreign = (after.busy_seconds - before.busy_seconds - own) / elapsed
        stolen = (after.stolen_seconds - before.stolen_seconds) / elapsed
        facts: dict[str, Any] = {
            "foreign_cores": round(max(0.0, foreign), 3), "stolen_cores": round(stolen, 3)
        }  # fmt: skip
        frequency = _core_hertz()
        return facts | ({"clock_hz": frequency} if frequency else {})


class GPUWatch(HostWatch):
    """The same on a GPU: clock, temperature, throttle reasons, foreign processes.

    Other work on the host does not make a GPU's block useless: what counts is on the GPU.

    Args:
        uuid: of the GPU, as the driver names it.
        arms: process ids that belong to the comparison.
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

    def since(self, before: Reading, arm_seconds: float) -> dict[str, Any]:
        nvml, facts, troubles = self._nvml, dict[str, Any](), list[str]()
        facts["clock_hz"] = self._ask(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM, scale=1e6)
        facts["temperature_celsius"] = self._ask(nvml.nvmlDeviceGetTemperature,
                                                 nvml.NVML_TEMPERATURE_GPU)  # fmt: skip
        reasons = self._ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons)
        troubles += [name for bit, name in THROTTLES.items() if int(reasons or 0) & bit]
        others = self._foreign()
        if others:
            troubles.append(f"{len(others)} foreign processes on the GPU")
        return facts | {"troubles": tuple(troubles)}

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
        arms: process ids that belong to the comparison.
    """
    if not machine["device"].startswith("cuda"):
        return HostWatch()
    import pynvml

    try:
        return GPUWatch(machine["gpu_uuid"], arms)
    except (pynvml.NVMLError, KeyError):
        return HostWatch()


def _core_hertz() -> float | None:
    """Return the processors' present clock; None where the system does not tell (most VMs)."""
    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError):
        return None
    known = frequency is not None and frequency.max > 0  # else it is a nominal value
    return frequency.current * 1e6 if known else None
