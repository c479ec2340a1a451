"""On a GPU: the same trial as on a CPU, memory that repeats, a clock that waits for the device."""

import threading
import time
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import pytest
import torch

from raskd_bench import catalog, together
from raskd_bench.arm import ArmSpec, run_arm
from raskd_bench.data.loader import Loader
from raskd_bench.data.mapped import MappedSource
from raskd_bench.data.splits import Split
from raskd_bench.disturbance import new_watch
from raskd_bench.execute import execute
from raskd_bench.meter import Clocks, StepTimes, synchroniser
from raskd_bench.methods.cross_entropy import CrossEntropy
from raskd_bench.predict import predict
from raskd_bench.spec import Plan, expand
from raskd_bench.spec.suite import Suite
from raskd_bench.spec.trial import Execution

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


class OnGPU:
    """An arm in a thread, on the GPU, spoken to as the coordinator does."""

    def __init__(self, method, mode="compute"):
        self.ours, theirs = Pipe()
        spec = ArmSpec(trial(method), mode)
        arguments = (spec, theirs, torch.device("cuda"), Path())
        self.thread = threading.Thread(target=run_arm, args=arguments)
        self.thread.start()
        assert self.ours.recv()[0] == "ready"

    def ask(self, command, value=None):
        self.ours.send((command, value))
        kind, answer = self.ours.recv()
        assert kind == "answer"
        return answer

    def release(self):
        self.ours.send(("release", None))
        self.thread.join(timeout=60)


@pytest.fixture
def arm():
    made = []

    def new(*arguments):
        made.append(OnGPU(*arguments))
        return made[-1]

    yield new
    for each in made:
        each.release()


@pytest.mark.parametrize("mode", ["compute", "end_to_end"])
@pytest.mark.parametrize("method", NO_TEACHER)
def test_every_method_is_an_arm(arm, method, mode):
    made = arm(method, mode)
    made.ask("block", 3)
    assert made.ask("block", 10)["finite"]


def test_a_block_waits_for_the_device(arm):
    made = arm("cross_entropy")
    made.ask("block", 5)
    plain = made.ask("block", 5)["seconds"]
    made.ask("spin", 0.02)
    assert made.ask("block", 5)["seconds"] == pytest.approx(plain + 5 * 0.02, rel=0.3)


def test_memory_and_energy_have_passes_of_their_own(arm):
    made = arm("ras_kd")
    made.ask("block", 4)
    memory = made.ask("metered", ("memory", 3))
    assert 10**6 < memory["allocated_bytes"] <= memory["reserved_bytes"]
    joules = made.ask("metered", ("energy", 50))["joules"]
    assert joules is None or joules >= 0


def test_the_host_watch_sees_the_gpu():
    uuid = f"GPU-{torch.cuda.get_device_properties(0).uuid}"
    watch = new_watch({"device": "cuda", "gpu_uuid": uuid}, set)
    facts = watch.since(watch.read(), 0.0)
    assert facts["clock_hz"] > 1e8
    assert 10 < facts["temperature_celsius"] < 110


def test_the_predicted_peak_is_near_the_metered_one(arm):
    planned = trial("ras_kd")
    (predicted,), _ = predict([Plan(planned, "ras_kd", {})], Path())
    made = arm("ras_kd")
    made.ask("block", 4)
    metered = made.ask("metered", ("memory", 3))["allocated_bytes"]
    # the data set, the ring of batches and cuDNN's workspace are not part of the prediction
    assert metered == pytest.approx(predicted.fingerprint.peak_live_bytes, rel=0.5)


def test_a_mapped_stream_gives_the_batches_of_resident_images(tmp_path):
    images = np.random.default_rng(0).integers(256, size=(256, 16, 16, 3), dtype=np.uint8)
    (tmp_path / "pixels").write_bytes(images.tobytes())
    labels = np.arange(256, dtype=np.int64) % 4
    split = Split(MappedSource(tmp_path / "pixels", images.shape), labels)
    resident, stream = (
        Loader(split, torch.device("cuda"), mean=(0.5,) * 3, std=(0.2,) * 3, crop_padding=2,
               flip=True, storage=storage) for storage in ("device", "stream")
    )  # fmt: skip
    sampler = CrossEntropy().sample
    for epoch in range(3):  # pinned memory is given again
        pairs = zip(resident.epoch(0, epoch, sampler, 16), stream.epoch(0, epoch, sampler, 16),
                    strict=True)  # fmt: skip
        for one, other in pairs:
            assert torch.equal(one.views[0].images, other.views[0].images)
            assert torch.equal(one.ids, other.ids)


@pytest.mark.parametrize("loss", [False, True])
def test_graphs_and_compiled_losses_leave_the_numbers(loss):
    plain = trial("ras_kd", compiled=True)
    execution = Execution(cuda_graphs=True, compile_loss=loss)
    measured = run(plain.model_copy(update={"execution": execution}))
    assert measured["status"] == "done"
    assert measured["test_nll"] == pytest.approx(run(plain)["test_nll"], rel=0.02)


def test_seeds_together_are_seeds_one_by_one(monkeypatch):
    monkeypatch.setattr(together, "_check_faster", lambda *_: None)
    trials = [trial("ras_kd").model_copy(update={"seed": seed}) for seed in (0, 1)]
    measured = together.execute_together(trials, torch.device("cuda"), Path(), lambda *_: None)
    for found, alone in zip(measured, trials, strict=True):
        assert found["test_nll"] == pytest.approx(run(alone)["test_nll"], rel=0.02)
