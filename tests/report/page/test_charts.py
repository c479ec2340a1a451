"""Pictures before they are drawn: fronts, bands, margins, and who leads at equal time."""

import json
import math
import re

import pytest

from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.collect import load_records
from raskd_bench.report.overhead_tables import overhead_tables
from raskd_bench.report.page.charts import (
    Drawing,
    bars,
    calibration,
    forest,
)
from raskd_bench.report.page.curves import AXES, SECONDS, at_equal_seconds, bands, curves
from raskd_bench.report.page.figures import figure, figures
from raskd_bench.report.page.static import MOST_TABLES, pictures
from raskd_bench.report.paired import STEP_TIME, paired_picture, paired_pictures
from raskd_bench.report.tables import tables

MACHINE = {"host": "vm", "cpu": "AMD EPYC", "cores": 2, "device": "cpu", "versions": {}}


def only(records):
    (table,) = tables(records)
    return table


def test_a_forest_has_the_control_first_and_the_band_of_the_margin(measured):
    (table,) = overhead_tables(find_campaigns([measured.results]))
    chart = forest(table)
    assert [row.verdict for row in chart.rows] == ["control", "refuted", "supported"]
    assert (chart.low, chart.high) == pytest.approx((-1.960784, 2.0))
    assert chart.rows[2].span == pytest.approx((0.8032, 0.6334, 0.9733), abs=2e-3)


def test_a_curve_is_the_mean_over_seeds_within_their_range(measured):
    table = only(load_records([measured.results]))
    band = bands(table, AXES[0], 200)[0]
    assert (band.x, band.seeds) == ((3.0, 6.0, 9.0, 12.0), 3)
    assert (band.mean[-1], band.low[-1], band.high[-1]) == pytest.approx((91.0, 90.0, 92.0))


def test_seeds_whose_clocks_differ_meet_on_the_time_they_share(measured):
    table = only(load_records([measured.results]))
    band = bands(table, SECONDS, 200)[0]
    assert (band.x[0], band.x[-1]) == pytest.approx((1.05, 4.0))
    assert band.mean[-1] == pytest.approx(100 * (0.90 + 0.92 * 4 / 4.1 + 0.91 * 4 / 4.2) / 3)


def test_a_teachers_training_comes_before_the_curve(new_record, new_curve):
    own = new_record(machine=MACHINE, curve=new_curve(0.9, 4.0), preparation_seconds=10.0)
    assert bands(only([own]), SECONDS, 200)[0].x == (11.0, 12.0, 13.0, 14.0)


def test_a_long_curve_is_thinned_to_its_most_points(new_record):
    points = [{"step": k, "epoch": k / 10, "train_seconds": 1.0 * k, "test_top1": k / 10_000}
              for k in range(1, 5001)]  # fmt: skip
    (band,) = bands(only([new_record(machine=MACHINE, curve=points)]), AXES[0], 50)
    assert (len(band.x), band.x[0], band.x[-1]) == (50, 0.1, 500.0)


def test_points_that_are_no_numbers_are_left_out(new_record, new_curve):
    odd = [{"epoch": "1", "test_top1": 0.1}, {"epoch": 10**400, "test_top1": 0.1},
           {"epoch": 1.0, "test_top1": math.inf}, {"epoch": True, "test_top1": 0.2}]  # fmt: skip
    (band,) = bands(
        only([new_record(machine=MACHINE, curve=[*odd, *new_curve(0.9, 4.0)])]), AXES[0], 50
    )
    assert band.x == (3.0, 6.0, 9.0, 12.0)


def test_the_leader_at_equal_time_is_asked_at_shares_of_the_fastest_training(measured):
    table = only(load_records([measured.results]))
    found = at_equal_seconds(bands(table, SECONDS, 200))
    assert [seconds for seconds, _ in found] == pytest.approx([1.0, 2.0, 3.0, 4.0])
    assert found[0][1] == []  # nobody was evaluated by then
    last = found[-1][1]
    assert (last[0].label, last[0].mean) == ("cross_entropy", pytest.approx(88.807, abs=1e-2))


def test_flops_are_drawn_in_a_unit_with_short_numbers(measured):
    made = curves(only(load_records([measured.results])), 200)
    assert [chart.axis for chart in made] == ["epochs", "training time, s",
                                              "training FLOPs, GFLOPs"]  # fmt: skip
    assert made[2].bands[0].x[-1] == pytest.approx(264.0)


def test_the_interactive_picture_has_a_point_a_method_and_guide_lines(measured):
    made = figure(paired_picture(only(load_records([measured.results])), STEP_TIME, []))
    points = [trace["name"] for trace in made["data"] if trace["mode"] == "markers"]
    assert points == ["cross_entropy", "ras_kd", "label_smoothing"]
    assert [trace["marker"]["symbol"].endswith("-open") for trace in made["data"]] == [
        False, True, True]  # fmt: skip
    assert [(line["x0"], line["y0"]) for line in made["layout"]["shapes"]] == [(1, 0), (0, 0)]


def test_the_reliability_diagram_has_a_line_and_steps_a_method(measured):
    table = only(load_records([measured.results]))
    made = figure(calibration(table))
    lines = [trace for trace in made["data"] if trace.get("yaxis") is None]
    steps = [trace for trace in made["data"] if trace.get("yaxis") == "y2"]
    assert [trace["name"] for trace in lines] == [
        f"{label}: ECE 2.00 %" for label in ("cross_entropy", "label_smoothing", "ras_kd")
    ]
    assert lines[0]["x"] == [50.0, 98.0]
    assert lines[0]["y"] == [45.0, 91.0]
    assert "900 images, 88.2 % of all" in lines[0]["hovertext"][1]
    assert [trace["legendgroup"] for trace in steps] == ["0", "1", "2"]
    assert (steps[0]["x"][0], steps[0]["x"][-1], len(steps[0]["x"])) == (0.0, 100.0, 16)
    (diagonal,) = made["layout"]["shapes"]
    assert [diagonal[key] for key in ("x0", "y0", "x1", "y1")] == [0, 0, 100, 100]


def test_figures_are_json(measured):
    table = only(load_records([measured.results]))
    charts = (*paired_pictures(table, []), *curves(table, 200), bars(table), calibration(table))
    made = figures({"all": [Drawing("title", charts)]})
    assert json.loads(json.dumps(made, allow_nan=False)) == made


def test_pictures_have_identifiers_of_their_own_and_take_the_pages_colours(measured):
    table = only(load_records([measured.results]))
    drawn, left_out = pictures({"pareto": [Drawing("title", paired_pictures(table, [])[:2])]})
    ((title, found),) = drawn["pareto"]
    assert (title, len(found), left_out) == ("title", 2, "")
    for number, picture in enumerate(found, 1):
        assert picture.startswith("<svg")
        names = re.findall(r' id="([^"]+)"', picture)
        assert names
        assert {name.split("-")[0] for name in names} == {f"p{number}"}
        assert "currentColor" in picture
        assert "label_smoothing" in picture  # text stays text


def test_the_drawn_reliability_diagram_names_methods_and_both_axes(measured):
    table = only(load_records([measured.results]))
    drawn, _ = pictures({"calibration": [Drawing("title", (calibration(table),))]})
    ((_, (picture,)),) = drawn["calibration"]
    for part in ("ras_kd: ECE 2.00", "accuracy, %", "images, %", "confidence, %"):
        assert part in picture


def test_pictures_of_many_tables_are_left_out_and_said_so(measured):
    table = only(load_records([measured.results]))
    one = Drawing("title", paired_pictures(table, [])[:1])
    drawn, left_out = pictures({"pareto": [one] * (MOST_TABLES + 1)})
    assert len(drawn["pareto"]) == MOST_TABLES
    assert left_out.startswith(f"Pictures are drawn for the first {MOST_TABLES} of 13 tables")
