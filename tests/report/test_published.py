"""Published numbers: what the file says is checked, and shown beside what it is comparable to."""

import json

import pytest

from raskd_bench import catalog
from raskd_bench.errors import RequestError
from raskd_bench.report.cells import notes_of
from raskd_bench.report.formats import FORMATS
from raskd_bench.report.published import (
    DATA,
    WHY_RECIPES_DIFFER,
    published_for,
    published_lines,
    read_published,
    shipped,
)
from raskd_bench.report.tables import tables

GOOD = """schema: 1
recipes: {A: as it was}
entries:
  - {method: kd, data: {name: cifar100}, student: resnet18, recipe: A, top1: 77.19, source: X,
     tag: repo}
"""


@pytest.fixture
def cifar(new_record, changed):
    """Return a function that makes Records of CIFAR-100."""

    def make(label, seed=0, student="resnet18", data=None, **fields):
        conditions = changed(data=data or {"name": "cifar100"}, student={"name": student})
        return new_record(label, seed, conditions=conditions, **fields)

    return make


def only(*records):
    (table,) = tables(records)
    return table


def test_every_entry_is_of_a_method_and_a_student_that_are_here():
    methods, students = catalog.names("method"), catalog.names("student")
    assert [e for e in shipped().entries if e.method not in methods] == []
    assert [e for e in shipped().entries if e.student not in students] == []


def test_every_entry_is_of_data_that_the_file_is_read_for():
    assert {entry.data["name"] for entry in shipped().entries} == DATA
    assert set(catalog.names("dataset")) >= DATA


def test_every_recipe_that_is_described_is_used():
    assert {entry.recipe for entry in shipped().entries} == set(shipped().recipes)


def test_no_entry_is_there_twice():
    entries = [(e.method, str(e.data), e.student, e.source) for e in shipped().entries]
    assert len(set(entries)) == len(entries)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("top1: 77.19", "top1: 0.7719", "entries.0.top1: Input should be greater than 1"),
        ("tag: repo", "tag: rumour", "entries.0.tag: Input should be 'repo'"),
        ("recipe: A", "recipe: B", "recipe B is not described"),
        ("method: kd, ", "", "entries.0.method: Field required"),
        ("tag: repo", "tag: repo, rank: 1", "entries.0.rank: Extra inputs are not permitted"),
        ("schema: 1", "schema: 2", "schema: Input should be 1"),
        ("schema: 1", "schema: [", "cannot be read"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path, old, new, message):
    path = tmp_path / "published.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(RequestError) as caught:
        read_published(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_good_file_is_read(tmp_path):
    path = tmp_path / "published.yaml"
    path.write_text(GOOD)
    (entry,) = read_published(path).entries
    assert (entry.method, entry.top1, entry.gain) == ("kd", 77.19, None)


def test_numbers_stand_beside_the_same_data_and_depth_only(changed):
    def found(data, student):
        conditions = changed(data=data, student={"name": student})
        return [entry.top1 for entry in published_for(conditions, "frskd")]

    assert found({"name": "cifar100"}, "resnet18") == [77.71, 76.60]
    assert found({"name": "cifar100"}, "preact_resnet18") == [77.71, 76.60]
    assert found({"name": "cifar100"}, "resnet34") == []
    assert found({"name": "digits"}, "resnet18") == []
    assert found({"name": "tiny_imagenet", "size": 32}, "resnet18") == [59.61]
    assert found({"name": "tiny_imagenet"}, "resnet18") == []  # 64 x 64 pixels


def test_a_line_says_source_recipe_provenance_and_distance(cifar):
    records = [cifar(label, seed, test_top1=top1 + seed / 100)
               for label, top1 in (("cross_entropy", 0.75), ("uskd", 0.77))
               for seed in (0, 1)]  # fmt: skip
    lines = published_lines(only(*records))
    assert lines[1] == (
        "published of uskd: 79.90 [issue] (USKD, recipe C, baseline 78.58 [recalled]); "
        "77.91 [issue] (a user's rerun of USKD, recipe unknown); "
        "here 77.5 ± 6.4: -2.40 to -0.41 points from them; gain +2.00, published +1.32"
    )
    assert lines[2] == WHY_RECIPES_DIFFER
    assert "recipe C: SGD lr 0.1, x0.2 at epochs 60, 120 and 160 of 200" in lines[5]


def test_a_pre_activation_network_is_told(cifar):
    assert "(PS-KD, recipe B, pre-activation, baseline 75.82)" in (
        published_lines(only(cifar("ps_kd")))[0])  # fmt: skip


def test_a_method_that_did_not_finish_has_no_distance(cifar):
    dead = cifar("frskd", status="failed", test_top1=None)
    assert "here" not in published_lines(only(dead))[0]


def test_a_report_shows_them_as_notes_and_never_as_rows(cifar):
    table = only(cifar("cross_entropy"), cifar("cs_kd"))
    assert any(note.startswith("* published of cs_kd: 78.01") for note in notes_of(table))
    text = FORMATS["markdown"]([table])
    assert sum(line.startswith("| ") for line in text.splitlines()) == 3
    assert r"published of cs\_kd: 78.01 {[}survey{]}" in FORMATS["latex"]([table])


def test_json_has_them_in_a_list_of_their_own(cifar):
    table = json.loads(FORMATS["json"]([only(cifar("cross_entropy"), cifar("kd"))]))["tables"][0]
    assert [row["label"] for row in table["rows"]] == ["cross_entropy", "kd"]
    assert [key for row in table["rows"] for key in row if "published" in key] == []
    found = [entry for entry in table["published"] if entry["label"] == "kd"]
    assert len(found) == len(published_for(table["conditions"], "kd")) > 0
    for entry in found:
        assert 50 < entry["top1_percent"] < 100
        assert entry["recipe"] in shipped().recipes.values()
        assert entry["read_from"] in {"repo", "issue", "survey", "calc", "recalled"}
        assert (entry["baseline_top1_percent"] is None) == (entry["baseline_read_from"] is None)
    assert table["notes"][-1] == WHY_RECIPES_DIFFER


def test_other_data_have_no_such_notes(three_methods):
    assert published_lines(only(*three_methods)) == []
