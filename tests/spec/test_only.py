"""`--only`: an expression over the names a trial goes by."""

import pytest

from raskd_bench.errors import RequestError

GRID = {"student": "[resnet8, resnet20]", "batch_size": "[32, 64]", "seeds": "[0, 1]",
        "methods": "[cross_entropy, {name: ras_kd, label: RAS-KD (ours)}]"}  # fmt: skip


@pytest.mark.parametrize(
    ("only", "count"),
    [
        ("cross_entropy", 8),
        ("ras_kd", 8),
        ("seed1", 8),
        ("not seed1", 8),
        ("cross_entropy and resnet8", 4),
        ("cross_entropy or resnet8", 12),
        ("not cross_entropy and not resnet8", 4),
        ("not (cross_entropy or resnet8)", 4),
        ("cross_entropy or ras_kd and resnet8", 12),
        ("(cross_entropy or ras_kd) and resnet8", 8),
        ("((seed0)) and not not resnet20", 4),
        ("cross_*", 8),
        ("*_kd and resnet?", 4),
        ("resnet[28]", 8),
        ("'RAS-KD (ours)'", 8),
        ('"RAS-KD (ours)" and batch32', 4),
        ("'RAS*' and fp32 and digits and eager", 8),
    ],
)
def test_only_chooses_by_names(plans_of, only, count):
    assert len(plans_of(only, **GRID)) == count


def test_only_keeps_the_order(plans_of):
    chosen = [plan for plan in plans_of(**GRID) if {"resnet20", "seed1"} & set(plan.names)]
    assert plans_of("resnet20 or seed1", **GRID) == chosen


def test_a_trial_may_be_chosen_by_its_id(plans_of):
    plan = plans_of(**GRID)[5]
    assert plans_of(plan.trial.id, **GRID) == [plan]


def test_an_unknown_name_is_refused_with_a_suggestion(plans_of):
    with pytest.raises(
        RequestError, match=r"^--only raskd: no trial is called 'raskd'; did you mean"
    ):
        plans_of("raskd", **GRID)


def test_an_expression_that_leaves_nothing_is_refused(plans_of):
    with pytest.raises(RequestError, match=r"^--only seed0 and seed1: leaves nothing to run$"):
        plans_of("seed0 and seed1", **GRID)


@pytest.mark.parametrize(
    ("only", "problem"),
    [
        ("", "a name is missing at the end"),
        ("  ", "a name is missing at the end"),
        ("seed0 and", "a name is missing at the end"),
        ("not", "a name is missing at the end"),
        ("and seed0", "a name is missing before 'and'"),
        ("seed0 or or seed1", "a name is missing before 'or'"),
        ("()", "a name is missing before ')'"),
        ("(seed0", "a parenthesis is not closed"),
        ("(" * 5000 + "seed0", "a parenthesis is not closed"),
        ("seed0)", "a ')' too many"),
        ("seed0 seed1", "'and' or 'or' is missing before 'seed1'"),
        ("seed0 (seed1)", "'and' or 'or' is missing before '('"),
        ("seed0 not seed1", "'and' or 'or' is missing before 'not'"),
        ("seed0 & seed1", "'and' or 'or' is missing before '&'"),
        ("'RAS-KD (ours)", "a quote is never closed"),
    ],
)
def test_a_malformed_expression_is_refused_with_an_example(plans_of, only, problem):
    with pytest.raises(RequestError) as caught:
        plans_of(only, **GRID)
    assert f": {problem}; write names like" in str(caught.value)
