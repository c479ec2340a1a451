"""Every method through the whole path, on real data: the suite `zoo-smoke`, as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from raskd_bench import catalog

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """The rows of the suite's report, and what the run said."""
    folder = tmp_path_factory.mktemp("zoo")
    program = [sys.executable, "-m", "raskd_bench"]
    ran = subprocess.run([*program, "run", ROOT / "suites" / "zoo-smoke.yaml", "--results", folder],
                         capture_output=True, text=True, check=False)  # fmt: skip
    report = subprocess.run([*program, "report", folder, "--format", "json"],
                            capture_output=True, text=True, check=True)  # fmt: skip
    rows = json.loads(report.stdout)["tables"][0]["rows"]
    return {row["label"]: row for row in rows}, ran


def test_every_method_is_done_and_none_is_a_placebo(zoo):
    rows, ran = zoo
    assert ran.returncode == 0, ran.stderr
    assert {row["method"] for row in rows.values()} == set(catalog.names("method"))
    assert all(row["seeds"] == [0] for row in rows.values())
    assert "bit-identical" not in ran.stderr


def test_every_method_learns_something(zoo):
    rows, _ = zoo
    assert {label for label, row in rows.items() if row["test_top1"]["mean"] < 0.5} == set()


def test_what_was_not_held_equal_is_shown(zoo):
    rows, _ = zoo
    assert rows["cs_kd"]["images_per_step"] == 128
    assert rows["bake"]["train_flops_ratio"]["mean"] == pytest.approx(4.05, abs=0.1)
    assert rows["tf_kd_self"]["train_flops_ratio"]["mean"] == pytest.approx(2.337, abs=0.01)
    assert rows["kd"]["train_flops_ratio"]["mean"] > rows["kd"]["step_flops_ratio"]["mean"]
