"""What can be named is listed, with a card for each."""

import pytest

from raskd_bench import catalog, listing
from raskd_bench.errors import BenchError
from raskd_bench.spec.options import CHOOSING, READING

SUITE = """
schema: 1
name: mine
data: digits
student: resnet8
budget: {epochs: 2}
seeds: [0, 1]
methods: [cross_entropy, ras_kd, cs_kd]
"""


def row(rows, name):
    return next(row for row in rows[1] if row[0] == name)


@pytest.mark.parametrize(
    ("table", "kind"),
    [(listing.methods, "method"), (listing.students, "student"), (listing.datasets, "dataset")],
)
def test_every_name_has_a_row_as_wide_as_the_head(table, kind):
    head, rows = table()
    assert set(catalog.names(kind)) <= {row[0] for row in rows}
    assert {len(row) for row in rows} == {len(head)}
    assert all(row[1] or row[0] == "cross_entropy" for row in rows)  # it has no year


def test_methods_say_what_they_need_and_cost_and_where_they_come_from():
    assert row(listing.methods(), "cs_kd")[1:] == (
        "2020", "instance", "cnn, vit", "x2", "x1.334", "0", "0", "a sampler",
        "Yun et al., CVPR 2020, arXiv 2003.13964",
    )  # fmt: skip
    assert row(listing.methods(), "kd")[8] == "a teacher"
    assert row(listing.methods(), "tf_kd_self")[8] == "itself, trained before"
    assert row(listing.methods(), "dlb")[8] == "2 views, a sampler"
    assert row(listing.methods(), "cross_entropy")[8] == ""


def test_students_of_timm_are_mentioned():
    assert row(listing.students(), "timm/<name>")[1].startswith("any model of the timm library")


def test_data_sets_show_their_options():
    assert "root" in row(listing.datasets(), "imagefolder")[2]


def test_options_that_every_data_set_has_are_said_once_and_as_they_are_read():
    said = [note.partition(";")[0] for note in listing.dataset_notes()]
    assert said == [f"{name}: {rule.words}" for name, rule in (READING | CHOOSING).items()]


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in ("method", "student", "dataset")
                       for name in catalog.names(kind)]
)  # fmt: skip
def test_every_card_prints(kind, name):
    text = listing.card(name, kind)
    found = catalog.find(kind, name)
    assert text.startswith(f"{name}: {found.title}")
    for parameter in found.parameters:
        assert f"  {parameter.name}: " in text
    for preset in found.presets:
        assert f"  preset {preset}: " in text
    for line in found.constants.get("published", ()):
        assert line in text
    if kind == "method":
        assert f"reference: {found.constants['paper']}" in text


def test_the_card_of_a_reconstruction_says_so():
    assert "note: reconstruction from the abstract" in listing.card("ras_kd")


def test_the_card_of_cs_kd_is_whole():
    lines = listing.card("cs_kd").splitlines()
    assert lines[2] == "  L = CE(z, y) + weight T^2 KL( sg softmax(z' / T) || softmax(z / T) )."
    start = lines.index("reference: Yun et al., CVPR 2020, arXiv 2003.13964")
    assert lines[start + 1 : start + 10] == [
        "level: instance",
        "tasks: classification; students: cnn, vit",
        "needs: a sampler",
        "costs: x2 images forwarded, x1.3337 FLOPs a step, x1.3337 FLOPs an epoch, 0 more "
        "parameters in training, 0 of state",
        "  (ResNet-18 (CIFAR stem), 100 classes, 32x32, batch 128, 50,000 images; teacher "
        "ResNet-34)",
        "options:",
        "  weight: 0 or above, default 1.0",
        "  temperature: above 0, default 4.0",
        "  preset cifar100_resnet18: weight 1.0",
    ]
    assert (
        "  CIFAR-100, pre-activation ResNet-18, recipe A: 78.01 +- 0.13 (CE 75.29) [survey]"
        in lines
    )


def test_a_users_method_has_a_card_with_its_views(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        '"""My own method."""\nfrom raskd_bench.method import Method\n\n\n'
        'class Mine(Method):\n    """L = 0."""\n\n    views = 2\n    needs_teacher = True\n\n'
        "    def __init__(self, *, strength: float):\n        super().__init__()\n"
    )
    text = listing.card("./mine.py:Mine")
    assert "needs: a teacher, 2 views" in text
    assert "  strength: float, required" in text


def test_an_unknown_name_is_refused_with_the_closest():
    with pytest.raises(BenchError, match="did you mean 'ps_kd'"):
        listing.card("ps_k")


def test_suites_are_listed_with_their_size_and_their_faults(tmp_path):
    (tmp_path / "a.yaml").write_text(SUITE)
    one = SUITE.replace("[0, 1]", "[0]").replace(", ras_kd, cs_kd", "")
    (tmp_path / "b.yml").write_text(one.replace("epochs: 2", "steps: 1"))
    (tmp_path / "c.yaml").write_text(SUITE.replace("name: mine", "nam: mine"))
    (tmp_path / "notes.txt").write_text("no suite")
    _, rows = listing.suites(tmp_path)
    assert rows[0][1:] == ("mine", "3 methods, 2 seeds, 2 epochs: 6 trials a cell")
    assert rows[1][1:] == ("mine", "1 method, 1 seed, 1 step: 1 trial a cell")
    assert rows[2][2].startswith(f"has faults: {tmp_path / 'c.yaml'}:3:1: nam")
    assert len(rows) == 3


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BenchError, match="no such folder"):
        listing.suites(tmp_path / "none")
