"""`compare` as a user meets it: exit codes, messages, files."""

import json

import pytest

from raskd_bench import record
from raskd_bench.cli import main
from raskd_bench.record import Record

CONDITIONS = {
    "task": "classification", "data": {"name": "digits"}, "student": {"name": "resnet8"},
    "teacher": None, "batch_size": 64, "budget": {"epochs": 12},
    "optimizer": {"name": "sgd", "lr": 0.1}, "schedule": {"name": "cosine"}, "precision": "fp32",
    "compile": False,
}  # fmt: skip


def written(path, epochs=12, **fields):
    content = {
        "trial": "t", "suite": "tiny", "cell": f"cell-{epochs}", "method": "kd", "label": "kd",
        "position": 0, "baseline": "kd", "hparams": {}, "hparams_passed": {}, "method_digest": "d",
        "seed": 0, "budget": {"epochs": epochs}, "status": "done", "test_top1": 0.9,
        "conditions": CONDITIONS | {"budget": {"epochs": epochs}}, "started": "2026-11-23",
        "machine": {"cpu": "EPYC", "cores": 2}, "commit": "a" * 40, "dirty": False,
    }  # fmt: skip
    record.write(Record(**content | fields), path)


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Return what runs `compare` in a folder with two sets."""
    written(tmp_path / "a" / "one.json")
    written(tmp_path / "b" / "one.json", test_top1=0.92)
    written(tmp_path / "c" / "one.json", epochs=24)
    written(tmp_path / "seeds" / "one.json", seed=3)
    written(tmp_path / "seeds" / "two.json", seed=4)

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["raskd-bench", "compare", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return run


def test_what_changed_is_printed(call):
    code, out, _ = call("a", "b")
    assert code == 0
    assert out.startswith("from a to b\n")
    assert "+2.00" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a", "c"), "a and c are not comparable: tiny, digits: accuracies are not of the same "
                     "thing: budget.epochs 12 -> 24"),
        (("a", "seeds"), "a and seeds are not comparable: tiny, digits: no seed in common, and "
                         "differences are paired by seed: 0 -> 3, 4"),
        (("a", "nowhere"), "nowhere: no such folder; run a suite first: raskd-bench run SUITE"),
    ],
)  # fmt: skip
def test_what_is_not_comparable_is_one_line_and_exit_code_2(call, arguments, message):
    code, out, said = call(*arguments)
    assert (code, out) == (2, "")
    assert said == f"{message}\n"


def test_a_file_gets_it_as_json(call, tmp_path):
    code, _, said = call("a", "b", "--format", "json", "--out", "changes.json")
    assert (code, said) == (0, "written to changes.json\n")
    content = json.loads((tmp_path / "changes.json").read_text())
    assert content["cells"][0]["rows"][0]["test_top1_difference"]["mean"] == pytest.approx(0.02)
