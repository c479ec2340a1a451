"""The cells of a suite: which methods meet in each, and under which recipe."""

import pytest

from raskd_bench.errors import RequestError
from raskd_bench.spec import expand, expand_cells, load_suite

GRID = {"student": "[resnet8, resnet20]", "batch_size": "[32, 64]", "seeds": "[3, 1]",
        "methods": "[cross_entropy, ras_kd, {name: ras_kd, label: sharp, tau: 0.01}]",
        "overhead": "{}"}  # fmt: skip


@pytest.fixture
def cells_of(write_suite, tmp_path):
    """Return a function that gives the cells of a small suite."""
    return lambda only=None, **keys: expand_cells(load_suite(write_suite(**keys)), tmp_path, only)


def shown(cells):
    names = (f"{c.cell_names['student']} {c.cell_names['batch_size']}" for c in cells)
    return {
        name: [plan.label for plan in cell.plans] for name, cell in zip(names, cells, strict=True)
    }


def test_there_is_a_cell_for_each_point_of_the_grid(cells_of):
    cells = cells_of(**GRID)
    assert list(shown(cells)) == ["resnet8 32", "resnet8 64", "resnet20 32", "resnet20 64"]
    assert cells[1].cell_names == {"data": "digits", "student": "resnet8", "batch_size": 64,
                                   "precision": "fp32", "compile": False}  # fmt: skip
    assert {tuple(labels) for labels in shown(cells).values()} == {
        ("cross_entropy", "ras_kd", "sharp")
    }


def test_the_plans_of_a_cell_are_the_trials_of_the_first_seed(cells_of, plans_of):
    plans = [plan for cell in cells_of(**GRID) for plan in cell.plans]
    assert plans == [plan for plan in plans_of(**GRID) if plan.trial.seed == 3]


def test_without_seeds_there_are_no_trials_but_cells_of_seed_0(cells_of, plans_of):
    assert plans_of(**GRID | {"seeds": "[]"}) == []
    plans = [plan for cell in cells_of(**GRID | {"seeds": "[]"}) for plan in cell.plans]
    assert plans == plans_of(**GRID | {"seeds": "[0]"})


def test_an_exclusion_removes_a_method_from_a_cell_and_empty_cells(cells_of):
    text = "[{method: ras_kd, student: resnet8}, {batch_size: 32}]"
    assert shown(cells_of(**GRID, exclude=text)) == {
        "resnet8 64": ["cross_entropy", "sharp"],
        "resnet20 64": ["cross_entropy", "ras_kd", "sharp"],
    }


@pytest.mark.parametrize(
    ("only", "kept"),
    [
        ("batch32 and resnet8", {"resnet8 32": ["cross_entropy", "ras_kd", "sharp"]}),
        ("sharp and resnet20", {"resnet20 32": ["cross_entropy", "sharp"],
                                "resnet20 64": ["cross_entropy", "sharp"]}),
        ("batch64 and resnet8 and seed1", {"resnet8 64": ["cross_entropy", "ras_kd", "sharp"]}),
        ("batch64 and resnet8 and not seed3", {"resnet8 64": ["cross_entropy", "ras_kd", "sharp"]}),
        ("cross_entropy and resnet8 and batch32", {"resnet8 32": ["cross_entropy"]}),
    ],
)  # fmt: skip
def test_only_chooses_methods_of_cells_and_the_baseline_stays_beside_them(cells_of, only, kept):
    assert shown(cells_of(only, **GRID)) == kept


def test_the_baseline_that_stays_is_the_campaigns(cells_of):
    cells = cells_of("sharp and resnet8 and batch32", **GRID | {"overhead": "{baseline: ras_kd}"})
    assert shown(cells) == {"resnet8 32": ["ras_kd", "sharp"]}


@pytest.mark.parametrize("seeds", ["[3, 1]", "[]"])
def test_only_is_refused_as_for_trials(cells_of, seeds):
    grid = GRID | {"seeds": seeds}
    with pytest.raises(RequestError, match="no trial is called 'sharpe'; did you mean 'sharp'"):
        cells_of("sharpe", **grid)
    with pytest.raises(RequestError, match="leaves nothing to run"):
        cells_of("resnet8 and resnet20", **grid)


def test_only_that_fits_cells_alone_is_no_error_for_the_trials(write_suite, tmp_path):
    suite = load_suite(write_suite(**GRID | {"seeds": "[]"}))
    assert expand(suite, tmp_path, "sharp") == []
    with pytest.raises(RequestError, match="a name is missing"):
        expand(suite, tmp_path, "sharp and")
