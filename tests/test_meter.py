"""Clocks add up and charge the right account; memory is a peak; energy is a GPU's or nothing."""

import multiprocessing
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from raskd_bench.meter import Clocks, Energy, PeakMemory, StepTimes, synchroniser

CPU = torch.device("cpu")
GPU = torch.device("cuda", 0)
MIB = 2**20


class Clock:
    """Shows the given times, one a look, and stays at the last one."""

    def __init__(self, *times):
        self.times = list(times)

    def __call__(self):
        return self.times.pop(0) if len(self.times) > 1 else self.times[0]


def test_each_clock_shows_what_passed_while_it_ran():
    clocks = Clocks(now=Clock(0, 2, 5, 9, 10))
    clocks.switch("train")
    clocks.switch("eval")
    clocks.switch("train")
    clocks.switch("io")
    shown = {name: clocks.seconds(name) for name in ("setup", "train", "eval", "io")}
    assert shown == {"setup": 2, "train": 3 + 1, "eval": 4, "io": 0}


def test_a_running_clock_is_read_without_stopping_it():
    clocks = Clocks(now=Clock(0, 1, 4, 6))
    clocks.switch("train")
    assert clocks.seconds("train") == 3
    assert clocks.seconds("train") == 5


def test_switching_says_which_clock_ran():
    clocks = Clocks()
    assert clocks.switch("train") == "setup"
    assert clocks.switch("io") == "train"


def test_the_device_is_waited_for_before_each_switch():
    calls = []
    clocks = Clocks(lambda: calls.append("wait"), now=Clock(0))
    clocks.switch("train")
    clocks.seconds("train")
    assert calls == ["wait"]


def test_the_clocks_add_up_to_the_wall():
    clocks = Clocks(now=Clock(0, 2, 5, 9))
    clocks.switch("train")
    clocks.switch("eval")
    assert clocks.check() == 9
    assert sum(clocks.seconds(name) for name in ("setup", "train", "eval", "io")) == 9


def test_clocks_that_do_not_add_up_are_an_error():
    clocks = Clocks(now=Clock(0, 100, 102))  # two seconds between two readings of one moment
    with pytest.raises(RuntimeError, match=r"clocks add up to 100\.000 s, the wall says 102\.000"):
        clocks.check()


def test_a_processor_needs_no_waiting():
    assert synchroniser(CPU)() is None


def test_steps_are_timed_from_the_blocks_start_and_not_across_blocks():
    times = StepTimes(CPU, now=Clock(1, 3, 6, 100, 101))
    for _ in range(3):
        times.mark()
    times.close()
    for _ in range(2):
        times.mark()
    times.close()
    assert times.seconds == [2, 3, 1]


def test_waiting_keeps_the_time_that_items_take_to_come():
    times = StepTimes(CPU, now=Clock(0, 2, 10, 13, 20, 24))
    assert list(times.waiting(iter(["a", "b"]))) == ["a", "b"]
    assert times.waited_seconds == 2 + 3 + 4


def test_waiting_passes_on_whatever_comes():
    assert list(StepTimes(CPU).waiting(iter([None, 0, None]))) == [None, 0, None]


def test_waiting_passes_on_an_error():
    def broken():
        yield 1
        raise OSError("disk gone")

    items = StepTimes(CPU).waiting(broken())
    assert next(items) == 1
    with pytest.raises(OSError, match="disk gone"):
        next(items)


def allocate_and_free(mebibytes):
    assert np.ones(mebibytes * MIB, dtype=np.uint8)[-1] == 1


@pytest.fixture
def memory():
    meter = PeakMemory(CPU)
    meter.start()
    meter.stop()
    if meter.source != "VmHWM":
        pytest.skip("this system does not let a process reset its peak")
    return meter


def test_memory_used_in_between_is_seen_though_it_was_freed(memory):
    before = memory.host_bytes
    memory.start()
    allocate_and_free(200)
    memory.stop()
    assert 190 * MIB < memory.host_bytes - before < 260 * MIB


def test_memory_used_before_and_after_is_not_seen(memory):
    before = memory.host_bytes
    allocate_and_free(200)
    memory.start()
    memory.stop()
    allocate_and_free(200)
    assert memory.host_bytes - before < 50 * MIB


def test_the_highest_of_several_stretches_counts(memory):
    memory.start()
    allocate_and_free(200)
    memory.stop()
    highest = memory.host_bytes
    memory.start()
    memory.stop()
    assert memory.host_bytes == highest


def hold(size, pipe):
    block = bytearray(size)
    pipe.send(len(block))
    pipe.recv()


def test_workers_count(memory):
    before = memory.host_bytes
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    worker = context.Process(target=hold, args=(100 * MIB, theirs))
    worker.start()
    ours.recv()
    memory.start()
    memory.stop()
    ours.send("end")
    worker.join()
    assert memory.host_bytes - before > 95 * MIB


def test_without_a_resettable_peak_the_present_size_stands_in(monkeypatch):
    def refuse(*_, **__):
        raise PermissionError("read-only")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    meter = PeakMemory(CPU)
    meter.start()
    meter.stop()
    assert meter.source == "current resident set"
    assert meter.host_bytes > 10 * MIB


def test_a_processor_has_no_device_memory(memory):
    assert (memory.allocated_bytes, memory.reserved_bytes) == (None, None)


def test_a_processors_energy_is_not_known():
    energy = Energy(CPU)
    energy.start()
    energy.stop()
    assert energy.joules is None


class NVMLError(Exception):
    """What the real library raises."""


@pytest.fixture
def nvml(monkeypatch):
    """A GPU whose energy meter shows the given millijoules, one a look."""
    shown = []

    def consumption(handle):
        assert handle == "handle of GPU-1234"
        value = shown.pop(0)
        if value is None:
            raise NVMLError("not supported")
        return value

    library = SimpleNamespace(
        NVMLError=NVMLError, nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=lambda uuid: f"handle of {uuid}",
        nvmlDeviceGetTotalEnergyConsumption=consumption,
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pynvml", library)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(uuid="1234"))
    library.shown = shown
    return library


def test_energy_is_summed_over_stretches_in_joules(nvml):
    nvml.shown += [0, 1000, 3500, 9000, 9250]
    energy = Energy(GPU)
    for _ in range(2):
        energy.start()
        energy.stop()
    assert energy.joules == 2.5 + 0.25


def test_a_gpu_without_an_energy_meter_gives_none(nvml):
    nvml.shown += [None]
    energy = Energy(GPU)
    energy.start()
    energy.stop()
    assert energy.joules is None


@pytest.mark.parametrize("readings", [[0, 100, None], [0, None]])
def test_a_meter_that_fails_on_the_way_gives_none_and_ends_no_trial(nvml, readings):
    nvml.shown += readings
    energy = Energy(GPU)
    energy.start()
    energy.stop()
    assert energy.joules is None


def test_a_gpu_that_the_driver_does_not_show_gives_none(nvml):
    def unknown(uuid):
        raise NVMLError("not found")

    nvml.nvmlDeviceGetHandleByUUID = unknown
    assert Energy(GPU).joules is None
