"""Figures for papers: what is drawn, the same bytes every time, text that stays text."""

import re

import pytest

from raskd_bench import record
from raskd_bench.errors import RequestError
from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.figure_curves import curve_of, draw_curves
from raskd_bench.report.figure_forest import bars_of
from raskd_bench.report.figure_pareto import draw_pareto
from raskd_bench.report.figure_style import COLOURS, COLUMN_INCHES, MOST_LABEL, label
from raskd_bench.report.figures import write_figures
from raskd_bench.report.overhead_tables import overhead_tables
from raskd_bench.report.paired import FLOPS, paired_picture
from raskd_bench.report.tables import tables

HOST = {"cpu": "AMD EPYC", "cores": 2, "host": "here", "device": "cpu"}


def curve(*scores):
    """Return evaluations, and between them the ends of epochs, which have no score."""
    return [point for epoch, score in enumerate(scores, 1)
            for point in ({"epoch": float(epoch)},
                          {"epoch": float(epoch), "test_top1": score})]  # fmt: skip


@pytest.fixture
def placed(tmp_path, new_record):
    """Return a folder with Records of two methods, two seeds each."""
    for label_, top1, flops in (("cross_entropy", 0.9, 100), ("ras_kd", 0.92, 130)):
        for seed in (0, 1):
            made = new_record(label_, seed, test_top1=top1 + seed / 100, train_flops=flops,
                              machine=HOST, curve=curve(0.5, 0.8 + seed / 10))  # fmt: skip
            record.write(made, tmp_path / "results" / f"{label_}-{seed}.json")
    return tmp_path / "results"


@pytest.fixture
def measured(campaign):
    plan = campaign.plan()
    campaign.same(plan=plan)
    campaign.method("label_smoothing", (0.029, 0.03, 0.031), plan=plan)
    campaign.method(ratios=(0.007, 0.008, 0.009), plan=plan)
    return campaign.results


def names(files):
    return [file.name for file in files]


def test_a_table_has_three_figures_in_two_formats(placed, tmp_path):
    files = write_figures([placed], tmp_path / "figures")
    stems = [f"tiny-amd-epyc-2c-1-{kind}" for kind in ("flops", "time", "curves")]
    assert names(files) == [f"{stem}.{kind}" for stem in stems for kind in ("svg", "pdf")]
    assert all(file.stat().st_size > 1000 for file in files)


def test_a_campaign_has_one_figure_a_cell_and_mode(measured, tmp_path):
    files = write_figures([measured], tmp_path / "figures")
    assert names(files) == [
        f"tiny-amd-epyc-2c-compute-1-overhead.{kind}" for kind in ("svg", "pdf")
    ]


def test_the_same_results_give_the_same_bytes(placed, measured, tmp_path):
    one, two = (write_figures([placed, measured], tmp_path / name) for name in "ab")
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in two]


def test_fonts_are_embedded_in_pdf_and_text_is_text_in_svg(placed, tmp_path):
    svg, pdf = write_figures([placed], tmp_path / "figures")[:2]
    assert ">ras_kd</text>" in svg.read_text(encoding="utf-8")
    assert b"/FontFile2" in pdf.read_bytes()  # TrueType
    assert b"CreationDate" not in pdf.read_bytes()


def test_a_figure_is_one_column_wide(placed, tmp_path):
    svg = write_figures([placed], tmp_path / "figures")[0].read_text(encoding="utf-8")
    assert re.search(r'width="([\d.]+)pt"', svg)[1] == f"{72 * COLUMN_INCHES:g}"


def test_a_method_that_did_not_finish_leaves_nothing_to_draw(new_record):
    dead = new_record("kd", status="failed", test_top1=None)
    (table,) = tables([new_record(), dead])
    assert draw_pareto(table, paired_picture(table, FLOPS, [])) is None


def test_overheads_are_in_percent_and_the_control_comes_first(measured):
    (table,) = overhead_tables(find_campaigns([measured]))
    bars = bars_of(table)
    assert [(bar.name, str(bar.verdict)) for bar in bars] == [
        ("A/A", "supported"), ("label_smoothing", "refuted"), ("ras_kd", "supported"),
    ]  # fmt: skip
    assert bars[1].value == pytest.approx(3.045, abs=0.01)
    assert bars[1].low < bars[1].value < bars[1].high


def test_a_curve_is_the_mean_with_the_worst_and_the_best_seed(new_record):
    records = [
        new_record(seed=seed, curve=curve(0.5, last), machine=HOST)
        for seed, last in enumerate((0.8, 0.9))
    ]
    (table,) = tables(records)
    last = curve_of(table.rows[0])[-1]
    assert last == pytest.approx((2.0, 85.0, 80.0, 90.0))


def test_without_evaluations_there_are_no_curves(three_methods):
    (table,) = tables(three_methods)
    assert draw_curves(table) is None


@pytest.mark.parametrize(
    "name", ["$\\frac$", "_hidden", "<b>&", "\x1b[31m\nred", "字", "\ud800", "x" * 99]
)
def test_a_label_stays_text(name):
    shown = label(name)
    assert len(shown) <= MOST_LABEL + 1
    assert shown.isprintable()
    assert not shown.startswith("_")


def test_a_hostile_label_is_drawn(new_record, tmp_path):
    for number, name in enumerate(["$\\frac$", "_hidden", "<script>&", "字\u202e"]):
        made = new_record(name, method="ras_kd", trial=str(number))
        record.write(made, tmp_path / "results" / f"{number}.json")
    record.write(new_record(), tmp_path / "results" / "base.json")
    svg = write_figures([tmp_path / "results"], tmp_path / "figures")[0]
    text = svg.read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "$\\frac$</text>" in text


def test_bins_are_a_fourth_figure(new_record, new_bins, tmp_path):
    bins = new_bins({7: (10, 0.5, 0.6), 14: (30, 0.98, 0.9)})
    record.write(new_record(test_reliability=bins), tmp_path / "results" / "one.json")
    svg, pdf = write_figures([tmp_path / "results"], tmp_path / "figures")
    assert names([svg, pdf]) == [
        f"tiny-amd-epyc-2c-1-reliability.{kind}" for kind in ("svg", "pdf")
    ]
    assert ">cross_entropy (2.00)</text>" in svg.read_text(encoding="utf-8")


def refusal(places, folder):
    with pytest.raises(RequestError) as refused:
        write_figures(places, folder)
    assert not folder.exists()
    assert "\n" not in str(refused.value)
    return str(refused.value).removeprefix(f"{places[0]}: ")


def test_nothing_to_draw_is_refused_with_what_a_figure_needs(new_record, tmp_path):
    record.write(new_record(), tmp_path / "results" / "one.json")
    said = refusal([tmp_path / "results"], tmp_path / "figures")
    assert said.startswith("nothing to draw there: a figure needs two methods that finished")


def test_a_folder_without_records_is_refused_as_such(tmp_path):
    (tmp_path / "results").mkdir()
    said = refusal([tmp_path / "results"], tmp_path / "figures")
    assert said.startswith("no Records there, so nothing to draw; run a suite first")


def test_tables_that_cannot_be_made_are_the_reason_that_is_given(new_record, tmp_path):
    for made in (new_record(), new_record("ras_kd", epochs=13.0)):
        record.write(made, tmp_path / "results" / f"{made.label}.json")
    said = refusal([tmp_path / "results"], tmp_path / "figures")
    assert said.startswith("nothing to draw there: suite tiny: the budget is in epochs")


def test_colours_are_those_that_the_colour_blind_tell_apart():
    assert len(set(COLOURS)) == 8
