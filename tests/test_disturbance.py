"""What else a machine does while something is timed, on counters that a test moves."""

from types import SimpleNamespace

import pytest
import torch

from raskd_bench import bystanders, disturbance, neighbours
from raskd_bench.bystanders import Bystanders, busiest
from raskd_bench.disturbance import HostWatch, Others, taken_cores, throttle_count
from raskd_bench.neighbours import Neighbours

CPU = torch.device("cpu")


class Watch:
    """Sees what a test says of each stretch."""

    def __init__(self, *seen, troubles=()):
        self.seen, self.found = list(seen), troubles

    def read(self):
        return None

    def others(self, before, arm_seconds):
        return self.seen.pop(0)

    def troubles(self):
        return self.found


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(neighbours, "usable_cores", lambda: 2)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)


def watched(*seen, troubles=()):
    found = Neighbours(CPU, Watch(*seen, troubles=troubles))
    for _ in seen:
        found.start()
        found.stop()
    return found.found()


def test_stretches_of_training_are_added_up(two_cores):
    found = watched(Others(1.0, 0.4, 0.0), Others(3.0, 0.0, 0.4))
    assert (found.foreign_cores, found.stolen_cores) == (0.1, 0.1)
    assert found.reasons == []


def test_a_busy_neighbour_makes_a_trial_unfit(two_cores):
    assert watched(Others(10.0, 13.0, 0.0)).reasons == ["other work took 1.3 of 2 cores"]
    assert watched(Others(10.0, 0.0, 3.0)).reasons == ["other work took 0.3 of 2 cores"]


def test_counters_that_step_back_are_no_negative_work(two_cores):
    assert watched(Others(0.1, -0.02, 0.0)).foreign_cores == 0.0


def test_work_on_cores_that_the_trial_does_not_need_is_no_disturbance(two_cores, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    found = watched(Others(10.0, 10.0, 0.0))
    assert found.foreign_cores == 1.0
    assert found.reasons == []


def test_what_a_device_tells_is_a_reason_once(two_cores):
    found = watched(Others(1.0, 0.0, 0.0), Others(1.0, 0.0, 0.0), troubles=("power brake",))
    assert found.reasons == ["power brake"]


def test_throttling_during_the_training_is_a_reason(two_cores, monkeypatch):
    counts = iter([3, 8])
    monkeypatch.setattr(neighbours, "throttle_count", lambda: next(counts))
    assert watched(Others(1.0, 0.0, 0.0)).reasons == ["the processor was throttled 5 times"]


def test_nothing_is_said_of_a_trial_that_was_not_trained(two_cores):
    assert watched() is None


@pytest.mark.parametrize(("others", "cores", "needed", "taken"), [
    (1.0, 2, 2, 1.0), (1.0, 2, 1, 0.0), (1.5, 2, 1, 0.5), (10.0, 64, 8, 0.0), (60.0, 64, 8, 4.0),
    (0.5, 2, 4, 0.5),
])  # fmt: skip
def test_taken_is_what_the_idle_cores_do_not_cover(others, cores, needed, taken):
    assert taken_cores(others, cores, needed) == pytest.approx(taken)


def test_counters_of_a_system_without_any_are_none(tmp_path):
    assert throttle_count(tmp_path) is None
    for core, events in enumerate((3, 4)):
        counter = tmp_path / f"cpu{core}" / "thermal_throttle" / "core_throttle_count"
        counter.parent.mkdir(parents=True)
        counter.write_text(str(events))
    assert throttle_count(tmp_path) == 7


def test_only_cores_that_this_process_may_use_are_looked_at(monkeypatch):
    class Core(tuple):
        idle, iowait, steal = 1.0, 0.0, 0.25

    core = Core((5.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.25))
    monkeypatch.setattr(disturbance.psutil, "cpu_times", lambda percpu: [core] * 64)
    monkeypatch.setattr(disturbance.os, "sched_getaffinity", lambda _: {3, 7}, raising=False)
    read = HostWatch().read()
    assert read.busy_seconds == pytest.approx(2 * 6.0)
    assert read.stolen_seconds == 0.5


def test_the_busiest_processes_come_first():
    before = {1: ("idle", 5.0), 2: ("kworker/0:1-mm", 1.0)}
    after = {1: ("idle", 5.0), 2: ("gcc", 1.5), 3: ("python", 2.0)}  # a process may be renamed
    assert busiest(before, after) == [("python (3)", 2.0), ("gcc (2)", 0.5)]


@pytest.mark.parametrize(("foreign", "text"), [
    (2.6, "other work takes 1.3 of 2 cores (python (3) 1.0)"),
    (0.4, None),
])  # fmt: skip
def test_a_busy_machine_is_described(monkeypatch, foreign, text):
    used = iter([{}, {3: ("python", 2.0), 4: ("sh", 0.02)}])
    monkeypatch.setattr(bystanders, "used_seconds", lambda own: next(used))
    monkeypatch.setattr(bystanders, "usable_cores", lambda: 2)
    watch = Watch(Others(2.0, foreign, 0.0))
    monkeypatch.setattr(bystanders, "HostWatch", lambda: watch)
    assert Bystanders().busy() == text


def test_what_a_process_has_started_counts_after_it_has_ended(monkeypatch):
    times = SimpleNamespace(user=5.0, system=1.0, children_user=2.0, children_system=0.5)
    child = SimpleNamespace(pid=7)
    own = SimpleNamespace(cpu_times=lambda: times, children=lambda recursive: [child])
    monkeypatch.setattr(bystanders.psutil, "Process", lambda *_: own)
    assert bystanders.started_seconds() == pytest.approx(2.5 + 8.5)
