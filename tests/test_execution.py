"""Switches of execution change speed and memory, and numbers by rounding only."""

import pytest
import torch
from torch._dynamo.utils import counters

from raskd_bench import execute as module
from raskd_bench.execute import execute
from raskd_bench.lab import new_lab
from raskd_bench.meter import Clocks
from raskd_bench.readiness import faults_of
from raskd_bench.setup import build, new_optimizer
from raskd_bench.spec.trial import (
    SGD,
    Augmentation,
    Budget,
    Execution,
    Named,
    Schedule,
    Trial,  # fmt: skip
)

CPU = torch.device("cpu")
TRIAL = Trial(
    task="classification", data=Named(name="digits"), student=Named(name="resnet8"),
    method="ras_kd", hparams={}, batch_size=32, budget=Budget(steps=6),
    optimizer=SGD(name="sgd", lr=0.02), schedule=Schedule(name="cosine"), precision="fp32",
    compile=False, augmentation=Augmentation(), val_fraction=0.1, evaluations=2, seed=0,
)  # fmt: skip


def switched(**switches):
    return TRIAL.model_copy(update={"execution": Execution(**switches)})


def run(trial, tmp_path):
    return execute(trial, CPU, tmp_path, lambda point: None)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run(TRIAL, tmp_path_factory.mktemp("plain"))


def assert_alike(found, plain):
    assert found["status"] == "done"
    assert found["test_nll"] == pytest.approx(plain["test_nll"], rel=1e-2)
    for mine, own in zip(found["curve"], plain["curve"], strict=True):
        assert mine["loss"] == pytest.approx(own["loss"], rel=1e-2)


@pytest.mark.parametrize("switches", [
    {"memory_format": "contiguous"}, {"optimizer_step": "foreach"}, {"optimizer_step": "for_loop"},
])  # fmt: skip
def test_a_switch_leaves_the_numbers(tmp_path, plain, switches):
    assert_alike(run(switched(**switches), tmp_path), plain)


@pytest.mark.parametrize("layout", ["channels_last", "contiguous"])
def test_weights_and_images_have_the_memory_format(tmp_path, layout):
    trial = switched(memory_format=layout)
    lab = new_lab(trial, CPU, tmp_path, Clocks(), lambda point: None)
    student, method = build(lab, trial, None)
    expected = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}[layout]
    weight = student.backbone.stages[1][0].conv1.weight
    drawn = next(lab.train.epoch(0, 0, method.sample, 32)).views[0].images
    evaluated = next(lab.test.evaluation(32)).images
    for tensor in (weight, drawn, evaluated):
        assert tensor.is_contiguous(memory_format=expected)
        assert tensor.is_contiguous() == (layout == "contiguous")


@pytest.mark.parametrize(("kind", "flags"), [
    ("fused", (True, None)), ("foreach", (None, True)), ("for_loop", (None, False)),
])  # fmt: skip
def test_the_optimizer_takes_the_kernels_that_are_asked_for(tmp_path, kind, flags):
    trial = switched(optimizer_step=kind)
    lab = new_lab(trial, CPU, tmp_path, Clocks(), lambda point: None)
    (group,) = new_optimizer(trial, *build(lab, trial, None)).param_groups
    assert (group["fused"] or None, group["foreach"]) == flags


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # the compiler looks at it
@pytest.mark.parametrize("student", [False, True])
def test_what_is_compiled_is_compiled_before_the_training(tmp_path, plain, monkeypatch, student):
    trial = switched(compile_loss=True).model_copy(update={"compile": student})
    real, before = module.train, []

    def train(*arguments, **options):
        before.append(counters["stats"]["unique_graphs"])
        real(*arguments, **options)

    monkeypatch.setattr(module, "train", train)
    torch._dynamo.reset()
    counters.clear()
    found = run(trial, tmp_path)
    assert before[0] > 0
    assert counters["stats"]["unique_graphs"] == before[0]
    assert 0 < found["compile_seconds"] < found["setup_seconds"]
    assert plain["compile_seconds"] == 0
    assert_alike(found, plain)


def test_only_switches_that_were_moved_are_part_of_a_trials_identity():
    assert switched().id == TRIAL.id
    assert "execution" not in TRIAL.model_dump(mode="json")
    moved = switched(memory_format="contiguous")
    assert moved.id != TRIAL.id
    assert moved.model_dump(mode="json")["execution"] == {"memory_format": "contiguous"}
    assert Trial.model_validate(moved.model_dump()) == moved


def test_graphs_need_a_gpu(tmp_path):
    trial = switched(cuda_graphs=True)
    (fault,) = faults_of([trial], CPU, tmp_path, {})
    assert fault == "execution.cuda_graphs: needs a CUDA device; this run is on cpu"
