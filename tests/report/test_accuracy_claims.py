"""Claims on accuracies whose Records hold outcomes: two sources of chance, refusals, readings."""

import numpy as np
import pytest

from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.claims import judged_claims
from raskd_bench.report.missing_examples import rounded_up
from raskd_bench.report.sentences import sentence
from raskd_bench.stats import needed_seeds, spread_of, two_sources


def claim(method="ras_kd", metric="test_top1", **bound):
    return {"id": "it", "say": "said", "method": method, "metric": metric} | bound


def drawn(seeds, examples, rate, rng):
    """Return hits of trials whose pictures differ in difficulty."""
    ease = np.clip(rng.normal(rate, 0.1, examples), 0, 1)
    return rng.random((seeds, examples)) < ease


def judged(campaign):
    (found,) = judged_claims(find_campaigns([campaign.results])[0])
    return found


def rows(*counts, size):
    """Return hits [S, size]: of each seed as many as counted, the first ones."""
    return np.array([np.arange(size) < count for count in counts])


@pytest.mark.parametrize("hits", [6, 20])
def test_equal_hits_of_two_seeds_and_forty_pictures_decide_nothing(campaign, hits):
    """What `check` once called supported: +0.000 pp (90 % interval +0.000 to +0.000 pp)."""
    campaign.plan(claim(no_worse_by="0.5pp"))
    for label in ("cross_entropy", "ras_kd"):
        campaign.hits(label, rows(hits, hits, size=40))
    (cell,) = judged(campaign).cells
    assert cell.verdict == "inconclusive"
    assert cell.found.low < -0.05 < 0.05 < cell.found.high
    assert cell.reasons[:2] == (
        "2 seeds: fewer than 3 decide nothing",
        "a margin of 0.5 pp is less than one of 40 test pictures (2.5 pp): it needs 200",
    )
    assert "it needs more of both" in cell.reasons[-1]


def test_four_pictures_more_missed_by_each_of_two_seeds_refute_nothing(campaign):
    """What `check` once called refuted: -1.114 pp (90 % interval -1.114 to -1.114)."""
    campaign.plan(claim(no_worse_by="0.5pp"))
    campaign.hits("cross_entropy", rows(340, 336, size=359))
    campaign.hits("ras_kd", rows(336, 332, size=359))
    (cell,) = judged(campaign).cells
    assert cell.found.value == pytest.approx(-4 / 359)
    assert cell.verdict == "inconclusive"
    assert cell.reasons[0] == "2 seeds: fewer than 3 decide nothing"


def test_a_difference_that_every_seed_has_on_few_pictures_is_not_one_of_pictures_like_these(
    campaign,
):
    campaign.plan(claim(better_by="0pp"))
    campaign.hits("cross_entropy", rows(300, 301, 302, 303, 304, size=359))
    campaign.hits("ras_kd", rows(302, 303, 304, 305, 306, size=359))
    (cell,) = judged(campaign).cells
    assert cell.found.this_set[0] > 0.005
    assert cell.found.low < 0
    assert cell.verdict == "inconclusive"


def test_a_large_difference_is_supported_and_both_readings_are_told(campaign):
    rng = np.random.default_rng(0)
    campaign.plan(claim(better_by="1pp"))
    base, method = drawn(5, 2000, 0.6, rng), drawn(5, 2000, 0.7, rng)
    campaign.hits("cross_entropy", base)
    campaign.hits("ras_kd", method)
    found = judged(campaign)
    expected = two_sources(method.astype(float) - base, 0.9)
    assert found.verdict == "supported"
    assert found.cells[0].found.low == pytest.approx(expected.both.low)
    assert found.cells[0].found.this_set == pytest.approx(expected.seeds[1:3])
    assert " against cross_entropy: on pictures like these +" in sentence(found)
    assert "; 5 seeds x 2,000 pictures); on this test set (+" in sentence(found)


def test_other_test_examples_leave_seeds_alone_and_say_so(campaign):
    campaign.plan(claim(no_worse_by="5pp"))
    campaign.hits("cross_entropy", rows(80, 81, 82, size=100))
    campaign.hits("ras_kd", rows(80, 81, 82, size=100), split="another")
    (cell,) = judged(campaign).cells
    assert cell.verdict == "inconclusive"
    assert cell.found.basis == "3 seeds alone: other test examples"


def test_at_the_ceiling_nothing_is_supported(campaign):
    campaign.plan(claim(no_worse_by="0.5pp"))
    for label in ("cross_entropy", "ras_kd"):
        campaign.hits(label, rows(*[9950] * 5, size=10_000))
    (cell,) = judged(campaign).cells
    assert cell.verdict == "inconclusive"
    assert cell.reasons[0] == (
        "at the ceiling: cross_entropy's error of 0.5 pp is below twice the margin of 0.5 pp: "
        "it needs harder data, or a margin of at most 0.25 pp"
    )


def test_a_method_that_falls_from_the_ceiling_is_refuted(campaign):
    campaign.plan(claim(no_worse_by="0.5pp"))
    campaign.hits("cross_entropy", rows(*[9950] * 5, size=10_000))
    campaign.hits("ras_kd", rows(*[9000, 9010, 9020, 9030, 9040], size=10_000))
    assert judged(campaign).verdict == "refuted"


def test_a_gain_has_its_ceiling_too(campaign):
    campaign.plan(claim(better_by="0pp"))
    campaign.hits("cross_entropy", rows(*[358] * 5, size=359))
    campaign.hits("ras_kd", rows(*[359] * 5, size=359))
    (cell,) = judged(campaign).cells
    assert cell.verdict == "inconclusive"
    assert cell.reasons[0] == (
        "at the ceiling: cross_entropy's error of 0.28 pp is below twice one test picture: "
        "it needs harder data"
    )


@pytest.mark.parametrize(("largest", "verdict"), [(0.5, "inconclusive"), (0.2, "supported")])
def test_at_chance_nothing_is_decided(campaign, largest, verdict):
    rng = np.random.default_rng(1)
    campaign.plan(claim(no_worse_by="10pp"))
    for label in ("cross_entropy", "ras_kd"):
        campaign.hits(label, drawn(5, 2000, 0.45, rng), largest=largest)
    (cell,) = judged(campaign).cells
    assert cell.verdict == verdict
    assert [reason for reason in cell.reasons if reason.startswith("all at chance")] == (
        ["all at chance: no interval of a top-1 accuracy lies above 50 %, the share of the largest "
         "class: it needs longer training"] if verdict == "inconclusive" else [])  # fmt: skip


def test_the_classes_of_an_older_record_give_its_chance(campaign, changed):
    campaign.plan(claim(no_worse_by="10pp"))
    conditions = changed(data={"name": "digits", "classes": 2})
    for label in ("cross_entropy", "ras_kd"):
        for seed in range(5):
            campaign.trial(label, seed, test_top1=0.4 + seed / 100, conditions=conditions)
    (cell,) = judged(campaign).cells
    assert cell.reasons[0].startswith(
        "all at chance: no interval of a top-1 accuracy lies above 50"
    )


def test_what_would_decide_is_counted_from_the_variances(campaign):
    rng = np.random.default_rng(2)
    campaign.plan(claim(no_worse_by="2pp"))
    base, method = np.split(drawn(6, 400, 0.8, rng), 2)
    campaign.hits("cross_entropy", base)
    campaign.hits("ras_kd", method)
    (cell,) = judged(campaign).cells
    found = two_sources(method.astype(float) - base, 0.9)
    spread = spread_of(found.components, 3, 400)
    seeds = needed_seeds(spread, 400, abs(found.value + 0.02), 0.05, 0.9)
    assert cell.verdict == "inconclusive"
    assert f"it needs {seeds} seeds or " in cell.reasons[-1]
    assert cell.reasons[-1].endswith("test pictures, in place of 3 seeds x 400 pictures")


@pytest.mark.parametrize(("count", "round_"), [(7, 7), (83, 83), (1_583, 1_600), (6_000, 6_000)])
def test_test_pictures_are_rounded_up(count, round_):
    assert rounded_up(count) == round_
