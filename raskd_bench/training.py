"""One student's training: what it is made of, and what it has measured at its end."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np

from raskd_bench.data.splits import Labels
from raskd_bench.errors import Diverged
from raskd_bench.evaluate import evaluate
from raskd_bench.lab import Lab
from raskd_bench.method import Method
from raskd_bench.outcomes import packed
from raskd_bench.pace import Pace
from raskd_bench.record_fields import Outcomes, ReliabilityBin
from raskd_bench.setup import (
    Autocast,
    WarmUp,
    autocast_of,
    first_epoch_rng,
    num_trainable,
    state_bytes,
)
from raskd_bench.spec.trial import Trial
from raskd_bench.students.network import StudentNetwork
from raskd_bench.watch import TrainingWatch


@dataclass
class Evaluation:
    """Evaluates a student on the splits of a lab; keeps bins and outcomes of the last time.

    Args:
        lab: has the splits.
        student: what is evaluated.
        autocast: makes the precision's context.
    """

    lab: Lab
    student: StudentNetwork
    autocast: Autocast
    bins: dict[str, list[ReliabilityBin]] = field(default_factory=dict)
    outcomes: Outcomes | None = None

    def __call__(self, last: bool) -> dict[str, float]:
        """Return the scores for the curve; only the last evaluation reports every metric."""
        lab = self.lab
        splits = {"test": lab.test} | ({"val": lab.val} if lab.val is not None else {})
        scores: dict[str, float] = {}
        for name, loader in splits.items():
            found = evaluate(self.student, lab.task, loader, autocast=self.autocast)
            bins, hits = found.pop("reliability"), found.pop("hits")
            if last:
                self.bins[f"{name}_reliability"] = bins
            if last and name == "test":
                outcomes = {f"test_{key}": value.cpu().numpy() for key, value in hits.items()}
                self.outcomes = packed(loader.split.digest(), outcomes)
            kept = found if last else {key: found[key] for key in (lab.task.metric, "nll")}
            scores |= {f"{name}_{key}": value for key, value in kept.items()}
        return scores


@dataclass
class Training:
    """A student, its method and what training them has measured."""

    student: StudentNetwork
    method: Method
    evaluation: Evaluation
    watch: TrainingWatch
    warmth: WarmUp
    failure: Diverged | None = None


def new_pace(trial: Trial, lab: Lab, method: Method, step_flops: int) -> Pace:
    """Return what counts the steps of a training that starts now."""
    lists: Sequence[Labels] = method.sample(
        lab.train.split.labels, trial.batch_size, first_epoch_rng(trial.seed)
    )
    start = lab.clocks.seconds("train")
    return Pace(
        trial.budget,
        steps_per_epoch=len(lists),
        images_per_step=len(lists[0]) * method.views,
        step_flops=step_flops,
        elapsed=lambda: lab.clocks.seconds("train") - start,
    )


def new_training(
    trial: Trial, lab: Lab, student: StudentNetwork, method: Method, pace: Pace, warmth: WarmUp
) -> Training:
    """Return a training that has not begun; the training clock starts here."""
    evaluation = Evaluation(lab, student, partial(autocast_of, lab.device, trial))
    watch = TrainingWatch(student, pace, lab.clocks, warmth.step_flops, trial.evaluations,
                          evaluation, lab.report, len(lab.train.split), lab.device)  # fmt: skip
    return Training(student, method, evaluation, watch, warmth)


def measurements(training: Training) -> dict[str, Any]:
    """Return the Record's fields of a training."""
    watch, student, method = training.watch, training.student, training.method
    ledger = asdict(watch.ledger)
    scores = [point for point in watch.curve if "test_top1" in point]
    fields = {key: value for key, value in (scores or [{}])[-1].items()
              if key.startswith(("test_", "val_"))}  # fmt: skip
    evaluation = training.evaluation
    last = fields | evaluation.bins | {"outcomes": evaluation.outcomes}
    result = ledger | (last if training.failure is None else {})
    result |= {"status": "done", "storage": evaluation.lab.train.storage,
               "data": evaluation.lab.facts}  # fmt: skip
    if training.failure is not None:
        result |= {"status": training.failure.status, "error": str(training.failure)}
    result |= {
        "best_epoch_top1": max((point["test_top1"] for point in scores), default=None),
        "curve": watch.curve,
        "step_seconds": _percentiles(watch.times.seconds),
        "data_wait_seconds": watch.times.waited_seconds,
        "peak_allocated_bytes": watch.memory.allocated_bytes,
        "peak_reserved_bytes": watch.memory.reserved_bytes,
        "peak_host_bytes": watch.memory.host_bytes,
        "peak_host_source": watch.memory.source,
        "energy_joules": watch.energy.joules,
        "disturbance": watch.neighbours.found(),
        "step_flops": watch.step_flops,
        "infer_flops": training.warmth.infer_flops,
        "compile_seconds": training.warmth.compile_seconds,
        "infer_params": num_trainable(student),
        "train_params": num_trainable(student) + num_trainable(method),
        "state_bytes": state_bytes(method),
    }
    if best := [point for point in scores if "val_top1" in point]:
        result["val_selected_top1"] = max(best, key=lambda point: point["val_top1"])["test_top1"]
    return result


def _percentiles(seconds: list[float]) -> dict[str, float]:
    quantiles = np.quantile(seconds, [0.05, 0.5, 0.95]) if seconds else [np.nan] * 3
    names = ("p05", "p50", "p95")
    mean = float(np.mean(seconds)) if seconds else float("nan")
    return dict(zip(names, map(float, quantiles), strict=True)) | {"mean": mean}
