"""The paired engine, on arms whose true ratio is known."""

import math

import pytest

from raskd_bench.evidence.estimate import decide
from raskd_bench.stats import Verdict


def test_equal_arms_are_supported_at_the_first_look(bench):
    rig = bench(noise=0.01)
    found = decide(rig.run(), 0.02)
    assert rig.ending == "decided"
    assert rig.onlooker.looks == [3]
    assert found.verdict is Verdict.supported
    assert found.restarts == 3
    assert found.pairs == 60


def test_a_costlier_method_is_refuted_at_its_size(bench):
    found = decide(bench(ratio=1.3, noise=0.01).run(), 0.02)
    assert found.verdict is Verdict.refuted
    assert math.exp(found.found.value) == pytest.approx(1.3, rel=0.01)


def test_a_method_that_is_too_fast_asks_for_an_audit(bench):
    assert decide(bench(ratio=0.9, noise=0.01).run(), 0.02).verdict is Verdict.faster


def test_an_effect_at_the_margin_goes_on_to_the_last_look(bench):
    rig = bench(ratio=1.02, noise=0.01)
    found = decide(rig.run(), 0.02)
    assert rig.ending == "last look"
    assert rig.onlooker.looks == [3, 5, 8]
    assert found.verdict is Verdict.inconclusive


def test_it_goes_on_until_every_margin_is_decided(bench):
    rig = bench(ratio=1.01, noise=0.004, rules={"margins": (0.05, 0.01)})
    known = rig.run()
    assert decide(known, 0.05).verdict is Verdict.supported
    assert decide(known, 0.05).restarts == 3
    assert rig.ending == "last look"


def test_it_goes_on_while_a_family_of_claims_asks_for_more(bench):
    """Decided alone at the first look, at a sixth of alpha at the second."""
    rig = bench(noise=0.02)
    rig.share = 1 / 6
    known = rig.run()
    assert (decide(known, 0.02).restarts, decide(known, 0.02).verdict) == (3, Verdict.supported)
    assert decide(known, 0.02, share=1 / 6).verdict is Verdict.supported
    assert (rig.ending, rig.onlooker.looks) == ("decided", [3, 5])


def test_a_control_is_never_stopped_for_what_it_shows(bench):
    rig = bench(noise=0.01, role="a/a")
    assert decide(rig.run(), 0.02).restarts == 8
    assert rig.ending == "last look"


def test_time_ends_a_comparison_before_a_look_that_would_not_fit(bench):
    rig = bench(ratio=1.02, noise=0.01, rules={"max_seconds": 30.0})
    found = decide(rig.run(), 0.02)
    assert rig.ending == "time"
    assert rig.onlooker.looks == [3, 5]
    assert found.verdict is Verdict.inconclusive


def test_the_first_look_is_reached_whatever_the_time(bench):
    rig = bench(noise=0.01, rules={"max_seconds": 0.1})
    assert decide(rig.run(), 0.02).restarts == 3


def test_as_many_pairs_as_fit_into_a_restarts_share_of_the_time(bench):
    rig = bench(rules={"pairs": None, "max_seconds": 80.0})
    known = rig.run()
    restart = known.restarts[0]
    pair_seconds = 2 * restart.block_steps * 0.01
    assert restart.pairs == int((80.0 / 8 - restart.start_seconds) / pair_seconds)
    assert {r.pairs for r in known.restarts} == {restart.pairs}


def test_a_block_lasts_long_enough(bench):
    known = bench().run()
    assert known.restarts[0].block_steps == 10
    assert all(block.seconds >= 0.1 - 1e-9 for r in known.restarts for block in r.blocks)


def test_the_order_in_a_pair_is_drawn_from_the_logged_seed(bench, tmp_path):
    first, second = bench().run(), bench()
    second.path = tmp_path / "again.jsonl"
    orders = [[b.arm for r in known.restarts for b in r.blocks] for known in (first, second.run())]
    assert orders[0] == orders[1]
    firsts = [b.arm for r in first.restarts for b in r.blocks if b.order == 0]
    assert 0.3 < firsts.count("baseline") / len(firsts) < 0.7


def test_a_spike_is_told_to_the_other_arm_at_its_size(bench):
    rig = bench(role="spike", spike=0.05, label="cross_entropy", method="cross_entropy")
    found = decide(rig.run(), 0.02)
    assert dict(rig.arms[0]["method"].told)["spin"] == pytest.approx(0.05 * 0.01)
    assert found.found.value == pytest.approx(math.log(1.05))


def test_the_start_of_an_epoch_is_charged_to_its_steps(bench):
    rig = bench(ratio=1.5)
    rig.epoch_seconds = 0.1
    known = rig.run()
    assert known.restarts[0].epoch_seconds_per_step == pytest.approx(
        {"baseline": 0.01, "method": 0.015}
    )
    assert math.exp(decide(known, 0.02).found.value) == pytest.approx(
        (0.015 + 0.015) / (0.01 + 0.01)
    )


def test_an_arm_that_fails_makes_the_comparison_invalid_with_the_reason(bench):
    rig = bench()
    rig.prepare = lambda arms: setattr(arms["method"], "fails_at", 20)
    known = rig.run()
    assert rig.ending == "failure"
    found = decide(known, 0.02)
    assert found.verdict is Verdict.invalid
    assert found.reasons == ("method arm: out_of_memory: no memory left",)


def test_a_comparison_goes_on_where_it_was_interrupted(bench):
    rig = bench(noise=0.01)
    rig.prepare = lambda arms: len(rig.arms) == 3 and setattr(arms["method"], "fails_at", 20)
    cut = rig.run()
    assert [restart.closed for restart in cut.restarts] == [True, True, False]
    rig.prepare = lambda arms: None
    with rig.path.open("a") as file:
        file.write('{"kind": "resumed"}\n')
    known = rig.run()
    assert [restart.number for restart in known.restarts] == [0, 1, 2, 3]
    assert known.restarts[3].pairs == known.restarts[0].pairs
    assert decide(known, 0.02).verdict is Verdict.supported


def test_disturbed_pairs_are_dropped_and_too_many_make_the_evidence_invalid(bench):
    rig = bench(noise=0.01)
    rig.host.foreign_cores = lambda: 1.5 if rig.rng.random() < 0.02 else 0.0
    found = decide(rig.run(), 0.02)
    assert found.verdict is Verdict.supported
    assert found.dropped > 0
    rig = bench(noise=0.01)
    rig.path = rig.path.with_name("busy.jsonl")
    rig.host.foreign_cores = lambda: 1.5 if rig.rng.random() < 0.2 else 0.0
    found = decide(rig.run(), 0.02)
    assert found.verdict is Verdict.invalid
    assert "other work took 1.50 cores" in found.reasons[0]


def test_one_restart_gives_an_interval_over_its_pairs_and_says_so(bench):
    found = decide(bench(noise=0.01, rules={"looks": (1,), "pairs": 100}).run(), 0.02)
    assert found.conditional
    assert found.verdict is Verdict.supported
    assert found.found.num_values == 100


def test_more_restarts_than_the_last_look_asks_for_end_it(bench):
    rig = bench(ratio=1.02, noise=0.01)
    rig.run()
    rig.header = rig.header.model_copy(
        update={"rules": rig.header.rules.model_copy(update={"looks": (2, 4)})}
    )
    rig.run()
    assert rig.ending == "last look"
    assert len(rig.arms) == 8
