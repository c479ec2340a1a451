"""Campaigns and claims that may be written, and what they mean."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from raskd_bench.errors import SuiteError
from raskd_bench.fingerprint.model import QUANTITIES
from raskd_bench.spec import load_suite
from raskd_bench.spec.claims import Claim
from raskd_bench.spec.metrics import METRICS
from raskd_bench.spec.overhead import Overhead
from raskd_bench.spec.suite import Suite, json_schema

CLAIM = {"id": "a", "say": "It is so", "method": "ras_kd"}

WHOLE = {
    "overhead": {"baseline": "cross_entropy", "methods": ["ras_kd"], "modes": ["compute"],
                 "margin": "2%", "alpha": 0.05, "power": 0.9, "looks": [3, 5], "pairs": 9,
                 "max_seconds": 60, "spikes": ["1%", "2%"], "in_process": False},
    "claims": [
        CLAIM | {"metric": "step_time", "mode": "compute", "against": "cross_entropy",
                 "at_most": "+2%", "where": {"student": "resnet8"}},
        CLAIM | {"id": "b", "metric": "test_top1", "no_worse_by": "1pp"},
        CLAIM | {"id": "c", "metric": "test_nll", "better_by": 0},
    ],
}  # fmt: skip
ODD = [None, True, "", "x", "ras_kd", "2%", "0.5pp", "-1%", 0, -1, 1, 0.5, 2**62, [], {}, [[]],
       [{}], ["compute", 1], ["1%", None], [3, 3], {"student": []},
       {"a": "b"}, {"name": "x"}]  # fmt: skip


def places(value):
    """Return the path of each part of a document."""
    parts = value.items() if isinstance(value, dict) else ()
    parts = enumerate(value) if isinstance(value, list) else parts
    return [(), *((key, *path) for key, part in parts for path in places(part))]


def replaced(value, path, odd):
    """Return a document with another value at a path."""
    if not path:
        return odd
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], odd)
    return copy


def claim(**keys):
    return Claim(**CLAIM | keys)


def written(**keys):
    return "[{" + ", ".join(f"{key}: {value}" for key, value in (CLAIM | keys).items()) + "}]"


def test_a_campaign_has_defaults(write_suite):
    campaign = load_suite(write_suite(overhead="{}")).overhead
    assert (campaign.modes, campaign.looks) == (["compute", "end_to_end"], [3, 5, 8])
    assert (campaign.margin, campaign.alpha, campaign.power) == (0.02, 0.05, 0.9)
    assert (campaign.spikes, campaign.max_seconds) == ([0.01, 0.02, 0.05], 120.0)
    assert (campaign.pairs, campaign.in_process) == (None, False)


def test_a_suite_has_neither_campaign_nor_claims_unless_they_are_written(write_suite):
    suite = load_suite(write_suite())
    assert (suite.overhead, suite.claims, suite.overhead_methods) == (None, [], [])


def test_shares_are_written_in_percent_and_kept_as_fractions(write_suite):
    text = "{margin: 1.5 %, spikes: [+0.5%, 10%], looks: [1], modes: [end_to_end]}"
    campaign = load_suite(write_suite(overhead=text)).overhead
    assert (campaign.margin, campaign.spikes) == (0.015, [0.005, 0.1])
    assert (campaign.looks, campaign.modes) == ([1], ["end_to_end"])


def test_spikes_may_be_left_out(write_suite):
    assert load_suite(write_suite(overhead="{spikes: []}")).overhead.spikes == []


@pytest.mark.parametrize(
    ("keys", "baseline", "timed"),
    [
        ({"overhead": "{}"}, "cross_entropy", ["ras_kd", "soft"]),
        ({"overhead": "{}", "baseline": "soft"}, "soft", ["cross_entropy", "ras_kd"]),
        ({"overhead": "{baseline: ras_kd}", "baseline": "soft"}, "ras_kd",
         ["cross_entropy", "soft"]),
        ({"overhead": "{methods: [soft]}"}, "cross_entropy", ["soft"]),
        ({"baseline": "soft"}, "soft", []),
    ],
)  # fmt: skip
def test_all_but_the_baseline_are_timed_unless_others_are_listed(
    write_suite, keys, baseline, timed
):
    methods = "[cross_entropy, ras_kd, {name: label_smoothing, label: soft}]"
    suite = load_suite(write_suite(methods=methods, **keys))
    assert (suite.overhead_baseline, suite.overhead_methods) == (baseline, timed)


def test_a_claim_keeps_its_bound_as_written(write_suite):
    claims = written(metric="step_time", at_most="+2 %")
    (found,) = load_suite(write_suite(overhead="{}", claims=claims)).claims
    assert (found.bound, found.amount.text, found.amount.value) == ("at_most", "+2 %", 0.02)
    assert found.settled_mode == "compute"


def test_a_claim_is_against_the_campaigns_baseline_unless_it_says_otherwise(write_suite):
    methods = "[cross_entropy, ras_kd, label_smoothing]"
    first = written(metric="num_operations", at_most="3")
    second = written(id="b", metric="copies", at_most="0", against="cross_entropy")
    claims = f"{first[:-1]}, {second[1:]}"
    suite = load_suite(
        write_suite(methods=methods, overhead="{baseline: label_smoothing}", claims=claims)
    )
    assert [suite.against(each) for each in suite.claims] == ["label_smoothing", "cross_entropy"]


def test_counts_are_claimed_without_a_campaign(write_suite):
    claims = written(metric="matmul_flops", at_most="0.1%")
    assert load_suite(write_suite(claims=claims)).claims[0].settled_mode is None


def test_accuracy_is_claimed_with_two_seeds(write_suite):
    claims = written(metric="test_top1", no_worse_by="0.5pp")
    assert load_suite(write_suite(seeds="[0, 1]", claims=claims)).claims[0].amount.value == 0.005


@pytest.mark.parametrize(
    ("metric", "bound", "value"),
    [("step_time", "at_most", "+300%"), ("energy", "at_most", "0.01%"), ("copies", "at_most", 0),
     ("extra_params", "at_most", 1000), ("extra_params", "at_most", "+0%"),
     ("test_top1", "better_by", "0pp"), ("test_ece", "no_worse_by", "1 pp"),
     ("test_nll", "no_worse_by", 0.02), ("test_nll", "better_by", 0)],
)  # fmt: skip
def test_a_bound_fits_its_metric(metric, bound, value):
    found = claim(metric=metric, **{bound: value})
    assert (found.bound, found.amount.text) == (bound, str(value))


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_a_claim_of_its_kind_and_none_of_another(name):
    metric = METRICS[name]
    fits, other = ("no_worse_by", "at_most") if metric.kind == "accuracy" else (
        "at_most", "no_worse_by")  # fmt: skip
    value = "1pp" if metric.unit == "pp" else "1" if name == "test_nll" else "1%"
    assert claim(metric=name, **{fits: value}).bound == fits
    with pytest.raises(ValidationError, match="does not fit"):
        claim(metric=name, **{other: value})


def test_every_quantity_of_a_fingerprint_is_a_metric():
    assert {name: METRICS[name].kind for name in QUANTITIES} == dict.fromkeys(QUANTITIES, "count")
    assert METRICS["saved_bytes"].title == QUANTITIES["saved_bytes"].title


def test_a_claim_may_be_restricted_to_cells(write_suite):
    keys = {"student": "[resnet8, resnet20]", "exclude": "[{method: ras_kd, student: resnet20}]"}
    claims = written(metric="copies", at_most="0", where="{student: resnet8, batch_size: 128}")
    (found,) = load_suite(write_suite(**keys, claims=claims)).claims
    assert found.where == {"student": "resnet8", "batch_size": 128}


def test_a_suite_without_seeds_needs_a_campaign(write_suite):
    assert load_suite(write_suite(seeds="[]", overhead="{}")).seeds == []
    with pytest.raises(SuiteError, match="must not be empty unless there is 'overhead:'"):
        load_suite(write_suite(seeds="[]"))


@settings(max_examples=200, deadline=None, database=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(path=st.sampled_from(places(WHOLE)[1:]), odd=st.sampled_from(ODD))
def test_no_value_anywhere_makes_it_fail_in_any_other_way(path, odd, write_suite):
    keys = replaced(WHOLE, path, odd)
    written_keys = {key: json.dumps(value) for key, value in keys.items()}
    try:
        found = load_suite(write_suite(seeds="[0, 1]", **written_keys)).name
    except SuiteError as error:
        found = {fault.key.partition("[")[0].partition(".")[0] for fault in error.faults}
    assert found == "small" or found <= {"overhead", "claims"}


def test_a_campaign_survives_json():
    campaign = Overhead(margin="0.7%", spikes=["3%"], looks=[2, 4])
    assert campaign.model_dump(mode="json")["margin"] == "0.7%"
    assert Overhead.model_validate_json(campaign.model_dump_json()) == campaign


def test_a_suite_with_claims_survives_json(write_suite):
    claims = written(metric="peak_host", at_most="+ 1%")
    suite = load_suite(write_suite(overhead="{}", claims=claims))
    data = json.loads(suite.model_dump_json(by_alias=True, exclude_none=True))
    assert data["claims"][0]["at_most"] == "+ 1%"
    again = Suite.model_validate(data)
    assert (again.claims, again.overhead) == (suite.claims, suite.overhead)


def test_the_schema_knows_metrics_units_and_when_seeds_may_be_empty():
    validator = pytest.importorskip("jsonschema").Draft202012Validator(json_schema())
    document = {"schema": 1, "name": "small", "data": "digits", "student": "resnet8",
                "budget": {"epochs": 1}, "seeds": [], "methods": ["cross_entropy", "ras_kd"],
                "overhead": {"margin": "2 %", "spikes": []},
                "claims": [CLAIM | {"metric": "copies", "at_most": 0},
                           CLAIM | {"metric": "step_time", "at_most": "+2%"}]}  # fmt: skip
    assert validator.is_valid(document)
    for wrong in (
        {"overhead": {"margin": 0.02}},
        {"overhead": {"margin": "0.02"}},
        {"claims": [CLAIM | {"metric": "speed", "at_most": "2%"}]},
        {"claims": [CLAIM | {"id": "a b", "metric": "copies", "at_most": 0}]},
        {"claims": [CLAIM | {"metric": "copies", "at_most": "a little"}]},
    ):
        assert not validator.is_valid(document | wrong)
    del document["overhead"]
    assert not validator.is_valid(document)


def test_a_claim_may_name_several_methods_to_be_better_than(write_suite):
    methods = "[cross_entropy, ras_kd, byot, cs_kd]"
    claims = written(metric="test_top1", better_than="[byot, cs_kd]")
    (found,) = load_suite(write_suite(methods=methods, seeds="[0, 1, 2]", claims=claims)).claims
    assert (found.bound, found.better_than) == ("better_than", ["byot", "cs_kd"])
    assert (found.amount.value, found.amount.unit) == (0.0, "pp")
    assert claim(metric="test_nll", better_than=["byot"]).amount.unit == ""
    assert "better_than" not in claim(metric="test_top1", better_by="0pp").model_dump(
        exclude_none=True
    )


def test_the_baseline_may_be_shown_to_be_better_than_others(write_suite):
    claims = written(method="cross_entropy", metric="test_top1", better_than="[ras_kd]")
    (found,) = load_suite(write_suite(seeds="[0, 1, 2]", claims=claims)).claims
    assert found.better_than == ["ras_kd"]
