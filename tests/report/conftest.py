"""Hand-made Records: three methods of one cell, with numbers that can be checked on paper."""

import pytest

from raskd_bench.record import Record

MACHINE = {"cpu": "AMD EPYC", "cores": 2, "device": "cpu", "threads": 2,
           "versions": {"torch": "2.13.0"}}  # fmt: skip
CONDITIONS = {
    "task": "classification", "data": {"name": "digits"}, "student": {"name": "resnet8"},
    "teacher": None, "batch_size": 64,
    "budget": {"epochs": 12, "steps": None, "images": None, "seconds": None, "flops": None},
    "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9},
    "schedule": {"name": "cosine", "warmup": 0.05}, "precision": "fp32", "compile": False,
    "augmentation": {"flip": None}, "val_fraction": 0.0, "evaluations": 10,
}  # fmt: skip
POSITIONS = {"cross_entropy": 0, "label_smoothing": 1, "ras_kd": 2, "kd": 3}


def make_record(label="cross_entropy", seed=0, **fields):
    method = fields.get("method", label)
    content = {
        "trial": f"{label}-{seed}", "suite": "tiny", "cell": "cell-1", "method": method,
        "label": label, "position": POSITIONS.get(label, 9), "baseline": "cross_entropy",
        "hparams": {}, "hparams_passed": {}, "method_digest": f"digest-of-{method}", "seed": seed,
        "budget": {"epochs": 12.0}, "conditions": CONDITIONS, "status": "done",
        "started": f"2026-11-23T05:00:{seed:02}+00:00", "machine": MACHINE,
        "test_top1": 0.9, "test_nll": 0.3, "test_ece": 0.02, "train_seconds": 4.0,
        "step_seconds": {"p05": 0.01, "p50": 0.015, "p95": 0.02, "mean": 0.016},
        "peak_host_bytes": 600 * 2**20, "step_flops": 1_000_000_000, "train_flops": 264 * 10**9,
        "infer_params": 78_042, "train_params": 78_042, "state_bytes": 0, "steps": 264,
        "epochs": 12.0, "images_drawn": 264 * 64, "images_forwarded": 264 * 64,
        "images_forwarded_without_gradient": 0, "commit": "a" * 40, "dirty": False,
    }  # fmt: skip
    return Record(**content | fields)


@pytest.fixture
def new_record():
    """Return a function that makes a finished Record; fields may be replaced."""
    return make_record


@pytest.fixture
def three_methods():
    """A baseline and two methods; one seed of the last one diverged."""
    top1 = {"cross_entropy": (0.90, 0.92, 0.91), "label_smoothing": (0.91, 0.935, 0.92)}
    records = [
        make_record(label, seed, test_top1=value, train_seconds=4.0 + seed)
        for label, values in top1.items()
        for seed, value in enumerate(values)
    ]
    relations = {
        "footnote": "reconstruction from the abstract", "hparams": {"epsilon": 0.1},
        "step_flops": 1_000_500_000, "train_params": 78_682, "train_seconds": 8.0,
    }  # fmt: skip
    broken = {
        "status": "diverged",
        "error": "ce is not finite at step 22\ntrace",
        "test_top1": None,
    }
    return [
        *records,
        make_record("ras_kd", 0, test_top1=0.93, **relations),
        make_record("ras_kd", 1, **relations | broken),
    ]


@pytest.fixture
def changed():
    """Return conditions with some keys replaced."""
    return lambda **changes: CONDITIONS | changes
