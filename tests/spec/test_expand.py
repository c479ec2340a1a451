"""The trials a suite stands for: which, in which order, and under which identity."""

import re

import pytest

from raskd_bench.catalog import NoSuchName
from raskd_bench.spec import Trial, expand, load_suite
from raskd_bench.spec.trial import SGD, AdamW, Augmentation, Budget, Named, Schedule, Teacher


def shown(plans):
    return [(plan.label, plan.trial.student.name, plan.trial.seed) for plan in plans]


def trial(**changes):
    fields = {
        "task": "classification", "data": Named(name="digits"), "student": Named(name="resnet8"),
        "method": "kd", "hparams": {"kd": 0.9}, "teacher": Teacher(student=Named(name="resnet8")),
        "batch_size": 64, "budget": Budget(epochs=1), "optimizer": SGD(name="sgd"),
        "schedule": Schedule(name="cosine"), "precision": "fp32", "compile": False,
        "augmentation": Augmentation(), "val_fraction": 0.0, "evaluations": 10, "seed": 0,
    }  # fmt: skip
    return Trial(**fields | changes)


CHANGES = [
    {"task": "segmentation"}, {"data": Named(name="cifar10")},
    {"data": Named(name="digits", storage="stream")},
    {"data": Named(name="digits", cache=False)}, {"student": Named(name="resnet20")},
    {"student": Named(name="resnet8", width=2)}, {"method": "cs_kd"}, {"hparams": {"kd": 0.8}},
    {"hparams": {}}, {"teacher": None}, {"teacher": Teacher(student=Named(name="resnet20"))},
    {"teacher": Teacher(student=Named(name="resnet8"), budget=Budget(epochs=1))},
    {"batch_size": 65}, {"budget": Budget(epochs=2)}, {"budget": Budget(steps=1)},
    {"optimizer": SGD(name="sgd", lr=0.2)}, {"optimizer": AdamW(name="adamw")},
    {"schedule": Schedule(name="cosine", warmup=0.1)}, {"schedule": Schedule(name="linear")},
    {"precision": "bf16"}, {"compile": True}, {"augmentation": Augmentation(flip=True)},
    {"val_fraction": 0.1}, {"evaluations": 11}, {"seed": 1},
]  # fmt: skip


def test_how_images_are_read_is_in_a_trial_only_where_its_suite_says_so(plans_of):
    """Ids of trials that were run before an option came are the same after it."""
    plain, said = (
        plans_of(data=data)[0].trial for data in ("digits", "{name: digits, cache: auto}")
    )
    assert (plain.data.options, said.data.options) == ({}, {"cache": "auto"})
    assert plain.id != said.id


def test_a_cell_runs_seed_by_seed_so_that_a_stop_leaves_whole_comparisons(plans_of):
    plans = plans_of(student="[resnet8, resnet20]", seeds="[3, 1]")
    assert shown(plans) == [
        (method, student, seed)
        for student in ("resnet8", "resnet20")
        for seed in (3, 1)
        for method in ("cross_entropy", "ras_kd")
    ]


def test_the_grid_is_the_product_of_its_axes(plans_of):
    grid = {"data": "[digits, synthetic]", "student": "[resnet8, resnet20]",
            "batch_size": "[32, 64]", "precision": "[fp32, bf16]", "compile": "[true, false]",
            "seeds": "[0, 1, 2]"}  # fmt: skip
    plans = plans_of(**grid)
    assert len(plans) == 2**5 * 3 * 2
    assert len({plan.trial.id for plan in plans}) == len(plans)
    assert len({plan.trial.cell for plan in plans}) == 2**5


def test_an_exclusion_removes_the_cells_that_fit_all_its_keys(plans_of):
    exclusions = "[{student: resnet8, batch_size: 32}, {method: ras_kd, batch_size: 64}]"
    grid = {"student": "[resnet8, resnet20]", "batch_size": "[32, 64]"}
    plans = plans_of(**grid, exclude=exclusions)
    kept = [(p.label, p.trial.student.name, p.trial.batch_size) for p in plans]
    assert kept == [
        ("cross_entropy", "resnet8", 64),
        ("cross_entropy", "resnet20", 32),
        ("ras_kd", "resnet20", 32),
        ("cross_entropy", "resnet20", 64),
    ]


def test_an_exclusion_names_a_method_by_its_label(plans_of):
    plans = plans_of(methods="[ras_kd, {name: ras_kd, label: sharp, tau: 0.01}]",
                     exclude="[{method: sharp}]")  # fmt: skip
    assert [plan.label for plan in plans] == ["ras_kd"]


def test_defaults_are_part_of_a_trial_and_what_was_passed_is_kept(plans_of):
    (plan,) = plans_of(methods="[{name: label_smoothing, epsilon: 0.2}]")
    assert (plan.trial.hparams, plan.passed) == ({"epsilon": 0.2}, {"epsilon": 0.2})
    (plan,) = plans_of(methods="[label_smoothing]")
    assert (plan.trial.hparams, plan.passed) == ({"epsilon": 0.1}, {})


def test_a_whole_number_is_the_same_trial_as_its_decimal_form(plans_of):
    ids = [
        plans_of(methods=f"[{{name: ras_kd, beta: {beta}}}]")[0].trial.id for beta in ("1", "1.0")
    ]
    assert ids[0] == ids[1]


def test_only_methods_that_need_it_have_the_teacher(plans_of):
    plans = plans_of(methods="[cross_entropy, kd]", teacher="{student: resnet20}")
    assert [str(plan.trial.teacher and plan.trial.teacher.student) for plan in plans] == [
        "None",
        "resnet20",
    ]


def test_a_label_does_not_change_the_trial(plans_of):
    (plain,), (labelled,) = (
        plans_of(methods=text) for text in ("[ras_kd]", "[{name: ras_kd, label: ours}]")
    )
    assert plain.trial.id == labelled.trial.id
    assert str(labelled) == "ours on resnet8, seed 0"


def test_the_id_of_a_trial_is_stable():
    assert trial().id == "e3dcbdabe911"
    assert trial().file_name == "kd-s0-e3dcbdabe911.json"


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(change)[:40])
def test_each_field_changes_the_id(change):
    assert trial(**change).id != trial().id


def test_method_and_seed_do_not_change_the_cell():
    cells = {trial(**change).cell for change in ({}, {"method": "x"}, {"seed": 1}, {"hparams": {}})}
    assert cells == {trial().cell}
    assert trial(batch_size=65).cell != trial().cell


@pytest.mark.parametrize("name", ["./some folder/my method.py:Mine", "ras_kd", "../../x.py:Y"])
def test_the_file_name_of_a_trial_is_safe(name):
    assert re.fullmatch(r"[\w-]+-s0-[0-9a-f]{12}\.json", trial(method=name).file_name)


def test_a_file_that_is_gone_since_is_named(write_suite, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("class Mine(Method):\n    pass\n")
    suite = load_suite(write_suite(methods="[./mine.py:Mine]"))
    file.unlink()
    with pytest.raises(NoSuchName, match=r"no such file: .*mine\.py"):
        expand(suite, tmp_path)
