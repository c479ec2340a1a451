"""Campaigns of two sets side by side: paired ratios, counted steps."""

import io
import json
import shutil

import pytest
from rich.console import Console

from raskd_bench.errors import RequestError
from raskd_bench.report.compare import compare
from raskd_bench.report.compare_text import FORMATS


@pytest.fixture
def second(campaign, tmp_path):
    """Return what copies the campaign's files to a second set, after a change in the first."""

    def copied():
        place = tmp_path / "second"
        shutil.copytree(campaign.results, place)
        return place

    return copied


def printed(first, second, form="table"):
    made = FORMATS[form](compare(first, second))
    if isinstance(made, str):
        return made
    console = Console(file=io.StringIO(), width=300)
    console.print(made)
    return console.file.getvalue()


def test_paired_ratios_stand_side_by_side(campaign, second):
    plan = campaign.plan()
    campaign.same(plan=plan)
    campaign.method(ratios=(0.007, 0.008, 0.009), plan=plan)
    other = second()
    campaign.method(ratios=(0.029, 0.03, 0.031), plan=plan)
    line = next(line for line in printed(other, campaign.results).splitlines()
                if line.strip().startswith("ras_kd"))  # fmt: skip
    assert " ".join(line.split()) == (
        "ras_kd x1.0080 1.0063 to 1.0097 (90 %) supported x1.0305 1.0287 to 1.0322 (90 %) refuted"
    )


def test_a_method_that_was_timed_in_one_set_only_is_said_to_be(campaign, second):
    plan = campaign.plan()
    campaign.same(plan=plan)
    other = second()
    campaign.method(plan=plan)
    (pair,) = compare(other, campaign.results).overheads
    assert [(name, before is None) for name, before, _ in pair.rows] == [("ras_kd", True)]
    assert "not measured" in printed(other, campaign.results)


def test_counted_steps_are_compared_exactly(campaign, second):
    campaign.plan()
    campaign.count(cross_entropy={}, ras_kd={"copies": 2})
    other = second()
    campaign.count(cross_entropy={}, ras_kd={"copies": 3})
    pairs = compare(other, campaign.results).steps
    assert [(pair.label, pair.found is None) for pair in pairs] == [
        ("cross_entropy", True), ("ras_kd", False),
    ]  # fmt: skip
    text = printed(other, campaign.results)
    assert "copies between host and device 2 -> 3 (+50 %)" in text
    assert json.loads(printed(other, campaign.results, "json"))["steps"][1]["changes"] == {
        "copies": [2, 3]
    }


def test_steps_counted_under_another_torch_are_refused(campaign, second):
    campaign.plan()
    path = campaign.count(ras_kd={})
    other = second()
    path.write_text(path.read_text().replace("2.15.0", "2.16.0"))
    with pytest.raises(RequestError, match=r"counted under torch 2\.15\.0 and 2\.16\.0"):
        compare(other, campaign.results)
