"""Tables as text, held to golden files; what a suite's author writes stays text.

The golden files were checked by hand against the Records of `three_methods`.
"""

import csv
import io
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from raskd_bench.report.cells import columns_of, count, mebibytes, milliseconds, rows_of, seconds
from raskd_bench.report.formats import FORMATS
from raskd_bench.report.grid import plain
from raskd_bench.report.spreads import shown
from raskd_bench.report.tables import tables
from raskd_bench.stats import Interval

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = ["[red]x|y*", "[/]", "<script>alert(1)</script>", "a`b`_c_ ~~d~~ $e$ &lt; #1", "\\",
           "two\nlines", "\x1b[31mred\x1b[0m", "left\u202eright", "|---|"]  # fmt: skip


def printed(records, form="table", width=160):
    made = FORMATS[form](tables(records))
    if isinstance(made, str):
        return made
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system="standard")
    console.print(made)
    return console.file.getvalue()


def unstyled(records, width):
    made = FORMATS["table"](tables(records))
    console = Console(file=io.StringIO(), width=width)
    console.print(made)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


@pytest.mark.parametrize("width", [160, 80])
def test_a_terminal_sees_the_golden_table(three_methods, width):
    golden = (GOLDEN / f"terminal-{width}.txt").read_text(encoding="utf-8")
    assert unstyled(three_methods, width) == golden


@pytest.mark.parametrize("form", ["markdown", "csv", "json"])
def test_a_file_holds_the_golden_table(three_methods, form):
    golden = (GOLDEN / f"table.{form}").read_text(encoding="utf-8")
    assert printed(three_methods, form) == golden


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_no_number_is_cut_on_a_terminal_of_any_width(three_methods, width):
    text = unstyled(three_methods, width)
    assert "…" not in text
    for row in columns_of(tables(three_methods)[0], wide=False)[0]:
        for name, cell in list(row.items())[1:]:
            assert name in text
            assert cell in text


@pytest.mark.parametrize("label", ["x", "label_smoothing", "a label of twenty-four c.", "x" * 60])
def test_six_columns_fit_into_eighty_and_the_rest_is_counted(new_record, label):
    scores = (0.994, 0.998, 0.99)
    records = [
        new_record(name, seed, test_top1=score - 0.01 * (name == label), method="ras_kd")
        for name in ("cross_entropy", label)
        for seed, score in enumerate(scores)
    ]
    text = unstyled(records, 80)
    assert sum(line.split()[:1] == ["method"] for line in text.splitlines()) == 1
    assert "7 more columns, and intervals of ratios: --wide" in text


def test_a_column_that_is_empty_in_every_row_is_not_drawn(new_record):
    records = [new_record(label, steps=12, test_nll=None) for label in ("cross_entropy", "ras_kd")]
    rows, more = columns_of(tables(records)[0], wide=True)
    assert not {"step time", "train time", "NLL"} & rows[0].keys()
    assert {"method", "memory", "train FLOPs"} <= rows[0].keys()
    assert more == 0
    assert "times of trials of 12 steps are blank: a time needs 30" in printed(records, "markdown")


@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_cannot_style_or_break_the_terminal(new_record, label):
    harmless = printed([new_record(), new_record("x" * len(plain(label)), method="ras_kd")])
    text = printed([new_record(), new_record(label, method="ras_kd")])
    assert plain(label) in text
    assert text.count("\x1b") == harmless.count("\x1b")
    assert len(text.splitlines()) == len(harmless.splitlines())


@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_cannot_break_a_markdown_table(new_record, label):
    footnote = f"footnote {label}"
    lines = printed([new_record(), new_record(label, footnote=footnote)], "markdown").splitlines()
    bars = [line.replace("\\\\", "").replace("\\|", "").count("|") for line in lines[2:6]]
    assert bars == [bars[0]] * 4
    cell = lines[5].removeprefix("| ").partition(" | 1 |")[0]
    assert cell == "".join(f"\\{c}" if c in "\\`*_<>|[]~$&#" else c for c in plain(label))
    assert len(lines) == len(printed([new_record(), new_record("x", footnote="y")], "markdown")
                             .splitlines())  # fmt: skip


@pytest.mark.parametrize("label", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_a_label_cannot_become_a_formula_in_a_spreadsheet(new_record, label):
    text = printed([new_record(), new_record(label)], "csv")
    cell = list(csv.DictReader(io.StringIO(text, newline="")))[1]["label"]
    assert cell == "'" + label.replace("\r", "\n")


@pytest.mark.parametrize("label", [*HOSTILE, "a,b", 'say "x"'])
def test_a_label_comes_out_of_csv_and_json_as_it_went_in(new_record, label):
    records = [new_record(), new_record(label)]
    lines = list(csv.DictReader(io.StringIO(printed(records, "csv"), newline="")))
    assert lines[1]["label"] == label
    assert json.loads(printed(records, "json"))["tables"][0]["rows"][1]["label"] == label


def test_negative_numbers_stay_numbers_in_csv(new_record):
    text = printed([new_record(), new_record("ras_kd", test_top1=0.5)], "csv")
    assert float(list(csv.DictReader(io.StringIO(text)))[1]["test_top1_difference"]) == -0.4


def test_csv_has_the_same_columns_whatever_was_measured(new_record, three_methods):
    bare = printed([new_record(status="failed", test_top1=None)], "csv")
    assert bare.splitlines()[0] == printed(three_methods, "csv").splitlines()[0]


def test_json_holds_no_nan(new_record):
    def refuse(constant):
        raise AssertionError(constant)

    records = [new_record(), new_record("ras_kd", status="failed"), new_record("kd", test_nll=None)]
    content = json.loads(printed(records, "json"), parse_constant=refuse)
    rows = content["tables"][0]["rows"]
    assert rows[0]["test_top1"] == {
        "mean": 0.9, "half_width_95": None, "count": 1, "low": None, "high": None,
        "confidence": 0.95, "seeds": 1, "examples": None, "basis": "seeds",
    }  # fmt: skip
    assert rows[1]["test_top1"] is None
    assert rows[2]["test_nll"] is None


def test_programs_get_costs_without_a_baseline(new_record):
    rows = json.loads(printed([new_record("ras_kd")], "json"))["tables"][0]["rows"]
    assert rows[0]["step_seconds"]["mean"] == 0.015
    assert rows[0]["step_seconds_ratio"] is None


def test_without_a_baseline_costs_are_shown_as_amounts(new_record):
    row = rows_of(tables([new_record("ras_kd")])[0])[0]
    assert (row["step time"], row["memory"], row["step FLOPs"]) == ("15.0 ms", "600 MiB", "1.00 G")
    assert row["vs baseline pp"] == ""


def test_memory_is_the_gpus_where_there_is_one(new_record):
    records = [new_record(peak_allocated_bytes=2**30, peak_host_bytes=2**20)]
    assert rows_of(tables(records)[0])[0]["memory"] == "1,024 MiB"
    assert "peak GPU memory allocated by torch" in printed(records, "markdown")


def test_a_ratio_that_could_be_anything_says_so(new_record):
    times = {("cross_entropy", 0): 0.01, ("cross_entropy", 1): 0.01, ("kd", 0): 0.01,
             ("kd", 1): 0.04}  # fmt: skip
    records = [new_record(label, seed, step_seconds={"p50": value})
               for (label, seed), value in times.items()]  # fmt: skip
    assert rows_of(tables(records)[0])[1]["step time"] == "x2.00 ± >100 %"


def test_a_row_of_which_nothing_finished_is_empty_but_there(new_record):
    dead = new_record("ras_kd", status="timeout", error="not finished after 5 s")
    row = rows_of(tables([new_record(), dead])[0])[1]
    assert row["seeds"] == "0 of 1"
    assert set(row.values()) == {"ras_kd", "0 of 1", ""}


def test_images_a_step_and_extra_parameters_are_counted(new_record):
    pairs = {"images_forwarded_without_gradient": 264 * 64, "train_params": 78_042 + 12_345}
    row = rows_of(tables([new_record(), new_record("cs_kd", **pairs)])[0])[1]
    assert (row["images/step"], row["+params"]) == ("128", "12,345")


@pytest.mark.parametrize(
    ("mean", "half", "most", "text"),
    [
        (0.78312, 0.00421, 2, "78.31 ± 0.42"),
        (0.78312, 0.0421, 2, "78.3 ± 4.2"),
        (0.78312, 0.421, 2, "78 ± 42"),
        (0.78312, 0.0000421, 2, "78.31"),
        (0.78312, math.nan, 2, "78.31"),
        (math.nan, math.nan, 2, ""),
    ],
)
def test_digits_follow_the_uncertainty(mean, half, most, text):
    assert shown(Interval(mean, half, 3), 100, most) == text


def test_a_difference_has_a_sign_but_nothing_has_none():
    assert shown(Interval(0.012, 0.001, 3), 100, sign=True) == "+1.20 ± 0.10"
    assert shown(Interval(-0.00001, 0.01, 3), 100, sign=True) == "+0.0 ± 1.0"
    assert shown(None) == ""


@given(st.floats(0, 1), st.floats(1e-6, 1))
def test_what_is_shown_is_within_the_last_digit_of_what_is(mean, half):
    text = shown(Interval(mean, half, 3), most=3)
    value, _, width = text.partition(" ± ")
    places = len(value.partition(".")[2])
    assert not width or len(width.partition(".")[2]) == places
    assert abs(float(value) - mean) <= 0.51 * 10**-places


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (milliseconds, 0.0153, "15.3 ms"), (milliseconds, 1.5, "1,500 ms"),
        (milliseconds, 0.00012345, "0.123 ms"), (seconds, 0.5, "0.500 s"),
        (seconds, 36_000.4, "36,000 s"), (mebibytes, 600 * 2**20, "600 MiB"), (count, 999, "999"),
        (count, 296_730_624, "297 M"), (count, 3.3e16, "33.0 P"), (count, 4.22e11, "422 G"),
        (count, 1.5e12, "1.50 T"), (seconds, 0.0, "0 s"),
    ],
)  # fmt: skip
def test_amounts_have_three_digits_and_a_unit(unit, value, text):
    assert unit(value) == text
