"""`check` and `report` on claims, as a user and a build meet them."""

import json
from pathlib import Path

import pytest

from raskd_bench.cli import main
from raskd_bench.evidence.registration import Registration, register
from raskd_bench.fingerprint.model import Fingerprint

CELL = {"data": "digits", "student": "resnet8", "batch_size": 64, "precision": "fp32",
        "compile": False}  # fmt: skip
LABELS = ("cross_entropy", "ras_kd")


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Return what runs a command over claims on counted copies; a number: those of RAS-KD."""

    def run(copies, *arguments):
        folder = tmp_path / "results" / "tiny" / "host-2c" / "overhead"
        methods = {label: {"method": label, "hparams": {}, "digest": "d"} for label in LABELS}
        claim = {"id": "copies", "say": "RAS-KD copies nothing", "method": "ras_kd",
                 "metric": "copies", "at_most": 0}  # fmt: skip
        register(Registration(suite="tiny", overhead={}, claims=[claim],
                              cells=[{"cell": CELL, "methods": methods}],
                              registered="2026-11-25T10:00:00+00:00"), folder)  # fmt: skip
        if copies is not None:
            counted = {"cross_entropy": 2, "ras_kd": copies}
            rows = [{"cell": CELL, "label": label, "fingerprint": fingerprint(counted[label])}
                    | methods[label] for label in LABELS]  # fmt: skip
            content = {"schema": 1, "torch": "2.15.0", "rows": rows}
            (folder / "fingerprints.json").write_text(json.dumps(content))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["raskd-bench", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().out

    return run


def fingerprint(copies):
    names = [name for name, kind in Fingerprint.model_fields.items() if kind.annotation is int]
    return {"operations": {}, "unknown": []} | dict.fromkeys(names, 100) | {"copies": copies}


@pytest.mark.parametrize(
    ("copies", "code", "verdict"),
    [(2, 0, "supported"), (3, 10, "refuted"), (None, 4, "not measured")],
)
def test_check_exits_by_the_verdict_of_the_claims(check, copies, code, verdict):
    found, text = check(copies, "check")
    assert found == code
    assert text.startswith(f"{verdict}: tiny: copies: ")
    assert f"claims: 1 {verdict}" in text


def test_check_writes_claims_for_a_build_server(check):
    check(3, "check", "--junit", "junit.xml")
    assert 'name="tiny: copies"' in Path("junit.xml").read_text()


def test_report_tells_claims_where_there_is_nothing_else(check):
    code, text = check(2, "report")
    assert code == 0
    assert "claims: 1 supported" in text
