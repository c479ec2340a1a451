"""A campaign end to end: real processes, tiny steps."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from raskd_bench.evidence.blocks import read
from raskd_bench.evidence.registration import read as read_plan

pytestmark = pytest.mark.slow

ANYWAY = ["--anyway"]  # a test's host may be busy
SUITE = """\
schema: 1
name: tiny
data: {name: synthetic, size: 8, train: 128, test: 32}
student: resnet8
batch_size: 16
budget: {steps: 1}
seeds: []
methods: [cross_entropy, METHODS]
overhead: {margin: 90%, looks: [2], pairs: 3, spikes: ["50%"], max_seconds: 5, modes: [MODE]}
claims:
  - {id: flops, say: no arithmetic, method: ras_kd, metric: matmul_flops, at_most: +10%}
"""
DIES = """\
import os
from raskd_bench.losses import supervise
from raskd_bench.method import Method

class Dies(Method):
    \"\"\"L = CE(z, y), until the process is gone.\"\"\"

    paper = "none"

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def loss(self, student, batch, progress):
        self.steps += 1
        if self.steps > 30:
            os._exit(7)
        return supervise(student(*batch.views[0]))
"""


@pytest.fixture
def bench(tmp_path):
    """Return a function that runs the command line in a folder of its own."""

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "raskd_bench", *arguments, *ANYWAY[: arguments[0] == "run"]],
            cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    run.folder = tmp_path
    return run


def write(folder: Path, methods: str, mode: str = "compute") -> None:
    text = SUITE.replace("METHODS", methods).replace("MODE", mode)
    (folder / "tiny.yaml").write_text(text)


def files(folder: Path) -> dict[str, Path]:
    found = sorted((folder / "results").rglob("*.jsonl"))
    return {path.name.rpartition("-")[0]: path for path in found}


def test_it_times_counts_registers_and_is_finished(bench):
    write(bench.folder, "ras_kd", "end_to_end")
    done = bench("run", "tiny.yaml")
    assert done.returncode == 0, done.stderr
    found = files(bench.folder)
    assert list(found) == ["end_to_end-aa", "end_to_end-ras_kd", "end_to_end-spike-0.5"]
    for path in found.values():
        known = read(path)
        assert known.ending["reason"] == "last look"
        assert [len(restart.blocks) for restart in known.restarts] == [6, 6]
        assert known.restarts[0].epoch_seconds_per_step["baseline"] > 0
    memory = read(found["end_to_end-ras_kd"]).passes
    assert [found["measure"] for found in memory] == ["memory"]
    campaign = found["end_to_end-aa"].parents[1]
    (plan,) = map(read_plan, campaign.glob("plan-*.json"))
    assert read(found["end_to_end-aa"]).header.plan == plan.plan
    assert plan.registered <= read(found["end_to_end-aa"]).header.started
    counted = json.loads((campaign / "fingerprints.json").read_text())
    assert [row["label"] for row in counted["rows"]] == ["cross_entropy", "ras_kd"]
    before = {path: path.read_bytes() for path in found.values()}
    again = bench("run", "tiny.yaml")
    assert again.returncode == 0
    assert "3 finished before" in again.stderr
    assert {path: path.read_bytes() for path in found.values()} == before
    assert bench("run", "tiny.yaml", "--only", "cross_entropy").returncode == 0
    kept = json.loads((campaign / "fingerprints.json").read_text())["rows"]
    assert {row["label"] for row in kept} == {"cross_entropy", "ras_kd"}
    verdict = bench("check")
    assert "supported" in verdict.stdout
    assert verdict.returncode == 0


def test_an_arm_that_dies_fails_its_comparison_and_no_other(bench):
    (bench.folder / "dies.py").write_text(DIES)
    write(bench.folder, "ras_kd, ./dies.py:Dies")
    done = bench("run", "tiny.yaml")
    assert done.returncode == 1
    assert "Dies" in done.stderr
    assert "Traceback" not in done.stderr
    endings = {name: read(path).ending["reason"] for name, path in files(bench.folder).items()}
    assert {name for name, reason in endings.items() if reason == "failure"} == {
        "compute-dies.py_Dies"
    }
    failed = read(files(bench.folder)["compute-dies.py_Dies"])
    assert failed.failures[0]["arm"] == "method"
    assert "exit code 7" in failed.failures[0]["error"]
