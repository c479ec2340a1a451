"""Is this host fit to measure on? Each finding says what to do."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Literal, NamedTuple

import psutil

from raskd_bench.machine import describe_host

State = Literal["ok", "warn", "bad"]
MIN_MEMORY_BYTES = 4 * 2**30
MIN_DISK_BYTES = 2**30
BUSY_LOAD = 0.3  # of the cores
PROBE_SECONDS = 0.5


class Finding(NamedTuple):
    """One thing looked at."""

    state: State
    what: str
    found: str
    remedy: str = ""


def examine(results: Path) -> Iterator[Finding]:
    """Yield findings on versions, processor, memory, clock, GPU and the results folder."""
    for look in (_python, _packages, _processor, _governor, _load, _memory, _clock, _gpu):
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
    return Finding("ok", "packages", f"{found}, raskd-bench {metadata.version('raskd-bench')}")


def _processor() -> Finding:
    host = describe_host()
    text = f"{host['cpu']}, {host['cores']} usable cores"
    if host["cores"] < 2:
        return Finding("warn", "processor", text, "other work will share the core being timed")
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


def _load() -> Finding:
    cores = psutil.cpu_count() or 1
    busy = psutil.cpu_percent(interval=PROBE_SECONDS) / 100
    load = os.getloadavg()[0] / cores
    text = f"{busy:.0%} busy now, load {load:.2f} a core over the last minute"
    if busy > BUSY_LOAD:
        names = sorted(_busiest(), key=lambda pair: -pair[0])[:3]
        listing = ", ".join(name for _, name in names)
        return Finding("warn", "load", text, f"stop other work before timing ({listing})")
    return Finding("ok", "load", text)


def _busiest() -> Iterator[tuple[float, str]]:
    for process in psutil.process_iter(["name", "cpu_times"]):
        times = process.info["cpu_times"]
        if times is not None:
            yield times.user + times.system, f"{process.info['name']} ({process.pid})"


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    text = f"{free / 2**30:.1f} GiB free"
    if free < MIN_MEMORY_BYTES:
        return Finding("warn", "memory", text, "larger students may not fit: close other programs")
    return Finding("ok", "memory", text)


def _clock(now: Callable[[], float] = time.perf_counter) -> Finding:
    smallest = min(_ticks(now, 200))
    text = f"resolves {smallest * 1e9:.0f} ns"
    if smallest > 1e-5:
        return Finding("bad", "clock", text, "too coarse to time steps with on this system")
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
    except pynvml.NVMLError:
        return Finding("ok", "GPU", "none seen by the NVIDIA driver: the CPU is measured")
    handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
    names = [str(pynvml.nvmlDeviceGetName(handle)) for handle in handles]
    others = sum(len(pynvml.nvmlDeviceGetComputeRunningProcesses(handle)) for handle in handles)
    text = f"{', '.join(names)}; {others} processes computing on it"
    if others:
        return Finding("warn", "GPU", text, "timings are disturbed: see nvidia-smi")
    return Finding("ok", "GPU", text)


def _folder(results: Path) -> Finding:
    place = next(p for p in (results.absolute(), *results.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free
    text = f"{results}: {free / 2**30:.1f} GiB free"
    if not os.access(place, os.W_OK):
        return Finding("bad", "results folder", f"{place} is not writable", "use --results DIR")
    if free < MIN_DISK_BYTES:
        return Finding("warn", "results folder", text, "use --results DIR on another disk")
    return Finding("ok", "results folder", text)
