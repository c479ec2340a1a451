"""Confirmatory or exploratory: what was written down before the first sample."""

import pytest

from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.claims import judged_claims

LATER = "2026-11-25T12:00:00+00:00"


def claim(metric="step_time", **changes):
    bound = {} if {"no_worse_by", "better_by"} & changes.keys() else {"at_most": "2%"}
    return {"id": "it", "say": "said", "method": "ras_kd", "metric": metric} | bound | changes


def cell(campaign):
    found = judged_claims(find_campaigns([campaign.results])[0])
    assert [len(claim.cells) for claim in found] == [1]
    return found[0].cells[0]


def standing(campaign):
    return cell(campaign).standing


def test_a_claim_that_was_registered_before_its_first_sample_is_confirmatory(campaign):
    plan = campaign.plan(claim())
    campaign.method(plan=plan)
    assert standing(campaign).confirmatory
    assert standing(campaign).lines[0].startswith(f"plan {plan.plan} was registered at")


def test_a_plan_that_is_younger_than_the_data_makes_them_exploratory(campaign):
    plan = campaign.plan(claim(), registered=LATER)
    campaign.method(plan=plan)
    assert not standing(campaign).confirmatory
    assert "after the first sample" in standing(campaign).lines[0]


def test_a_claim_that_was_added_after_the_data_is_exploratory_and_listed(campaign):
    plan = campaign.plan()
    campaign.method(plan=plan)
    campaign.plan(claim(), registered=LATER)
    found = standing(campaign)
    assert not found.confirmatory
    assert "claim it: added after the data" in found.lines


def test_a_margin_that_was_widened_after_the_data_is_exploratory_and_listed(campaign):
    plan = campaign.plan(claim(at_most="1%"))
    campaign.method(plan=plan)
    campaign.plan(claim(at_most="2%"), registered=LATER)
    assert "claim it: at_most: 1% -> 2%" in standing(campaign).lines


def test_another_sentence_for_the_same_claim_stays_confirmatory(campaign):
    plan = campaign.plan(claim())
    campaign.method(plan=plan)
    campaign.plan(claim(id="other", say="in other words", mode="compute", against="cross_entropy"),
                  registered=LATER)  # fmt: skip
    assert standing(campaign).confirmatory


def test_what_the_campaign_changed_since_is_listed_beside_a_confirmatory_claim(campaign):
    plan = campaign.plan(claim(), overhead={"baseline": "cross_entropy", "alpha": 0.05})
    campaign.method(plan=plan)
    campaign.plan(claim(), registered=LATER, overhead={"baseline": "cross_entropy", "alpha": 0.1})
    assert standing(campaign).lines[1:] == ("changed since: overhead.alpha: 0.05 -> 0.1",)


def test_data_whose_plan_is_gone_are_exploratory(campaign):
    campaign.plan(claim())
    campaign.method()
    assert standing(campaign).lines == ("the plan 000000000000 of the data is not there any more",)


@pytest.mark.parametrize(("registered", "confirmatory"), [("2026-11-25T10", True), (LATER, False)])
def test_trials_are_confirmatory_if_the_claim_is_older_than_all_of_them(
    campaign, registered, confirmatory
):
    campaign.plan(claim("test_top1", no_worse_by="0.5pp"), registered=registered)
    campaign.trials(cross_entropy={"test_top1": (0.9, 0.8)}, ras_kd={"test_top1": (0.9, 0.8)})
    assert standing(campaign).confirmatory is confirmatory


def test_a_claim_that_was_registered_again_keeps_its_first_date(campaign):
    own = claim("test_top1", no_worse_by="0.5pp")
    campaign.plan(own)
    campaign.trials(cross_entropy={"test_top1": (0.9, 0.8)}, ras_kd={"test_top1": (0.9, 0.8)})
    campaign.plan(own, claim(id="more"), registered=LATER)
    found = judged_claims(find_campaigns([campaign.results])[0])
    assert found[0].cells[0].standing.confirmatory


def test_seeds_that_were_added_after_the_first_trials_make_a_claim_exploratory(campaign):
    accuracy = claim("test_top1", no_worse_by="0.5pp")
    campaign.plan(accuracy, seeds=(0, 1))
    campaign.trials(cross_entropy={"test_top1": (0.9, 0.91, 0.92)},
                    ras_kd={"test_top1": (0.9, 0.91, 0.92)})  # fmt: skip
    campaign.plan(accuracy, seeds=(0, 1, 2), registered=LATER)
    found = standing(campaign)
    assert not found.confirmatory
    assert "changed since: seeds: [0, 1] -> [0, 1, 2]" in found.lines
