"""What a probe makes of the noise it has seen."""

import math

import pytest

from raskd_bench.overhead.probe import _probed
from raskd_bench.stats import smallest_margin, spend


def probed(bench, margins=(0.02,), max_seconds=240.0, busy=False):
    """The probe's view of A/A blocks; the header says what the campaign would do."""
    rig = bench(noise=0.03, role="a/a", rules={"looks": (3,), "pairs": 200})
    if busy:
        rig.host.foreign_cores = lambda: 1.9
    rig.path.unlink(missing_ok=True)
    known = rig.run()
    campaign = bench(rules={"pairs": None, "max_seconds": max_seconds}).header
    return _probed(campaign, known, list(margins), comparisons=7)


def test_the_noise_of_a_pair_is_that_of_two_blocks(bench):
    found = probed(bench)
    assert found.pair_sd == pytest.approx(0.03 * math.sqrt(2), rel=0.15)
    assert found.step_seconds == pytest.approx(0.01, rel=0.05)


def test_a_restart_has_the_pairs_that_the_campaigns_time_allows(bench):
    short, long = probed(bench), probed(bench, max_seconds=960.0)
    assert long.pairs > 3 * short.pairs
    assert long.restart_sd <= short.restart_sd
    assert long.resolution < short.resolution


def test_what_it_resolves_is_what_the_last_look_decides(bench):
    found = probed(bench)
    alpha = spend(0.05, (3, 5, 8))[-1]
    assert found.resolution == pytest.approx(smallest_margin(found.restart_sd, 8, alpha, 0.9))


def test_a_margin_below_the_resolution_is_said_to_be_impossible(bench):
    found = probed(bench, margins=(0.5 * probed(bench).resolution, 2 * probed(bench).resolution))
    narrow, wide = found.needs
    assert not narrow.possible
    assert narrow.restarts > 8
    assert wide.possible
    assert wide.seconds == pytest.approx(wide.restarts * found.restart_seconds)


def test_a_busy_host_is_said_to_be_one(bench):
    assert probed(bench, busy=True) == "resnet8: 600 of 600 pairs were disturbed by other work"
