"""Methods that used more than the baseline of what their suite left open."""

import pytest

from raskd_bench.report.tables import tables
from raskd_bench.report.unequal import unequal


def row(records, label):
    (table,) = tables(records)
    return next(row for row in table.rows if row.label == label), table


@pytest.mark.parametrize(
    ("fields", "axes"),
    [
        ({"images_forwarded_without_gradient": 264 * 64}, ["images forwarded x2.00"]),
        ({"steps": 132}, ["steps x0.50"]),
        ({"images_drawn": 4 * 264 * 64}, ["images drawn x4.00"]),
        ({"train_flops": 300 * 10**9}, ["training FLOPs x1.14"]),
        ({"train_flops": 265 * 10**9}, []),  # a small classifier
        ({"steps": None}, []),
        ({"status": "failed", "steps": 1}, []),
    ],
)
def test_each_axis_that_differs_is_named_with_its_ratio(new_record, fields, axes):
    found, table = row([new_record(), new_record("cs_kd", **fields)], "cs_kd")
    assert unequal(found, table.baseline) == axes


def test_the_baseline_is_equal_to_itself_and_without_one_nothing_is_unequal(new_record):
    found, table = row([new_record()], "cross_entropy")
    assert unequal(found, table.baseline) == []
    assert unequal(found, None) == []


def test_a_table_says_so_once_for_all_methods(new_record):
    records = [new_record(), *(new_record(label, steps=528) for label in ("kd", "bake"))]
    _, table = row(records, "kd")
    assert table.notes == (
        "the budget is equal in epochs; ratios to cross_entropy of what that leaves open: "
        "kd (steps x2.00); bake (steps x2.00)",
    )


def test_equal_methods_have_no_note(three_methods):
    _, table = row(three_methods, "ras_kd")
    assert [note for note in table.notes if "leaves open" in note] == []
