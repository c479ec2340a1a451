"""The file of accepted fingerprints: round trip, refusals, what acceptance keeps."""

import json

import pytest

from raskd_bench.errors import BaselineError, DiskFull
from raskd_bench.fingerprint.baseline import (
    Baseline,
    read,
    release,
    row_of,
    title_of,
    write,
)
from raskd_bench.spec import Suite, expand

SUITE = {
    "schema": 1, "name": "gate", "data": {"name": "synthetic", "classes": 100},
    "student": "resnet20", "batch_size": 128, "budget": {"steps": 1}, "seeds": [0],
    "methods": [{"name": "kd", "label": "KD"}], "teacher": {"student": "resnet56"},
}  # fmt: skip


@pytest.fixture
def baseline(new_entry):
    return Baseline(accepted={"2.15.0": {"gate: a": new_entry()}})


@pytest.fixture
def plan(tmp_path):
    return expand(Suite.model_validate(SUITE), tmp_path)[0]


def test_what_is_written_is_read(baseline, tmp_path):
    write(baseline, tmp_path / "results" / "baseline.json")
    assert read(tmp_path / "results" / "baseline.json") == baseline


def test_the_file_has_one_operation_a_line_and_sorted_keys(baseline, tmp_path):
    write(baseline, tmp_path / "b.json")
    lines = [line.strip() for line in (tmp_path / "b.json").read_text().splitlines()]
    assert '"aten.add.Tensor": 400,' in lines
    assert lines.index('"aten.add.Tensor": 400,') + 1 == lines.index('"aten.mul.Tensor": 12')


def test_a_write_that_fails_leaves_the_old_file(baseline, tmp_path, monkeypatch):
    path = tmp_path / "b.json"
    write(baseline, path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DiskFull, match="the disk is full"):
        write(Baseline(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_newer_schema_is_refused_in_one_line(tmp_path):
    (tmp_path / "b.json").write_text('{"schema": 2, "program": "9.1", "accepted": []}')
    with pytest.raises(BaselineError) as caught:
        read(tmp_path / "b.json")
    assert "has baseline schema 2" in str(caught.value)
    assert "the version that wrote it (9.1)" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is no file of accepted fingerprints"),
        ("[]", "it has no schema number"),
        ('{"schema": true}', "it has no schema number"),
        ('{"schema": 1, "accepted": {"2.15.0": {"a": {}}}}', "is damaged: accepted.2.15.0.a.suite"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(text, says, tmp_path):
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(BaselineError, match=says.replace(".", r"\.")) as caught:
        read(tmp_path / "b.json")
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_how_to_make_it(tmp_path):
    with pytest.raises(BaselineError, match="raskd-bench baseline accept"):
        read(tmp_path / "b.json")


def test_acceptance_keeps_rows_of_other_versions_of_torch(new_entry, new_row, note):
    old = Baseline(accepted={"2.14.1": {"gate: a": new_entry()}})
    made = old.accept({"gate: a": new_row()}, ["gate.yaml"], note)
    assert made.accepted["2.14.1"] == old.accepted["2.14.1"]
    assert set(made.accepted) == {"2.14.1", "2.15.0"}


def test_acceptance_keeps_rows_of_other_suites(baseline, new_row, note):
    made = baseline.accept({"more: a": new_row("more.yaml")}, ["more.yaml"], note)
    assert set(made.accepted["2.15.0"]) == {"gate: a", "more: a"}


def test_acceptance_drops_rows_that_their_suite_has_no_more(baseline, new_row, note):
    made = baseline.accept({"gate: b": new_row()}, ["gate.yaml"], note)
    assert set(made.accepted["2.15.0"]) == {"gate: b"}


def test_a_row_that_did_not_change_keeps_its_reason(baseline, new_row, note):
    rows = {"gate: a": new_row(), "gate: b": new_row(copies=1)}
    entries = baseline.accept(rows, ["gate.yaml"], note).accepted["2.15.0"]
    assert entries["gate: a"].reason == "first"
    assert (entries["gate: b"].reason, entries["gate: b"].accepted) == ("fused", "2026-11-25")


def test_reasons_stay_in_the_history(baseline, new_row, note):
    once = baseline.accept({"gate: a": new_row(copies=1)}, ["gate.yaml"], note)
    again = note.model_copy(update={"reason": "and back"})
    twice = once.accept({"gate: a": new_row()}, ["gate.yaml"], again)
    assert [entry.reason for entry in twice.history] == ["fused", "and back"]


def test_under_a_new_version_of_torch_the_suites_of_the_others_are_meant(baseline):
    assert baseline.suites("2.16.0") == ["gate.yaml"]


@pytest.mark.parametrize("version", ["2.15.0", "2.15.0+cpu", "2.15.0a0+git1234", "2.15.0.dev1"])
def test_a_release_is_three_numbers(version):
    assert release(version) == "2.15.0"


def test_a_title_names_suite_label_and_cell(plan):
    assert title_of("gate", plan) == (
        "gate: KD on resnet20, batch 128, fp32, synthetic(classes=100)"
    )


def test_a_row_holds_what_explains_a_difference(plan, new_fingerprint):
    row = row_of(plan, "gate.yaml", new_fingerprint())
    assert (row.method, row.settings["teacher"]) == ("kd", "resnet56")
    assert row.settings["hparams"]["temperature"] == 4.0
    assert "seed" not in row.settings
    assert json.loads(row.model_dump_json())["suite"] == "gate.yaml"
