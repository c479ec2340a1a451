"""What a plan says of claims on accuracies before anything is run."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from raskd_bench.outcomes import packed
from raskd_bench.report.needs import ASSUMED, accuracy_needs
from raskd_bench.spec import expand, load_suite
from raskd_bench.stats import needed_seeds, resolved

SUITE = """
schema: 1
name: mine
data: digits
student: {student}
budget: {{epochs: 1}}
seeds: {seeds}
methods: [cross_entropy, label_smoothing, ras_kd]
claims: {claims}
"""
NO_WORSE = "{id: acc, say: x, method: ras_kd, metric: test_top1, no_worse_by: 0.5pp}"
ASSUMPTION = "(assumed: differences scatter by 0.4 pp a seed on 10,000 pictures)"


@dataclass(frozen=True)
class Predicted:
    plan: object
    seeds: int
    test_images: int


@pytest.fixture
def needs(tmp_path):
    """Return what is said of a suite's claims, by the number of its seeds and test images."""

    def make(*claims, seeds=5, images=10_000, records=(), student="resnet8"):
        path = tmp_path / "mine.yaml"
        path.write_text(SUITE.format(student=student, seeds=list(range(seeds)),
                                     claims=f"[{', '.join(claims)}]"))  # fmt: skip
        suite = load_suite(path)
        firsts = {(p.trial.cell, p.label): p for p in reversed(expand(suite, Path(), None))}
        rows = [Predicted(plan, seeds, images) for plan in reversed(firsts.values())]
        made = records(firsts) if callable(records) else []
        return accuracy_needs(suite, rows, made)

    return make


def test_a_margin_has_its_seeds_and_pictures(needs):
    (line,) = needs(NO_WORSE)
    reached = 100 * resolved(ASSUMED, 5, 10_000, 0.05, 0.9)
    seeds = needed_seeds(ASSUMED, 10_000, 0.005, 0.05, 0.9)
    assert line == (
        f"claim acc: margin 0.5pp: 5 seeds x 10,000 pictures decide {reached:.2g} pp with power "
        f"0.9; 0.5 pp needs {seeds} seeds or 30,000 pictures {ASSUMPTION}"
    )


def test_enough_is_said(needs):
    (line,) = needs(NO_WORSE.replace("0.5pp", "5pp"))
    assert line.endswith(f": enough {ASSUMPTION}")


def test_two_seeds_decide_nothing(needs):
    (line,) = needs(NO_WORSE, seeds=2)
    assert line.endswith("2 seeds x 10,000 pictures decide nothing: it needs 3 seeds or more")


def test_a_margin_below_one_picture_needs_more_of_them(needs):
    (line,) = needs(NO_WORSE, images=40)
    assert "; 0.5 pp needs 30,000 pictures " in line
    (line,) = needs(NO_WORSE.replace("0.5pp", "0.2pp"), seeds=3, images=40)
    assert "; 0.2 pp needs more seeds and more pictures " in line


def test_a_gain_is_told_as_what_is_decided(needs):
    (line,) = needs("{id: g, say: x, method: ras_kd, metric: test_top1, better_than: "
                    "[cross_entropy, label_smoothing]}")  # fmt: skip
    assert line.startswith("claim g: any gain: 5 seeds x 10,000 pictures decide ")


def test_several_claims_share_alpha(needs):
    lines = needs(NO_WORSE, NO_WORSE.replace("acc", "b"))
    reached = 100 * resolved(ASSUMED, 5, 10_000, 0.025, 0.9)
    assert f"decide {reached:.2g} pp" in lines[0]
    assert lines[-1] == (
        "each at alpha / 2, as if it were the first of the suite's 2 claims that Holm's rule tests"
    )


def test_pilot_records_take_the_place_of_the_assumption(needs, new_record):
    rng = np.random.default_rng(0)

    def records(firsts):
        made = []
        for label in ("cross_entropy", "ras_kd"):
            cell = next(plan.trial.cell for (_, name), plan in firsts.items() if name == label)
            for seed in range(3):
                hits = rng.random(400) < 0.9
                outcomes = packed("same", {"test_top1": hits}).model_dump()
                made.append(new_record(label, seed, cell=cell, test_top1=float(hits.mean()),
                                       outcomes=outcomes))  # fmt: skip
        return made

    (line,) = needs(NO_WORSE, images=400, records=records)
    assert line.endswith("(from 3 pilot seeds)")


def test_a_metric_that_is_no_mean_over_pictures_needs_five_seeds(needs):
    (line,) = needs(NO_WORSE.replace("test_top1", "test_ece"), seeds=3)
    assert "3 seeds alone decide nothing; 0.5 pp needs " in line
    (line,) = needs(NO_WORSE.replace("test_top1", "test_nll").replace("0.5pp", "0.01"))
    assert line.endswith("nothing is known of its scatter yet: it needs 5 seeds or more")


def test_a_suite_without_claims_on_accuracies_has_no_line(needs):
    assert needs("{id: c, say: x, method: ras_kd, metric: copies, at_most: 0}") == []
