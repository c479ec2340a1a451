"""Two sets of results: what is matched, what is refused, what changed with which interval."""

import io
import json

import pytest
from rich.console import Console

from raskd_bench import record
from raskd_bench.errors import RequestError
from raskd_bench.report.compare import compare
from raskd_bench.report.compare_text import FORMATS

HOSTILE = "[red]x|y* <script>\n\x1b[31m"


@pytest.fixture
def sets(tmp_path, new_record):
    """Return what writes Records into the first or second set, and their places."""

    class Sets:
        first, second = tmp_path / "first", tmp_path / "second"

        def add(self, place, label="cross_entropy", seed=0, **fields):
            made = new_record(label, seed, **fields)
            record.write(
                made, place / "tiny" / "host" / f"{label}-{seed}-{made.cell}-{made.suite}.json"
            )

        def both(self, label="cross_entropy", seed=0, **second):
            self.add(self.first, label, seed)
            self.add(self.second, label, seed, **second)

        def compared(self):
            return compare(self.first, self.second)

        def rows(self):
            (pair,) = self.compared().cells
            return pair.rows

        def printed(self, form="table"):
            made = FORMATS[form](self.compared())
            if isinstance(made, str):
                return made
            console = Console(file=io.StringIO(), width=300)
            console.print(made)
            return console.file.getvalue()

    return Sets()


def test_differences_are_second_less_first_and_paired_by_seed(sets):
    for seed, gain in enumerate((0.01, 0.02, 0.03)):
        sets.both(seed=seed, test_top1=0.9 + gain)
    sets.add(sets.second, seed=7, test_top1=0.1)  # has no partner
    found = sets.rows()[0].difference("test_top1")
    assert (found.mean, found.num_values) == (pytest.approx(0.02), 3)
    assert found.half == pytest.approx(4.302653 * 0.01 / 3**0.5, rel=1e-5)


def test_methods_without_a_common_seed_have_no_difference(sets):
    sets.both("cross_entropy")
    sets.add(sets.first, "ras_kd", seed=0)
    sets.add(sets.second, "ras_kd", seed=1)
    assert sets.rows()[1].difference("test_top1") is None
    assert "test_top1_difference" in sets.printed("json")


def test_counts_are_exact_and_ratios_are_second_to_first(sets):
    sets.both(step_flops=1_100_000_000, state_bytes=512, step_seconds={"p50": 0.03})
    text = sets.printed()
    assert "x1.1000" in text
    assert "0 -> 512" in text
    assert "same" in text
    assert "x2.000" in text
    assert "ran at different times: indicative" in text


def test_times_of_another_machine_are_refused_and_accuracies_are_not(sets, new_record):
    machine = new_record().machine | {"cpu": "Xeon"}
    sets.both(machine=machine, test_top1=0.95)
    (pair,) = sets.compared().cells
    assert pair.times_refused == "other machine: amd-epyc-2c -> xeon-2c"
    text = sets.printed()
    assert "step time and memory are not compared: other machine" in text
    assert "+5.00" in text
    row = json.loads(sets.printed("json"))["cells"][0]["rows"][0]
    assert "step_seconds_ratio" not in row


def test_times_with_other_threads_are_refused(sets, new_record):
    sets.both(machine=new_record().machine | {"threads": 1})
    (pair,) = sets.compared().cells
    assert pair.times_refused == "other threads: 2 -> 1"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"budget": {"epochs": 24}}, "budget.epochs 12 -> 24"),
        ({"data": {"name": "cifar10"}}, "data.name digits -> cifar10"),
        ({"student": {"name": "resnet20"}}, "student.name resnet8 -> resnet20"),
        ({"batch_size": 128}, "batch_size 64 -> 128"),
        ({"val_fraction": 0.1}, "val_fraction 0.0 -> 0.1"),
    ],
)
def test_what_accuracies_are_of_must_be_the_same(sets, changed, change, reason):
    sets.both(conditions=changed(**change), cell="cell-2")
    with pytest.raises(RequestError) as caught:
        sets.compared()
    assert reason in str(caught.value)
    assert "not comparable" in str(caught.value)


def test_records_of_an_older_schema_are_compared_if_they_mean_the_same(sets):
    for seed in (0, 1):
        sets.add(sets.first, seed=seed, schema=1)
        sets.add(sets.second, seed=seed, test_top1=0.95)
    (pair,) = sets.compared().cells
    assert pair.refused is None
    assert sets.rows()[0].difference("test_top1").num_values == 2


def test_records_of_another_meaning_are_refused(sets, monkeypatch):
    monkeypatch.setattr("raskd_bench.report.compare_trials.MEANINGS", {1: 1, 3: 2})
    sets.add(sets.first, schema=1)
    sets.add(sets.second)
    with pytest.raises(RequestError, match=r"schema of Records \[1\] -> \[3\]"):
        sets.compared()


def test_every_schema_has_a_meaning():
    assert sorted(record.MEANINGS) == list(range(1, record.SCHEMA + 1))


def test_a_cell_that_is_not_comparable_does_not_hide_one_that_is(sets, changed):
    sets.both()
    other = changed(data={"name": "fashion_mnist"})
    longer = other | {"budget": {"epochs": 24}}
    sets.add(sets.first, conditions=other, cell="cell-2")
    sets.add(sets.second, conditions=longer, cell="cell-3")
    made = sets.compared()
    assert [pair.refused is None for pair in made.cells] == [True, False]
    assert made.refused == [
        "tiny, fashion_mnist: accuracies are not of the same thing: budget.epochs 12 -> 24"
    ]
    assert "not compared: tiny, fashion_mnist" in sets.printed()


def test_a_folder_of_another_name_is_still_the_same_data(sets, changed):
    data = [{"name": "imagefolder", "root": f"/{place}/images.zip"} for place in ("a", "b")]
    sets.add(sets.first, conditions=changed(data=data[0]))
    sets.add(sets.second, conditions=changed(data=data[1]), cell="cell-2")
    (pair,) = sets.compared().cells
    assert pair.refused is None


def test_settings_that_differ_are_told_and_compared(sets, changed):
    sets.both(conditions=changed(precision="bf16"), cell="cell-2", test_top1=0.91)
    (pair,) = sets.compared().cells
    assert pair.settings == ("precision fp32 -> bf16",)
    assert "* setting precision fp32 -> bf16" in sets.printed()


def test_of_several_cells_the_most_alike_belong_together(sets, changed):
    for place, cells in ((sets.first, ("a", "b")), (sets.second, ("b", "a"))):
        for cell in cells:
            lr = {"a": 0.1, "b": 0.2}[cell]
            sets.add(place, cell=cell, conditions=changed(optimizer={"name": "sgd", "lr": lr}))
    assert [pair.settings for pair in sets.compared().cells] == [(), ()]


def test_code_and_hyper_parameters_that_differ_are_told(sets):
    sets.both("ras_kd", method_digest="newc0de", hparams={"epsilon": 0.2})
    assert sets.rows()[0].changed == (
        "code of the method digest -> newc0d",
        "hparams.epsilon none -> 0.2",
    )


def test_methods_and_cells_of_one_set_only_are_told(sets, changed):
    sets.both()
    sets.add(sets.second, "ras_kd")
    sets.add(sets.first, suite="other")
    made = sets.compared()
    assert made.cells[0].alone == ("ras_kd: in the second set only",)
    assert made.alone == ("in the first set only: other, digits, resnet8 (amd-epyc-2c)",)


def test_commits_versions_and_machines_that_differ_open_the_report(sets, new_record):
    machine = new_record().machine | {"versions": {"torch": "2.15.0"}}
    sets.both(commit="b" * 40, dirty=True, machine=machine)
    lines = sets.printed().splitlines()
    assert lines[0] == f"from {sets.first} to {sets.second}"
    assert [line.strip() for line in lines[1:4]] == [
        "commit aaaaaaaaaa -> bbbbbbbbbb", "uncommitted changes no -> yes",
        "torch 2.13.0 -> 2.15.0",
    ]  # fmt: skip


def test_nothing_that_differs_is_said_to_be_the_same(sets):
    sets.both()
    assert "commits, machines and versions are the same" in sets.printed()


def test_suites_without_anything_in_common_are_refused(sets):
    sets.add(sets.first)
    sets.add(sets.second, suite="other")
    with pytest.raises(RequestError, match="they have no suite and cell in common"):
        sets.compared()


def test_an_empty_place_is_refused(sets):
    sets.add(sets.first)
    sets.second.mkdir()
    with pytest.raises(RequestError, match="second: no Records there; run a suite first"):
        sets.compared()


def test_a_label_stays_text_in_every_format(sets):
    for place in (sets.first, sets.second):
        sets.add(place, "x", method="ras_kd")
        (path,) = place.rglob("*.json")
        content = json.loads(path.read_text()) | {"label": HOSTILE}
        path.write_text(json.dumps(content))
    row = next(line for line in sets.printed("markdown").splitlines() if "script" in line)
    assert r"\[red\]x\|y\* \<script\> " in row
    assert row.replace(r"\|", "").count("|") == len(FORMATS) + 11
    assert "\x1b" not in sets.printed()
    assert json.loads(sets.printed("json"))["cells"][0]["rows"][0]["label"] == HOSTILE
