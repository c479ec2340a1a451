"""Claims of one suite are decided as a family; several cells and members by rule."""

import json

import numpy as np
import pytest

from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.claims import claim_findings, judged_claims
from raskd_bench.report.family import in_family
from raskd_bench.report.sentences import sentence
from raskd_bench.stats import holm_adjusted, tost_p_value

OTHER_CELL = {"data": "digits", "student": "resnet20", "batch_size": 64, "precision": "fp32",
              "compile": False}  # fmt: skip


def claim(identity, method="ras_kd", metric="step_time", **changes):
    bound = changes if {"no_worse_by", "better_by", "better_than"} & changes.keys() else (
        {"at_most": "2%"} | changes)  # fmt: skip
    return {"id": identity, "say": "said", "method": method, "metric": metric} | bound


def rows(counts, size=2000):
    """Return hits [S, size]: of each seed as many as counted, the first ones."""
    return np.array([np.arange(size) < count for count in counts])


def around(mean, spread):
    return (mean - spread, mean, mean + spread)


def judged(campaign):
    return judged_claims(find_campaigns([campaign.results])[0])


def timed(campaign, ras_kd, label_smoothing, *more):
    plan = campaign.plan(claim("a"), claim("b", "label_smoothing"), *more)
    campaign.same(plan=plan)
    campaign.method(ratios=ras_kd, plan=plan)
    campaign.method("label_smoothing", ratios=label_smoothing, plan=plan)
    return judged(campaign)


def test_a_family_takes_what_holds_alone(campaign):
    """Each holds at 5 % alone; Holm asks the better one for 2.5 %, and neither has that."""
    ratios = around(0.005, 0.007)
    assert 0.025 < tost_p_value(ratios, 0.02) < 0.05
    found = timed(campaign, ratios, ratios)
    assert [verdict.verdict for verdict in found] == ["inconclusive", "inconclusive"]
    adjusted = 2 * tost_p_value(ratios, 0.02)
    assert found[0].family == f"family of 2 claims, Holm: adjusted p {adjusted:.2g}"


def test_one_that_holds_clearly_leaves_its_level_to_the_other(campaign):
    clear, weak = around(0.0, 0.001), around(0.005, 0.007)
    found = timed(campaign, clear, weak)
    assert [verdict.verdict for verdict in found] == ["supported", "supported"]
    values = [tost_p_value(clear, 0.02), tost_p_value(weak, 0.02)]
    assert [verdict.family.rpartition(" p ")[2] for verdict in found] == [
        f"{value:.2g}" for value in holm_adjusted(values)
    ]
    assert [verdict.cells[0].found.confidence for verdict in found] == pytest.approx([0.95, 0.9])


def test_what_is_refuted_is_controlled_as_well(campaign):
    ratios = around(0.035, 0.008)
    found = timed(campaign, ratios, ratios)
    assert [verdict.verdict for verdict in found] == ["inconclusive", "inconclusive"]
    assert timed(campaign, ratios, around(0.1, 0.001))[0].verdict == "refuted"


def test_counts_belong_to_no_family(campaign):
    plan = campaign.plan(claim("a"), claim("b", metric="copies"), claim("c", metric="bytes_read"))
    campaign.same(plan=plan)
    campaign.method(ratios=around(0.005, 0.007), plan=plan)
    campaign.count(cross_entropy={}, ras_kd={})
    found = judged(campaign)
    assert [verdict.verdict for verdict in found] == ["supported"] * 3
    assert {verdict.family for verdict in found} == {""}


def test_a_claim_that_was_not_measured_still_belongs_to_the_family(campaign):
    ratios = around(0.005, 0.007)
    found = timed(campaign, ratios, ratios, claim("c", mode="end_to_end"))
    assert [verdict.verdict for verdict in found] == ["inconclusive", "inconclusive",
                                                      "not measured"]  # fmt: skip
    assert found[0].family.startswith("family of 3 claims")


def test_one_claim_is_judged_at_the_full_alpha(campaign):
    plan = campaign.plan(claim("a"))
    campaign.same(plan=plan)
    campaign.method(ratios=around(0.005, 0.007), plan=plan)
    (found,) = judged(campaign)
    assert (found.verdict, found.cells[0].found.confidence) == ("supported", 0.9)


@pytest.mark.parametrize(("mean", "verdict"), [(0.035, "inconclusive"), (0.04, "refuted")])
def test_one_of_two_cells_refutes_at_half_the_level(campaign, mean, verdict):
    campaign.cells = [campaign.cells[0], OTHER_CELL]
    plan = campaign.plan(claim("a"))
    for cell, ratios in zip(campaign.cells, (around(0.0, 0.001), around(mean, 0.007)), strict=True):
        campaign.same(plan=plan, cell=cell)
        campaign.method(ratios=ratios, plan=plan, cell=cell)
    (found,) = judged(campaign)
    assert found.verdict == verdict
    assert [cell.verdict for cell in found.cells] == ["supported", verdict]
    assert found.cells[1].found.confidence == 0.95


def test_no_claim_is_no_family():
    assert in_family([], lambda case: None) == []


METHODS = ("cross_entropy", "label_smoothing", "kd", "ras_kd")


@pytest.fixture
def outperformed(campaign):
    """Return the verdict on RAS-KD, right on 1,500 of 2,000 pictures, for hits of others."""
    campaign.labels = METHODS

    def make(label_smoothing, kd, *claims):
        wanted = claim("a", metric="test_top1", better_than=["label_smoothing", "kd"])
        campaign.plan(*(claims or (wanted,)))
        ripple = np.arange(5)
        campaign.hits("ras_kd", rows(1500 + ripple))
        campaign.hits("label_smoothing", rows(label_smoothing + ripple))
        campaign.hits("kd", rows(kd + ripple))
        return judged(campaign)[0]

    return make


def test_all_members_must_be_outperformed(outperformed):
    found = outperformed(1400, 1420)
    assert found.verdict == "supported"
    assert sentence(found).startswith(
        "ras_kd outperforms 2 of 2 methods in top-1 accuracy on resnet8 (digits, batch 64, fp32, "
        "AMD EPYC, 2 cores): label_smoothing (+5.00 pp, +4."
    )
    assert sentence(found).endswith(
        "; that it outperforms all of them is supported (superiority, alpha 0.05)."
    )


def test_a_member_that_stands_in_the_way_is_named(outperformed):
    found = outperformed(1400, 1499)
    assert found.verdict == "inconclusive"
    text = sentence(found)
    assert text.startswith("ras_kd outperforms 1 of 2 methods")
    assert "; not decided against kd (+0.05 pp, " in text
    assert text.endswith(
        "that it outperforms all of them is not decided (superiority, alpha 0.05)."
    )


def test_a_member_that_is_better_refutes_at_its_part_of_alpha(outperformed):
    found = outperformed(1400, 1560)
    assert found.verdict == "refuted"
    assert "; outperformed by kd (-3.00 pp, " in sentence(found)
    assert found.cells[1].found.confidence == pytest.approx(0.95)


def test_a_member_without_records_leaves_the_claim_unmeasured(outperformed, campaign):
    campaign.labels = (*METHODS, "byot")
    wanted = claim("a", metric="test_top1", better_than=["label_smoothing", "kd", "byot"])
    found = outperformed(1400, 1400, wanted)
    assert found.verdict == "not measured"
    assert "; not measured against byot; " in sentence(found)


def test_each_member_is_a_line_below_the_finding(outperformed, campaign):
    outperformed(1400, 1499)
    (found,) = claim_findings([campaign.results])
    assert [line.partition(" on ")[0] for line in found.detail if line.startswith("  ")] == [
        "  supported: against label_smoothing", "  inconclusive: against kd",
    ]  # fmt: skip
    assert json.dumps(found.detail)
