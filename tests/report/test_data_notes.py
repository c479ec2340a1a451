"""Records of different data are never in one table, one verdict or one comparison."""

import pytest

from raskd_bench.record_fields import DataFacts
from raskd_bench.report.cells import notes_of
from raskd_bench.report.compare_trials import table_pairs
from raskd_bench.report.tables import tables

PICTURES = {"name": "imagefolder", "root": "pictures"}


@pytest.fixture
def on(new_record, changed):
    """Return a function that makes a Record on pictures with a digest, or with none recorded."""

    def make(digest, label="cross_entropy", seed=0, data=PICTURES, **fields):
        facts = DataFacts(digest=digest, train=160, test=40, classes=4, height=32, width=32,
                          largest_class=0.25)  # fmt: skip
        known = {"data": facts if digest else None, "conditions": changed(data=data)}
        return new_record(label, seed, **known | fields)

    return make


def test_other_pictures_are_another_table_and_both_say_which(on):
    made = tables([on("old"), on("new"), on("new", "ras_kd", test_top1=0.1)])
    assert [(table.data, len(table.rows)) for table in made] == [("new", 2), ("old", 1)]
    told = "this table has digest of the data"
    assert [table.notes[0] for table in made] == [f"{told} new", f"{told} old"]
    assert made[1].difference(made[1].rows[0], "test_top1") is None


def test_a_record_of_before_is_not_known_to_be_of_these_pictures(on):
    made = {table.data: notes_of(table) for table in tables([on(None), on("new")])}
    assert any("data not recorded" in note for note in made[None])
    assert not any("data not recorded" in note for note in made["new"])


def test_digits_cannot_change_so_older_records_stay_with_new_ones(on):
    made = tables([on(None, data={"name": "digits"}), on("d", "ras_kd", data={"name": "digits"})])
    assert [len(table.rows) for table in made] == [2]


def test_the_data_and_what_chance_gives_are_said(on):
    (table,) = tables([on("d"), on("d", "ras_kd", test_top1=0.2)])
    notes = "\n".join(notes_of(table))
    assert "data: 160 train / 40 test, 4 classes, 32x32, largest class 25 %" in notes
    assert "ras_kd: top-1 20.0 % is not above the share of the largest class, 25 %" in notes


def test_a_comparison_over_other_pictures_is_refused_with_the_reason(on):
    ((pair,), _) = table_pairs(tables([on("old")]), tables([on("new")]))
    assert "other data: digest old -> new" in pair.refused
