"""A plan's numbers are those that a run will measure."""

from functools import partial
from pathlib import Path

import pytest
import torch

from raskd_bench import catalog
from raskd_bench.errors import BenchError, IncompatibleTrial
from raskd_bench.execute import execute
from raskd_bench.meter import Clocks
from raskd_bench.predict import predict
from raskd_bench.setup import Teacher, autocast_of, build, new_lab, warm_up
from raskd_bench.spec import Plan, Trial
from raskd_bench.spec.trial import SGD, Augmentation, Budget, Named, Schedule
from raskd_bench.spec.trial import Teacher as TeacherOfTrial
from raskd_bench.students.build import new_student

CPU = torch.device("cpu")
TEACHER = TeacherOfTrial(student=Named(name="resnet20"))
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


def new_plan(method="cross_entropy", seed=0, **changes):
    card = catalog.find("method", method, changes.pop("folder", None))
    content = {
        "task": "classification", "data": Named(name="digits"), "student": Named(name="resnet8"),
        "method": method, "hparams": card.defaults, "batch_size": 32, "budget": Budget(epochs=2),
        "teacher": TEACHER if card.needs_teacher else None, "optimizer": SGD(name="sgd"),
        "schedule": Schedule(name="constant"), "precision": "fp32", "compile": False,
        "augmentation": Augmentation(), "val_fraction": 0.0, "evaluations": 1, "seed": seed,
    }  # fmt: skip
    return Plan(Trial(**content | changes), method, {})


def predicted(plan, home=Path()):
    predictions, notes = predict([plan], home)
    assert notes == []
    return predictions[0]


@pytest.mark.parametrize("method", catalog.names("method"))
def test_a_steps_flops_are_those_of_a_real_step(method):
    trial = new_plan(method).trial
    lab = new_lab(trial, CPU, Path(), Clocks(), lambda point: None)
    teacher = Teacher(new_student("resnet20", {}, lab.task)) if trial.teacher else None
    student, made = build(lab, trial, teacher)
    extra = sum(parameter.numel() for parameter in made.parameters())
    step_flops, infer_flops = warm_up(lab, trial, student, made, partial(autocast_of, CPU, trial))
    found = predicted(new_plan(method))
    assert (found.step_flops, 2 * found.forward_macs) == (step_flops, infer_flops)
    assert found.infer_params == sum(parameter.numel() for parameter in student.parameters())
    assert found.extra_params == extra


@pytest.mark.parametrize("method", ["ps_kd", "cs_kd", "kd"])
def test_totals_are_those_of_a_real_trial(method):
    plan = new_plan(method, budget=Budget(steps=3), val_fraction=0.5)
    measured = execute(plan.trial, CPU, Path(), lambda point: None)
    found = predicted(plan)
    for name in ("steps", "step_flops", "train_flops", "preparation_flops", "state_bytes"):
        assert getattr(found, name) == measured[name], name
    through = measured["images_forwarded"] + measured["images_forwarded_without_gradient"]
    assert found.images_per_step == through / 3


@pytest.mark.parametrize(
    ("budget", "steps"),
    [(Budget(epochs=2), 2 * 44), (Budget(images=1000), 32), (Budget(flops=1.0), 1),
     (Budget(seconds=5.0), None)],
)  # fmt: skip
def test_steps_follow_from_the_budget_where_they_can(budget, steps):
    found = predicted(new_plan(budget=budget))
    assert found.steps == steps
    assert found.train_flops == (None if steps is None else steps * found.step_flops)


def test_a_held_out_part_makes_epochs_shorter_and_memories_smaller():
    whole, part = predicted(new_plan("ps_kd")), predicted(new_plan("ps_kd", val_fraction=0.5))
    assert part.steps == pytest.approx(whole.steps / 2, abs=2)
    assert part.state_bytes == pytest.approx(whole.state_bytes / 2, rel=0.01)


def test_a_teachers_own_budget_counts():
    teacher = TeacherOfTrial(student=Named(name="resnet20"), budget=Budget(steps=10))
    found = predicted(new_plan("kd", budget=Budget(steps=4), teacher=teacher))
    alone = predicted(new_plan(student=Named(name="resnet20"), budget=Budget(steps=10)))
    assert found.preparation_flops == alone.train_flops
    assert found.train_flops == 4 * found.step_flops + alone.train_flops


def test_a_teacher_with_a_budget_in_seconds_leaves_the_total_unknown():
    teacher = TeacherOfTrial(student=Named(name="resnet20"), budget=Budget(seconds=5.0))
    found = predicted(new_plan("kd", teacher=teacher))
    assert (found.preparation_flops, found.train_flops) == (None, None)
    assert found.steps == 88


def test_precision_and_compilation_do_not_change_the_count():
    counts = {predicted(new_plan(precision=precision, compile=precision == "bf16")).step_flops
              for precision in ("fp32", "bf16")}  # fmt: skip
    assert len(counts) == 1


def test_seeds_of_a_method_are_one_prediction():
    plans = [new_plan(method, seed) for seed in (0, 1, 2) for method in ("cross_entropy", "cs_kd")]
    predictions, _ = predict(plans, Path())
    assert [(found.plan.label, found.seeds) for found in predictions] == [
        ("cross_entropy", 3), ("cs_kd", 3),
    ]  # fmt: skip


def test_a_published_size_stands_in_for_a_missing_data_set(tmp_path, monkeypatch):
    monkeypatch.setenv("RASKD_BENCH_DATA", str(tmp_path))
    data = Named(name="cifar100", download=False)
    options = catalog.find("dataset", "cifar100").defaults
    data = data if "download" in options else Named(name="cifar100", root=str(tmp_path))
    predictions, notes = predict([new_plan("ps_kd", data=data, batch_size=128)], Path())
    assert predictions[0].steps == 2 * (50_000 // 128)
    assert predictions[0].state_bytes == 50_000 * 100 * 4
    assert len(notes) == 1
    assert notes[0].startswith("data set cifar100")
    assert notes[0].endswith("(planned with its published size)")


def test_a_missing_data_set_of_unknown_size_is_refused(tmp_path):
    data = Named(name="imagefolder", root=str(tmp_path / "none"))
    with pytest.raises(BenchError, match="none"):
        predict([new_plan(data=data)], Path())


def test_a_method_that_reads_numbers_is_counted_all_the_same(tmp_path):
    (tmp_path / "mine.py").write_text(USER_METHOD)
    plan = new_plan("./mine.py:Reads", folder=tmp_path)
    assert predicted(plan, tmp_path).step_flops == predicted(new_plan()).step_flops


def test_a_method_that_cannot_take_a_step_is_refused_in_one_line(tmp_path):
    (tmp_path / "mine.py").write_text(USER_METHOD)
    text = "Breaks on resnet8: cannot take a step: KeyError: 'no such thing'"
    with pytest.raises(IncompatibleTrial, match=text) as refused:
        predict([new_plan("./mine.py:Breaks", folder=tmp_path)], tmp_path)
    assert "\n" not in str(refused.value)
