"""LaTeX of a report: golden file, what is bold and marked, that a compiler takes all of it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from raskd_bench.report.formats import FORMATS
from raskd_bench.report.latex import PREAMBLE
from raskd_bench.report.latex_text import escaped
from raskd_bench.report.tables import tables
from raskd_bench.report.whole import whole_report

GOLDEN = Path(__file__).parent / "golden"
COMPILER = shutil.which("pdflatex") or shutil.which("tectonic")
HOSTILE = ["\\input{/etc/passwd}", "50% & $x_1^2$ #~", "[red]", "*", "}{", "\\end{table}",
           "two\n\n", "\u00b5 ± \u03c3", "\x1b[31mred", "--", "字", "%"]  # fmt: skip
TIME = {"id": "time", "say": "RAS-KD adds 100% of $no$ time", "method": "ras_kd",
        "metric": "step_time", "at_most": "+2%"}  # fmt: skip


def printed(records):
    return FORMATS["latex"](tables(records))


def row_of(text, label):
    return next(line for line in text.splitlines() if line.strip().startswith(escaped(label)))


def compiled(text, folder):
    """Compile a paper that holds a report; return what the compiler says."""
    if COMPILER is None:
        pytest.skip("no pdflatex and no tectonic here")
    lines = [r"\documentclass{article}", PREAMBLE, r"\begin{document}", text, r"\end{document}"]
    (folder / "paper.tex").write_text("\n".join(lines), encoding="utf-8")
    options = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in COMPILER else []
    done = subprocess.run([COMPILER, *options, "paper.tex"], cwd=folder, capture_output=True,
                          text=True, errors="replace", check=False, timeout=120)  # fmt: skip
    said = done.stdout + done.stderr
    if done.returncode and re.search(r"File `\w+\.sty' not found", said):
        pytest.skip("booktabs, siunitx or threeparttable is not installed")
    assert done.returncode == 0, said[-3000:]
    return said


@pytest.fixture
def measured(campaign):
    plan = campaign.plan(TIME)
    campaign.same(plan=plan, extra=(campaign.memory("baseline"),))
    campaign.method("label_smoothing", (0.029, 0.03, 0.031), plan=plan)
    own = campaign.memory("method", host_bytes=101 * 2**20)
    campaign.method(ratios=(0.007, 0.008, 0.009), plan=plan, extra=(own,))
    return whole_report([campaign.results], "latex", [])


def test_a_file_holds_the_golden_table(three_methods):
    assert printed(three_methods) == (GOLDEN / "table.tex").read_text(encoding="utf-8")


def test_only_what_the_paired_interval_supports_is_bold(three_methods, new_record):
    worse = [new_record("kd", seed, test_top1=top1 - 0.02)
             for seed, top1 in enumerate((0.90, 0.92, 0.91))]  # fmt: skip
    text = printed([*three_methods, *worse])
    assert r"\bfseries +1.2(7)" in row_of(text, "label_smoothing")
    assert r"\bfseries" not in row_of(text, "ras_kd")  # one common seed gives no interval
    assert r"\bfseries" not in row_of(text, "cross_entropy")
    assert r"\bfseries" not in row_of(text, "kd")


def test_of_a_loss_the_smaller_is_bold(new_record):
    records = [new_record(label, seed, test_nll=value + 0.001 * seed)
               for label, value in (("cross_entropy", 0.3), ("ras_kd", 0.2), ("kd", 0.4))
               for seed in range(3)]  # fmt: skip
    uneven = {("ras_kd", 1): {"test_nll": 0.2015}}  # equal differences would be luck
    records = [r.model_copy(update=uneven.get((r.label, r.seed), {})) for r in records]
    text = printed(records)
    assert r"\bfseries 0.201(3)" in row_of(text, "ras_kd")
    assert r"\bfseries" not in row_of(text, "kd")


def test_a_trial_that_failed_is_a_row(three_methods):
    lines = printed(three_methods).splitlines()
    place = next(k for k, line in enumerate(lines) if line.strip().startswith(r"ras\_kd"))
    assert "{1 of 2}" in lines[place]
    assert lines[place + 1].split(" & ") == [
        r"    \quad seed 1",
        r"\multicolumn{9}{l@{}}{diverged: ce is not finite at step 22} \\",
    ]


def test_a_method_that_used_more_is_marked_and_told(new_record):
    pairs = {"images_forwarded_without_gradient": 264 * 64}
    text = printed([new_record(), new_record("cs_kd", **pairs)])
    assert r"cs\_kd\tnote{\dag} & " in text
    note = (
        r"the budget is equal in epochs; ratios to cross\_entropy of what that leaves open: "
        r"cs\_kd (images forwarded x2.00)"
    )
    assert rf"    \item[\dag] {note}" in text


def test_a_footnote_is_marked_and_told_once(new_record):
    footnote = {"footnote": "reconstruction from the abstract", "method": "ras_kd"}
    text = printed([new_record(), new_record("ras_kd", **footnote), new_record("own", **footnote)])
    assert text.count(r"\tnote{a}") == 2
    assert text.count("reconstruction from the abstract") == 1
    assert r"    \item[a] reconstruction from the abstract" in text


def test_paired_times_have_their_interval_and_verdict(measured):
    row = row_of(measured, "ras_kd")
    assert row.split(" & ")[:4] == [
        r"    ras\_kd\tnote{a}", "1.0080(17)", r"{1.0063~to~1.0097~(90~\%)}", "{supported}",
    ]  # fmt: skip
    assert r"    \item[] A/A: +0.00 \%" in measured


def test_claims_come_last_with_their_evidence_in_comments(measured):
    claims = measured[measured.index(r"\paragraph{Claims: 1 supported}") :]
    assert r"\item \textbf{supported}: tiny: time: ras\_kd changed the training step time" in claims
    assert r"claim: RAS-KD adds 100\% of \$no\$ time" in claims
    assert "    % evidence: " in claims


def test_tables_have_names_of_their_own(measured, three_methods, new_record):
    text = printed([*three_methods, new_record(cell="other", suite="other")])
    names = re.findall(r"\\label\{(.*)\}", text)
    assert len(set(names)) == len(names) == 2


@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_cannot_add_rows_columns_or_commands(new_record, label):
    harmless = printed([new_record(), new_record("x", method="ras_kd", footnote="y")])
    text = printed([new_record(), new_record(label, method="ras_kd", footnote=label)])
    assert text.isascii()
    assert len(text.splitlines()) == len(harmless.splitlines())
    assert row_of(text, label).replace(r"\&", "").count("&") == row_of(harmless, "x").count("&")
    assert re.findall(r"(?<!\\)\\(?:begin|end|input)\b", text) == (
        re.findall(r"(?<!\\)\\(?:begin|end|input)\b", harmless))  # fmt: skip


def test_a_compiler_takes_tables_of_trials(three_methods, new_record, tmp_path):
    hostile = [new_record(label, method="ras_kd", footnote=label, trial=label)
               for label in HOSTILE]  # fmt: skip
    failed = new_record("kd", status="failed", error="\\undefined & 100%", test_top1=None)
    compiled(printed([*three_methods, *hostile, failed]), tmp_path)
    assert (tmp_path / "paper.pdf").stat().st_size > 1000


def test_a_compiler_takes_campaigns_and_claims(measured, tmp_path):
    compiled(measured, tmp_path)
    assert (tmp_path / "paper.pdf").stat().st_size > 1000
