"""Plans, registered before the first sample."""

import json
from pathlib import Path

import pytest

from raskd_bench.errors import RecordError
from raskd_bench.evidence.registration import Registration, current, deviations, read, register
from raskd_bench.spec import load_suite
from raskd_bench.spec.overhead import Overhead

ROOT = Path(__file__).parents[2]
CLAIM = {"id": "time", "say": "x", "method": "ras_kd", "metric": "step_time", "at_most": "+2%"}


def plan(registered="2026-11-25T10:00:00+00:00", claim=CLAIM, alpha=0.05):
    return Registration(
        suite="s", overhead={"alpha": alpha}, claims=[claim], cells=[], registered=registered
    )


def read_all(folder):
    return [read(path) for path in sorted(folder.glob("plan-*.json"))]


def test_the_hash_covers_what_decides_and_not_when(tmp_path):
    assert plan().plan == plan(registered="2027-01-01T00:00:00+00:00").plan
    assert plan().plan != plan(alpha=0.1).plan
    assert plan().plan != plan(claim=CLAIM | {"at_most": "+3%"}).plan


def test_a_plan_keeps_the_time_of_its_first_registration(tmp_path):
    register(plan(), tmp_path)
    again = register(plan(registered="2027-01-01T00:00:00+00:00"), tmp_path)
    assert again.registered == "2026-11-25T10:00:00+00:00"
    assert [found.plan for found in read_all(tmp_path)] == [plan().plan]


def test_going_back_to_an_earlier_plan_makes_it_the_current_one(tmp_path):
    register(plan(), tmp_path)
    register(plan(alpha=0.1), tmp_path)
    assert current(tmp_path) == plan(alpha=0.1).plan
    register(plan(), tmp_path)
    assert current(tmp_path) == plan().plan
    assert len(read_all(tmp_path)) == 2


def test_where_no_plan_was_registered_none_is_current(tmp_path):
    assert current(tmp_path) is None


def test_deviations_name_what_was_changed_from_what_to_what():
    later = plan(claim=CLAIM | {"at_most": "+3%"}, alpha=0.1)
    assert list(deviations(plan(), later)) == [
        "overhead.alpha: 0.05 -> 0.1", "claim time: at_most: +2% -> +3%"
    ]  # fmt: skip
    assert list(deviations(plan(), plan())) == []


def test_a_claim_that_comes_after_the_data_is_a_deviation():
    both = plan().model_copy(update={"claims": [CLAIM, CLAIM | {"id": "late"}]})
    assert list(deviations(plan(), both)) == ["claim late: added after the data"]


def test_a_plan_that_was_edited_is_refused(tmp_path):
    register(plan(), tmp_path)
    (path,) = tmp_path.glob("plan-*.json")
    content = json.loads(path.read_text())
    content["claims"][0]["at_most"] = "+5%"
    path.write_text(json.dumps(content))
    with pytest.raises(RecordError, match="was changed after it was registered"):
        read_all(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 99}', "null"])
def test_a_damaged_plan_is_one_line(tmp_path, text):
    path = tmp_path / "plan-000000000000.json"
    path.write_text(text)
    with pytest.raises(RecordError) as caught:
        read_all(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_published_plans_are_registered_as_they_were_before_the_total_was_known():
    published = sorted((ROOT / "results" / "published").rglob("plan-*.json"))
    assert published
    for path in published:
        kept = json.loads(path.read_text(encoding="utf-8"))["overhead"]
        suite = load_suite(ROOT / "suites" / f"{read(path).suite}.yaml")
        now = suite.overhead.registered() | {"baseline": suite.overhead_baseline}
        assert now == kept


def test_a_total_that_is_given_is_part_of_the_plan():
    assert Overhead(total_seconds=60).registered()["total_seconds"] == 60
    assert "total_seconds" not in Overhead().registered()
