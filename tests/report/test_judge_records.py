"""Claims on accuracies: paired by seed, invalid where a trial is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.claims import judged_claims
from raskd_bench.report.missing import detectable
from raskd_bench.stats import required_seeds

CUDA = {"cpu": "AMD EPYC", "cores": 2, "device": "cuda", "gpu": "NVIDIA H100", "versions": {}}


def claim(metric="step_time", **changes):
    bound = {} if {"no_worse_by", "better_by"} & changes.keys() else {"at_most": "2%"}
    return {"id": "it", "say": "said", "method": "ras_kd", "metric": metric} | bound | changes


def cell(campaign):
    found = judged_claims(find_campaigns([campaign.results])[0])
    assert [len(claim.cells) for claim in found] == [1]
    return found[0].cells[0]


@pytest.mark.parametrize(
    ("bound", "verdict"),
    [
        ({"no_worse_by": "0.5pp"}, "supported"),
        ({"better_by": "0pp"}, "inconclusive"),
        ({"better_by": "0.9pp"}, "refuted"),
        ({"no_worse_by": "0.05pp"}, "inconclusive"),
    ],
)
def test_an_accuracy_is_judged_by_differences_of_the_same_seed(campaign, bound, verdict):
    """Differences -0.001, 0, 0.001, 0.002, 0.003: mean 0.001, 90 % interval +-0.0015074."""
    campaign.plan(claim("test_top1", **bound))
    campaign.trials(cross_entropy={"test_top1": (0.90, 0.80, 0.70, 0.60, 0.50)},
                    ras_kd={"test_top1": (0.899, 0.80, 0.701, 0.602, 0.503)})  # fmt: skip
    found = cell(campaign)
    assert found.found.low == pytest.approx(0.001 - 0.00150743, rel=1e-4)
    assert found.verdict == verdict


def test_less_of_an_error_is_better_and_the_number_keeps_its_direction(campaign):
    campaign.plan(claim("test_nll", better_by=0.05))
    campaign.trials(
        cross_entropy={"test_nll": (0.3, 0.4, 0.5, 0.6, 0.7)},
        ras_kd={"test_nll": (0.2, 0.3, 0.401, 0.5, 0.6)},
    )
    found = cell(campaign)
    assert found.verdict == "supported"
    assert found.found.value == pytest.approx(-0.0998, rel=1e-5)
    assert found.found.low < found.found.high < -0.05


def test_a_trial_that_did_not_finish_makes_an_accuracy_invalid(campaign):
    campaign.plan(claim("test_top1", no_worse_by="0.5pp"))
    campaign.trials(
        cross_entropy={"test_top1": (0.9, 0.9, 0.9)}, ras_kd={"test_top1": (0.9, None, 0.9)}
    )
    found = cell(campaign)
    assert (found.verdict, found.reasons) == ("invalid", ("ras_kd, seed 1: diverged: not finite",))


def test_a_method_that_trained_the_baseline_makes_its_accuracy_invalid(campaign):
    campaign.plan(claim("test_top1", no_worse_by="0.5pp"))
    for label in ("cross_entropy", "ras_kd"):
        for seed in (0, 1):
            host = CUDA | {"host": "here"}
            campaign.trial(label, seed, curve=[{"test_nll": 0.3}], machine=host)
    found = cell(campaign)
    assert found.verdict == "invalid"
    assert "bit-identical" in found.reasons[0]


def test_accuracies_without_records_are_not_measured(campaign):
    campaign.plan(claim("test_top1", no_worse_by="0.5pp"))
    assert cell(campaign).reasons == ("no Records of this cell; 'raskd-bench run' makes them",)


def test_one_seed_decides_nothing_and_says_so(campaign):
    campaign.plan(claim("test_top1", no_worse_by="0.5pp"))
    campaign.trials(cross_entropy={"test_top1": (0.9,)}, ras_kd={"test_top1": (0.9,)})
    found = cell(campaign)
    assert (found.verdict, found.reasons) == (
        "inconclusive", ("1 seed: fewer than 3 decide nothing",)
    )  # fmt: skip


def test_seeds_that_are_missing_to_decide_are_counted(campaign):
    campaign.plan(claim("test_top1", no_worse_by="0.3pp"))
    campaign.trials(cross_entropy={"test_top1": (0.9, 0.9, 0.9)},
                    ras_kd={"test_top1": (0.897, 0.9, 0.903)})  # fmt: skip
    found = cell(campaign)
    assert found.verdict == "inconclusive"
    needed = required_seeds(0.003, 0.003, 0.05, 0.9)
    assert found.reasons == (
        "3 seeds alone (older Record without outcomes): fewer than 5 of these decide nothing",
        f"if the difference stays at +0 pp, about {needed} seeds decide it (3 are there)",
    )


def test_seeds_of_one_side_are_left_out_and_said(campaign):
    campaign.plan(claim("test_top1", no_worse_by="0.5pp"))
    campaign.trials(cross_entropy={"test_top1": (0.9, 0.8)}, ras_kd={"test_top1": (0.9, 0.8, 0.7)})
    assert cell(campaign).reasons[-1] == "seeds that one side lacks are left out: 2"


def test_trials_of_another_recipe_are_left_out_and_said(campaign):
    campaign.plan(claim("test_top1", no_worse_by="0.5pp"))
    campaign.trials(cross_entropy={"test_top1": (0.9, 0.8)}, ras_kd={"test_top1": (0.9, 0.8)})
    old = campaign.trial("ras_kd", 7, cell="cell-0", started="2026-11-24T11:00:00+00:00")
    found = cell(campaign)
    assert found.reasons[-1] == "1 trial under another recipe or budget left out"
    assert old not in found.evidence


def test_an_accuracy_that_a_record_lacks_is_not_measured(campaign):
    campaign.plan(claim("test_top5", no_worse_by="0.5pp"))
    campaign.trials(cross_entropy={"test_top1": (0.9, 0.8)}, ras_kd={"test_top1": (0.9, 0.8)})
    assert cell(campaign).verdict == "not measured"


@given(st.integers(3, 40), st.floats(0.001, 0.1))
def test_the_margin_that_seeds_decide_is_the_one_that_needs_so_many(count, sd):
    margin = detectable(sd, count, 0.05, 0.9)
    assert required_seeds(sd, margin * 1.0001, 0.05, 0.9) <= count
    if count > 3:
        assert required_seeds(sd, margin * 0.999, 0.05, 0.9) > count - 1
