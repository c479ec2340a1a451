"""What lies in a campaign's folder is found and read; what is damaged costs itself alone."""

import json

import pytest

from raskd_bench.errors import RequestError
from raskd_bench.report.campaigns import find_campaigns, loss
from raskd_bench.report.collect import campaign_folder, find_records, load_records


def only(places):
    found = find_campaigns(places)
    assert len(found) == 1
    return found[0]


def test_a_campaign_is_found_below_the_folder_of_all_results(campaign):
    campaign.plan()
    campaign.method()
    found = only([campaign.results])
    assert (found.suite, found.machine) == ("tiny", "amd-epyc-2c")
    assert [item.label for item in found.comparisons] == ["ras_kd"]


@pytest.mark.parametrize("inside", ["overhead", "overhead/cell", "overhead/cell/x.jsonl"])
def test_any_place_inside_a_campaign_stands_for_all_of_it(campaign, inside):
    campaign.plan()
    campaign.same()
    path = campaign.method()
    place = campaign.machine / inside.replace("cell", path.parent.name).replace("x", path.stem)
    assert len(only([place]).comparisons) == 2


def test_a_campaign_that_is_named_twice_is_read_once(campaign):
    campaign.plan()
    assert len(find_campaigns([campaign.results, campaign.machine, campaign.folder])) == 1


@pytest.mark.parametrize("name", ["published", "superseded"])
def test_a_campaign_that_was_published_or_superseded_is_read_if_asked_for(campaign, name):
    campaign.plan()
    campaign.results.rename(campaign.results.parent / name)
    around = campaign.results.parent
    assert find_campaigns([around]) == []
    assert len(find_campaigns([around / name])) == 1


def test_a_place_that_is_not_there_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(RequestError, match="no such folder; run a suite first"):
        find_campaigns([tmp_path / "none"])


def test_files_of_a_campaign_are_no_records(campaign):
    campaign.plan()
    path = campaign.method()
    campaign.count(ras_kd={})
    campaign.trial("ras_kd", 0)
    assert [found.label for found in load_records([campaign.results])] == ["ras_kd"]
    assert find_records([campaign.folder]) == find_records([path]) == []


def test_a_folder_that_is_only_called_overhead_holds_records(new_record, tmp_path):
    from raskd_bench import record

    place = tmp_path / "overhead" / "results"
    record.write(new_record(), place / "a.json")
    assert campaign_folder(place) is None
    assert len(load_records([place])) == 1


def test_a_file_without_an_intact_header_is_said_and_the_others_go_on(campaign):
    campaign.plan()
    campaign.same()
    path = campaign.method()
    path.write_text("{half a li")
    found = only([campaign.results])
    assert [item.label for item in found.comparisons] == ["A/A"]
    assert found.problems == (
        f"{path}: has no intact first line: not a file of blocks, or damaged; move it away",
    )


def test_damaged_lines_are_counted_beside_the_pairs_that_are_whole(campaign):
    campaign.plan()
    path = campaign.method()
    lines = path.read_text().splitlines()
    lines[2] = lines[2][:20]  # the first block of the first pair
    path.write_text("\n".join([*lines, "{}"]))
    found = only([campaign.results]).comparisons[0]
    assert loss(found) == "2 damaged lines were left out; 11 intact pairs count"


def test_a_plan_that_was_changed_later_is_said_and_not_used(campaign):
    campaign.plan()
    path = next(campaign.folder.glob("plan-*.json"))
    path.write_text(path.read_text().replace('"2%"', '"9%"'))
    found = only([campaign.results])
    assert found.latest is None
    assert "was changed after it was registered" in found.wrong_plans[0]


def test_the_plan_that_the_suite_was_run_with_last_is_the_latest(campaign):
    campaign.plan(overhead={"margin": "2%"}, registered="2026-11-25T12:00:00+00:00")
    campaign.plan(overhead={"margin": "3%"}, registered="2026-11-25T09:00:00+00:00")
    assert only([campaign.results]).latest.overhead == {"margin": "3%"}


def test_where_that_is_not_known_the_plan_registered_last_is_the_latest(campaign):
    campaign.plan(overhead={"margin": "2%"}, registered="2026-11-25T12:00:00+00:00")
    campaign.plan(overhead={"margin": "3%"}, registered="2026-11-25T09:00:00+00:00")
    (campaign.folder / "current.json").unlink()
    assert only([campaign.results]).latest.overhead == {"margin": "2%"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [("{", "is no file of counted steps"), ('{"schema": 2}', "was written by a newer version"),
     ('{"schema": 1, "torch": "2", "rows": [{}]}', "damaged one"), ("[]", "damaged one")],
)  # fmt: skip
def test_counted_steps_that_cannot_be_read_are_said(campaign, content, reason):
    campaign.plan()
    campaign.count(ras_kd={}).write_text(content)
    found = only([campaign.results])
    assert found.counted == ()
    assert reason in found.problems[0]


def test_counted_steps_are_read_with_their_version_of_torch(campaign):
    campaign.plan()
    campaign.count(ras_kd={"copies": 3})
    found = only([campaign.results])
    assert (found.torch, found.counted[0].fingerprint.copies) == ("2.15.0", 3)


def test_a_damaged_record_beside_a_campaign_is_said_and_the_others_go_on(campaign):
    campaign.plan()
    campaign.trial("ras_kd", 0)
    (campaign.machine / "broken.json").write_text(json.dumps({"schema": 1}))
    trials = only([campaign.results]).trials
    assert [found.seed for found in trials.records.values()] == [0]
    assert "broken.json" in trials.problems[0]
