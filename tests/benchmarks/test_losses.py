"""Every method against its equation written naively: the same losses, gradients and tables."""

import pytest

from benchmarks import naive
from benchmarks.fixed import Sizes
from benchmarks.losses import arms_of, compare, row_of
from raskd_bench import catalog

NAMES = catalog.names("method")
SMALL = Sizes(batch=12, classes=10, samples=60, channels=(8, 8, 16, 16), sides=(8, 4, 2, 2))


@pytest.mark.parametrize("name", NAMES)
def test_a_method_is_its_equation(name) -> None:
    ours, plain = arms_of(name, SMALL)
    compare(ours, plain)
    assert ours.student.kept[0].logits.grad.count_nonzero() > 0


def test_no_method_is_left_out() -> None:
    assert naive.missing() == ()


def test_a_method_without_a_counterpart_is_named(monkeypatch) -> None:
    monkeypatch.delattr("benchmarks.naive.predictions.ols")
    assert naive.missing() == ("ols",)
    assert row_of("ols", SMALL, pairs=1).status == "missing"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "cross_entropy"])
def test_another_equation_is_told_apart(name) -> None:
    """Cross entropy alone: no method is that in all the steps that are compared."""
    ours, plain = arms_of(name, SMALL)
    plain.naive = naive.naive_of("cross_entropy")
    with pytest.raises(AssertionError):
        compare(ours, plain)


def test_a_table_that_is_not_kept_is_told_apart() -> None:
    ours, plain = arms_of("ps_kd", SMALL)
    kept = plain.naive

    def forgetful(method, *step):
        loss = kept(method, *step)
        method.predictions.zero_()
        return loss

    plain.naive = forgetful
    with pytest.raises(AssertionError, match="predictions"):
        compare(ours, plain)


def test_methods_that_differ_are_not_timed(monkeypatch) -> None:
    monkeypatch.setattr("benchmarks.naive.relations.uskd", naive.naive_of("cross_entropy"))
    row = row_of("uskd", SMALL, pairs=1)
    assert row.status.startswith("differs: loss")
    assert row.found is None
