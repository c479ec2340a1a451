"""The first lines of a report, on hand-made Records and campaigns."""

import numpy as np
import pytest

from raskd_bench.outcomes import packed
from raskd_bench.report.answers import answers
from raskd_bench.report.campaigns import find_campaigns
from raskd_bench.report.collect import find_records
from raskd_bench.report.contents import Contents
from raskd_bench.report.tables import tables

TIME = {"id": "time", "say": "RAS-KD adds no relevant time", "method": "ras_kd",
        "metric": "step_time", "at_most": "+2%"}  # fmt: skip
TOP1 = {"cross_entropy": (0.90, 0.92, 0.91), "ras_kd": (0.93, 0.95, 0.94)}


def lines(records, campaigns=()):
    return [said.text for said in answers(Contents(tables(records), list(campaigns)))]


def of(new_record, **scores):
    return [new_record(label, seed, test_top1=value)
            for label, values in scores.items() for seed, value in enumerate(values)]  # fmt: skip


def test_a_claim_is_answered_with_verdict_words_and_numbers(campaign):
    plan = campaign.plan(TIME)
    campaign.same(plan=plan)
    campaign.method(ratios=(0.007, 0.008, 0.009), plan=plan)
    (said,) = answers(Contents([], find_campaigns([campaign.results])))
    assert said.verdict == "supported"
    assert said.text.startswith("RAS-KD adds no relevant time: +0.80 % (90 % interval +0.63 to")


def test_without_claims_the_table_s_method_is_answered_with_paired_time(campaign):
    plan = campaign.plan()
    campaign.same(plan=plan)
    campaign.method(ratios=(0.007, 0.008, 0.009), plan=plan)
    campaign.trials(**{label: {"test_top1": values} for label, values in TOP1.items()})
    made = lines(find_records([campaign.results]), find_campaigns([campaign.results]))
    assert made == ["ras_kd: accuracy +3.00 pp (equal in every seed: no interval); "
                    "step time +0.80 % (+0.63 to +0.97), within 2 %: supported"]  # fmt: skip


def test_a_campaign_without_records_answers_about_time_alone(campaign):
    plan = campaign.plan()
    campaign.same(plan=plan)
    campaign.method(ratios=(0.049, 0.05, 0.051), plan=plan)
    assert lines([], find_campaigns([campaign.results])) == [
        "ras_kd: step time +5.13 % (+4.95 to +5.30), within 2 %: refuted"
    ]


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ((0.93, 0.951, 0.94), "+3.03 pp (+2.89 to +3.18; seeds alone), higher at 3 seeds"),
        ((0.87, 0.891, 0.88), "-2.97 pp (-3.11 to -2.82; seeds alone), lower at 3 seeds"),
        ((0.91, 0.91, 0.92), "+0.3 pp (-2.5 to +3.2; seeds alone), undecided at 3 seeds"),
        ((0.93,), "+3.00 pp (one seed: no interval)"),
    ],
)
def test_accuracy_is_higher_lower_or_undecided(new_record, scores, said):
    (line,) = lines(of(new_record, cross_entropy=TOP1["cross_entropy"], ras_kd=scores))
    assert line == f"ras_kd: accuracy {said}; step time x1, indicative: one after another"


def test_pictures_are_counted_where_outcomes_pair(new_record):
    hits = {"cross_entropy": [[1, 0] * 50] * 3, "ras_kd": [[1, 1, 1, 0] * 25] * 3}
    records = [
        new_record(label, seed, test_top1=float(np.mean(row)),
                   outcomes=packed("split", {"test_top1": np.asarray(row, bool)}))
        for label, rows in hits.items() for seed, row in enumerate(rows)
    ]  # fmt: skip
    (line,) = lines(records)
    assert "accuracy +25.0 pp (+" in line
    assert "higher at 3 seeds x 100 pictures" in line


def test_a_time_that_is_not_fit_to_print_is_said_to_be_missing(new_record):
    (line,) = lines([new_record(steps=12), new_record("ras_kd", steps=12)])
    assert line.endswith("; no step time (only 12 steps; a time needs 30)")


def test_the_suite_s_name_decides_which_method_it_is_about(new_record):
    records = [new_record(label, suite="byot-on-digits")
               for label in ("cross_entropy", "ras_kd", "byot", "kd")]  # fmt: skip
    (line,) = lines(records)
    assert line.startswith("byot: accuracy")
    assert line.endswith("; 2 other methods in the table")


def test_many_methods_without_one_of_interest_are_counted(new_record):
    labels = ("byot", "kd", "cs_kd", "ps_kd")
    scores = dict.fromkeys(labels[:1], (0.95, 0.971, 0.96))
    scores |= dict.fromkeys(labels[1:], TOP1["cross_entropy"])
    (line,) = lines(of(new_record, cross_entropy=TOP1["cross_entropy"], **scores))
    assert line == ("4 methods against cross_entropy: accuracy of 1 higher, 0 lower, 3 undecided, "
                    "each for itself at 95 %")  # fmt: skip


def test_several_tables_are_told_apart(new_record):
    made = lines([new_record(label, suite=suite, cell=suite) for suite in ("one", "two")
                  for label in ("cross_entropy", "ras_kd")])  # fmt: skip
    assert [line.partition(":")[0] for line in made] == ["one", "two"]


def test_a_table_of_the_baseline_alone_asks_nothing(new_record):
    assert lines([new_record()]) == []


def test_a_method_of_which_nothing_finished_says_so(new_record):
    dead = new_record("ras_kd", status="failed", error="x", test_top1=None)
    (line,) = lines([new_record(), dead])
    assert line.startswith("ras_kd: no trial finished")
    assert "nan" not in line
