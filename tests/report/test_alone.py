"""Times that other trials disturbed are shown nowhere as costs; accuracy and FLOPs are."""

import json

import pytest

from raskd_bench.report.alone import MIN_STEPS, unfit
from raskd_bench.report.alone import TIMES as TIME_FIELDS
from raskd_bench.report.cells import notes_of, rows_of
from raskd_bench.report.compare_trials import table_pairs
from raskd_bench.report.figure_pareto import draw_pareto
from raskd_bench.report.formats import FORMATS
from raskd_bench.report.page.charts import bars
from raskd_bench.report.page.curves import SECONDS, bands
from raskd_bench.report.paired import STEP_TIME, paired_picture, paired_pictures
from raskd_bench.report.tables import tables

NOTE = "times, energy and host memory of trials that ran side by side (--jobs 2) are not compared"
TIMES = ("step time", "train time", "memory")


@pytest.fixture
def beside(three_methods):
    """The table of three methods whose trials ran two at a time."""
    return tables([record.model_copy(update={"jobs": 2}) for record in three_methods])


def test_a_table_leaves_times_out_and_says_so(beside, three_methods):
    alone = rows_of(tables(three_methods)[0])
    for cells, before in zip(rows_of(beside[0]), alone, strict=True):
        assert [cells[name] for name in TIMES] == ["", "", ""]
        kept = [name for name in cells if name not in TIMES]
        assert [cells[name] for name in kept] == [before[name] for name in kept]
    notes = " ".join(notes_of(beside[0]))
    assert NOTE in notes
    assert "ran one after another" not in notes


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_every_text_leaves_them_out_and_says_so(beside, form):
    text = FORMATS[form](beside)
    assert "trials that ran side by side" in text
    assert "15.0" not in text  # milliseconds of a step
    assert "600" not in text  # MiB of the host


def test_raw_numbers_stay_and_carry_the_number_of_jobs(beside):
    row = json.loads(FORMATS["json"](beside))["tables"][0]["rows"][1]
    assert row["jobs"] == [2, 2, 2]
    assert row["train_seconds"]["mean"] == pytest.approx(5.0)
    assert row["train_seconds_ratio"] is None
    assert row["train_flops_ratio"] is not None


def test_pictures_leave_them_out(beside):
    (table,) = beside
    assert [chart.axis for chart in paired_pictures(table, [])] == [
        "training FLOPs, ratio to cross_entropy"]  # fmt: skip
    assert bars(table).labels == ()
    assert bands(table, SECONDS, 100) == ()
    assert draw_pareto(table, paired_picture(table, STEP_TIME, [])) is None


def test_memory_that_torch_allocates_on_a_gpu_is_each_process_s_own(new_record):
    made = [new_record(jobs=2, peak_allocated_bytes=2**30),
            new_record("ras_kd", jobs=2, peak_allocated_bytes=2**31)]  # fmt: skip
    (table,) = tables(made)
    assert [cells["memory"] for cells in rows_of(table)] == ["1,024 MiB", "x2.000"]


def test_seeds_that_ran_alone_are_compared_with_each_other(new_record):
    made = [new_record(label, seed, jobs=jobs, train_seconds=seconds)
            for label, seconds in (("cross_entropy", 4.0), ("ras_kd", 8.0))
            for seed, jobs in ((0, None), (1, 1), (2, 2))]  # fmt: skip
    (table,) = tables(made)
    found = table.ratio(table.rows[1], "train_seconds")
    assert (found.mean, found.num_values) == (pytest.approx(2.0), 2)
    assert table.difference(table.rows[1], "test_top1").num_values == 3


def test_sets_of_results_are_compared_by_accuracy_only(beside, three_methods):
    (pair,), _ = table_pairs(beside, tables(three_methods))
    assert pair.rows[0].ratio("step_seconds") is None
    assert pair.rows[0].difference("test_top1").num_values == 3


def test_what_is_disturbed_are_fields_of_a_record(new_record):
    assert set(type(new_record()).model_fields) >= TIME_FIELDS


def disturbed(*reasons):
    return {"foreign_cores": 1.3, "stolen_cores": 0.0, "reasons": list(reasons)}


def test_a_disturbed_trial_s_times_are_left_out_with_a_note(new_record):
    cause = "other work took 1.3 of 2 cores"
    made = [new_record(), new_record("ras_kd", disturbance=disturbed(cause))]
    (table,) = tables(made)
    assert table.ratio(table.rows[1], "train_seconds") is None
    assert table.ratio(table.rows[1], "train_flops") is not None
    notes = " ".join(notes_of(table))
    assert f"times of 1 of 2 trials were disturbed ({cause}) and are not compared" in notes


@pytest.mark.parametrize(("fields", "why"), [
    ({}, None),
    ({"steps": MIN_STEPS}, None),
    ({"steps": None}, None),
    ({"disturbance": disturbed()}, None),
    ({"steps": 29}, "only 29 steps; a time needs 30"),
    ({"jobs": 2}, "ran side by side with others (--jobs 2)"),
    ({"seeds_together": 3}, "ran side by side with others (seeds_together: 3)"),
    ({"jobs": 2, "disturbance": disturbed("GPU: power brake")}, "disturbed: GPU: power brake"),
])  # fmt: skip
def test_times_that_are_not_fit_to_print_have_a_reason(new_record, fields, why):
    assert unfit(new_record(**fields)) == why
