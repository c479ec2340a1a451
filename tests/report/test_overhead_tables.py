"""Tables of campaigns: what a person sees, what a program reads, what cannot break either."""

import csv
import io
import json

import pytest
from rich.console import Console

from raskd_bench.errors import RequestError
from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.collect import load_records
from raskd_bench.report.formats import FORMATS, escaped
from raskd_bench.report.grid import plain
from raskd_bench.report.overhead_tables import overhead_tables
from raskd_bench.report.tables import tables
from raskd_bench.report.whole import whole_report

TIME = {"id": "time", "say": "RAS-KD adds no relevant time", "method": "ras_kd",
        "metric": "step_time", "at_most": "+2%"}  # fmt: skip
HOSTILE = ["[red]x|y*", "<script>", "two\nlines", "\x1b[31mred\x1b[0m", "=1+1"]


@pytest.fixture
def measured(campaign):
    plan = campaign.plan(TIME)
    campaign.same(plan=plan, extra=(campaign.memory("baseline"),))
    campaign.method("label_smoothing", (0.029, 0.03, 0.031), plan=plan)
    own = campaign.memory("method", host_bytes=101 * 2**20)
    campaign.method(ratios=(0.007, 0.008, 0.009), plan=plan, extra=(own,))
    return campaign


def made(campaign):
    return overhead_tables(find_campaigns([campaign.results]))


def printed(places, form="table", width=200):
    refused = []
    text = whole_report(places, form, refused)
    assert refused == []
    if isinstance(text, str):
        return text
    console = Console(file=io.StringIO(), width=width)
    console.print(text)
    return console.file.getvalue()


def test_a_table_has_the_baseline_and_a_row_a_method_in_the_suites_order(measured):
    (table,) = made(measured)
    assert table.title == (
        "tiny: step time against cross_entropy on resnet8 "
        "(digits, batch 64, fp32, compute mode, AMD EPYC, 2 cores)"
    )
    assert table.cells() == [
        ["cross_entropy", "10.0 ms", "", "", "", "", "", "100 MiB", ""],
        ["label_smoothing", "x1.0305", "1.0287 to 1.0322 (90 %)", "refuted", "3", "12", "0", "",
         "confirmatory"],
        ["ras_kd", "x1.0080", "1.0063 to 1.0097 (90 %)", "supported", "3", "12", "0", "x1.010",
         "confirmatory"],
    ]  # fmt: skip


def test_a_terminal_sees_controls_then_methods_then_claims(measured):
    text = printed([measured.results])
    order = ["tiny: step time against", "A/A: +0.00 %", "verdict at 2 %", "label_smoothing",
             "reconstruction from the abstract", "claims: 1 supported", "supported: tiny: time:",
             "evidence: "]  # fmt: skip
    assert sorted(order, key=text.index) == order


def test_lines_of_a_claim_that_wrap_stay_indented(measured):
    lines = printed([measured.results], width=60).splitlines()
    below = lines[next(k for k, line in enumerate(lines) if line.startswith("supported:")) + 1 :]
    first = next(k for k, line in enumerate(below) if "claim: " in line)
    assert all(line.startswith("    ") for line in below[first:])


def test_controls_that_failed_make_every_verdict_of_their_table_invalid(campaign):
    plan = campaign.plan()
    campaign.same((0.05, 0.05, 0.05), plan=plan)
    campaign.method(plan=plan)
    assert made(campaign)[0].cells()[1][3] == "invalid"


def test_each_mode_has_a_table_in_the_suites_order(campaign):
    plan = campaign.plan()
    for mode in ("end_to_end", "compute"):
        campaign.same(plan=plan, mode=mode)
    assert [table.group.header.mode for table in made(campaign)] == ["compute", "end_to_end"]


def test_a_row_whose_plan_is_younger_or_gone_is_exploratory(measured):
    measured.method()  # of a plan that is not there
    assert made(measured)[0].cells()[2][-1] == "exploratory"


def test_rows_of_one_label_are_told_apart(measured):
    path = measured.method(method_digest="older code", comparison="0ldc0de")
    path.rename(path.with_name("older.jsonl"))
    measured.method()
    names = [row[0] for row in made(measured)[0].cells()]
    assert "ras_kd [older , 0ldc0d]" in names


def test_what_disturbed_or_damaged_the_evidence_is_noted(measured):
    path = measured.method(ended=None)
    path.write_text(path.read_text() + "{torn\n")
    notes = made(measured)[0].notes
    assert "* ras_kd: 1 damaged line was left out; 12 intact pairs count" in notes
    assert "* ras_kd: interrupted; the same command of 'raskd-bench run' continues it" in notes


def test_a_method_that_died_keeps_its_row_and_its_reason(measured):
    died = {"kind": "failure", "restart": 0, "arm": "method", "status": "timeout", "error": "hung"}
    measured.method(ratios=(), extra=(died,))
    (table,) = made(measured)
    assert table.cells()[2][:4] == ["ras_kd", "", "", "invalid"]
    assert "* ras_kd: method arm: timeout: hung" in table.notes


def test_pairs_that_were_disturbed_are_counted_as_dropped(measured):
    path = measured.method(plan=measured.plan(TIME))
    line = '"pair": 0, "order": 0, "arm": "baseline"'
    text = path.read_text().replace(line, f'{line}, "foreign_cores": 1.5', 1)
    path.write_text(text)
    row = made(measured)[0].cells()[2]
    assert row[5:7] == ["11", "1"]


def test_several_versions_of_torch_and_uncommitted_code_are_noted(measured):
    other = {"cpu": "AMD EPYC", "cores": 2, "device": "cpu", "versions": {"torch": "2.14.0"}}
    measured.method(machine=other, dirty=True)
    notes = made(measured)[0].notes
    assert "* comparisons of several versions of torch: 2.14.0, 2.15.0" in notes
    assert "* measured with uncommitted changes to the code: not for publication" in notes


def test_on_a_gpu_memory_is_what_torch_allocated(campaign):
    gpu = {"cpu": "AMD EPYC", "cores": 2, "device": "cuda", "gpu": "NVIDIA H100"}
    plan = campaign.plan()
    campaign.same(plan=plan, machine=gpu, extra=(campaign.memory("baseline", allocated_bytes=100),))
    own = campaign.memory("method", allocated_bytes=150)
    campaign.method(plan=plan, machine=gpu, extra=(own,))
    (table,) = made(campaign)
    assert table.cells()[1][7] == "x1.500"
    assert "peak GPU memory allocated by torch" in table.notes[-1]
    assert "compute mode, NVIDIA H100)" in table.title


def test_records_without_a_campaign_are_reported_as_before(campaign):
    campaign.trials(cross_entropy={"test_top1": (0.9,)}, ras_kd={"test_top1": (0.8,)})
    found = tables(load_records([campaign.results]))
    for form in ("markdown", "csv"):
        assert printed([campaign.results], form).endswith(FORMATS[form](found))
    content = json.loads(printed([campaign.results], "json"))
    assert content.pop("answers")[0]["text"].startswith("ras_kd: accuracy -10.00 pp")
    assert content == json.loads(FORMATS["json"](found))


def test_nothing_at_all_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(RequestError, match="no Records there; run a suite first"):
        whole_report([tmp_path], "table", [])


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_a_campaign_alone_is_a_report(measured, form):
    text = printed([measured.results], form)
    assert "label_smoothing" in text.replace("\\", "")
    assert not text.startswith("\n")


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_trials_come_before_the_campaign(measured, form):
    measured.trials(cross_entropy={"test_top1": (0.9,)}, ras_kd={"test_top1": (0.8,)})
    text = printed([measured.results], form)
    trials = {"table": "top-1 %", "markdown": "top-1 %", "csv": "test_top1",
              "json": '"test_top1"'}[form]  # fmt: skip
    overhead = {"table": "verdict at", "markdown": "verdict at", "csv": "a_a_overhead",
                "json": '"a_a"'}[form]  # fmt: skip
    assert 0 <= text.index(trials) < text.index(overhead)


def test_a_program_reads_raw_numbers(measured):
    content = json.loads(printed([measured.results], "json"))
    (table,) = content["overhead"]
    row = table["rows"][1]
    assert (row["label"], row["verdict"], row["restarts"], row["pairs"]) == (
        "ras_kd", "supported", 3, 12
    )  # fmt: skip
    assert row["overhead"] == pytest.approx(0.008032, abs=1e-6)
    assert table["controls"]["noise"] == pytest.approx(0.001687, abs=1e-6)
    assert content["claims"][0]["cells"][0]["confirmatory"] is True


def test_a_spreadsheet_reads_a_line_a_method_then_a_line_a_claim(measured):
    overhead, claims = printed([measured.results], "csv").split("\n\n")
    rows = list(csv.DictReader(io.StringIO(overhead)))
    assert [row["verdict"] for row in rows] == ["refuted", "supported"]
    assert next(csv.DictReader(io.StringIO(claims)))["verdict"] == "supported"


def test_json_of_a_campaign_without_controls_holds_no_nan(campaign):
    campaign.method(ratios=(0.0,), plan=campaign.plan(TIME), ended=None)
    content = json.loads(printed([campaign.results], "json"), parse_constant=pytest.fail)
    assert content["overhead"][0]["controls"]["noise"] is None


@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_cannot_break_a_table_or_become_a_formula(campaign, label):
    campaign.labels = ("cross_entropy", label)
    plan = campaign.plan(TIME | {"method": label, "say": label})
    campaign.same(plan=plan)
    campaign.comparison("compute-x", label=label, plan=plan)
    places = [campaign.results]
    assert plain(label) in printed(places)
    assert "\x1b" not in printed(places)
    lines = printed(places, "markdown").splitlines()
    row = next(line for line in lines if line.startswith(f"| {escaped(label)} |"))
    assert "supported" in row
    rows = list(csv.DictReader(io.StringIO(printed(places, "csv").split("\n\n")[0], newline="")))
    assert rows[0]["label"] == ("'" + label if label.startswith("=") else label)


def test_a_file_that_cannot_be_read_is_a_note_and_the_others_go_on(measured):
    path = measured.method()
    path.write_text("torn")
    text = printed([measured.results], "markdown")
    assert f"- tiny: {escaped(str(path))}: has no intact first line" in text
    assert "label\\_smoothing" in text


def test_of_campaigns_that_are_older_than_their_plan_the_rows_stay(measured):
    next(measured.folder.glob("plan-*.json")).unlink()
    (table,) = made(measured)
    assert [row[-1] for row in table.cells()[1:]] == ["exploratory", "exploratory"]
