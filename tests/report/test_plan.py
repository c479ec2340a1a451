"""A plan says what would be trained, its teachers included."""

import io
from dataclasses import dataclass

import pytest
from rich.console import Console

from raskd_bench.fingerprint.model import Fingerprint
from raskd_bench.report.plan import plan_tables
from raskd_bench.spec import expand, load_suite

SUITE = """
schema: 1
name: mine
data: digits
student: resnet8
batch_size: {batch_size}
budget: {budget}
seeds: [0, 1, 2]
teacher: {teacher}
methods: {methods}
"""

BASE = Fingerprint(
    operations={"aten.add.Tensor": 100},
    unknown=(),
    matmul_flops_forward=100_000_000,
    matmul_flops_backward=200_000_000,
    elementwise_flops=4_000_000,
    reduction_flops=1_000_000,
    bytes_read=6 * 2**20,
    bytes_written=4 * 2**20,
    saved_bytes=2 * 2**20,
    peak_live_bytes=8 * 2**20,
    resting_bytes=2**20,
    copies=0,
    synchronisations=0,
    extra_params=0,
    extra_buffer_bytes=0,
    images_forwarded=64,
    images_forwarded_without_gradient=0,
    state_bytes=0,
)
DEARER = BASE.model_copy(update={
    "operations": {"aten.add.Tensor": 100, "aten.odd.default": 25},
    "unknown": ("aten.odd.default",),
    "matmul_flops_forward": 100_300_000, "elementwise_flops": 5_000_000, "bytes_read": 7 * 2**20,
    "saved_bytes": 3 * 2**20, "peak_live_bytes": 9 * 2**20, "copies": 1, "synchronisations": 2,
})  # fmt: skip


@dataclass(frozen=True)
class Predicted:
    """A prediction with numbers that are easy to follow."""

    plan: object
    seeds: int = 3
    fingerprint: Fingerprint = BASE
    infer_params: int = 78_042
    extra_params: int = 0
    forward_macs: int = 800_000
    step_flops: int = 300_000_000
    images_per_step: int = 64
    state_bytes: int = 0
    steps: int | None = 264
    train_flops: int | None = 79_200_000_000
    preparation_flops: int | None = 0


CHANGES = {
    "cross_entropy": {},
    "ras_kd": {"extra_params": 640, "step_flops": 300_150_000},
    "kd": {"train_flops": 400 * 10**9, "preparation_flops": 258 * 10**9, "state_bytes": 1_089_896},
}


@pytest.fixture
def printed(tmp_path):
    """Return what a plan prints, for changes of its suite and of each prediction."""

    def make(only=None, predicted=None, width=160, changed=None, **changes):
        values = {"batch_size": 64, "budget": "{epochs: 12}", "teacher": "{student: resnet20}",
                  "methods": "[cross_entropy, ras_kd, kd]"}  # fmt: skip
        path = tmp_path / "mine.yaml"
        path.write_text(SUITE.format(**values | changes))
        suite = load_suite(path)
        firsts = {(p.trial.cell, p.label): p for p in reversed(expand(suite, tmp_path, only))}
        own = {name: CHANGES[name] | (changed or {}).get(name, {}) for name in CHANGES}
        predictions = [Predicted(plan, **own[plan.trial.method] | (predicted or {}))
                       for plan in reversed(firsts.values())]  # fmt: skip
        console = Console(file=io.StringIO(), width=width)
        console.print(plan_tables(suite, predictions))
        return console.file.getvalue()

    return make


def line(text, start):
    return next(line for line in text.splitlines() if line.strip().startswith(start)).split()


def test_a_row_has_steps_parameters_and_flops(printed):
    assert line(printed(), "ras_kd") == [
        "ras_kd", "3", "264", "78,042", "640", "0.8", "300", "M", "1.0005", "79.2", "G", "64",
        "0", "B",
    ]  # fmt: skip


def test_the_summary_counts_trials_one_cell_and_all_flops(printed):
    summary = " ".join(printed().split())
    assert "9 trials in 1 cell, 1.68 TFLOPs in all; nothing was run." in summary


def test_a_teacher_that_two_methods_learn_from_is_in_the_total_once(printed):
    text = printed(methods="[kd, {name: kd, label: soft, temperature: 8.0}]")
    assert f"6 trials in 1 cell, {(2 * 3 * 142 + 3 * 258) / 1e3:.2f} TFLOPs in all" in text


def test_each_cell_is_a_table(printed):
    text = printed(batch_size="[32, 64]")
    assert text.count("mine: digits, resnet8, batch") == 2
    assert "18 trials in 2 cells" in text


def test_one_trial_is_one_trial(printed):
    text = printed(only="ras_kd and seed0", predicted={"seeds": 1})
    assert "1 trial in 1 cell" in text


def test_a_teacher_is_trained_first_and_its_flops_are_said(printed):
    assert (
        "* kd: a teacher (resnet20, 12 epochs) is trained first: 258 GFLOPs, part of train FLOPs"
    ) in printed()
    assert printed().count("is trained first") == 1


def test_a_teachers_own_budget_is_said(printed):
    text = printed(teacher="{student: resnet20, budget: {steps: 10}}")
    assert "a teacher (resnet20, 10 steps) is trained first" in text


def test_what_is_not_known_is_a_question_mark_and_no_total(printed):
    unknown = {"steps": None, "train_flops": None, "preparation_flops": None}
    text = printed(budget="{seconds: 60.0}", predicted=unknown)
    row = line(text, "kd")
    assert (row[2], row[9]) == ("?", "?")
    assert "9 trials in 1 cell; nothing was run." in " ".join(text.split())
    assert "(resnet20, 60 seconds) is trained first\n" in text


def test_without_the_baseline_there_is_no_ratio(printed):
    assert line(printed(only="ras_kd"), "ras_kd")[7:9] == ["M", "79.2"]


def test_a_narrow_terminal_gets_the_columns_below_each_other(printed):
    text = printed(width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "1,089,896 B" in text
    assert "…" not in text


def step_line(text, start):
    return line(text.partition("one training step by count")[2], start)


def test_a_step_of_the_baseline_is_in_units(printed):
    assert step_line(printed(), "cross_entropy") == [
        "cross_entropy", "100", "300", "M", "5.00", "M", "10", "MiB", "2", "MiB", "8", "MiB",
        "0", "0",
    ]  # fmt: skip


def test_a_step_of_another_method_is_a_ratio_but_for_waits_and_copies(printed):
    text = printed(changed={"ras_kd": {"fingerprint": DEARER}})
    assert "one training step by count, ratio to cross_entropy" in text
    assert step_line(text, "ras_kd") == [
        "ras_kd", "x1.2500", "x1.0010", "x1.2000", "x1.1000", "x1.5000", "x1.1250", "2", "1",
    ]  # fmt: skip


def test_without_the_baseline_a_step_is_in_units(printed):
    text = printed(only="ras_kd")
    assert "ratio to cross_entropy" not in text
    assert step_line(text, "ras_kd")[1:4] == ["100", "300", "M"]


def test_operations_without_a_formula_are_named(printed):
    text = printed(changed={"ras_kd": {"fingerprint": DEARER}})
    assert "* ras_kd: no FLOPs are known of aten.odd.default" in text
    assert text.count("no FLOPs are known") == 1


def test_a_ratio_to_nothing_is_a_question_mark(printed):
    nothing = {"fingerprint": BASE.model_copy(update={"saved_bytes": 0})}
    text = printed(changed={"cross_entropy": nothing})
    assert step_line(text, "ras_kd")[5] == "?"
