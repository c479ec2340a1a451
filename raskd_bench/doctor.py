"""Is this host fit to measure on? Each finding says what to do."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import psutil

from raskd_bench import __version__
from raskd_bench.bystanders import busiest, used_seconds
from raskd_bench.disturbance import CPUS, THROTTLES, throttle_count
from raskd_bench.machine import describe_host
from raskd_bench.memory import SHARED_MEMORY, shared_memory_bytes

State = Literal["ok", "warn", "bad"]
MIN_MEMORY_BYTES = 4 * 2**30
MIN_DISK_BYTES = 2**30
MIN_SHARED_BYTES = 2**28
BUSY_LOAD = 0.3  # of the cores
PROBE_SECONDS = 0.5
MOST_STOLEN = 0.1  # of a core


class Finding(NamedTuple):
    """One thing looked at."""

    state: State
    what: str
    found: str
    remedy: str = ""


def examine(results: Path) -> Iterator[Finding]:
    """Yield findings on versions, processor, memory, clock, GPU and the results folder."""
    for look in (_python, _packages, _processor, _governor, _throttling, _load, _stolen, _memory,
                 _shared_memory, _clock, _gpu, _gpu_throttling):  # fmt: skip
        yield look()
    yield _folder(results)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("ok", "Python", f"{version} at {sys.executable}")


def _packages() -> Finding:
    versions = describe_host()["versions"]
    found = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    lacking = [name for name, version in versions.items() if version is None]
    if lacking:
        return Finding("bad", "packages", f"{found}; missing: {', '.join(lacking)}",
                       "install the project again: scripts/install")  # fmt: skip
    return Finding("ok", "packages", f"{found}, raskd-bench {__version__}")


def _processor() -> Finding:
    host = describe_host()
    text = f"{host['cpu']}, {host['cores']} usable cores, {host['vectors'] or 'vectors unknown'}"
    if host["cores"] < 2:
        return Finding("warn", "processor", text,
                       "give it a second core: other work shares the one being timed")  # fmt: skip
    return Finding("ok", "processor", text)


def _governor() -> Finding:
    path = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if not path.exists():
        return Finding("warn", "clock governor", "not visible (a virtual machine?)",
                       "trust paired ratios only: the clock may drift unseen")  # fmt: skip
    governor = path.read_text(encoding="ascii").strip()
    if governor != "performance":
        return Finding("warn", "clock governor", governor, "cpupower frequency-set -g performance")
    return Finding("ok", "clock governor", governor)


def _throttling(folder: Path = CPUS) -> Finding:
    """Look for throttling while the processor is busy: counters of the system, where it has any."""
    before = throttle_count(folder)
    if before is None:
        return Finding("ok", "throttling", "no counters here (a virtual machine?); paired "
                       "ratios stand it, single times do not")  # fmt: skip
    until = time.perf_counter() + PROBE_SECONDS
    while time.perf_counter() < until:
        pass
    events = (throttle_count(folder) or 0) - before
    if events:
        return Finding("warn", "throttling", f"{events} events in {PROBE_SECONDS} s of work",
                       "too hot for its clock: cool the machine, or lower the clock")  # fmt: skip
    return Finding("ok", "throttling", f"none now ({before} events since the system started)")


def _stolen() -> Finding:
    """Look how much time the hypervisor gives to others while this process works."""
    before = psutil.cpu_times()
    until = time.perf_counter() + PROBE_SECONDS
    while time.perf_counter() < until:
        pass
    stolen = getattr(psutil.cpu_times(), "steal", 0.0) - getattr(before, "steal", 0.0)
    share = stolen / PROBE_SECONDS
    text = f"{share:.0%} of a core, by the hypervisor"
    if share > MOST_STOLEN:
        return Finding("warn", "stolen time", text, "measure at another hour, or on a machine of "
                       "your own: campaigns drop what was disturbed")  # fmt: skip
    return Finding("ok", "stolen time", text)


def _load() -> Finding:
    cores = psutil.cpu_count() or 1
    before = used_seconds({os.getpid()})
    busy = psutil.cpu_percent(interval=PROBE_SECONDS) / 100
    load = psutil.getloadavg()[0] / cores
    text = f"{busy:.0%} busy now, load {load:.2f} a core over the last minute"
    if busy > BUSY_LOAD:
        listing = ", ".join(name for name, _ in busiest(before, used_seconds({os.getpid()})))
        return Finding(
            "warn", "load", text, f"stop other work before timing ({listing or 'see top'})"
        )
    return Finding("ok", "load", text)


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    text = f"{free / 2**30:.1f} GiB free"
    if free < MIN_MEMORY_BYTES:
        return Finding("warn", "memory", text, "larger students may not fit: close other programs")
    return Finding("ok", "memory", text)


def _shared_memory(folder: Path | None = None) -> Finding:
    free = shared_memory_bytes(folder)
    if free is None:
        return Finding("ok", "shared memory", "no limit to see here")
    text = f"{free / 2**20:,.1f} MiB free in {folder or SHARED_MEMORY}"
    if free < MIN_SHARED_BYTES:
        return Finding("warn", "shared memory", text, "batches that workers decode go through it: "
                       "give a container more (docker run --shm-size=1g)")  # fmt: skip
    return Finding("ok", "shared memory", text)


def _clock(now: Callable[[], float] = time.perf_counter) -> Finding:
    smallest = min(_ticks(now, 200))
    text = f"resolves {smallest * 1e9:.0f} ns"
    if smallest > 1e-5:
        return Finding("bad", "clock", text, "measure on another system: too coarse for a step")
    return Finding("ok", "clock", text)


def _ticks(now: Callable[[], float], count: int) -> Iterator[float]:
    for _ in range(count):
        before = after = now()
        while after == before:
            after = now()
        yield after - before


def _gpu() -> Finding:
    import pynvml

    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:
        handles = []
    if not handles:
        return Finding("ok", "GPU", "none seen by the NVIDIA driver: the CPU is measured")
    names = ", ".join(str(pynvml.nvmlDeviceGetName(handle)) for handle in handles)
    try:
        running = map(pynvml.nvmlDeviceGetComputeRunningProcesses, handles)
        others = sum(map(len, running))
    except pynvml.NVMLError:
        return Finding("warn", "GPU", f"{names}; its processes cannot be seen",
                       "look with nvidia-smi that nothing else runs on it")  # fmt: skip
    text = f"{names}; {others} processes computing on it"
    if others:
        return Finding("warn", "GPU", text, "wait for them or stop them: nvidia-smi lists them")
    return Finding("ok", "GPU", text)


def _gpu_throttling() -> Finding:
    """Ask the driver why the GPUs' clocks are lowered."""
    import pynvml

    found = set()
    try:
        pynvml.nvmlInit()
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            reasons = int(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle))
            found |= {f"GPU {index}: {name}" for bit, name in THROTTLES.items() if reasons & bit}
    except pynvml.NVMLError as error:
        return Finding("ok", "GPU clocks", f"not visible: {error}")
    if found:
        return Finding("warn", "GPU clocks", ", ".join(sorted(found)),
                       "cool it, or lock its clocks: nvidia-smi --lock-gpu-clocks")  # fmt: skip
    return Finding("ok", "GPU clocks", "not lowered by heat or power")


def _folder(results: Path) -> Finding:
    place = next(p for p in (results.absolute(), *results.absolute().parents) if p.exists())
    if not place.is_dir():
        return Finding("bad", "results folder", f"{place} is a file", "use --results DIR")
    free = shutil.disk_usage(place).free
    text = f"{results}: {free / 2**30:.1f} GiB free"
    if not os.access(place, os.W_OK):
        return Finding("bad", "results folder", f"{place} is not writable", "use --results DIR")
    if free < MIN_DISK_BYTES:
        return Finding("warn", "results folder", text, "use --results DIR on another disk")
    return Finding("ok", "results folder", text)
