"""From evidence to verdicts: each metric, each way in which evidence can be missing or spoilt.

Log ratios of three restarts are m - s, m, m + s: the 90 % interval is m +- 1.685854 s
(Student's t with 2 degrees of freedom, 2.919986, by the square root of 3).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.claims import claim_findings, judged_claims
from raskd_bench.report.findings import OUTCOMES
from raskd_bench.report.missing import detectable
from raskd_bench.report.verdicts import Answer, combined
from raskd_bench.stats import required_seeds

CUDA = {"cpu": "AMD EPYC", "cores": 2, "device": "cuda", "gpu": "NVIDIA H100", "versions": {}}
LATER = "2026-11-25T12:00:00+00:00"
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


def energy(arm, block, joules, steps=10):
    return {"kind": "pass", "measure": "energy", "arm": arm, "block": block, "steps": steps,
            "joules": joules}  # fmt: skip


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
        "if the overhead stays at +1.5 %, about 8 restarts decide it (3 are there)"
    )


def test_a_time_that_was_interrupted_says_so(campaign):
    plan = campaign.plan(claim())
    campaign.same(plan=plan)
    campaign.method(ratios=(0.0, 0.001), plan=plan, ended=None)
    assert cell(campaign).reasons[:2] == (
        "it was interrupted: the same command of 'raskd-bench run' continues it",
        "2 restarts of the 3 before the first look",
    )


def test_host_memory_is_metered_by_passes_of_both_sides(campaign):
    plan = campaign.plan(claim("peak_host", at_most="1%"))
    campaign.same(plan=plan, extra=(campaign.memory("baseline", host_bytes=1000),))
    campaign.method(plan=plan, extra=(campaign.memory("method", host_bytes=1010),))
    found = cell(campaign)
    assert (found.verdict, found.found.value) == ("supported", pytest.approx(0.01))


@pytest.mark.parametrize(
    ("readings", "verdict"),
    [((1011, 1012), "refuted"), ((1005, 1011), "inconclusive"), ((1005, 1010), "supported")],
)
def test_memory_that_was_metered_twice_is_judged_by_both_readings(campaign, readings, verdict):
    plan = campaign.plan(claim("peak_host", at_most="1%"))
    campaign.same(plan=plan, extra=(campaign.memory("baseline", host_bytes=1000),))
    passes = [campaign.memory("method", host_bytes=value) for value in readings]
    campaign.method(plan=plan, extra=tuple(passes))
    assert cell(campaign).verdict == verdict


def test_memory_does_not_depend_on_the_controls_of_time(campaign):
    plan = campaign.plan(claim("peak_host"))
    campaign.same(around(0.05), plan=plan, extra=(campaign.memory("baseline"),))
    campaign.method(plan=plan, extra=(campaign.memory("method"),))
    assert cell(campaign).verdict == "supported"


def test_memory_of_one_side_only_is_not_measured(campaign):
    plan = campaign.plan(claim("peak_host"))
    campaign.method(plan=plan, extra=(campaign.memory("method"),))
    assert cell(campaign).verdict == "not measured"


def test_memory_whose_pass_failed_is_invalid(campaign):
    plan = campaign.plan(claim("peak_host"))
    failed = {"kind": "pass", "measure": "memory", "arm": "method", "status": "out_of_memory",
              "error": "no room"}  # fmt: skip
    campaign.same(plan=plan, extra=(campaign.memory("baseline"),))
    campaign.method(plan=plan, extra=(failed,))
    found = cell(campaign)
    assert (found.verdict, found.reasons) == (
        "invalid", ("memory of the method arm: out_of_memory: no room",)
    )  # fmt: skip


def test_memory_metered_in_different_ways_is_invalid(campaign):
    plan = campaign.plan(claim("peak_host"))
    campaign.same(plan=plan, extra=(campaign.memory("baseline", source="current resident set"),))
    campaign.method(plan=plan, extra=(campaign.memory("method"),))
    assert cell(campaign).verdict == "invalid"


def test_allocated_memory_is_the_allocators_on_a_gpu(campaign):
    plan = campaign.plan(claim("peak_allocated", at_most="1%"))
    base = campaign.memory("baseline", allocated_bytes=1000)
    own = campaign.memory("method", allocated_bytes=1020)
    campaign.same(plan=plan, machine=CUDA, extra=(base,))
    campaign.method(plan=plan, machine=CUDA, extra=(own,))
    assert cell(campaign).verdict == "refuted"


def test_allocated_memory_is_counted_on_a_cpu_and_said_to_be(campaign):
    plan = campaign.plan(claim("peak_allocated", at_most="1%"))
    campaign.method(plan=plan)
    campaign.count(cross_entropy={"peak_live_bytes": 1000}, ras_kd={"peak_live_bytes": 1010})
    found = cell(campaign)
    assert found.verdict == "supported"
    assert "counted, torch 2.15.0: live tensors" in found.found.basis


def test_allocated_memory_without_a_campaign_is_not_guessed_from_counts(campaign):
    campaign.plan(claim("peak_allocated", at_most="1%"))
    campaign.count(cross_entropy={}, ras_kd={})
    assert cell(campaign).verdict == "not measured"


def test_energy_is_judged_by_pairs_of_blocks(campaign):
    plan = campaign.plan(claim("energy", at_most="5%"))
    passes = [energy(arm, block, joules) for block in range(3)
              for arm, joules in (("baseline", 100 + block), ("method", 103 + block))]  # fmt: skip
    campaign.method(plan=plan, machine=CUDA, extra=tuple(passes))
    found = cell(campaign)
    assert found.verdict == "supported"
    assert found.found.value == pytest.approx(0.0297, abs=1e-4)
    assert found.found.basis == "3 pairs"


def test_energy_without_a_counter_is_not_measured(campaign):
    campaign.method(plan=campaign.plan(claim("energy")))
    found = cell(campaign)
    assert (found.verdict, found.reasons) == (
        "not measured", ("no energy counter on this device",)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("after", "at_most", "verdict"),
    [
        (1001, "0.1%", "supported"),
        (1002, "0.1%", "refuted"),
        (1003, 3, "supported"),
        (1003, 2, "refuted"),
        (1000, 0, "supported"),
        (900, "1%", "supported"),
    ],
)
def test_counts_are_judged_to_the_last_digit(campaign, after, at_most, verdict):
    campaign.plan(claim("copies", at_most=at_most))
    campaign.count(cross_entropy={"copies": 1000}, ras_kd={"copies": after})
    found = cell(campaign)
    assert (found.verdict, found.standing) == (verdict, None)


def test_a_share_of_nothing_is_nothing(campaign):
    campaign.plan(claim("copies", at_most="50%"))
    campaign.count(cross_entropy={"copies": 0}, ras_kd={"copies": 1})
    assert cell(campaign).verdict == "refuted"


def test_flops_of_a_step_are_those_of_matrix_products(campaign):
    campaign.plan(claim("step_flops", at_most="1%"))
    campaign.count(cross_entropy={}, ras_kd={"matmul_flops_backward": 103})
    found = cell(campaign)
    assert (found.verdict, found.found.value) == ("refuted", pytest.approx(0.015))


def test_operations_of_unknown_flops_are_named(campaign):
    campaign.plan(claim("elementwise_flops"))
    campaign.count(cross_entropy={}, ras_kd={"unknown": ["aten.erf"]})
    assert cell(campaign).reasons == ("not counted, as their FLOPs are not known: aten.erf",)


def test_counts_of_other_code_do_not_count(campaign):
    campaign.plan(claim("copies"), digests={"ras_kd": "new"})
    campaign.count(cross_entropy={}, ras_kd={})
    assert cell(campaign).verdict == "not measured"


def test_flops_of_a_training_are_from_records(campaign):
    campaign.plan(claim("train_flops", at_most="1%"))
    campaign.trials(
        cross_entropy={"train_flops": (1000, 1000)}, ras_kd={"train_flops": (1010, 1010)}
    )
    found = cell(campaign)
    assert (found.verdict, found.found.confidence) == ("supported", None)


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
    """Differences 0, 0.001, 0.002: mean 0.001, 90 % interval +-0.0016859."""
    campaign.plan(claim("test_top1", **bound))
    campaign.trials(cross_entropy={"test_top1": (0.90, 0.80, 0.70)},
                    ras_kd={"test_top1": (0.90, 0.801, 0.702)})  # fmt: skip
    found = cell(campaign)
    assert found.found.low == pytest.approx(0.001 - 0.00168585, rel=1e-4)
    assert found.verdict == verdict


def test_less_of_an_error_is_better_and_the_number_keeps_its_direction(campaign):
    campaign.plan(claim("test_nll", better_by=0.05))
    campaign.trials(
        cross_entropy={"test_nll": (0.3, 0.4, 0.5)}, ras_kd={"test_nll": (0.2, 0.3, 0.401)}
    )
    found = cell(campaign)
    assert found.verdict == "supported"
    assert found.found.value == pytest.approx(-0.0996667, rel=1e-5)
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
        "inconclusive", ("1 common seed: an interval needs two",)
    )  # fmt: skip


def test_seeds_that_are_missing_to_decide_are_counted(campaign):
    campaign.plan(claim("test_top1", no_worse_by="0.3pp"))
    campaign.trials(cross_entropy={"test_top1": (0.9, 0.9, 0.9)},
                    ras_kd={"test_top1": (0.897, 0.9, 0.903)})  # fmt: skip
    found = cell(campaign)
    assert found.verdict == "inconclusive"
    needed = required_seeds(0.003, 0.003, 0.05, 0.9)
    assert found.reasons[1] == (
        f"if the difference stays at +0 pp, about {needed} seeds decide it (3 are there)"
    )


def test_seeds_of_one_side_are_left_out_and_said(campaign):
    campaign.plan(claim("test_top1", no_worse_by="0.5pp"))
    campaign.trials(cross_entropy={"test_top1": (0.9, 0.8)}, ras_kd={"test_top1": (0.9, 0.8, 0.7)})
    assert cell(campaign).reasons == ("seeds that one side lacks are left out: 2",)


def test_trials_of_another_recipe_are_left_out_and_said(campaign):
    campaign.plan(claim("test_top1", no_worse_by="0.5pp"))
    campaign.trials(cross_entropy={"test_top1": (0.9, 0.8)}, ras_kd={"test_top1": (0.9, 0.8)})
    old = campaign.trial("ras_kd", 7, cell="cell-0", started="2026-11-24T11:00:00+00:00")
    found = cell(campaign)
    assert found.reasons == ("1 trial under another recipe or budget left out",)
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
