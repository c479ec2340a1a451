"""The doctor's findings: what is wrong comes with what to do about it."""

import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from raskd_bench import doctor
from raskd_bench.doctor import Finding, examine

Memory = namedtuple("Memory", "total available")


class NVMLError(Exception):
    """What the real library raises."""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(doctor, "PROBE_SECONDS", 0.01)


def find(what, results=Path("results")):
    return next(finding for finding in examine(results) if finding.what == what)


def nvml(names, processes=0, reasons=0):
    """A driver that shows GPUs with so many processes on each; None is a refusal to say."""

    def running(_):
        if processes is None:
            raise NVMLError("no permission")
        return list(range(processes))

    return SimpleNamespace(
        NVMLError=NVMLError, nvmlInit=lambda: None, nvmlDeviceGetCount=lambda: len(names),
        nvmlDeviceGetHandleByIndex=lambda index: names[index],
        nvmlDeviceGetName=lambda handle: handle, nvmlDeviceGetComputeRunningProcesses=running,
        nvmlDeviceGetCurrentClocksThrottleReasons=lambda handle: reasons,
    )  # fmt: skip


def test_everything_is_looked_at_on_this_host(tmp_path):
    findings = list(examine(tmp_path))
    assert [finding.what for finding in findings] == [
        "Python", "packages", "processor", "clock governor", "throttling", "load", "stolen time",
        "memory", "shared memory", "clock", "GPU", "GPU clocks", "results folder",
    ]  # fmt: skip
    assert all(finding.remedy for finding in findings if finding.state != "ok")
    assert not any(finding.remedy for finding in findings if finding.state == "ok")
    assert not any(finding.state == "bad" for finding in findings)


def test_a_missing_package_is_bad(monkeypatch):
    host = {"versions": {"torch": "2.13", "timm": None}, "cpu": "one", "cores": 4}
    monkeypatch.setattr(doctor, "describe_host", lambda: host)
    assert find("packages") == Finding(
        "bad", "packages", "torch 2.13; missing: timm", "install the project again: scripts/install"
    )


def test_a_single_core_is_a_warning(monkeypatch):
    host = {"versions": {}, "cpu": "one", "vectors": None, "cores": 1}
    monkeypatch.setattr(doctor, "describe_host", lambda: host)
    assert find("processor").state == "warn"
    assert "second core" in find("processor").remedy


@pytest.mark.parametrize(("governor", "state"), [("performance", "ok"), ("powersave", "warn")])
def test_a_governor_that_saves_power_is_a_warning(monkeypatch, governor, state):
    monkeypatch.setattr(Path, "exists", lambda path: True)
    monkeypatch.setattr(Path, "read_text", lambda path, **_: f"{governor}\n")
    found = doctor._governor()
    assert (found.state, found.found) == (state, governor)
    assert bool(found.remedy) is (state == "warn")


def test_an_invisible_governor_is_a_warning(monkeypatch):
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert doctor._governor().state == "warn"
    assert "paired ratios" in doctor._governor().remedy


def test_other_work_is_a_warning_that_names_who_works(monkeypatch):
    monkeypatch.setattr(doctor, "PROBE_SECONDS", 0.4)
    monkeypatch.setattr(doctor, "BUSY_LOAD", 0.0)
    program = "import time\nend = time.time() + 60\nwhile time.time() < end: pass"
    with subprocess.Popen([sys.executable, "-c", program]) as busy:
        try:
            found = find("load")
        finally:
            busy.kill()
    assert found.state == "warn"
    assert f"({busy.pid})" in found.remedy


def test_an_idle_host_is_fine(monkeypatch):
    monkeypatch.setattr(psutil, "cpu_percent", lambda interval: 3.0)
    assert find("load").state == "ok"


@pytest.mark.parametrize(("free", "state"), [(2**40, "ok"), (2**30, "warn")])
def test_little_memory_is_a_warning(monkeypatch, free, state):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(2**41, free))
    assert find("memory").state == state


def test_a_coarse_clock_is_bad():
    ticks = iter(range(10_000))
    found = doctor._clock(lambda: next(ticks) / 60)
    assert found.state == "bad"
    assert found.found == "resolves 16666667 ns"


@pytest.mark.parametrize(
    ("names", "processes", "state", "found"),
    [
        ([], 0, "ok", "none seen by the NVIDIA driver: the CPU is measured"),
        (["H200"], 0, "ok", "H200; 0 processes computing on it"),
        (["H200", "H200"], 1, "warn", "H200, H200; 2 processes computing on it"),
        (["H200"], None, "warn", "H200; its processes cannot be seen"),
    ],
)
def test_a_gpu_that_others_use_is_a_warning(monkeypatch, names, processes, state, found):
    monkeypatch.setitem(sys.modules, "pynvml", nvml(names, processes))
    looked = find("GPU")
    assert (looked.state, looked.found, bool(looked.remedy)) == (state, found, state != "ok")


def test_results_in_a_file_are_bad(tmp_path):
    (tmp_path / "file").write_text("")
    assert find("results folder", tmp_path / "file" / "below").state == "bad"
    assert "is a file" in find("results folder", tmp_path / "file").found


def test_results_where_nothing_may_be_written_are_bad(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    found = find("results folder", tmp_path / "new")
    assert (found.state, found.remedy) == ("bad", "use --results DIR")
    assert f"{tmp_path} is not writable" in found.found


def test_a_full_disk_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "MIN_DISK_BYTES", 2**80)
    assert find("results folder", tmp_path).state == "warn"


def test_a_gpu_that_is_slowed_by_heat_is_a_warning(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", nvml(["H100"], reasons=0x40 | 0x1))
    found = find("GPU clocks")
    assert found.state == "warn"
    assert found.found == "GPU 0: thermal slowdown by hardware"


def test_throttling_events_during_the_probe_are_a_warning(tmp_path, monkeypatch):
    counter = tmp_path / "cpu0" / "thermal_throttle" / "core_throttle_count"
    counter.parent.mkdir(parents=True)
    counter.write_text("3")
    assert doctor._throttling(tmp_path).state == "ok"
    counts = iter([3, 8])
    monkeypatch.setattr(doctor, "throttle_count", lambda folder: next(counts))
    found = doctor._throttling(tmp_path)
    assert found.state == "warn"
    assert found.found.startswith("5 events")


def test_stolen_time_is_a_warning(monkeypatch):
    Times = namedtuple("Times", "steal")
    readings = iter([Times(1.0), Times(1.1)])
    monkeypatch.setattr(doctor.psutil, "cpu_times", lambda: next(readings))
    assert doctor._stolen().state == "warn"
