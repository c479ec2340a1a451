"""Sentences that can stand in a paper: what, where, by how much, how sure, and what follows."""

import pytest

from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.claims import claim_findings, judged_claims
from raskd_bench.report.sentences import exact_percent, sentence, what_is_claimed
from raskd_bench.report.wording import percent, spread
from raskd_bench.spec.claims import Claim

TIME = {"id": "time", "say": "RAS-KD adds no relevant time", "method": "ras_kd",
        "metric": "step_time", "at_most": "+2%"}  # fmt: skip
SECOND = {"data": "digits", "student": "resnet20", "batch_size": 64, "precision": "fp32",
          "compile": True}  # fmt: skip


def only(campaign):
    return sentence(judged_claims(find_campaigns([campaign.results])[0])[0])


def test_a_supported_time_reads_like_a_result(campaign):
    plan = campaign.plan(TIME)
    campaign.same(plan=plan)
    campaign.method(ratios=(0.007, 0.008, 0.009), plan=plan)
    assert only(campaign) == (
        "ras_kd changed the training step time on resnet8 (digits, batch 64, fp32, compute mode, "
        "AMD EPYC, 2 cores) by +0.80 % (90 % interval +0.63 to +0.97 %; 3 restarts, 12 pairs) "
        "against cross_entropy; an overhead within 2 % is supported (TOST, alpha 0.05)."
    )


def test_the_interval_names_the_confidence_that_it_has(campaign):
    """Alpha of the first of two looks is 0.05 log(1 + (e - 1) 3/5) = 0.0354: 92.9 %."""
    plan = campaign.plan(TIME)
    campaign.same(plan=plan)
    campaign.method(plan=plan, rules={"looks": [3, 5]})
    assert "(92.9 % interval " in only(campaign)


def test_a_method_that_is_faster_is_audited(campaign):
    plan = campaign.plan(TIME)
    campaign.same(plan=plan)
    campaign.method(ratios=(-0.101, -0.1, -0.099), plan=plan)
    assert only(campaign).endswith(
        "it is faster by more than 2 % (TOST, alpha 0.05); audit: is the method doing its work?"
    )


def test_invalid_evidence_is_said_with_its_reason(campaign):
    campaign.method(plan=campaign.plan(TIME))
    assert only(campaign).endswith("; the evidence is invalid: no A/A comparison.")


def test_evidence_without_a_single_usable_pair_has_a_sentence_without_numbers(campaign):
    plan = campaign.plan(TIME)
    campaign.same(plan=plan)
    path = campaign.method(plan=plan)
    path.write_text(
        path.read_text().replace('"cpu_seconds"', '"foreign_cores": 2.0, "cpu_seconds"')
    )
    assert only(campaign) == (
        "the training step time of ras_kd on resnet8 (digits, batch 64, fp32, compute mode, "
        "AMD EPYC, 2 cores) cannot be judged: 12 of 12 pairs were disturbed (other work took 2.00 "
        "cores); nothing was timed."
    )


def test_what_was_not_measured_has_a_sentence_without_numbers(campaign):
    campaign.plan(TIME | {"metric": "test_top1", "at_most": None, "no_worse_by": "0.5pp"})
    assert only(campaign) == (
        "the top-1 accuracy of ras_kd on digits, resnet8, 64, fp32 was not measured: "
        "no Records of this cell; 'raskd-bench run' makes them."
    )


def test_an_accuracy_is_told_in_points(campaign):
    own = {"id": "a", "say": "s", "method": "ras_kd", "metric": "test_top1", "no_worse_by": "0.5pp"}
    campaign.plan(own)
    campaign.trials(cross_entropy={"test_top1": (0.9, 0.8, 0.7, 0.6, 0.5)},
                    ras_kd={"test_top1": (0.899, 0.8, 0.701, 0.602, 0.503)})  # fmt: skip
    assert only(campaign) == (
        "ras_kd changed the top-1 accuracy on resnet8 (digits, batch 64, fp32, AMD EPYC, 2 cores) "
        "by +0.10 pp (90 % interval -0.05 to +0.25 pp; 5 seeds alone: older Record without "
        "outcomes) against cross_entropy; "
        "a loss of less than 0.5 pp is supported (non-inferiority, alpha 0.05)."
    )


def test_a_count_is_told_from_what_to_what_without_an_interval(campaign):
    campaign.plan(TIME | {"metric": "bytes_read", "at_most": "0.1%"})
    campaign.count(cross_entropy={"bytes_read": 1_000_000}, ras_kd={"bytes_read": 1_000_213})
    assert only(campaign) == (
        "ras_kd changed the bytes read on resnet8 (digits, batch 64, fp32) by +0.021 % "
        "(1,000,000 -> 1,000,213, counted, torch 2.15.0) against cross_entropy; "
        "an increase of at most 0.1 % is supported (exact)."
    )


def test_memory_is_told_as_metered(campaign):
    plan = campaign.plan(TIME | {"metric": "peak_host", "at_most": "1%"})
    campaign.same(plan=plan, extra=(campaign.memory("baseline"),))
    campaign.method(plan=plan, extra=(campaign.memory("method", host_bytes=102 * 2**20),))
    assert "by +2 % (100 MiB -> 102 MiB, metered) against cross_entropy; " in only(campaign)
    assert only(campaign).endswith("an increase of at most 1 % is refuted.")


@pytest.mark.parametrize(
    ("second", "ending"),
    [(0.001, "; so in all 2 cells, of which this is the worst."),
     (0.05, "; so in 1 of 2 cells, and the claim is about all of them.")],
)  # fmt: skip
def test_several_cells_are_told_by_the_one_that_decides(campaign, second, ending):
    campaign.cells = [campaign.cells[0], SECOND]
    plan = campaign.plan(TIME)
    for cell, mean in zip(campaign.cells, (0.008, second), strict=True):
        campaign.same(plan=plan, cell=cell)
        campaign.method(ratios=(mean - 0.001, mean, mean + 0.001), plan=plan, cell=cell)
    assert only(campaign).endswith(ending)
    assert ("resnet20 (digits, batch 64, fp32, compiled," in only(campaign)) == (second > 0.02)


@pytest.mark.parametrize(
    ("metric", "bound", "words"),
    [
        ("step_time", {"at_most": "+2 %"}, "an overhead within 2 %"),
        ("energy", {"at_most": "0.5%"}, "an overhead within 0.5 %"),
        ("peak_host", {"at_most": "+1%"}, "an increase of at most 1 %"),
        ("copies", {"at_most": 3}, "an increase of at most 3"),
        ("copies", {"at_most": 0}, "no increase"),
        ("test_top1", {"no_worse_by": "0.5pp"}, "a loss of less than 0.5 pp"),
        ("test_nll", {"no_worse_by": 0.01}, "a loss of less than 0.01"),
        ("test_top1", {"better_by": "0.3pp"}, "a gain of more than 0.3 pp"),
        ("test_top1", {"better_by": "0pp"}, "a gain"),
    ],
)
def test_a_bound_is_told_in_words(metric, bound, words):
    claim = Claim(id="x", say="s", method="ras_kd", metric=metric, **bound)
    assert what_is_claimed(claim) == words


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0 %"), (0.000213, "+0.021 %"), (-0.15, "-15 %"), (1e-9, "+1e-07 %")]
)
def test_a_share_that_is_exact_has_two_digits_however_small(value, text):
    assert exact_percent(value) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((0.02, 0.009, 0.031, 0.9), "+2.0 % (90 % interval +0.9 to +3.1 %)"),
        ((0.5, 0.1, 0.9, 0.95), "+50 % (95 % interval +10 to +90 %)"),
        ((0.02, float("nan"), float("nan"), 0.9), "+2 % (no interval)"),
    ],
)
def test_digits_of_a_change_follow_its_interval(values, text):
    assert spread(*values) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.02, "2 %"), (0.005, "0.5 %"), (12.5, "1250 %"), (0.123456, "12.3 %")]
)
def test_a_declared_share_is_told_as_it_was_declared(value, text):
    assert percent(value, "") == text


@pytest.fixture
def two_claims(campaign):
    plan = campaign.plan(TIME, TIME | {"id": "again", "at_most": "1%"})
    campaign.same(plan=plan)
    path = campaign.method(plan=plan)
    return claim_findings([campaign.results]), path


def test_a_footnote_stands_below_the_first_claim_of_its_method_only(two_claims):
    findings, _ = two_claims
    note = "ras_kd: reconstruction from the abstract"
    assert [note in finding.detail for finding in findings] == [True, False]


def test_a_finding_tells_claim_standing_and_evidence(two_claims):
    findings, path = two_claims
    detail = findings[0].detail
    assert (findings[0].name, findings[0].verdict) == ("tiny: time", "supported")
    assert detail[0] == "claim: RAS-KD adds no relevant time"
    assert any(line.startswith("confirmatory: plan ") for line in detail)
    assert detail[-1] == f"evidence: {path.parent}: {path.name}, compute-aa.jsonl"
    assert findings[0].seconds == 6.0


def test_a_time_that_is_invalid_sends_to_the_doctor_and_a_diverged_trial_does_not(campaign):
    top1 = TIME | {"id": "a", "metric": "test_top1", "at_most": None, "no_worse_by": "0.5pp"}
    campaign.method(plan=campaign.plan(TIME, top1))
    campaign.trials(cross_entropy={"test_top1": (0.9, 0.9)}, ras_kd={"test_top1": (0.9, None)})
    found = claim_findings([campaign.results])
    assert [finding.verdict for finding in found] == ["invalid", "invalid"]
    assert ["doctor" in finding.remedy for finding in found] == [True, False]


def test_a_finding_tells_each_of_several_cells_in_short(campaign):
    campaign.cells = [campaign.cells[0], SECOND]
    plan = campaign.plan(TIME)
    campaign.same(plan=plan)
    campaign.method(plan=plan)
    detail = claim_findings([campaign.results])[0].detail
    assert detail[1] == (
        "in 2 cells, supported if each is at the claim's level (intersection-union test), "
        "refuted if one is at 1/2 of it:"
    )
    assert detail[2] == (
        "  supported: resnet8 (digits, batch 64, fp32, compute mode, AMD EPYC, 2 cores): "
        "+0.00 % (90 % interval -0.17 to +0.17 %; 3 restarts, 12 pairs)"
    )
    assert detail[3].startswith("  not measured: digits, resnet20, 64, fp32: compute mode, no ")


def test_a_finding_tells_what_was_lost_of_its_evidence(campaign):
    plan = campaign.plan(TIME)
    campaign.same(plan=plan)
    path = campaign.method(plan=plan)
    path.write_text(path.read_text() + "{torn\n")
    detail = claim_findings([campaign.results])[0].detail
    assert f"{path}: 1 damaged line was left out; 12 intact pairs count" in detail


def test_a_finding_without_evidence_tells_which_files_are_damaged(campaign):
    plan = campaign.plan(TIME)
    path = campaign.method(plan=plan)
    path.write_text("torn")
    finding = claim_findings([campaign.results])[0]
    assert finding.verdict == "not measured"
    assert any(str(path) in line for line in finding.detail)
    assert finding.remedy == "measure it with: raskd-bench run SUITE"
