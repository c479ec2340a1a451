"""Accuracy against cost, relative to the baseline: where points lie and what they rest on."""

import pytest

from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.collect import load_records
from raskd_bench.report.overhead_tables import overhead_tables
from raskd_bench.report.paired import FLOPS, STEP_TIME, paired_picture, paired_pictures
from raskd_bench.report.tables import tables


def only(records):
    (table,) = tables(records)
    return table


def test_the_baseline_is_at_one_and_nothing_and_methods_follow_by_their_difference(three_methods):
    picture = paired_picture(only(three_methods), FLOPS, [])
    assert picture.axis == "training FLOPs, ratio to cross_entropy"
    assert [point.label for point in picture.points] == ["cross_entropy", "ras_kd",
                                                         "label_smoothing"]  # fmt: skip
    base, single, smoothing = picture.points
    assert (base.x.value, base.y.value, base.baseline) == (1.0, 0.0, True)
    assert single.y == pytest.approx((3.0, None, None))
    assert smoothing.y == pytest.approx((1.1667, 0.4496, 1.8838), abs=1e-3)


def test_times_of_trials_are_hollow_and_counts_are_not(three_methods):
    table = only(three_methods)
    assert [point.hollow for point in paired_picture(table, STEP_TIME, []).points] == [
        False, True, True]  # fmt: skip
    assert not paired_picture(table, FLOPS, []).hollow


def test_a_campaign_fills_the_points_that_it_timed(campaign):
    plan = campaign.plan()
    campaign.same(plan=plan)
    campaign.method(ratios=(0.007, 0.008, 0.009), plan=plan)
    for label in ("cross_entropy", "label_smoothing", "ras_kd"):
        campaign.trial(label, 0)
    overheads = overhead_tables(find_campaigns([campaign.results]))
    picture = paired_picture(only(load_records([campaign.results])), STEP_TIME, overheads)
    found = {point.label: point for point in picture.points}
    assert found["ras_kd"].x == pytest.approx((1.00803, 1.00633, 1.00973), abs=1e-4)
    assert (found["ras_kd"].hollow, found["label_smoothing"].hollow) == (False, True)


def test_where_no_time_is_fit_flops_come_first(new_record):
    table = only([new_record(label, steps=12) for label in ("cross_entropy", "ras_kd")])
    assert paired_pictures(table, [])[0].axis == "training FLOPs, ratio to cross_entropy"
