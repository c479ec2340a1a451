"""Which files are Records of a report."""

import pytest

from raskd_bench import record
from raskd_bench.errors import RecordError, RequestError
from raskd_bench.fingerprint.baseline import Baseline
from raskd_bench.fingerprint.baseline import write as write_baseline
from raskd_bench.report.tables import load_records


def test_a_folder_is_read_without_what_was_superseded_and_without_teachers(new_record, tmp_path):
    record.write(new_record(), tmp_path / "superseded" / "results" / "a.json")
    record.write(new_record(seed=1), tmp_path / "superseded" / "results" / "superseded" / "b.json")
    record.write(new_record(seed=2), tmp_path / "superseded" / "results" / "teachers" / "c.json")
    record.write(new_record(seed=3), tmp_path / "superseded" / "results" / "published" / "d.json")
    (tmp_path / "superseded" / "results" / ".a.json.tmp.json").write_text("half a Rec")
    found = load_records([tmp_path / "superseded" / "results"])
    assert [result.seed for result in found] == [0]


def test_superseded_records_are_read_when_asked_for(new_record, tmp_path):
    record.write(new_record(), tmp_path / "superseded" / "a.json")
    assert len(load_records([tmp_path / "superseded"])) == 1


def test_a_link_to_a_record_is_the_record(new_record, tmp_path):
    path, link = tmp_path / "suite" / "a.json", tmp_path / "other" / "b.json"
    record.write(new_record(), path)
    link.parent.mkdir()
    link.symlink_to(path)
    assert len(load_records([path.parent, link.parent])) == 1


def test_a_record_that_is_named_twice_is_read_once(new_record, tmp_path):
    record.write(new_record(), tmp_path / "machine" / "a.json")
    places = [tmp_path, tmp_path / "machine", tmp_path / "machine" / "a.json"]
    assert len(load_records(places)) == 1


@pytest.mark.parametrize(
    ("place", "reason"), [("none", "no such folder"), ("", "no Records there")]
)
def test_nothing_to_report_is_refused_with_what_to_do(tmp_path, place, reason):
    with pytest.raises(RequestError, match=f"{reason}; run a suite first: raskd-bench run SUITE"):
        load_records([tmp_path / place])


def test_a_damaged_record_is_refused_by_its_name(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(RecordError, match=r"a\.json"):
        load_records([tmp_path])


def test_accepted_fingerprints_among_records_are_no_record(tmp_path, new_record):
    record.write(new_record(), tmp_path / "one.json")
    write_baseline(Baseline(), tmp_path / "baseline.json")
    assert [found.trial for found in load_records([tmp_path])] == ["cross_entropy-0"]
