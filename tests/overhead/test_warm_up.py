"""Warm-up until steady."""

import pytest

from raskd_bench.overhead.warm_up import settled, warm_up


class Cooling:
    """An arm whose first steps are slow, on a clock of its own."""

    def __init__(self, step_seconds, slow_steps=0):
        self.step_seconds, self.slow_steps, self.taken = step_seconds, slow_steps, 0

    def block(self, steps):
        seconds = 0.0
        for _ in range(steps):
            slow = max(0.0, 1 - self.taken / self.slow_steps) if self.slow_steps else 0.0
            seconds += self.step_seconds * (1 + slow)
            self.taken += 1
        return {"seconds": seconds}


@pytest.mark.parametrize("windows", [[1.0] * 8, [1.0, 1.003] * 4, [1.0, 1.1, 0.9, 1.0, 1.1, 0.9]])
def test_windows_that_differ_by_noise_alone_are_settled(windows):
    assert settled(windows)


@pytest.mark.parametrize("windows", [[], [1.0], [1.5, 1.4, 1.3, 1.2, 1.1, 1.0]])
def test_a_trend_or_too_few_windows_are_not(windows):
    assert not settled(windows)


def test_a_fast_arm_takes_at_least_twenty_steps():
    found = warm_up({"baseline": Cooling(0.005), "method": Cooling(0.005)})
    assert all(warmth.steps >= 20 and warmth.steady for warmth in found.values())


def test_a_slow_arm_takes_fewer_that_last_a_second():
    found = warm_up({"baseline": Cooling(1.0), "method": Cooling(1.0)})
    assert found["baseline"].steps < 20
    assert found["baseline"].seconds >= 1


def test_it_lasts_until_the_step_time_has_settled():
    quick = warm_up({"baseline": Cooling(0.005), "method": Cooling(0.005)})
    slow = warm_up({"baseline": Cooling(0.005, slow_steps=400), "method": Cooling(0.005)})
    assert slow["baseline"].steps > 2 * quick["baseline"].steps
    assert slow["baseline"].step_seconds < 0.0075


def test_an_arm_that_does_not_settle_is_taken_as_it_is_after_the_seconds_given():
    arms = {name: Cooling(0.2, slow_steps=10_000) for name in ("baseline", "method")}
    assert max(found.seconds for found in warm_up(arms, 2.0).values()) < 4.0
