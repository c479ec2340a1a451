"""When a training is looked at, and what is kept of its terms; `test_trainer.py` has the rest."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raskd_bench.batch import Batch
from raskd_bench.meter import Clocks
from raskd_bench.pace import Pace
from raskd_bench.spec.trial import Budget
from raskd_bench.watch import TrainingWatch, first_broken, mean_terms

CPU = torch.device("cpu")


@settings(max_examples=30, deadline=None)
@given(steps=st.integers(1, 400), evaluations=st.integers(1, 400))
def test_each_evaluation_comes_with_the_first_step_that_has_earned_it(steps, evaluations):
    at = []
    pace = Pace(Budget(steps=steps), steps_per_epoch=1000, images_per_step=1, step_flops=1,
                elapsed=lambda: 0.0)  # fmt: skip
    student = torch.nn.Identity()
    student.images_with_grad = student.images_without_grad = 0

    def score(last):
        at.append(pace.step)
        return {}

    watch = TrainingWatch(student, pace, Clocks(), 1, evaluations, score, len, 1, CPU)
    batch, term = Batch((None,), torch.zeros(1, dtype=torch.long)), torch.ones(())
    watch.memory.start = watch.memory.stop = lambda: None  # a walk over processes each time
    for _ in range(steps):
        pace.advance()
        watch.after_step(batch, {"ce": term}, epoch_ends=False)
    earned = [-(-count * steps // evaluations) for count in range(1, evaluations + 1)]
    assert at == sorted(set(earned))


def test_terms_are_averaged_over_the_steps_that_have_them():
    steps = [{"ce": torch.tensor(1.0)}, {"ce": torch.tensor(2.0), "kd": torch.tensor(5.0)}]
    assert mean_terms(steps) == {"ce": 1.5, "kd": 5.0}


def test_terms_are_averaged_in_double_precision():
    steps = [{"ce": torch.tensor(value)} for value in (1e8, 1.0, 1.0, 1.0)]
    assert mean_terms(steps)["ce"] == 25_000_000.75


def test_the_first_step_that_is_not_finite_is_found_with_its_terms():
    fine, nan, inf = torch.ones(()), torch.tensor(torch.nan), torch.tensor(torch.inf)
    steps = [{"ce": fine}, {"ce": fine, "kd": inf}, {"ce": nan, "kd": nan}]
    assert first_broken(steps) == (1, ["kd"])
    assert first_broken(steps[2:]) == (0, ["ce", "kd"])
    assert first_broken(steps[:1]) == (0, ["ce"])
