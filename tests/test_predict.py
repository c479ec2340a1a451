"""A plan's numbers are those that a run will measure."""

import json
from functools import partial

import pytest
import torch

from raskd_bench import catalog
from raskd_bench.errors import BenchError, IncompatibleTrial
from raskd_bench.execute import execute
from raskd_bench.lab import new_lab
from raskd_bench.meter import Clocks
from raskd_bench.predict import predict
from raskd_bench.record import Preparation
from raskd_bench.setup import autocast_of, build, warm_up
from raskd_bench.spec import expand, load_suite
from raskd_bench.teachers import untrained_teacher

CPU = torch.device("cpu")
RESNET20 = {"student": "resnet20"}
SUITE = {
    "schema": 1, "name": "mine", "data": "digits", "student": "resnet8", "batch_size": 32,
    "budget": {"epochs": 2}, "schedule": {"name": "constant"}, "evaluations": 1, "seeds": [0],
}  # fmt: skip
USER_METHOD = '''
"""A method that reads a number."""
from raskd_bench.losses import supervise
from raskd_bench.method import Method

class Reads(Method):
    """L = CE."""
    def loss(self, student, batch, progress):
        terms = supervise(student(*batch.views[0]))
        assert terms["ce"].item() > 0
        return terms

class Breaks(Method):
    """L = nothing."""
    def loss(self, student, batch, progress):
        raise KeyError("no such thing")
'''


@pytest.fixture
def plans(tmp_path):
    """Return the plans of a suite of some methods; a teacher is added where one is needed."""

    def make(*methods, **changes):
        taught = any(catalog.find("method", name, tmp_path).needs_teacher for name in methods)
        content = SUITE | ({"teacher": RESNET20} if taught else {}) | changes
        path = tmp_path / "mine.yaml"
        path.write_text(json.dumps(content | {"methods": methods or ["cross_entropy"]}))
        return expand(load_suite(path), tmp_path)

    return make


@pytest.fixture
def predicted(plans, tmp_path):
    """Return the one prediction of a suite of one method."""

    def make(*methods, **changes):
        predictions, notes = predict(plans(*methods, **changes), tmp_path)
        assert notes == []
        assert len(predictions) == 1
        return predictions[0]

    return make


@pytest.mark.parametrize("method", catalog.names("method"))
def test_a_steps_flops_are_those_of_a_real_step(plans, predicted, tmp_path, method):
    trial = plans(method)[0].trial
    lab = new_lab(trial, CPU, tmp_path, Clocks(), lambda point: None)
    student, made = build(lab, trial, untrained_teacher(trial, lab.task))
    extra = sum(parameter.numel() for parameter in made.parameters())
    warmth = warm_up(lab, trial, student, made, partial(autocast_of, CPU, trial))
    found = predicted(method)
    assert (found.step_flops, 2 * found.forward_macs) == (warmth.step_flops, warmth.infer_flops)
    assert found.infer_params == sum(parameter.numel() for parameter in student.parameters())
    assert found.extra_params == extra


def trained(trial, folder):
    """Train a teacher and return what the trials that learn from it are charged."""
    path = folder / "teacher.pt"
    found = execute(trial, CPU, folder, lambda point: None, save_to=path)
    return Preparation(path, found["train_seconds"], found["train_flops"], found["steps"], None, 1)


@pytest.mark.parametrize("method", ["ps_kd", "cs_kd", "kd"])
def test_totals_are_those_of_a_real_trial(plans, predicted, tmp_path, method):
    asked = {"budget": {"steps": 3}, "val_fraction": 0.5}
    trial = plans(method, **asked)[0].trial
    teacher = trained(trial.teacher_trial, tmp_path) if trial.teacher else None
    measured = execute(trial, CPU, tmp_path, lambda point: None, teacher=teacher)
    found = predicted(method, **asked)
    for name in ("steps", "step_flops", "train_flops", "preparation_flops", "state_bytes"):
        assert getattr(found, name) == measured[name], name
    through = measured["images_forwarded"] + measured["images_forwarded_without_gradient"]
    assert found.images_per_step == through / 3


@pytest.mark.parametrize(
    ("budget", "steps"),
    [
        ({"epochs": 2}, 2 * 44),
        ({"images": 1000}, 32),
        ({"flops": 2e8}, 2),
        ({"seconds": 5.0}, None),
    ],
)
def test_steps_follow_from_the_budget_where_they_can(predicted, budget, steps):
    found = predicted(budget=budget)
    assert found.steps == steps
    assert found.train_flops == (None if steps is None else steps * found.step_flops)


def test_a_held_out_part_makes_epochs_shorter_and_memories_smaller(predicted):
    whole, part = predicted("ps_kd"), predicted("ps_kd", val_fraction=0.5)
    assert part.steps == pytest.approx(whole.steps / 2, abs=2)
    assert part.state_bytes == pytest.approx(whole.state_bytes / 2, rel=0.01)


def test_a_teachers_own_budget_counts(predicted):
    found = predicted("kd", budget={"steps": 4}, teacher=RESNET20 | {"budget": {"steps": 10}})
    alone = predicted(student="resnet20", budget={"steps": 10})
    assert found.preparation_flops == alone.train_flops
    assert found.train_flops == 4 * found.step_flops + alone.train_flops


def test_a_teacher_with_a_budget_in_seconds_leaves_the_total_unknown(predicted):
    found = predicted("kd", teacher=RESNET20 | {"budget": {"seconds": 5.0}})
    assert (found.preparation_flops, found.train_flops) == (None, None)
    assert found.steps == 88


@pytest.mark.parametrize("changes", [{"precision": "bf16"}, {"compile": True}])
def test_precision_and_compilation_do_not_change_the_count(predicted, changes):
    assert predicted(**changes).step_flops == predicted().step_flops


def test_seeds_of_a_method_are_one_prediction(plans, tmp_path):
    predictions, _ = predict(plans("cross_entropy", "cs_kd", seeds=[0, 1, 2]), tmp_path)
    assert [(found.plan.label, found.seeds) for found in predictions] == [
        ("cross_entropy", 3), ("cs_kd", 3),
    ]  # fmt: skip


def test_a_published_size_stands_in_for_a_missing_data_set(plans, tmp_path):
    data = {"name": "cifar100", "root": str(tmp_path)}
    predictions, notes = predict(plans("ps_kd", data=data, batch_size=128), tmp_path)
    assert predictions[0].steps == 2 * (50_000 // 128)
    assert predictions[0].state_bytes == 50_000 * 100 * 4
    assert len(notes) == 1
    assert notes[0].startswith("data set cifar100")
    assert notes[0].endswith("(planned with its published size)")


def test_a_missing_data_set_of_unknown_size_is_refused(plans, tmp_path):
    data = {"name": "imagefolder", "root": str(tmp_path / "none")}
    with pytest.raises(BenchError, match="none"):
        predict(plans(data=data), tmp_path)


def test_a_method_that_reads_numbers_is_counted_all_the_same(predicted, tmp_path):
    (tmp_path / "mine.py").write_text(USER_METHOD)
    assert predicted("./mine.py:Reads").step_flops == predicted().step_flops


def test_a_method_that_cannot_take_a_step_is_refused_in_one_line(plans, tmp_path):
    (tmp_path / "mine.py").write_text(USER_METHOD)
    text = "Breaks on resnet8: cannot take a step: KeyError: 'no such thing'"
    with pytest.raises(IncompatibleTrial, match=text) as refused:
        predict(plans("./mine.py:Breaks"), tmp_path)
    assert "\n" not in str(refused.value)


def test_a_prediction_has_the_fingerprint_of_its_step(predicted):
    found = predicted("ps_kd")
    assert found.step_flops == found.fingerprint.matmul_flops
    assert found.images_per_step == found.fingerprint.images_forwarded == 32
    assert found.state_bytes == found.fingerprint.state_bytes == 1438 * 10 * 4


def test_a_transformer_is_planned(predicted):
    student = {"name": "timm/vit_tiny_patch16_224", "img_size": 8, "patch_size": 2, "depth": 2,
               "embed_dim": 48, "num_heads": 3}  # fmt: skip
    found = predicted("ras_kd", student=student)
    assert found.fingerprint.unknown == ()
    assert found.extra_params == 10 * 48


def test_counters_that_disagree_about_a_forward_are_a_note(plans, tmp_path, monkeypatch):
    monkeypatch.setattr("raskd_bench.predict.forward_macs", lambda network, images: 1000)
    predictions, notes = predict(plans(), tmp_path)
    assert predictions[0].forward_macs == 1000
    assert len(notes) == 1
    assert notes[0].startswith("resnet8: inference on one image: ")
    assert "1,000 multiply-adds by fvcore's: more than 0.1% from 2 to 1" in notes[0]
