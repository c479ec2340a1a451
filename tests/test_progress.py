"""What a person sees while a suite runs."""

import io
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from raskd_bench import progress
from raskd_bench.evidence.header import Header
from raskd_bench.progress import Bars, Lines
from raskd_bench.progress_words import percent
from raskd_bench.record_fields import Disturbance
from raskd_bench.spec import expand
from raskd_bench.spec.suite import Suite
from raskd_bench.stats import Estimate

SUITE = Suite.model_validate({
    "schema": 1, "name": "mine", "data": "digits", "student": "resnet8", "budget": {"epochs": 1},
    "seeds": [0], "methods": ["cross_entropy", "ras_kd"],
})  # fmt: skip
HEADER = Header(
    comparison="0", plan="0", suite="mine", cell={"student": "resnet8"}, conditions={},
    mode="compute", role="method", label="ras_kd", method="ras_kd", hparams={}, method_digest="d",
    baseline="cross_entropy", baseline_method="cross_entropy", baseline_hparams={},
    baseline_digest="b", machine={}, commit=None, dirty=None, started="now",
    rules={"margins": (0.02,), "alpha": 0.05, "power": 0.9, "looks": (3, 5), "pairs": 2,
           "max_seconds": 1.0, "in_process": False},
)  # fmt: skip
RESULT = SimpleNamespace(finished=True, test_top1=0.9, train_seconds=1.0, disturbance=None)
PLANS = expand(SUITE, Path())
FOUND = Estimate(0.01, 0.005, 0.015, 0.9, 0.01, 3)


@pytest.fixture
def bars():
    shown = Bars(Console(file=io.StringIO(), force_terminal=True, width=200))
    shown.check(SUITE, [])
    yield shown
    shown.close()


def test_a_comparison_moves_the_bar_to_its_next_look(bars):
    bars.campaign(4, 1, "0123", 360.0)
    bars.comparison(HEADER)
    bars.pairs(HEADER, 1, 1, 2)
    assert bars.bars.tasks[bars.current].completed == 50


def test_restarts_that_were_cut_off_do_not_stop_the_display(bars):
    bars.campaign(4, 1, "0123", 360.0)
    bars.comparison(HEADER)
    bars.pairs(HEADER, 7, 1, 2)
    assert bars.bars.tasks[bars.current].completed == 94
    bars.look(HEADER, 5, FOUND)
    bars.compared(HEADER, "last look")
    assert bars.done == 2


def test_without_a_terminal_a_comparison_is_a_line(capsys):
    lines = Lines()
    lines.check(SUITE, [])
    lines.campaign(2, 0, "0123", 45.0)
    lines.look(HEADER, 3, FOUND)
    lines.compared(HEADER, "decided")
    lines.compared(HEADER, "failure")
    written = capsys.readouterr().err.splitlines()
    assert written[0] == "mine: 2 paired comparisons; plan 0123 is registered"
    assert written[1] == "campaign: 2 comparisons, at most 45 s"
    assert written[2].startswith(
        "[1/2] ras_kd on resnet8, compute: 3 restarts, +1.01 % (+0.50 to +1.51 %); about"
    )
    assert "failed; see 'raskd-bench check'" in written[3]


def test_a_ratio_that_nothing_supports_says_why():
    nothing = Estimate(*[math.nan] * 5, 0)
    assert percent(nothing) == "every pair was disturbed by other work"


def test_each_running_trial_has_a_bar_until_it_ends(bars):
    first, second = PLANS
    bars.start(0, "results")
    for plan in PLANS:
        bars.trial(plan)
    bars.point(second, {"spent": 0.5, "loss": {"ce": 1.0}})
    shown = {task.description: task.completed for task in bars.bars.tasks if task.visible}
    assert shown == {"mine": 0, str(first): 0, str(second): 50}
    bars.end(first, RESULT)
    assert [t.description for t in bars.bars.tasks if t.visible] == ["mine", str(second)]


def test_an_epoch_without_evaluation_keeps_the_last_accuracy_in_sight(bars):
    plan = PLANS[0]
    bars.start(0, "results")
    bars.trial(plan)
    bars.point(plan, {"spent": 0.2, "loss": {"ce": 1.0}, "test_top1": 0.5})
    bars.point(plan, {"spent": 0.4, "loss": {"ce": 0.25, "kd": 0.5}})
    (task,) = (task for task in bars.bars.tasks if task.description == str(plan))
    assert task.fields["note"] == "loss 0.750, top-1 50.0 %"


def test_a_teacher_has_a_bar_too_and_is_none_of_the_trials(bars):
    bars.start(0, "results")
    bars.teach(PLANS[0])
    bars.point(PLANS[0], {"spent": 0.5, "loss": {"ce": 1.0}})
    assert str(PLANS[0]) in [task.description for task in bars.bars.tasks if task.visible]
    bars.taught(PLANS[0], RESULT)
    assert (bars.done, bars.spent) == (0, {})
    assert [task.description for task in bars.bars.tasks if task.visible] == ["mine"]


@pytest.mark.parametrize(
    ("jobs", "spent", "left"),
    [
        (1, [], "3:20"),  # 10 trials left, 20 s each
        (2, [0.5], "2:07"),  # 9.5 trials left; 1.5 took 20 s two at a time: 26.7 s each
        (4, [0.5, 0.5, 0.5], "1:08"),  # 8.5 left; 2.5 took 20 s four at a time: 32 s each
    ],
)
def test_the_time_left_counts_what_running_trials_have_spent(monkeypatch, jobs, spent, left):
    monkeypatch.setattr(progress, "monotonic", lambda: 120.0)
    lines = Lines(jobs)
    lines.total, lines.done, lines.ran, lines.begin = 11, 1, 1, 100.0
    lines.spent = {str(k): value for k, value in enumerate(spent)}
    assert lines.left() == f"about {left} left"


def test_the_last_trial_has_no_company():
    lines = Lines(4)
    lines.total, lines.done, lines.ran = 9, 8, 8
    lines.begin = progress.monotonic() - 60.0  # 30 s each, four at a time
    assert lines.left() == "about 30.0 s left"


def test_a_campaign_says_how_long_it_takes_at_most(capsys):
    Lines().campaign(14, 0, "0123", 420.0)
    assert capsys.readouterr().err.endswith("campaign: 14 comparisons, at most 7 min\n")


def test_a_comparison_that_cannot_keep_its_time_says_so_before(capsys):
    Lines().too_long(HEADER, 94.2, 30.0)
    assert capsys.readouterr().err == (
        "ras_kd on resnet8, compute: takes about 95 s to its first look, more than the 30 s that "
        "it has; raise max_seconds or total_seconds\n"
    )


def test_a_disturbed_trial_is_marked_when_it_ends(capsys):
    cause = "other work took 1.3 of 2 cores"
    result = SimpleNamespace(**vars(RESULT) | {"disturbance": Disturbance(reasons=[cause])})
    Lines().end(PLANS[0], result)
    assert capsys.readouterr().err.endswith(f"disturbed: {cause}; its times are not compared\n")
