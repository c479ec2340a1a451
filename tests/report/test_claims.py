"""From times to verdicts, and from cells to claims.

Log ratios of three restarts are m - s, m, m + s: the 90 % interval is m +- 1.685854 s
(Student's t with 2 degrees of freedom, 2.919986, by the square root of 3).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.claims import claim_findings, judged_claims
from raskd_bench.report.findings import OUTCOMES
from raskd_bench.report.verdicts import Answer, combined

OTHER_CELL = {"data": "digits", "student": "resnet20", "batch_size": 64, "precision": "fp32",
              "compile": False}  # fmt: skip


def claim(metric="step_time", **changes):
    bound = {} if {"no_worse_by", "better_by"} & changes.keys() else {"at_most": "2%"}
    return {"id": "it", "say": "said", "method": "ras_kd", "metric": metric} | bound | changes


def judged(campaign):
    found = judged_claims(find_campaigns([campaign.results])[0])
    assert len(found) == 1
    return found[0]


def cell(campaign):
    found = judged(campaign)
    assert len(found.cells) == 1
    return found.cells[0]


def around(mean, spread=0.001):
    return (mean - spread, mean, mean + spread)


@pytest.mark.parametrize(
    ("mean", "spread", "verdict"),
    [
        (0.005, 0.001, "supported"),
        (-0.005, 0.001, "supported"),
        (0.03, 0.001, "refuted"),
        (-0.03, 0.001, "faster-than-margin"),
        (0.02, 0.001, "inconclusive"),
    ],
)
def test_a_step_time_is_judged_at_the_claims_margin(campaign, mean, spread, verdict):
    plan = campaign.plan(claim())
    campaign.same(plan=plan)
    campaign.method(ratios=around(mean, spread), plan=plan)
    found = cell(campaign)
    assert found.verdict == verdict
    assert found.found.low == pytest.approx(mean - 1.685854 * spread, abs=6e-4)


def test_the_claims_margin_counts_not_the_campaigns(campaign):
    plan = campaign.plan(claim(at_most="0.4%"))
    campaign.same(plan=plan)
    campaign.method(ratios=around(0.01), plan=plan)
    assert cell(campaign).verdict == "refuted"


def test_the_mode_of_a_claim_chooses_its_comparison(campaign):
    plan = campaign.plan(claim(mode="end_to_end"))
    for mode, mean in (("compute", 0.03), ("end_to_end", 0.0)):
        campaign.same(plan=plan, mode=mode)
        campaign.method(ratios=around(mean), plan=plan, mode=mode)
    assert cell(campaign).verdict == "supported"


def test_without_equal_arms_a_time_is_invalid(campaign):
    campaign.method(plan=campaign.plan(claim()))
    found = cell(campaign)
    assert (found.verdict, found.reasons) == ("invalid", ("no A/A comparison",))


def test_a_method_that_died_is_invalid_with_the_reason(campaign):
    plan = campaign.plan(claim())
    campaign.same(plan=plan)
    died = {"kind": "failure", "restart": 3, "arm": "method", "status": "out_of_memory",
            "error": "no room"}  # fmt: skip
    campaign.method(plan=plan, extra=(died,))
    found = cell(campaign)
    assert found.verdict == "invalid"
    assert found.reasons == ("method arm: out_of_memory: no room",)


def test_what_was_not_timed_is_not_measured(campaign):
    campaign.plan(claim())
    found = cell(campaign)
    assert found.verdict == "not measured"
    assert found.reasons[0].startswith("compute mode, no comparison with cross_entropy")


def test_what_was_only_started_is_not_measured(campaign):
    plan = campaign.plan(claim())
    campaign.method(ratios=(), plan=plan, ended=None)
    assert cell(campaign).reasons[0].startswith("started and not timed yet")


@pytest.mark.parametrize("change", [{"method_digest": "old"}, {"hparams": {"epsilon": 0.2}},
                                    {"baseline_digest": "old"}])  # fmt: skip
def test_times_of_other_code_or_settings_do_not_count(campaign, change):
    plan = campaign.plan(claim())
    campaign.same(plan=plan)
    campaign.method(plan=plan, **change)
    found = cell(campaign)
    assert found.verdict == "not measured"
    assert "changed since it was timed" in found.reasons[0]


def test_a_time_that_is_not_decided_says_what_would_decide_it(campaign):
    plan = campaign.plan(claim())
    campaign.same(plan=plan)
    campaign.method(ratios=around(0.015, 0.004), plan=plan)
    reasons = cell(campaign).reasons
    assert reasons[0] == "3 restarts decide a margin of 1.3 % with power 0.9"
    assert reasons[1] == (
        "if the overhead stays at +1.5 %, about 8 restarts decide it (3 are there; "
        "a comparison that has ended is not continued: raise looks or max_seconds and run with "
        "--fresh)"
    )


def test_a_time_that_was_interrupted_says_so(campaign):
    plan = campaign.plan(claim())
    campaign.same(plan=plan)
    campaign.method(ratios=(0.0, 0.001), plan=plan, ended=None)
    assert cell(campaign).reasons[:2] == (
        "it was interrupted: the same command of 'raskd-bench run' continues it",
        "2 restarts of the 3 before the first look",
    )


def test_a_claim_without_where_is_about_every_cell(campaign):
    campaign.cells = [campaign.cells[0], OTHER_CELL]
    plan = campaign.plan(claim())
    for cell, mean in zip(campaign.cells, (0.0, 0.03), strict=True):
        campaign.same(plan=plan, cell=cell)
        campaign.method(ratios=around(mean), plan=plan, cell=cell)
    found = judged(campaign)
    assert [cell.verdict for cell in found.cells] == ["supported", "refuted"]
    assert (found.verdict, found.deciding.case.cell) == ("refuted", OTHER_CELL)


def test_where_restricts_a_claim_to_its_cells(campaign):
    campaign.cells = [campaign.cells[0], OTHER_CELL]
    campaign.plan(claim("copies", where={"student": "resnet20"}))
    assert [cell.case.cell for cell in judged(campaign).cells] == [OTHER_CELL]


def test_the_worst_of_supported_cells_speaks_for_all(campaign):
    campaign.cells = [campaign.cells[0], OTHER_CELL]
    plan = campaign.plan(claim())
    for cell, mean in zip(campaign.cells, (0.008, 0.001), strict=True):
        campaign.same(plan=plan, cell=cell)
        campaign.method(ratios=around(mean), plan=plan, cell=cell)
    assert judged(campaign).deciding.case.cell == campaign.cells[0]


@given(st.lists(st.sampled_from(Answer), min_size=1))
def test_a_further_cell_never_makes_a_claim_better(answers):
    order = [*(answer.value for answer in (Answer.refuted, Answer.invalid, Answer.faster,
               Answer.unmeasured, Answer.inconclusive, Answer.supported))]  # fmt: skip
    verdicts = [order.index(combined(answers[: k + 1])) for k in range(len(answers))]
    assert verdicts == sorted(verdicts, reverse=True)
    assert verdicts[-1] == min(order.index(answer) for answer in answers)


def test_every_answer_has_an_outcome_for_a_build():
    assert {answer.value for answer in Answer} <= OUTCOMES.keys()


def test_a_claim_that_names_no_other_side_is_about_the_campaigns_baseline(campaign):
    plan = campaign.plan(claim(), overhead={"baseline": None})
    campaign.method(plan=plan, baseline="label_smoothing", baseline_method="label_smoothing",
                    baseline_digest="digest-of-label_smoothing")  # fmt: skip
    assert cell(campaign).case.against == "label_smoothing"


def test_a_suite_without_campaign_has_claims_on_accuracy_and_counts(campaign):
    campaign.plan(claim("copies"), overhead={})
    campaign.count(cross_entropy={}, ras_kd={})
    assert [f.verdict for f in claim_findings([campaign.results])] == ["supported"]


def test_a_plan_that_was_changed_is_an_invalid_finding(campaign):
    campaign.plan(claim())
    path = next(campaign.folder.glob("plan-*.json"))
    path.write_text(path.read_text().replace('"2%"', '"9%"'))
    found = claim_findings([campaign.results])
    assert [(f.name, f.verdict) for f in found] == [("tiny: plan", "invalid")]


def test_a_claim_that_another_version_wrote_is_an_invalid_finding(campaign):
    campaign.plan(claim(metric="beauty"))
    found = claim_findings([campaign.results])
    assert [(f.name, f.verdict) for f in found] == [("tiny: plan", "invalid")]
    assert "no metric is called 'beauty'" in found[0].sentence


def test_no_campaign_has_no_findings(tmp_path):
    assert claim_findings([tmp_path]) == []


def test_cells_whose_data_sets_share_a_name_are_judged_on_their_own_evidence(tmp_path, campaign):
    recipes = ({"data": {"name": "synthetic", "classes": 5}},
               {"data": {"name": "synthetic", "classes": 6}})  # fmt: skip
    campaign.cells = [campaign.cells[0]] * 2
    plan = campaign.plan(claim(), conditions=recipes)
    for number, (recipe, ratio) in enumerate(zip(recipes, (0.3, 0.0), strict=True)):
        for name, label, role, value in (("aa", "cross_entropy", "a/a", 0.0),
                                         ("ras_kd", "ras_kd", "method", ratio)):  # fmt: skip
            campaign.comparison(f"compute-{name}-{number}", (value - 0.001, value, value + 0.001),
                                label=label, role=role, plan=plan, conditions=recipe)  # fmt: skip
    (verdict,) = judged_claims(find_campaigns([campaign.results])[0])
    assert [cell.verdict.value for cell in verdict.cells] == ["refuted", "supported"]
    assert verdict.verdict == "refuted"


def test_a_margin_stricter_than_the_suites_wants_a_control_that_is_as_strict(campaign):
    plan = campaign.plan(claim(at_most="0.5%"))
    campaign.same((0.009, 0.010, 0.011), plan=plan)
    campaign.method("ras_kd", (0.019, 0.020, 0.021), plan=plan)
    (verdict,) = judged_claims(find_campaigns([campaign.results])[0])
    (cell,) = verdict.cells
    assert cell.verdict == "invalid"
    assert cell.reasons == ("A/A is not shown to be equivalent within this claim's 0.5 %",)


def test_going_back_to_an_earlier_plan_goes_back_to_its_claims(campaign):
    first = campaign.plan(claim(at_most="2%"))
    campaign.same(plan=first)
    campaign.method("ras_kd", (0.009, 0.010, 0.011), plan=first)
    campaign.plan(claim(at_most="0.1%"), registered="2026-11-25T12:00:00+00:00")
    (found,) = judged_claims(find_campaigns([campaign.results])[0])
    assert found.claim.amount.text == "0.1%"
    campaign.plan(claim(at_most="2%"))
    (found,) = judged_claims(find_campaigns([campaign.results])[0])
    assert found.claim.amount.text == "2%"
    assert found.verdict == "supported"
