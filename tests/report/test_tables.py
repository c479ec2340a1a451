"""What is averaged, what is paired, and what is kept apart."""

import pytest

from raskd_bench.report.tables import describe, tables

MACHINE = {"cpu": "AMD EPYC", "cores": 2, "threads": 2, "versions": {"torch": "2.13.0"}}
TEACHER = {"student": {"name": "resnet20"}, "budget": None}


def only(records):
    found = tables(records)
    assert len(found) == 1
    return found[0]


def shown(table):
    return [row.shown for row in table.rows]


def test_rows_come_in_the_suites_order_whatever_the_order_of_the_records(three_methods):
    table = only(reversed(three_methods))
    assert shown(table) == ["cross_entropy", "label_smoothing", "ras_kd"]
    assert table.baseline is table.rows[0]


def test_a_baseline_that_is_not_the_first_keeps_its_place(three_methods):
    named = [r.model_copy(update={"baseline": "label_smoothing"}) for r in three_methods]
    table = only(named)
    assert shown(table) == ["cross_entropy", "label_smoothing", "ras_kd"]
    assert table.baseline is table.rows[1]


def test_differences_are_paired_by_seed(three_methods):
    table = only(three_methods)
    found = table.difference(table.rows[1], "test_top1")
    assert found.mean == pytest.approx((0.01 + 0.015 + 0.01) / 3)
    assert found.half == pytest.approx(4.302653 * 0.002886751 / 3**0.5, rel=1e-5)


def test_seeds_that_one_arm_lacks_are_left_out_of_the_pairs(three_methods):
    table = only(three_methods)
    found = table.difference(table.rows[2], "test_top1")
    assert (found.mean, found.num_values) == (pytest.approx(0.03), 1)
    assert table.rows[0].interval("test_top1").num_values == 3


def test_arms_without_a_common_seed_have_no_difference(new_record):
    table = only([new_record(seed=0), new_record("ras_kd", seed=1)])
    assert table.difference(table.rows[1], "test_top1") is None
    assert table.ratio(table.rows[1], "step_seconds") is None


def test_ratios_are_paired_by_seed_and_of_medians(new_record):
    fast, slow = {"p50": 0.01, "mean": 9.0}, {"p50": 0.02, "mean": 9.0}
    table = only([new_record(step_seconds=fast), new_record("ras_kd", step_seconds=slow)])
    assert table.ratio(table.rows[1], "step_seconds").mean == pytest.approx(2.0)


def test_a_ratio_to_nothing_is_none(new_record):
    table = only([new_record(energy_joules=0.0), new_record("ras_kd", energy_joules=5.0)])
    assert table.ratio(table.rows[1], "energy_joules") is None


def test_the_baseline_has_no_difference_to_itself(three_methods):
    table = only(three_methods)
    assert table.difference(table.baseline, "test_top1") is None


def test_a_trial_that_failed_stays_in_its_row_and_is_explained(three_methods):
    table = only(three_methods)
    assert (len(table.rows[2].done), len(table.rows[2].records)) == (1, 2)
    assert "ras_kd, seed 1: diverged: ce is not finite at step 22" in table.notes


def test_a_method_of_which_nothing_finished_still_has_a_row(new_record):
    dead = new_record("ras_kd", status="out_of_memory", error=None, test_top1=None)
    table = only([new_record(), dead])
    assert shown(table) == ["cross_entropy", "ras_kd"]
    assert table.rows[1].interval("test_top1").num_values == 0
    assert table.rows[1].images_per_step() is None
    assert "ras_kd, seed 0: out_of_memory" in table.notes


def test_without_a_finished_baseline_there_are_no_ratios_and_a_note_says_so(new_record):
    table = only([new_record(status="failed", error="x"), new_record("ras_kd")])
    assert table.baseline is None
    assert table.ratio(table.rows[1], "step_flops") is None
    assert "no ratios: the baseline 'cross_entropy' has no finished Record" in table.notes


def test_records_of_other_code_are_shown_apart_and_never_averaged(new_record):
    old = [new_record("ras_kd", seed, method_digest="0ldc0de12345") for seed in (0, 1)]
    new = [new_record("ras_kd", 0, method_digest="newc0de12345", test_top1=0.5)]
    table = only([new_record(), *old, *new])
    assert shown(table) == ["cross_entropy", "ras_kd [0ldc0d]", "ras_kd [newc0d]"]
    assert [row.interval("test_top1").mean for row in table.rows[1:]] == [0.9, 0.5]


def test_of_several_baselines_the_one_with_most_seeds_counts_then_the_latest(new_record):
    old = [new_record(seed=seed, method_digest="old") for seed in (0, 1)]
    half = new_record(seed=0, method_digest="new", started="2027-01-01T00:00:00+00:00")
    assert only([*old, half]).baseline.digest == "old"
    rest = half.model_copy(update={"seed": 1, "trial": "t"})
    assert only([*old, half, rest]).baseline.digest == "new"


def test_hyper_parameters_that_differ_are_shown_apart_with_their_values(new_record):
    weak = new_record("ras_kd", hparams={"epsilon": 0.1, "tau": 0.1})
    strong = new_record("ras_kd", hparams={"tau": 0.1, "epsilon": 0.2}, trial="other")
    assert shown(only([weak, strong])) == ["ras_kd (epsilon 0.1)", "ras_kd (epsilon 0.2)"]


def test_a_seed_counts_once_the_latest_finished_record(new_record):
    first = new_record(test_top1=0.8)
    again = new_record(test_top1=0.9, started="2027-01-01T00:00:00+00:00")
    crash = new_record(status="failed", started="2028-01-01T00:00:00+00:00", test_top1=None)
    table = only([again, crash, first])
    assert table.rows[0].interval("test_top1")[::2] == (0.9, 1)
    assert "cross_entropy: older Records of the same seeds are left out (2)" in table.notes


@pytest.mark.parametrize(
    "changes",
    [{"suite": "another"}, {"cell": "cell-2"}, {"machine": MACHINE | {"cores": 8}},
     {"machine": MACHINE | {"gpu": "NVIDIA H200"}}],
)  # fmt: skip
def test_another_suite_cell_or_machine_is_another_table(new_record, changes):
    found = tables([new_record(), new_record("ras_kd", **changes)])
    assert [len(table.rows) for table in found] == [1, 1]


def test_tables_that_look_alike_say_what_they_differ_in(new_record, changed):
    warm = changed(schedule={"name": "cosine", "warmup": 0.1})
    found = tables([new_record(), new_record(cell="cell-2", conditions=warm)])
    assert describe(found[0]) == describe(found[1])
    assert [table.notes[0] for table in found] == [
        "this table has schedule.warmup 0.05", "this table has schedule.warmup 0.1",
    ]  # fmt: skip


def test_conditions_are_described_in_one_line(new_record, changed):
    data = {"name": "imagefolder", "root": "/home/someone/photos", "size": 32}
    table = only([new_record(conditions=changed(data=data, compile=True))])
    assert describe(table) == (
        "imagefolder photos (size 32), resnet8, batch 64, 12 epochs, fp32, sgd lr 0.1, cosine, "
        "compiled"
    )


def test_a_teacher_is_named_with_what_it_has_learned(new_record, changed):
    taught = new_record("kd", conditions=changed(teacher=TEACHER), teacher_top1=0.9876)
    assert (
        "kd: learns from a teacher (resnet20, 12 epochs, top-1 98.8 %) that is trained first: part "
        "of train time, not of step time"
    ) in only([new_record(), taught]).notes


def test_teachers_of_different_kinds_are_not_averaged(new_record, changed):
    other = TEACHER | {"student": {"name": "resnet56"}}
    found = only([
        new_record("kd", 0, conditions=changed(teacher=TEACHER)),
        new_record("kd", 1, conditions=changed(teacher=other)),
    ])  # fmt: skip
    assert shown(found) == ["kd (teacher.student.name resnet20)",
                            "kd (teacher.student.name resnet56)"]  # fmt: skip


def test_a_reconstruction_is_footnoted_once_for_all_its_rows(new_record):
    note = "reconstruction from the abstract"
    rows = [new_record(), new_record("ras_kd", footnote=note),
            new_record("RAS-KD + instance", method="ras_kd", footnote=note)]  # fmt: skip
    assert f"ras_kd, RAS-KD + instance: {note}" in only(rows).notes


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"dirty": True}, "measured with uncommitted changes to the code: not for publication"),
        ({"commit": "b" * 40}, "Records of 2 commits: aaaaaaaaaa, bbbbbbbbbb"),
        ({"commit": None}, "Records of 2 commits: aaaaaaaaaa, unknown"),
        ({"machine": MACHINE | {"versions": {"torch": "2.14.0"}}},
         "Records of several versions of torch: 2.13.0, 2.14.0"),
        ({"machine": MACHINE | {"threads": 1}},
         "Records with 1 and 2 threads: times are not comparable"),
    ],
)  # fmt: skip
def test_what_makes_records_less_than_comparable_is_noted(new_record, fields, note):
    assert note in only([new_record(), new_record("ras_kd", **fields)]).notes
    assert note not in only([new_record(), new_record("ras_kd")]).notes
