"""Arms whose steps last as long as a test says, on a clock that only they move."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from raskd_bench.evidence.blocks import BlockFile, Header, read
from raskd_bench.overhead.arms import ArmFailed
from raskd_bench.overhead.engine import Engine

CELL = {"data": "digits", "student": "resnet8", "batch_size": 64, "precision": "fp32",
        "compile": False}  # fmt: skip


class FakeClock:
    def __init__(self) -> None:
        self.moment = 0.0

    def __call__(self) -> float:
        return self.moment


class FakeArm:
    """Takes `step_seconds` a step, times a noise of its own."""

    facts = {"steps_per_epoch": 10}

    def __init__(self, clock, step_seconds, rng, noise=0.0, epoch_seconds=0.0) -> None:
        self.clock, self.step_seconds, self.rng = clock, step_seconds, rng
        self.noise, self.epoch_seconds = noise, epoch_seconds
        self.told, self.blocks = [], 0
        self.fails_at = None

    def block(self, steps):
        self.blocks += 1
        if self.blocks == self.fails_at:
            raise ArmFailed("method", "out_of_memory", "no memory left")
        scatter = math.exp(self.noise * self.rng.standard_normal())
        seconds = steps * (self.step_seconds + dict(self.told).get("spin", 0.0)) * scatter
        self.clock.moment += seconds
        return {"seconds": seconds, "cpu_seconds": seconds, "finite": True}

    def ask(self, command, value=None):
        self.told.append((command, value))
        return {"epoch_seconds": self.epoch_seconds} if command == "warm" else {}


class QuietHost:
    """A host on which nothing else happens, or what a test says."""

    def __init__(self, foreign_cores: Callable[[], float] = lambda: 0.0) -> None:
        self.foreign_cores = foreign_cores

    def read(self):
        return None

    def since(self, before, arm_seconds):
        return {"foreign_cores": self.foreign_cores(), "stolen_cores": 0.0}


class Onlooker:
    def __init__(self) -> None:
        self.looks = []

    def pairs(self, header, restart, done, planned):
        assert 0 < done <= planned

    def look(self, header, restarts, found):
        self.looks.append(restarts)


def make_header(**changes):
    rules = {"margins": (0.02,), "alpha": 0.05, "power": 0.9, "looks": (3, 5, 8), "pairs": 20,
             "max_seconds": 1000.0, "in_process": False} | changes.pop("rules", {})  # fmt: skip
    facts = {
        "comparison": "0123456789ab", "plan": "abcdef012345", "suite": "small", "cell": CELL,
        "conditions": {"task": "classification"}, "mode": "compute", "role": "method",
        "label": "ras_kd", "method": "ras_kd", "hparams": {}, "method_digest": "d",
        "baseline": "cross_entropy", "baseline_method": "cross_entropy", "baseline_hparams": {},
        "baseline_digest": "b", "machine": {"cpu": "a processor", "cores": 2}, "commit": None,
        "dirty": None, "started": "2026-11-25T00:00:00+00:00", "rules": rules,
    }  # fmt: skip
    return Header(**(facts | changes))


class Bench:
    """Runs the engine with fake arms; `arms` holds those of every restart."""

    def __init__(self, path, ratio=1.0, noise=0.0, **header) -> None:
        self.path, self.ratio, self.noise = path, ratio, noise
        self.header = make_header(**header)
        self.clock, self.onlooker, self.host = FakeClock(), Onlooker(), QuietHost()
        self.arms, self.epoch_seconds = [], 0.0
        self.rng = np.random.default_rng(0)
        self.prepare = lambda arms: None
        self.share = 1.0

    @contextmanager
    def start(self) -> Iterator[dict]:
        made = {
            name: FakeArm(
                self.clock, 0.01 * ratio, self.rng, self.noise, self.epoch_seconds * ratio
            )
            for name, ratio in (("baseline", 1.0), ("method", self.ratio))
        }
        self.arms.append(made)
        self.prepare(made)
        yield made

    def run(self):
        new = not self.path.exists()
        file = BlockFile(self.path)
        if new:
            file.add("comparison", self.header.model_dump(mode="json", by_alias=True))
        engine = Engine(header=self.header, file=file, path=self.path, start=self.start,
                        watch=self.host, block_seconds=0.1, show=self.onlooker,
                        now=self.clock, share=self.share)  # fmt: skip
        self.ending = engine.run()
        file.close()
        return read(self.path)


@pytest.fixture
def bench(tmp_path):
    """Return a function that makes a bench of fake arms with a true ratio and noise."""
    return lambda **facts: Bench(tmp_path / "blocks.jsonl", **facts)
