"""A campaign's time is divided; what does not fit is not begun."""

from types import SimpleNamespace

import pytest

from raskd_bench.evidence.blocks import Block, Comparison, Restart
from raskd_bench.overhead.allotment import Allotment
from raskd_bench.spec.overhead import Overhead

from .conftest import FakeClock, make_header


def waiting(*roles):
    return [SimpleNamespace(header=make_header(role=role)) for role in roles]


def timed(start_seconds=5.0, block_seconds=0.25):
    blocks = [Block(0, 0, order, arm, 10, block_seconds, block_seconds)
              for order, arm in enumerate(("baseline", "method"))]  # fmt: skip
    restart = Restart(0, 0, 10, 1, {}, {}, start_seconds=start_seconds, blocks=blocks, seconds=9.0)
    return Comparison(None, make_header(rules={"pairs": None}), [restart])


def test_without_a_bound_each_has_its_own_time_in_the_suites_order():
    tasks = waiting("a/a", "spike", "method")
    times = Allotment(Overhead(max_seconds=30), tasks)
    assert times.most_seconds == 90
    assert [task.header.role for task in times.waiting] == ["a/a", "spike", "method"]
    assert [times.seconds_for(task) for task in times.waiting] == [30, 30, 30]


def test_a_bound_is_divided_and_what_is_left_over_goes_on():
    clock = FakeClock()
    times = Allotment(Overhead(max_seconds=60, total_seconds=90), waiting("a/a", "spike", "method"),
                      clock)  # fmt: skip
    assert times.most_seconds == 90
    first, second, third = times.waiting
    assert [task.header.role for task in times.waiting] == ["a/a", "method", "spike"]
    assert times.seconds_for(first) == pytest.approx(
        90 / (2 + 3 / 8)
    )  # a spike has 3 of 8 restarts
    clock.moment = 25
    assert times.seconds_for(second) == pytest.approx(65 / (1 + 3 / 8))
    clock.moment = 60
    assert times.seconds_for(third) == 60  # its own bound


def test_a_comparison_whose_first_look_does_not_fit_is_not_begun():
    clock = FakeClock()
    times = Allotment(Overhead(max_seconds=60, total_seconds=60), waiting("a/a", *["method"] * 3),
                      clock)  # fmt: skip
    first, second, third, fourth = times.waiting
    assert times.seconds_for(first) == pytest.approx(15)
    clock.moment = 15
    times.learn(timed())  # 3 x (5 + 10 x 0.5) s
    assert times.seconds_for(second) == pytest.approx(30)
    clock.moment = 45
    assert times.seconds_for(third) is None
    assert times.refusal(third) == (
        "not begun: 15 s of total_seconds (60) are left, its first look takes 30 s"
    )
    assert times.seconds_for(fourth) is None
