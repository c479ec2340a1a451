"""Seeds trained as one network: the same losses and gradients as one by one, Records each."""

import math
from dataclasses import dataclass, field
from functools import partial

import pytest
import torch

from raskd_bench import catalog, together
from raskd_bench.batch import Progress
from raskd_bench.errors import Diverged
from raskd_bench.execute import execute
from raskd_bench.groups import Groups
from raskd_bench.meter import Clocks
from raskd_bench.spec import Plan
from raskd_bench.spec.trial import (
    SGD,
    Augmentation,
    Budget,
    Named,
    Schedule,
    Teacher,
    Trial,  # fmt: skip
)
from raskd_bench.students.stack import Stack
from raskd_bench.together import Batches, Methods, NotTogether, Watches, execute_together

DECLARED = [name for name in catalog.names("method")
            if catalog.find("method", name).constants.get("seeds_together")]  # fmt: skip
CPU = torch.device("cpu")
TRIAL = Trial(
    task="classification", data=Named(name="digits"), student=Named(name="resnet8"),
    method="ras_kd", hparams={}, batch_size=32, budget=Budget(steps=12),
    optimizer=SGD(name="sgd", lr=0.02), schedule=Schedule(name="cosine"), precision="fp32",
    compile=False, augmentation=Augmentation(), val_fraction=0, evaluations=2, seed=0,
)  # fmt: skip


def seeds(*numbers):
    return [TRIAL.model_copy(update={"seed": number}) for number in numbers]


def values(terms):
    return {name: float(term.detach()) for name, term in terms.items()}


@pytest.mark.parametrize("name", DECLARED)
def test_a_method_that_declares_it_has_the_losses_and_gradients_of_one_by_one(new_rig, name):
    progress = Progress(1, 1, 2, 0.5)

    def rigs():
        made = [new_rig(name, seed=seed) for seed in (0, 1)]
        # with networks of its own in float64, where kernels that round otherwise switch no ReLU
        deep = any(isinstance(part, torch.nn.BatchNorm2d) for part in made[0].method.modules())
        return [rig.double() if deep else rig for rig in made]

    alone, stacked = rigs(), rigs()
    batches = [rig.batch() for rig in alone]
    stack = Stack([rig.student for rig in stacked])
    methods = Methods([rig.method for rig in stacked])
    torch.manual_seed(7)  # of what a method draws in its loss
    expected = [rig.method.loss(rig.student, batch, progress)
                for rig, batch in zip(alone, batches, strict=True)]  # fmt: skip
    torch.manual_seed(7)
    found = methods(stack, Batches(tuple(batches)), progress)
    pairs = {
        f"{i}:{term}": value for i, terms in enumerate(expected) for term, value in terms.items()
    }
    assert values(found) == pytest.approx(values(pairs), rel=1e-4, abs=1e-6)
    sum(pairs.values()).backward()
    sum(found.values()).backward()
    stem = stack.backbone.stem[0].weight.grad.chunk(2)
    for rig, own in zip(alone, stem, strict=True):
        torch.testing.assert_close(
            own, rig.student.backbone.stem[0].weight.grad, rtol=1e-2, atol=1e-5
        )
    for mine, own in zip(stacked, alone, strict=True):
        for key, value in own.method.named_parameters():
            twin = dict(mine.method.named_parameters())[key]
            torch.testing.assert_close(twin.grad, value.grad, rtol=1e-2, atol=1e-5)


def test_records_are_those_of_one_by_one_but_for_rounding(tmp_path, monkeypatch):
    monkeypatch.setattr(together, "_check_faster", lambda *_: None)
    points = []
    trials = seeds(0, 5)
    found = execute_together(trials, CPU, tmp_path, lambda *point: points.append(point))
    for index, (mine, trial) in enumerate(zip(found, trials, strict=True)):
        own = execute(trial, CPU, tmp_path, lambda point: None)
        assert mine.keys() - own.keys() == {"seeds_together"}
        assert own.keys() <= mine.keys()
        assert mine["seeds_together"] == 2
        for key in ("status", "steps", "images_drawn", "images_unique", "images_forwarded",
                    "step_flops", "train_flops", "train_params", "state_bytes"):  # fmt: skip
            assert mine[key] == own[key], key
        assert mine["test_nll"] == pytest.approx(own["test_nll"], rel=0.02)
        assert mine["curve"][0]["loss"] == pytest.approx(own["curve"][0]["loss"], rel=1e-2)
        assert [mine[key] for key in together.NOT_KNOWN] == [None] * len(together.NOT_KNOWN)
        assert [point["step"] for member, point in points if member == index] == [6, 12]


def test_what_cannot_be_stacked_or_is_slower_so_is_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(together, "seconds_of", lambda lab, work: 1.0 if work is alone[0] else 2.0)
    real, alone = together.new_step, []

    def new_step(*arguments):
        alone.append(real(*arguments))
        return alone[-1]

    monkeypatch.setattr(together, "new_step", new_step)
    with pytest.raises(NotTogether, match=r"a step of 2 seeds takes 2\.0 times that of one"):
        execute_together(seeds(0, 1), CPU, tmp_path, lambda *_: None)


@dataclass
class Fragile:
    """A training whose watch finds a NaN at a step."""

    at: int
    failure: Diverged | None = None
    seen: list[dict[str, float]] = field(default_factory=list)

    @property
    def watch(self):
        return self

    def after_step(self, batch, terms, *, epoch_ends):
        self.seen.append(terms)
        if len(self.seen) == self.at:
            raise Diverged("ce is not finite")


def test_one_that_diverges_leaves_the_others_to_their_end():
    trainings, clocks = [Fragile(2), Fragile(3)], Clocks()
    watches = Watches(trainings, clocks)
    watch = partial(watches.after_step, Batches((None, None)),
                    {"0:ce": math.nan, "1:ce": 1.0, "1:kd": 2.0}, epoch_ends=False)  # fmt: skip
    watch()
    watch()
    assert trainings[0].failure is not None
    assert trainings[1].seen == [{"ce": 1.0, "kd": 2.0}] * 2
    with pytest.raises(Diverged):
        watch()
    assert [len(training.seen) for training in trainings] == [2, 3]


def plans(*trials, label="ras_kd"):
    return [Plan(trial, label, {}) for trial in trials]


def test_seeds_of_one_method_and_cell_go_together(tmp_path):
    waiting = [*plans(*seeds(0, 1, 2)), *plans(TRIAL, label="other")]
    groups = Groups(2, tmp_path)
    assert groups.of(waiting[0], waiting) == waiting[:2]
    assert Groups(1, tmp_path).of(waiting[0], waiting) == waiting[:1]
    groups.part(waiting[0])
    assert groups.of(waiting[0], waiting) == waiting[:1]


@pytest.mark.parametrize("change", [
    {"method": "cs_kd"}, {"precision": "fp16"}, {"budget": Budget(seconds=3)},
    {"teacher": Teacher(student=Named(name="resnet8"))},
    {"execution": TRIAL.execution.model_copy(update={"compile_loss": True})},
])  # fmt: skip
def test_what_a_stack_would_share_keeps_trials_apart(tmp_path, change):
    waiting = plans(*(trial.model_copy(update=change) for trial in seeds(0, 1)))
    assert Groups(4, tmp_path).of(waiting[0], waiting) == waiting[:1]
