"""Rows of a table used what their suite held equal, or there is no table."""

import pytest

from raskd_bench.report.describe import budget_of
from raskd_bench.report.tables import UnequalBudgets, tables

TEACHER = {"student": {"name": "resnet20"}, "budget": None}


def only(records):
    found = tables(records)
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("budget", "text"),
    [({"epochs": 12}, "12 epochs"), ({"epochs": 1}, "1 epoch"), ({"seconds": 1.5}, "1.5 seconds"),
     ({"steps": None, "flops": 1e18}, "1e+18 flops")],
)  # fmt: skip
def test_a_budget_is_an_amount_and_its_unit(budget, text):
    assert budget_of(budget) == text


@pytest.mark.parametrize(
    ("unit", "fields"),
    [
        ("epochs", {"epochs": 11.0}),
        ("steps", {"steps": 263}),
        ("images", {"images_drawn": 264 * 64 + 65}),
        ("flops", {"train_flops": 264 * 10**9 + 10**9 + 1}),
        ("seconds", {"train_seconds": 4.5}),
    ],
)
def test_unequal_budgets_are_refused(new_record, unit, fields):
    budget = {unit: 1.0}
    other = new_record("ras_kd", budget=budget, **fields)
    text = rf"suite tiny: the budget is in {unit}, but .* these rows are not comparable"
    with pytest.raises(UnequalBudgets, match=text):
        tables([new_record(budget=budget), other])


@pytest.mark.parametrize(
    ("unit", "fields"),
    [
        ("steps", {"epochs": 24.0}),
        ("epochs", {"images_drawn": 264 * 128}),
        ("images", {"images_drawn": 264 * 64 + 64}),
        ("flops", {"train_flops": 265 * 10**9}),
        ("seconds", {"train_seconds": 4.2}),
    ],
)
def test_a_budget_may_be_exceeded_by_a_step_and_other_axes_are_free(new_record, unit, fields):
    budget = {unit: 1.0}
    table = only([new_record(budget=budget), new_record("ras_kd", budget=budget, **fields)])
    assert len(table.rows) == 2


def test_every_seed_is_held_to_the_budget(new_record):
    short = new_record("ras_kd", 0, steps=100, budget={"steps": 264.0})
    whole = [new_record("ras_kd", 1, budget={"steps": 264.0}), new_record(budget={"steps": 264.0})]
    with pytest.raises(UnequalBudgets, match=r"ras_kd used 100 and .* 264 steps"):
        tables([short, *whole])


def test_a_trial_that_failed_is_not_held_to_the_budget(new_record):
    broken = new_record("ras_kd", status="diverged", epochs=1.5)
    assert len(only([new_record(), broken]).rows) == 2


@pytest.mark.parametrize(
    ("unit", "fields"),
    [("seconds", {"train_seconds": 11.0, "preparation_seconds": 7.0}),
     ("flops", {"train_flops": 600 * 10**9, "preparation_flops": 336 * 10**9})],
)  # fmt: skip
def test_a_teachers_training_is_charged_on_top_of_the_budget(new_record, changed, unit, fields):
    budget = {unit: 4.0}
    taught = new_record("kd", budget=budget, conditions=changed(teacher=TEACHER), **fields)
    table = only([new_record(budget=budget), taught])
    name = f"train_{unit}"
    ratio = fields[name] / {"seconds": 4.0, "flops": 264e9}[unit]
    assert table.ratio(table.rows[1], name).mean == pytest.approx(ratio)


def test_a_table_that_is_refused_leaves_the_others(new_record):
    good = new_record(suite="good")
    budget = {"steps": 264}
    bad = [
        new_record(suite="bad", budget=budget, steps=264),
        new_record("ras_kd", suite="bad", budget=budget, steps=100),
    ]
    refused = []
    assert [table.suite for table in tables([good, *bad], refused)] == ["good"]
    assert "these rows are not comparable; remove the Record" in refused[0]


def test_a_table_says_by_how_much_a_budget_was_exceeded_and_what_a_step_has(new_record):
    budget = {"images": 100.0}
    records = [new_record(label, budget=budget, steps=steps, images_drawn=128)
               for label, steps in (("cross_entropy", 2), ("ras_kd", 2), ("cs_kd", 1))]  # fmt: skip
    assert only(records).notes[0] == (
        "budget of 100 images: x1.28 used, a step has 64 images (cross_entropy, ras_kd); "
        "x1.28 used, a step has 128 images (cs_kd)"
    )


def test_a_teachers_training_and_less_than_a_percent_are_no_overrun(new_record):
    fields = {"preparation_seconds": 2.0, "train_seconds": 5.02}
    table = only([new_record(budget={"seconds": 3.0}, **fields)])
    assert not [note for note in table.notes if "used" in note]
