"""Bins pooled over seeds by images, and what is said of Records that hold none."""

import pytest

from raskd_bench.report.figure_reliability import draw_reliability
from raskd_bench.report.reliability import reliabilities, without_bins
from raskd_bench.report.tables import tables


def only(*records):
    (table,) = tables(records)
    return table


@pytest.fixture
def pooled(new_record, new_bins):
    """Two seeds whose upper bins hold 30 and 10 images; only the second has one in between."""
    first = new_bins({14: (30, 0.98, 0.9)})
    second = new_bins({7: (10, 0.5, 0.6), 14: (10, 0.94, 0.7)})
    return only(new_record(seed=0, test_reliability=first, test_ece=0.08),
                new_record(seed=1, test_reliability=second, test_ece=0.12))  # fmt: skip


def test_seeds_are_pooled_by_their_images(pooled):
    (found,) = reliabilities(pooled)
    assert (found.label, found.seeds, len(found.bins)) == ("cross_entropy", 2, 15)
    top = found.bins[14]
    assert (top.count, top.share) == (40, pytest.approx(80))
    assert top.confidence == pytest.approx(100 * (30 * 0.98 + 10 * 0.94) / 40)
    assert top.accuracy == pytest.approx(100 * (30 * 0.9 + 10 * 0.7) / 40)
    assert (top.low, top.high) == (pytest.approx(100 * 14 / 15), pytest.approx(100))


def test_empty_bins_have_no_point_but_a_share_of_nothing(pooled):
    (found,) = reliabilities(pooled)
    assert [(x, y) for x, y, _ in found.points] == [
        (50.0, 60.0), pytest.approx((97.0, 85.0))]  # fmt: skip
    assert sum(one.share for one in found.bins) == pytest.approx(100)
    assert [one.share for one in found.bins].count(0) == 13


def test_the_calibration_error_is_the_mean_over_seeds_and_not_that_of_the_pool(pooled):
    (found,) = reliabilities(pooled)
    assert found.ece.startswith("10 (0 to ")


def test_records_without_bins_are_named_in_one_line(new_record, new_bins):
    with_bins = new_record(test_reliability=new_bins({14: (5, 0.99, 0.8)}))
    table = only(with_bins, new_record("ras_kd"), new_record("kd", status="failed"))
    assert [line.label for line in reliabilities(table)] == ["cross_entropy"]
    assert without_bins(table).startswith("no reliability diagram of ras_kd: Records of before")
    assert without_bins(only(with_bins)) is None


def test_no_bins_at_all_are_no_figure(new_record):
    table = only(new_record(), new_record("ras_kd"))
    assert draw_reliability(table) is None
    assert without_bins(table).startswith("no reliability diagram of these methods:")


def test_bins_of_no_image_are_none(new_record, new_bins):
    assert reliabilities(only(new_record(test_reliability=new_bins()))) == ()


def test_seeds_with_another_number_of_bins_are_not_added(new_record, new_bins):
    bins = new_bins({14: (5, 0.99, 0.8)})
    records = (new_record(seed=0, test_reliability=bins),
               new_record(seed=1, test_reliability=bins[5:]))  # fmt: skip
    (found,) = reliabilities(only(*records))
    assert (found.seeds, found.bins[14].count) == (1, 5)


def test_the_figure_has_a_line_a_method_and_the_diagonal(pooled):
    upper, lower = draw_reliability(pooled).axes
    names = [line.get_label() for line in upper.lines]
    assert names == [
        "as often right as sure",
        f"cross_entropy ({reliabilities(pooled)[0].ece})",
    ]
    assert list(upper.lines[1].get_xdata()) == pytest.approx([50.0, 97.0])
    assert lower.get_ylabel() == "images, %"
