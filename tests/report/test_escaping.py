"""Whatever a hostile suite or Record says, it stays text: markdown, csv and LaTeX."""

import csv
import io
import re

import pytest

from raskd_bench import record
from raskd_bench.report.whole import whole_report

HOSTILE = ["=cmd|'/c calc'!A0", "+1", "@SUM(1)", "<script>alert(1)</script>", "a|b", "x\n\n# head",
           "\\input{/etc/passwd}", "50% & $x_1^2$ #~", "[a](http://x)", "`rm`", "\x1b[31m", "\r=1",
           "]{\\write18{ls}}"]  # fmt: skip
CLAIM = {"id": "time", "method": "ras_kd", "metric": "step_time", "at_most": "+2%"}
MARKS = re.compile(r"\\[^a-zA-Z]")


def texts(hostile):
    """Return fields of a Record into which a suite's author, a host or an error can write."""
    return {
        "label": hostile, "footnote": hostile, "suite": hostile, "method_digest": hostile,
        "hparams": {hostile: hostile}, "commit": hostile,
    }  # fmt: skip


@pytest.fixture
def report(campaign, new_record, changed):
    """Return what reports a campaign and trials in which every text is the same hostile one."""

    def made(form, hostile):
        plan = campaign.plan(CLAIM | {"say": hostile})
        campaign.same(plan=plan, footnote=hostile)
        died = {"kind": "failure", "restart": 0, "arm": "method", "status": "failed",
                "error": hostile}  # fmt: skip
        campaign.method(plan=plan, footnote=hostile)
        campaign.method("label_smoothing", (), plan=plan, extra=(died,))
        conditions = changed(data={"name": "imagefolder", "root": f"/data/{hostile}"},
                             student={"name": hostile})  # fmt: skip
        machine = new_record().machine | {"cpu": hostile}
        everywhere = {"conditions": conditions, "machine": machine, "baseline": "base"}
        own = campaign.results / "own"
        record.write(new_record("base", **everywhere, suite=hostile), own / "a.json")
        record.write(new_record(**everywhere, **texts(hostile), method="kd"), own / "b.json")
        failed = {"status": "failed", "error": hostile, "test_top1": None, "seed": 1}
        record.write(new_record(**everywhere, **texts(hostile), method="kd", **failed),
                     own / "c.json")  # fmt: skip
        refused = []
        text = whole_report([campaign.results], form, refused)
        assert refused == []
        return text

    return made


@pytest.mark.parametrize("hostile", HOSTILE)
def test_markdown_has_the_same_lines_and_no_markup_of_theirs(report, hostile):
    text = report("markdown", hostile)
    bare = MARKS.sub("", text)
    assert "<" not in bare
    assert "[" not in bare
    assert "`" not in bare
    assert "\x1b" not in text
    kinds = {line[:2] for line in bare.splitlines() if line}
    assert kinds <= {"**", "| ", "|-", "- ", "  "}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_cell_of_csv_is_a_formula(report, hostile):
    cells = [cell for line in csv.reader(io.StringIO(report("csv", hostile), newline=""))
             for cell in line]  # fmt: skip
    assert len(cells) > 100
    for cell in cells:
        if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
            assert float(cell) < 0


@pytest.mark.parametrize("hostile", HOSTILE)
def test_latex_has_the_same_commands_whatever_the_texts_are(report, hostile):
    def commands(text):
        lines = [line for line in text.splitlines() if not line.strip().startswith("%")]
        return re.findall(r"\\(?:begin|end|input|write|caption|label|item|tnote)\b",
                          "\n".join(lines).replace(r"\textbackslash{}", ""))  # fmt: skip

    text = report("latex", hostile)
    assert commands(text) == commands(report("latex", "x"))
    assert text.isascii()
