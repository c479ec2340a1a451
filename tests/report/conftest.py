"""Hand-made Records and campaigns, with numbers that can be checked on paper.

Three methods of one cell as Records; files of blocks whose log ratios a test chooses.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raskd_bench import record
from raskd_bench.evidence.registration import Registration, register
from raskd_bench.fingerprint.model import Fingerprint
from raskd_bench.outcomes import packed
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


def make_bins(held=()):
    """Return 15 bins, empty but for those held: by number, count, confidence and accuracy."""
    keys = ("count", "confidence", "accuracy")
    return [dict(zip(keys, dict(held).get(k, (0, None, None)), strict=True)) for k in range(15)]


@pytest.fixture
def new_bins():
    """Return a function that makes the bins of a Record."""
    return make_bins


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


CELL = {"data": "digits", "student": "resnet8", "batch_size": 64, "precision": "fp32",
        "compile": False}  # fmt: skip
HOST = {"cpu": "AMD EPYC", "cores": 2, "device": "cpu", "versions": {"torch": "2.15.0"}}
RULES = {"margins": [0.02], "alpha": 0.05, "power": 0.9, "looks": [3], "pairs": 4,
         "max_seconds": 60.0, "in_process": False}  # fmt: skip
OVERHEAD = {"baseline": "cross_entropy", "methods": None, "modes": ["compute", "end_to_end"],
            "margin": "2%", "alpha": 0.05, "power": 0.9, "looks": [3], "pairs": 4,
            "max_seconds": 60.0, "spikes": ["1%", "2%", "5%"], "in_process": False}  # fmt: skip
REGISTERED, STARTED = "2026-11-25T10:00:00+00:00", "2026-11-25T11:00:00+00:00"
STEP_SECONDS = 0.01
FOOTNOTES = {"ras_kd": "reconstruction from the abstract"}
QUIET = (-0.001, 0.0, 0.001)  # log ratios of three restarts


def identity(label: str, digest: str | None = None) -> dict[str, Any]:
    """Return what a plan says of a method."""
    return {"method": label, "hparams": {}, "digest": digest or f"digest-of-{label}"}


@dataclass
class Files:
    """Writes the files of one suite on one machine.

    Args:
        results: folder of all results.
        cells: of the plan.
        labels: of the methods in each cell.
    """

    results: Path
    cells: list[dict[str, Any]] = field(default_factory=lambda: [CELL])
    labels: tuple[str, ...] = ("cross_entropy", "label_smoothing", "ras_kd")

    @property
    def machine(self) -> Path:
        return self.results / "tiny" / "amd-epyc-2c"

    @property
    def folder(self) -> Path:
        return self.machine / "overhead"

    def plan(self, *claims: dict[str, Any], registered: str = REGISTERED,
             overhead: dict[str, Any] | None = None, digests: dict[str, str] | None = None,
             seeds: tuple[int, ...] = (), conditions: tuple[dict[str, Any], ...] = (),
             ) -> Registration:  # fmt: skip
        """Register a plan."""
        digests = digests or {}
        methods = {label: identity(label, digests.get(label)) for label in self.labels}
        recipes = conditions or ({},) * len(self.cells)
        return register(
            Registration(
                suite="tiny", overhead=OVERHEAD if overhead is None else overhead,
                claims=list(claims), cells=[
                    {"cell": c, "conditions": recipe, "methods": methods}
                    for c, recipe in zip(self.cells, recipes, strict=True)
                ],
                registered=registered, seeds=list(seeds),
            ),
            self.folder,
        )  # fmt: skip

    def write(self, name: str, lines: list[dict[str, Any]], cell: str = "digits-resnet8") -> Path:
        """Write a file of blocks."""
        path = self.folder / cell / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    def comparison(self, name: str, ratios: tuple[float, ...] = QUIET, *, pairs: int = 4,
                   extra: tuple[dict[str, Any], ...] = (), ended: str | None = "last look",
                   rules: dict[str, Any] | None = None, **header: Any) -> Path:  # fmt: skip
        """Write a comparison of which each restart has one log ratio in all its pairs."""
        content = head(rules=RULES | (rules or {}), **header)
        lines = [content, *(line for number, ratio in enumerate(ratios)
                            for line in restart(number, ratio, pairs)), *extra]  # fmt: skip
        if ended is not None:
            lines.append({"kind": "end", "reason": ended})
        return self.write(name, lines, cell="-".join(map(str, content["cell"].values())))

    def same(self, ratios: tuple[float, ...] = QUIET, **header: Any) -> Path:
        """Write an A/A comparison."""
        mode = header.get("mode", "compute")
        return self.comparison(f"{mode}-aa", ratios, label="cross_entropy", role="a/a", **header)

    def spike(self, size: float, ratios: tuple[float, ...], **header: Any) -> Path:
        """Write a spike."""
        return self.comparison(f"compute-spike-{size}", ratios, label="cross_entropy",
                               role="spike", spike=size, **header)  # fmt: skip

    def method(self, label: str = "ras_kd", ratios: tuple[float, ...] = QUIET,
               **header: Any) -> Path:  # fmt: skip
        """Write the comparison of a method."""
        mode = header.get("mode", "compute")
        return self.comparison(f"{mode}-{label}", ratios, label=label, **header)

    def count(self, **quantities: dict[str, int]) -> Path:
        """Write counted steps: by label, the quantities that are not 100."""
        rows = [
            {"cell": cell, "label": label, "fingerprint": fingerprint(**more)} | identity(label)
            for cell in self.cells
            for label, more in quantities.items()
        ]
        path = self.folder / "fingerprints.json"
        path.write_text(json.dumps({"schema": 1, "torch": "2.15.0", "rows": rows}))
        return path

    def trials(self, **columns: dict[str, tuple[float | None, ...]]) -> None:
        """Write Records: by label, values of fields, one a seed; None: it did not finish."""
        for label, fields in columns.items():
            for seed in range(len(next(iter(fields.values())))):
                self.trial(label, seed, **{name: values[seed] for name, values in fields.items()})

    def trial(self, label: str, seed: int, **fields: Any) -> Path:
        """Write a Record."""
        failed = {"status": "diverged", "error": "not finite"} if None in fields.values() else {}
        path = self.machine / f"{label}-s{seed}.json"
        made = make_record(label, seed, **{"started": STARTED, "machine": HOST} | failed | fields)
        record.write(made, path)
        return path

    def hits(self, label: str, hits: Any, split: str = "same", largest: float = 0.1) -> None:
        """Write a Record for each row of hits, [S, N]: which test examples a seed got right."""
        for seed, row in enumerate(np.asarray(hits, dtype=bool)):
            data = {"train": 160, "val": None, "test": len(row), "classes": 10, "height": 8,
                    "width": 8, "largest_class": largest}  # fmt: skip
            outcomes = packed(split, {"test_top1": row}).model_dump()
            self.trial(label, seed, test_top1=float(row.mean()), outcomes=outcomes, data=data)

    memory = staticmethod(lambda arm, **facts: memory(arm, **facts))
    restart = staticmethod(lambda *values: restart(*values))
    head = staticmethod(lambda *values, **changes: head(*values, **changes))


def head(plan: Registration | None = None, **changes: Any) -> dict[str, Any]:
    """Return the first line of a file of blocks."""
    label = changes.get("label", "ras_kd")
    content = {
        "kind": "comparison", "schema": 1, "comparison": f"{label}-1", "suite": "tiny",
        "plan": plan.plan if plan else "0" * 12, "cell": CELL, "conditions": {"lr": 0.1},
        "mode": "compute", "role": "method", "label": label, "method": label, "hparams": {},
        "method_digest": f"digest-of-{label}", "footnote": FOOTNOTES.get(label),
        "baseline": "cross_entropy", "baseline_method": "cross_entropy", "baseline_hparams": {},
        "baseline_digest": "digest-of-cross_entropy", "rules": RULES, "machine": HOST,
        "commit": "a" * 40, "dirty": False, "started": STARTED,
    }  # fmt: skip
    return content | changes


def restart(number: int, log_ratio: float, pairs: int = 4) -> list[dict[str, Any]]:
    """Return the lines of a restart whose pairs all have one log ratio."""
    warm = {"steps": 20, "step_seconds": STEP_SECONDS, "steady": True}
    lines: list[dict[str, Any]] = [{
        "kind": "restart", "number": number, "seed": 7, "block_steps": 10, "pairs": pairs,
        "warm_up": {"baseline": warm, "method": warm}, "epoch_seconds_per_step": {},
    }]  # fmt: skip
    for pair in range(pairs):
        for order, arm in enumerate(("baseline", "method")):
            seconds = 10 * STEP_SECONDS * (math.exp(log_ratio) if arm == "method" else 1.0)
            lines.append({"kind": "block", "restart": number, "pair": pair, "order": order,
                          "arm": arm, "steps": 10, "seconds": seconds,
                          "cpu_seconds": 0.1})  # fmt: skip
    return [*lines, {"kind": "closed", "restart": number, "seconds": 2.0}]


def memory(arm: str, **facts: Any) -> dict[str, Any]:
    """Return the line of a pass that metered memory."""
    content = {"kind": "pass", "measure": "memory", "arm": arm, "steps": 3,
               "allocated_bytes": None, "reserved_bytes": None, "host_bytes": 100 * 2**20,
               "source": "VmHWM"}  # fmt: skip
    return content | facts


def fingerprint(**quantities: int) -> dict[str, Any]:
    """Return a fingerprint, all of whose quantities are 100 unless given."""
    names = [name for name, kind in Fingerprint.model_fields.items() if kind.annotation is int]
    return {"operations": {"aten.add.Tensor": 4}, "unknown": []} | dict.fromkeys(names, 100) | (
        quantities)  # fmt: skip


@pytest.fixture
def campaign(tmp_path):
    """Return what writes the files of one suite on one machine, below a folder of results."""
    return Files(tmp_path / "results")
