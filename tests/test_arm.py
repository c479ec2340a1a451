"""An arm in lockstep: the trainer's own loop, a block at a time."""

import multiprocessing
import shutil
import threading
import time
from multiprocessing import Pipe
from pathlib import Path

import psutil
import pytest
import torch
from PIL import Image

from raskd_bench.arm import ArmSpec, run_arm
from raskd_bench.data.mapped import MappedSource
from raskd_bench.spec import expand
from raskd_bench.spec.suite import Suite

CPU = torch.device("cpu")


class Arm:
    """An arm in a thread, spoken to as the coordinator does."""

    def __init__(self, method, mode, **options):
        data = {"name": "synthetic", "size": 8, "storage": "device"} | options
        if data["name"] == "synthetic":
            data["train"] = 64
        suite = Suite.model_validate({
            "schema": 1, "name": "arm", "data": data,
            "student": "resnet8", "batch_size": 16, "budget": {"epochs": 1}, "seeds": [0],
            "methods": [method],
        })  # fmt: skip
        self.ours, theirs = Pipe()
        spec = ArmSpec(expand(suite, Path())[0].trial, mode)
        self.thread = threading.Thread(target=run_arm, args=(spec, theirs, CPU, Path()))
        self.thread.start()
        kind, self.facts = self.ours.recv()
        assert kind == "ready"

    def ask(self, command, value=None):
        self.ours.send((command, value))
        kind, answer = self.ours.recv()
        assert kind == "answer"
        return answer

    def release(self):
        self.ours.send(("release", None))
        self.thread.join(timeout=30)
        assert not self.thread.is_alive()


@pytest.fixture
def arm():
    made = []

    def new(method="cross_entropy", mode="compute", **options):
        made.append(Arm(method, mode, **options))
        return made[-1]

    yield new
    for each in made:
        each.release()


@pytest.mark.parametrize("mode", ["compute", "end_to_end"])
@pytest.mark.parametrize("method", ["cross_entropy", "cs_kd", "ps_kd", "ddgsd", "dlb", "bake",
                                    "ols", "lwr", "ras_kd"])  # fmt: skip
def test_every_kind_of_method_takes_steps_in_both_modes(arm, method, mode):
    made = arm(method, mode)
    answers = [made.ask("block", steps) for steps in (1, 3, 9)]
    assert all(answer["finite"] and answer["seconds"] > 0 for answer in answers)


def test_an_epoch_has_the_methods_number_of_steps(arm):
    assert arm("cross_entropy").facts["steps_per_epoch"] == 4
    assert arm("bake").facts["steps_per_epoch"] == 16


def test_the_start_of_an_epoch_is_timed_apart_end_to_end_only(arm):
    ring, loaded = arm(mode="compute"), arm(mode="end_to_end")
    for made in (ring, loaded):
        made.ask("block", 12)
    assert ring.ask("warm")["epoch_seconds"] == 0
    assert loaded.ask("warm")["epoch_seconds"] > 0


def test_extra_work_lasts_as_long_as_it_was_told(arm):
    made = arm()
    made.ask("block", 1)
    made.ask("spin", 0.05)
    assert made.ask("block", 4)["seconds"] >= 4 * 0.05


def test_memory_is_metered_in_a_pass_of_its_own(arm):
    made = arm()
    assert "host_bytes" not in made.ask("block", 1)
    assert made.ask("metered", ("memory", 2))["host_bytes"] > 10**7
    assert "host_bytes" not in made.ask("block", 1)


def test_the_workers_of_a_stream_stand_still_while_their_arm_is_held(arm):
    made = arm(mode="end_to_end", storage="stream")
    made.ask("block", 3)
    workers = multiprocessing.active_children()
    assert workers
    deadline = time.monotonic() + 10  # a signal takes a moment to arrive
    while any(psutil.Process(w.pid).status() != psutil.STATUS_STOPPED for w in workers):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert made.ask("block", 9)["finite"]
    assert made.ask("warm")["epoch_seconds"] > 0


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Options of a data set of 64 image files, whose cache is empty."""
    monkeypatch.setenv("RASKD_BENCH_DATA", str(tmp_path / "home"))
    for index in range(64):
        path = tmp_path / f"train/{index % 4}/{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (index, 0, 0)).save(path)
    shutil.copytree(tmp_path / "train", tmp_path / "test")
    return {"name": "imagefolder", "root": str(tmp_path), "size": 8}


def test_the_thread_of_a_mapped_stream_reads_nothing_while_its_arm_is_held(
    arm, pictures, monkeypatch
):
    read = MappedSource.read
    reads = []

    def slow(*given):
        reads.append(1)
        time.sleep(0.03)
        return read(*given)

    monkeypatch.setattr(MappedSource, "read", slow)
    made = arm(mode="end_to_end", storage="stream", **pictures)
    made.ask("block", 5)  # ends after the first of four steps: the thread is in the middle of it
    before = len(reads)
    time.sleep(0.2)
    assert len(reads) == before
    assert made.ask("block", 9)["finite"]
    assert len(reads) > before


def test_a_ring_decodes_no_more_than_it_needs(arm, pictures, tmp_path):
    assert arm(mode="compute", **pictures).ask("block", 6)["finite"]
    assert not (tmp_path / "home" / "decoded").exists()
