"""On a GPU: the same trial as on a CPU, memory that repeats, a clock that waits for the device."""

import time
from pathlib import Path

import pytest
import torch

from raskd_bench import catalog
from raskd_bench.execute import execute
from raskd_bench.meter import Clocks, StepTimes, synchroniser
from raskd_bench.spec import expand
from raskd_bench.spec.suite import Suite

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]
NO_TEACHER = [
    name for name in catalog.names("method")
    if not catalog.find("method", name).needs_teacher
    and not catalog.find("method", name).teaches_itself
]  # fmt: skip


def trial(method="cross_entropy", precision="fp32", steps=20, compiled=False):
    suite = Suite.model_validate(
        {
            "schema": 1, "name": "gpu", "data": "synthetic", "student": "resnet8",
            "batch_size": 64, "budget": {"steps": steps}, "precision": precision, "seeds": [0],
            "compile": compiled, "methods": [method], "evaluations": 1,
        }
    )  # fmt: skip
    return expand(suite, Path())[0].trial


def run(trial, device="cuda"):
    return execute(trial, torch.device(device), Path(), lambda point: None)


@pytest.mark.parametrize("method", NO_TEACHER)
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_every_method_trains(method, precision):
    measured = run(trial(method, precision))
    assert measured["status"] == "done"
    assert measured["peak_allocated_bytes"] > 10**6
    assert measured["step_seconds"]["p50"] > 0


def test_the_first_loss_is_that_of_the_cpu():
    losses = [run(trial(steps=1), device)["curve"][0]["loss"]["ce"] for device in ("cpu", "cuda")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_peak_memory_repeats():
    first, second = (run(trial("ras_kd"))["peak_allocated_bytes"] for _ in range(2))
    assert first == pytest.approx(second, rel=0.01)


def test_a_compiled_student_trains():
    assert run(trial("ras_kd", compiled=True))["status"] == "done"


def test_the_clock_waits_for_the_device():
    device = torch.device("cuda")
    clocks, times = Clocks(synchroniser(device)), StepTimes(device)
    clocks.switch("train")
    times.mark()
    torch.cuda._sleep(200_000_000)  # a tenth of a second of cycles; the host does not wait
    times.mark()
    before = time.perf_counter()
    clocks.switch("io")
    waited = time.perf_counter() - before
    times.close()
    assert waited > 0.02
    assert times.seconds[0] == pytest.approx(clocks.seconds("train"), rel=0.2)


@pytest.mark.parametrize("method", NO_TEACHER)
def test_nothing_in_a_step_waits_for_the_device(method):
    torch.cuda.set_sync_debug_mode("default")
    from raskd_bench.lab import new_lab
    from raskd_bench.setup import autocast_of, build, first_epoch_rng, new_step, random_batch

    device, planned = torch.device("cuda"), trial(method)
    lab = new_lab(planned, device, Path(), Clocks(), lambda point: None)
    student, made = build(lab, planned, None)
    lists = made.sample(lab.train.split.labels, 64, first_epoch_rng(0))
    batch = random_batch(made, lists[0], (32, 32), 10, device)
    step = new_step(planned, student, made, batch, lambda: autocast_of(device, planned))
    step()
    step()
    torch.cuda.set_sync_debug_mode("error")
    try:
        step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
