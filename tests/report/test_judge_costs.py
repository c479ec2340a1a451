"""Claims on memory, energy and counts: metered or counted, never guessed."""

import pytest

from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.claims import judged_claims

CUDA = {"cpu": "AMD EPYC", "cores": 2, "device": "cuda", "gpu": "NVIDIA H100", "versions": {}}


def claim(metric="step_time", **changes):
    bound = {} if {"no_worse_by", "better_by"} & changes.keys() else {"at_most": "2%"}
    return {"id": "it", "say": "said", "method": "ras_kd", "metric": metric} | bound | changes


def cell(campaign):
    found = judged_claims(find_campaigns([campaign.results])[0])
    assert [len(claim.cells) for claim in found] == [1]
    return found[0].cells[0]


def energy(arm, block, joules, steps=10):
    return {"kind": "pass", "measure": "energy", "arm": arm, "block": block, "steps": steps,
            "joules": joules}  # fmt: skip


def around(mean, spread=0.001):
    return (mean - spread, mean, mean + spread)


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
    campaign.same(plan=plan, machine=CUDA)
    campaign.method(plan=plan, machine=CUDA, extra=tuple(passes))
    found = cell(campaign)
    assert found.verdict == "supported"
    assert found.found.value == pytest.approx(0.0297, abs=1e-4)
    assert found.found.basis == "3 pairs, conditional on this layout of the processes"


def test_energy_of_an_instrument_whose_control_failed_is_invalid(campaign):
    plan = campaign.plan(claim("energy", at_most="5%"))
    passes = [energy(arm, block, 100) for block in range(3) for arm in ("baseline", "method")]
    campaign.same(around(0.05), plan=plan, machine=CUDA)
    campaign.method(plan=plan, machine=CUDA, extra=tuple(passes))
    assert cell(campaign).verdict == "invalid"


def test_an_energy_pass_that_was_taken_again_stands_alone(campaign):
    plan = campaign.plan(claim("energy", at_most="5%"))
    cut = [energy("baseline", 0, 300), energy("method", 0, 100), energy("baseline", 1, 300)]
    again = [energy(arm, block, 100 + block) for block in range(3)
             for arm in ("baseline", "method")]  # fmt: skip
    campaign.same(plan=plan, machine=CUDA)
    campaign.method(plan=plan, machine=CUDA, extra=(*cut, *again))
    assert cell(campaign).found.value == pytest.approx(0.0)


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
