"""Each unit of a budget stops where it should; schedules see the spent fraction only."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raskd_bench.pace import Pace, below_one_step, learning_rate_factor
from raskd_bench.spec.trial import UNITS, Budget, Schedule

COSTS = {"steps_per_epoch": 7, "images_per_step": 64, "step_flops": 1000.0}
COUNTS = st.integers(1, 200)
AMOUNTS = st.integers(1, 10**15)


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


def new_pace(unit, amount, elapsed=lambda: 0.0, **costs):
    value = float(amount) if unit in {"seconds", "flops"} else amount
    return Pace(Budget(**{unit: value}), elapsed=elapsed, **COSTS | costs)


def steps_taken(pace, clock=None, step_seconds=0.0):
    """Take steps until the budget is spent."""
    while pace.spent < 1:
        if clock is not None:
            clock.seconds += step_seconds
        pace.advance()
    return pace.step


def schedule(name, **more):
    return Schedule(name=name, **more)


@pytest.mark.parametrize(
    ("unit", "amount", "steps"),
    [
        ("epochs", 3, 21),
        ("steps", 3, 3),
        ("images", 640, 10),
        ("images", 641, 11),
        ("images", 1, 1),
        ("flops", 5000, 5),
        ("flops", 5000.5, 6),
    ],
)
def test_a_budget_ends_with_the_first_step_that_spends_it(unit, amount, steps):
    assert steps_taken(new_pace(unit, amount)) == steps


@given(amount=COUNTS, steps_per_epoch=COUNTS)
def test_epochs_are_whole_epochs(amount, steps_per_epoch):
    pace = new_pace("epochs", amount, steps_per_epoch=steps_per_epoch)
    assert pace.total_steps == amount * steps_per_epoch


@given(amount=AMOUNTS)
def test_steps_are_exact_however_many(amount):
    assert new_pace("steps", amount).total_steps == amount


@given(amount=AMOUNTS, images_per_step=st.integers(1, 4096))
def test_images_are_exceeded_by_less_than_one_step(amount, images_per_step):
    steps = new_pace("images", amount, images_per_step=images_per_step).total_steps
    assert amount <= steps * images_per_step < amount + images_per_step


@given(amount=AMOUNTS, step_flops=st.integers(1, 10**13))
def test_flops_are_exceeded_by_less_than_one_step(amount, step_flops):
    steps = new_pace("flops", amount, step_flops=step_flops).total_steps
    assert amount <= steps * step_flops < amount + step_flops


@given(amount=st.floats(0.5, 20), step_seconds=st.floats(0.05, 3))
def test_seconds_are_exceeded_by_less_than_one_step(amount, step_seconds):
    clock = Clock()
    steps = steps_taken(new_pace("seconds", amount, clock), clock, step_seconds)
    assert clock.seconds - step_seconds < amount <= clock.seconds
    assert steps >= 1


def test_seconds_have_no_number_of_steps():
    assert new_pace("seconds", 1).total_steps is None


def test_the_clock_is_read_once_a_step_so_that_all_who_ask_hear_the_same():
    clock = Clock()
    pace = new_pace("seconds", 10, clock)
    clock.seconds = 9.9
    pace.advance()
    clock.seconds = 10.1
    assert pace.spent == 0.99
    pace.advance()
    assert pace.spent == 1.01


@pytest.mark.parametrize("unit", UNITS)
def test_nothing_is_spent_before_the_first_step(unit):
    assert new_pace(unit, 3).spent == 0


@pytest.mark.parametrize(
    ("unit", "amount", "epochs"), [("epochs", 3, 3), ("steps", 14, 2), ("images", 64 * 35, 5),
                                   ("flops", 10_500, 11 / 7)]
)  # fmt: skip
def test_progress_knows_how_many_epochs_the_budget_lasts(unit, amount, epochs):
    assert new_pace(unit, amount).progress().epochs == pytest.approx(epochs)


def test_epochs_of_a_budget_in_seconds_are_unknown_in_the_first_and_estimated_after_it():
    clock = Clock()
    pace = new_pace("seconds", 28, clock)
    for _ in range(7):
        assert pace.progress().epochs == math.inf
        clock.seconds += 1
        pace.advance()
    assert pace.progress().epoch == 1
    assert pace.progress().epochs == pytest.approx(4)


def test_progress_never_says_more_than_all_is_spent():
    clock = Clock()
    pace = new_pace("seconds", 1, clock)
    clock.seconds = 5
    pace.advance()
    assert pace.spent == 5
    assert pace.progress().spent == 1


def test_progress_counts_steps_and_epochs():
    pace = new_pace("epochs", 2)
    for _ in range(8):
        pace.advance()
    assert (pace.progress().step, pace.progress().epoch) == (8, 1)


@pytest.mark.parametrize(
    ("form", "spent", "factor"),
    [
        (schedule("constant"), 0.0, 1.0),
        (schedule("constant"), 1.0, 1.0),
        (schedule("cosine"), 0.0, 1.0),
        (schedule("cosine"), 1 / 3, 0.75),
        (schedule("cosine"), 0.5, 0.5),
        (schedule("cosine"), 1.0, 0.0),
        (schedule("linear"), 0.0, 1.0),
        (schedule("linear"), 0.25, 0.75),
        (schedule("linear"), 1.0, 0.0),
        (schedule("step", milestones=(0.5, 0.75)), 0.49, 1.0),
        (schedule("step", milestones=(0.5, 0.75)), 0.5, 0.1),
        (schedule("step", milestones=(0.5, 0.75)), 0.75, 0.01),
        (schedule("step", milestones=(0.5,), gamma=0.2), 1.0, 0.2),
        (schedule("cosine", warmup=0.2), 0.0, 0.0),
        (schedule("cosine", warmup=0.2), 0.05, 0.25),
        (schedule("cosine", warmup=0.2), 0.2, 1.0),
        (schedule("cosine", warmup=0.2), 0.6, 0.5),
        (schedule("linear", warmup=0.5), 0.75, 0.5),
        (schedule("step", milestones=(0.5,), warmup=0.1), 0.05, 0.5),
    ],
)
def test_the_learning_rate_follows_the_schedule(form, spent, factor):
    assert learning_rate_factor(form, spent) == pytest.approx(factor, abs=1e-12)


@given(spent=st.floats(0, 1), warmup=st.floats(0, 0.99), name=st.sampled_from(
    ["cosine", "linear", "constant"]))  # fmt: skip
def test_the_factor_stays_between_0_and_1(spent, warmup, name):
    assert 0 <= learning_rate_factor(schedule(name, warmup=warmup), spent) <= 1


@pytest.mark.parametrize("steps", [3, 7, 10, 12])
def test_a_milestone_is_met_at_its_own_step(steps):
    form = schedule("step", milestones=(2 / steps,))
    factors = [learning_rate_factor(form, step / steps) for step in range(steps)]
    assert factors == [1.0] * 2 + [0.1] * (steps - 2)


@given(step=st.integers(0, 20))
def test_at_one_fraction_all_units_have_one_factor(step):
    clock = Clock()
    paces = [
        new_pace("epochs", 3), new_pace("steps", 21), new_pace("images", 21 * 64),
        new_pace("flops", 21_000), new_pace("seconds", 21, clock),
    ]  # fmt: skip
    form = schedule("cosine", warmup=0.1)
    factors = set()
    for pace in paces:
        clock.seconds = 0.0
        for _ in range(step):
            clock.seconds += 1
            pace.advance()
        factors.add(learning_rate_factor(form, pace.progress().spent))
    assert len(factors) == 1


@pytest.mark.parametrize(
    ("budget", "text"),
    [({"images": 63}, "a budget of 63 images is below one step, which has 64 images"),
     ({"flops": 999.0}, "a budget of 999 flops is below one step, which has 1,000 flops"),
     ({"images": 64}, None), ({"flops": 1000.0}, None), ({"seconds": 1e-9}, None),
     ({"steps": 1}, None)],
)  # fmt: skip
def test_a_budget_below_one_step_is_told(budget, text):
    assert below_one_step(Budget(**budget), 64, 1000) == text
