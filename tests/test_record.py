"""Records survive a round trip, an interruption, and readers that are older than they are."""

import json
import math
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raskd_bench import record
from raskd_bench.errors import RecordError
from raskd_bench.record import SCHEMA, Record

IDENTITY = {
    "trial": "0123456789ab", "suite": "tiny", "cell": "ba9876543210", "method": "ras_kd",
    "label": "RAS-KD", "position": 1, "baseline": "cross_entropy", "hparams": {"epsilon": 0.1},
    "hparams_passed": {}, "method_digest": "d1", "seed": 0, "budget": {"epochs": 2.0},
    "conditions": {"student": {"name": "resnet8"}}, "status": "done",
    "started": "2026-11-23T05:00:00+00:00", "machine": {"cpu": "one", "cores": 2},
}  # fmt: skip


def new_record(**fields):
    return Record(**IDENTITY | fields)


def written(path, **changes):
    """Write a good Record's JSON with some keys changed, or left out where None."""
    content = new_record().model_dump(mode="json", by_alias=True) | changes
    kept = {key: value for key, value in content.items() if changes.get(key, 0) is not None}
    path.write_text(json.dumps(kept))
    return path


def test_a_record_reads_back_as_it_was_written(tmp_path):
    curve = [{"step": 1, "loss": {"ce": 0.1 + 0.2}, "test_top1": 1 / 3}]
    original = new_record(test_top1=1 / 3, curve=curve, step_flops=2**60, peak_host_bytes=1)
    record.write(original, tmp_path / "a.json")
    assert record.read(tmp_path / "a.json") == original


def test_bins_read_back_as_they_were_written(tmp_path):
    bins = [{"count": 0, "confidence": None, "accuracy": None},
            {"count": 3, "confidence": 0.1 + 0.2, "accuracy": 1 / 3}]  # fmt: skip
    record.write(new_record(test_reliability=bins), tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["test_reliability"] == bins
    found = record.read(tmp_path / "a.json").test_reliability
    assert [(b.count, b.accuracy) for b in found] == [(0, None), (3, 1 / 3)]


def test_a_record_from_before_there_were_bins_reads_as_one_without(tmp_path):
    found = record.read(written(tmp_path / "a.json", schema=1, test_reliability=None))
    assert (found.version, found.test_reliability) == (1, None)


@given(st.floats(min_value=0, max_value=1e300))
def test_every_number_keeps_all_its_digits(value):
    text = new_record(test_nll=value).model_dump_json(by_alias=True)
    assert Record.model_validate(json.loads(text)).test_nll == value


def test_the_folder_is_made(tmp_path):
    record.write(new_record(), tmp_path / "suite" / "machine" / "a.json")
    assert (tmp_path / "suite" / "machine" / "a.json").exists()


def test_what_is_no_number_is_written_as_null(tmp_path):
    steps = {"p50": math.nan, "mean": 0.5}
    fields = {"test_nll": math.inf, "step_seconds": steps, "curve": [{"loss": {"ce": math.nan}}]}
    original = new_record(**record.finite(fields))
    record.write(original, tmp_path / "a.json")
    found = record.read(tmp_path / "a.json")
    assert found.test_nll is None
    assert found.step_seconds == {"p50": None, "mean": 0.5}
    assert found.curve == [{"loss": {"ce": None}}]


def test_an_infinity_is_refused_however_it_is_written(tmp_path):
    path = written(tmp_path / "a.json", test_nll=1.5)
    path.write_text(path.read_text().replace("1.5", "1e999"))
    with pytest.raises(RecordError, match="test_nll: Input should be a finite number; found inf"):
        record.read(path)


@pytest.mark.parametrize("broken", ["fsync", "fdopen"])
def test_a_write_that_is_interrupted_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch, broken
):
    path = tmp_path / "a.json"
    record.write(new_record(test_top1=0.5), path)
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(OSError, match="no space left"):
        record.write(new_record(test_top1=0.9), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_interruption_before_the_first_record_leaves_no_file(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        record.write(new_record(), tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


def test_a_newer_schema_is_refused_with_both_versions_named(tmp_path):
    path = written(tmp_path / "a.json", schema=SCHEMA + 1, program="9.1", news="unknown")
    text = rf"has Record schema {SCHEMA + 1}.*reads up to schema {SCHEMA};.*\(9\.1\)"
    with pytest.raises(RecordError, match=text):
        record.read(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ('{"schema": 1, "trial": "0', "Unterminated string"),
        ("[1, 2]", "it has no schema number"),
        ("{}", "it has no schema number"),
        ('{"schema": true}', "it has no schema number"),
        ('{"schema": 0}', "it has no schema number"),
        ('{"schema": "1"}', "it has no schema number"),
        ('{"schema": 1, "test_nll": NaN}', "NaN is not JSON"),
        ("[" * 100_000, "recursion"),
        (b"\xff\xfe\x00", "codec can't decode"),
    ],
)
def test_what_is_no_record_is_refused_in_one_line(tmp_path, content, reason):
    path = tmp_path / "a.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RecordError, match=reason) as refused:
        record.read(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seed": None}, "seed: Field required"),
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({"status": "fine"}, "status: Input should be 'done'"),
        ({"test_top1": "high"}, "test_top1: Input should be a valid number"),
        ({"budget": {"epochs": "two"}}, "budget.epochs: Input should be a valid number"),
        ({"test_top1": 7.5}, "test_top1: Input should be less than or equal to 1; found 7.5"),
        ({"train_seconds": -0.1}, "train_seconds: Input should be greater than or equal to 0"),
        ({"step_seconds": {"p50": -1.0}}, "step_seconds.p50: Input should be greater than"),
        ({"peak_host_bytes": -1}, "peak_host_bytes: Input should be greater than or equal to 0"),
        ({"steps": -1}, "steps: Input should be greater than or equal to 0"),
        (
            {"test_reliability": [{"count": 2, "confidence": 0.5, "accuracy": None}]},
            "test_reliability.0: Value error, has both means, or is empty and has neither",
        ),
        (
            {"test_reliability": [{"count": 10**400, "confidence": 0.5, "accuracy": 0.5}]},
            "test_reliability.0.count: Input should be less than",
        ),
    ],
)
def test_a_damaged_record_is_refused_with_the_key_in_one_line(tmp_path, changes, reason):
    path = written(tmp_path / "a.json", **changes)
    with pytest.raises(RecordError, match=re.escape(f"{path}: is damaged: {reason}")) as refused:
        record.read(path)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused_in_one_line(tmp_path):
    with pytest.raises(RecordError, match=r"none\.json: cannot be read: No such file"):
        record.read(tmp_path / "none.json")


@pytest.mark.parametrize("status", ["diverged", "out_of_memory", "timeout", "failed"])
def test_only_a_trial_that_is_done_counts_as_finished(status):
    assert new_record().finished
    assert not new_record(status=status).finished


def test_a_record_cannot_be_edited():
    with pytest.raises(ValueError, match="frozen"):
        new_record().test_top1 = 1.0


def test_the_quick_way_to_read_gives_what_the_careful_one_gives(tmp_path, monkeypatch):
    path = written(tmp_path / "a.json", hparams={"a": [0.1, 2.5e-310, 1e300], "b": 10**30},
                   curve=[{"step": 3, "test_top1": 0.1 + 0.2}])  # fmt: skip
    assert record._sound(path.read_text()) is not None
    quick = record.read(path)
    monkeypatch.setattr(record, "_sound", lambda text: None)
    assert repr(quick) == repr(record.read(path))
    assert quick.model_fields_set == record.read(path).model_fields_set
