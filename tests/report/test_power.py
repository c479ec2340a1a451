"""The table of a probe."""

from dataclasses import dataclass

from rich.console import Console

from raskd_bench.report.power import power_grid
from raskd_bench.spec.suite import Suite

CELL = {"student": "resnet20", "batch_size": 64, "precision": "fp32"}


@dataclass(frozen=True)
class Need:
    margin: float = 0.02
    restarts: int | None = 5
    seconds: float | None = 300.0
    possible: bool = True


@dataclass(frozen=True)
class Probed:
    cell: dict
    needs: tuple
    mode: str = "compute"
    step_seconds: float = 0.2
    pair_sd: float = 0.08
    restart_sd: float = 0.012
    pairs: int = 40
    resolution: float = 0.015
    comparisons: int = 10
    disturbed: tuple = (0, 60)


def suite(**changes):
    return Suite.model_validate({
        "schema": 1, "name": "mine", "data": "digits", "student": "resnet8",
        "budget": {"epochs": 1}, "seeds": [0, 1, 2], "methods": ["cross_entropy", "ras_kd"],
        "overhead": {"max_seconds": 120},
        "claims": [{"id": "acc", "say": "x", "method": "ras_kd", "metric": "test_top1",
                    "no_worse_by": "0.3pp"}],
    } | changes)  # fmt: skip


def shown(probed):
    console = Console(width=220)
    with console.capture() as captured:
        console.print(power_grid(suite(), probed))
    return captured.get()


def test_a_margin_that_can_be_decided_shows_restarts_and_time():
    text = shown([Probed(CELL, (Need(),))])
    assert "resnet20, batch 64, fp32" in text
    assert "200 ms" in text
    assert "1.5 %" in text
    assert "5:00" in text
    assert "cannot be decided" not in text
    assert "10 comparisons, at most about 20:00 in all" in text


def test_a_margin_that_cannot_be_decided_says_what_to_do():
    text = shown([Probed(CELL, (Need(0.005, 60, 3600.0, False),))])
    assert "a margin of 0.5 % cannot be decided here: raise max_seconds about 9 times" in text


def test_no_number_of_restarts_may_do():
    text = shown([Probed(CELL, (Need(0.005, None, None, False),))])
    assert "none will do" in text
    assert "or measure on a quieter host" in text


def test_disturbed_pairs_and_cells_that_failed_are_notes():
    text = shown([Probed(CELL, (Need(),), disturbed=(30, 60)), "resnet18: out_of_memory: killed"])
    assert "30 of 60 pairs were disturbed: stop other work" in text
    assert "not measured: resnet18: out_of_memory: killed" in text
