"""What `list suites` remembers, and when it looks again."""

import json
import os
from pathlib import Path

import pytest

from raskd_bench import listing, summaries
from raskd_bench.home import data_home

SUITE = """\
schema: 1
name: mine
task: classification
data: digits
student: resnet8
methods: [cross_entropy, ras_kd]
seeds: [0, 1]
budget: {epochs: 2}
"""
RUNS = "2 methods, 2 seeds, 2 epochs: 4 trials a cell"


@pytest.fixture
def suite(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("RASKD_BENCH_DATA", str(tmp_path / "home"))
    path = tmp_path / "suites" / "a.yaml"
    path.parent.mkdir()
    path.write_text(SUITE)
    return path


def listed(suite: Path) -> list[tuple[str, ...]]:
    return [row[1:] for row in listing.suites(suite.parent)[1]]


def refuse(*_: object) -> None:
    raise AssertionError("the suite was read")


def test_a_suite_that_was_right_is_not_read_again(suite, monkeypatch):
    assert listed(suite) == [("mine", RUNS)]
    monkeypatch.setattr("raskd_bench.spec.load_suite", refuse)
    assert listed(suite) == [("mine", RUNS)]


def test_a_changed_suite_is_read(suite):
    listed(suite)
    suite.write_text(SUITE.replace("[0, 1]", "[0]"))
    assert listed(suite) == [("mine", "2 methods, 1 seed, 2 epochs: 2 trials a cell")]
    suite.write_text(SUITE.replace("name:", "nam:"))
    assert "has faults" in listed(suite)[0][1]


def test_a_suite_with_faults_is_read_again(suite, monkeypatch):
    suite.write_text(SUITE.replace("name:", "nam:"))
    listed(suite)
    monkeypatch.setattr("raskd_bench.spec.load_suite", refuse)
    with pytest.raises(AssertionError, match="was read"):
        listed(suite)


def test_a_suite_that_names_a_file_is_read_again(suite):
    suite.write_text(SUITE.replace("ras_kd", "./mine.py:Mine"))
    (suite.parent / "mine.py").write_text(
        "from raskd_bench.method import Method\n\n\nclass Mine(Method):\n    '''L = CE.'''\n"
    )
    assert listed(suite) == [("mine", RUNS)]
    (suite.parent / "mine.py").unlink()
    assert "no such file" in listed(suite)[0][1]


def test_a_changed_source_file_makes_all_of_them_be_read(suite, monkeypatch, tmp_path):
    source = tmp_path / "package" / "rules.py"
    source.parent.mkdir()
    source.write_text("")
    monkeypatch.setattr(summaries, "PACKAGE", source.parent)
    listed(suite)
    os.utime(source, ns=(0, 0))
    monkeypatch.setattr("raskd_bench.spec.load_suite", refuse)
    with pytest.raises(AssertionError, match="was read"):
        listed(suite)


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"stamp": 1}', '{"stamp": "x", "rows": []}'])
def test_a_damaged_file_is_replaced(suite, damage):
    listed(suite)
    file = data_home() / "suites.json"
    file.write_text(damage)
    assert listed(suite) == [("mine", RUNS)]
    assert len(json.loads(file.read_text())["rows"]) == 1


def test_rows_of_another_shape_are_not_believed(suite):
    listed(suite)
    file = data_home() / "suites.json"
    content = json.loads(file.read_text())
    content["rows"] = {key: ["too", "many", "texts"] for key in content["rows"]}
    file.write_text(json.dumps(content))
    assert listed(suite) == [("mine", RUNS)]


def test_where_nothing_can_be_written_the_suites_are_listed(suite, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RASKD_BENCH_DATA", str(tmp_path / "file" / "home"))
    assert listed(suite) == listed(suite) == [("mine", RUNS)]


def test_old_summaries_make_room(suite, monkeypatch):
    monkeypatch.setattr(summaries, "MOST", 2)
    for seed in range(4):
        suite.write_text(SUITE.replace("[0, 1]", f"[{seed}]"))
        listed(suite)
    assert len(json.loads((data_home() / "suites.json").read_text())["rows"]) == 2
