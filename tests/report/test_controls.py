"""A/A and spikes: what they say of the instrument, and what follows for every verdict.

Three restarts of log ratios -0.001, 0, 0.001 have sd 0.001; Student's t with 2 degrees of freedom
is 2.919986 at 95 %, so the 90 % interval is +-2.919986 x 0.001 / sqrt 3 = +-0.00168585.
"""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raskd_bench.evidence import blocks
from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.controls import Spike, groups
from raskd_bench.stats import Estimate, smallest_margin

HALF = 2.919986 * 0.001 / math.sqrt(3)


def controls(campaign, mode="compute"):
    found = find_campaigns([campaign.results])[0].groups
    return next(group for group in found if group.header.mode == mode).controls


@pytest.fixture
def quiet(campaign):
    campaign.plan()
    campaign.same()
    return campaign


def test_equal_arms_that_come_out_equal_vouch_for_the_instrument(quiet):
    found = controls(quiet)
    assert found.fault is None
    assert found.noise == pytest.approx(math.expm1(HALF), rel=1e-5)
    assert found.lines()[0] == (
        "A/A: +0.00 % (90 % interval -0.17 to +0.17 %), 3 restarts, 12 pairs: equivalent within 2 %"
    )


def test_the_resolution_is_the_margin_that_the_last_look_decides(quiet):
    found = controls(quiet)
    assert found.resolves == pytest.approx(smallest_margin(0.001, 3, 0.05, 0.9), rel=1e-6)
    assert found.lines()[1] == (
        "noise floor 0.17 %; on this host the instrument resolves 0.31 % (with 3 restarts)"
    )


def test_one_quick_restart_resolves_by_its_pairs(campaign):
    campaign.plan()
    lines = [campaign.head(label="cross_entropy", role="a/a", rules=quick_rules())]
    lines.append(campaign.restart(0, 0.0, 0)[0])
    for pair, ratio in enumerate((-0.001, 0.0, 0.001)):
        lines += blocks_of(pair, ratio)
    campaign.write("compute-aa", lines)
    found = controls(campaign)
    assert found.fault is None
    assert found.restarts == 1
    assert found.resolves == pytest.approx(smallest_margin(0.001, 3, 0.05, 0.9), rel=1e-6)


def quick_rules():
    return {"margins": [0.02], "alpha": 0.05, "power": 0.9, "looks": [1], "pairs": 3,
            "max_seconds": 60.0, "in_process": False}  # fmt: skip


def blocks_of(pair, ratio):
    shared = {"kind": "block", "restart": 0, "pair": pair, "steps": 10, "cpu_seconds": 0.1}
    yield shared | {"order": 0, "arm": "baseline", "seconds": 0.1}
    yield shared | {"order": 1, "arm": "method", "seconds": 0.1 * math.exp(ratio)}


def test_equal_arms_that_come_out_different_are_a_fault(campaign):
    campaign.plan()
    campaign.same((0.029, 0.03, 0.031))
    found = controls(campaign)
    assert found.fault == (
        "A/A came out at +3.05 % (90 % interval +2.87 to +3.22 %), though both arms are the same"
    )
    assert found.lines()[1] == f"every verdict on time below is invalid: {found.fault}"


def test_without_equal_arms_nothing_is_vouched_for(campaign):
    campaign.plan()
    campaign.method()
    found = controls(campaign)
    assert found.fault == "no A/A comparison"
    assert found.lines() == [
        "every verdict on time below is invalid: no A/A comparison", "no spikes in this mode"
    ]  # fmt: skip


def test_equal_arms_of_too_few_restarts_are_a_fault(campaign):
    campaign.plan()
    campaign.same((0.0, 0.0))
    assert controls(campaign).fault == "A/A has 2 of 3 restarts"


def test_equal_arms_that_died_are_a_fault_with_the_reason(campaign):
    campaign.plan()
    died = {"kind": "failure", "restart": 0, "arm": "method", "status": "failed", "error": "gone"}
    campaign.same((), extra=(died,))
    assert controls(campaign).fault == "A/A: method arm: failed: gone"


def test_equal_arms_of_which_every_pair_was_disturbed_are_told_without_a_number(campaign):
    campaign.plan()
    path = campaign.same()
    path.write_text(
        path.read_text().replace('"cpu_seconds"', '"foreign_cores": 2.0, "cpu_seconds"')
    )
    assert controls(campaign).lines() == [
        "every verdict on time below is invalid: A/A: 12 of 12 pairs were disturbed "
        "(other work took 2.00 cores); nothing was timed",
        "no spikes in this mode",
    ]


def test_each_mode_has_equal_arms_of_its_own(quiet):
    quiet.method(mode="end_to_end")
    assert controls(quiet, "compute").fault is None
    assert controls(quiet, "end_to_end").fault == "no A/A comparison"


@pytest.mark.parametrize(
    "change",
    [{"baseline_digest": "other"}, {"baseline_hparams": {"x": 1}}, {"conditions": {"lr": 0.2}}],
)
def test_equal_arms_of_another_baseline_or_recipe_do_not_count(quiet, change):
    quiet.method(**change)
    found = find_campaigns([quiet.results])[0]
    method = next(item for item in found.comparisons if item.header.role == "method")
    assert found.group_of(method).controls.fault == "no A/A comparison"


def test_a_teacher_does_not_part_a_method_from_its_controls(quiet):
    quiet.method(conditions={"lr": 0.1, "teacher": {"name": "resnet20"}})
    assert len(find_campaigns([quiet.results])[0].groups) == 1


def test_spikes_are_recovered_where_the_interval_has_their_size(quiet):
    for size in (0.01, 0.02, 0.05):
        log = math.log1p(size)
        quiet.spike(size, (log - 0.001, log, log + 0.001))
    found = controls(quiet)
    assert [spike.size for spike in found.spikes] == [0.01, 0.02, 0.05]
    assert found.recovered == "3 of 3 spikes recovered at their size"
    assert found.lines()[2].startswith(
        "3 of 3 spikes recovered at their size: "
        "+1 % found as +1.00 % (90 % interval +0.83 to +1.17 %); +2 %"
    )


def test_a_spike_that_was_missed_is_told_with_how_often_chance_does_so(quiet):
    quiet.spike(0.05, (0.019, 0.02, 0.021))
    assert controls(quiet).lines()[2:] == [
        "0 of 1 spikes recovered at their size: "
        "+5 % found as +2.02 % (90 % interval +1.85 to +2.19 %) (missed)",
        "an interval of 90 % misses one size in ten by chance",
    ]


@pytest.mark.parametrize(
    ("low", "high", "recovered", "seen", "ending"),
    [
        (0.01, 0.03, True, True, ""),
        (-0.01, 0.03, True, False, ""),
        (0.03, 0.05, False, True, " (missed)"),
        (-0.01, 0.01, False, False, " (not seen)"),
        (math.nan, math.nan, False, False, " (not seen)"),
    ],
)
def test_a_spike_is_recovered_or_seen_by_its_interval(low, high, recovered, seen, ending):
    spike = Spike(0.02, Estimate(0.02, low, high, 0.9, 0.01, 3))
    assert (spike.recovered, spike.seen) == (recovered, seen)
    assert str(spike).endswith(f"){ending}")


def test_a_spike_without_evidence_is_told_without_a_number():
    spike = Spike(0.02, Estimate(math.nan, math.nan, math.nan, 0.9, math.nan, 0), ("died",))
    assert str(spike) == "+2 % without usable evidence"


def test_a_spike_whose_arm_died_is_not_recovered():
    spike = Spike(0.02, Estimate(0.02, 0.01, 0.03, 0.9, 0.01, 3), ("method arm: failed",))
    assert (spike.recovered, spike.seen) == (False, False)


@given(levels=st.lists(st.sampled_from([0.0, 0.03]), min_size=1, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_another_file_of_equal_arms_never_makes_up_for_one_that_failed(campaign, levels):
    made = [blocks.read(campaign.same((level - 0.001, level, level + 0.001))) for level in levels]
    faults = [group.controls.fault for group in groups(made)]
    assert [fault is not None for fault in faults] == [0.03 in levels]
