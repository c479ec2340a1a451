"""`check` and `baseline accept` as a user and a build meet them."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from raskd_bench import catalog
from raskd_bench.cli import app
from raskd_bench.errors import RequestError
from raskd_bench.fingerprint.baseline import read
from raskd_bench.fingerprint.model import Fingerprint
from raskd_bench.spec import load_suite

ROOT = Path(__file__).parents[1]
FIELDS = {name: 100 for name in Fingerprint.model_fields if name not in {"operations", "unknown"}}
SUITE = """
schema: 1
name: mine
data: digits
student: resnet8
batch_size: 64
budget: {steps: 1}
seeds: [0]
methods: [cross_entropy, ./mine.py:Mine]
"""
METHOD = '''
"""A method of a user's."""
import torch
from raskd_bench.losses import supervise
from raskd_bench.method import Method


class Mine(Method):
    """L = CE."""

    def loss(self, student, batch, progress):
        output = student(*batch.views[0])
        return supervise(output)
'''
RETURN = "        return supervise(output)\n"
COMMENTED = METHOD.replace(RETURN, f"\n        # as simple as can be\n\n{RETURN}")
NEEDLESS = METHOD.replace(RETURN, f"        torch.softmax(output.logits, dim=1)\n{RETURN}")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a user's method and suite, the working directory."""
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "gate.yaml").write_text(SUITE)
    (tmp_path / "suites" / "mine.py").write_text(METHOD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def costs(monkeypatch):
    """Operations of each label, in the place of the counter."""
    made = {"cross_entropy": {"aten.add.Tensor": 4}, "./mine.py:Mine": {"aten.add.Tensor": 4}}

    def predict(plans, home):
        return [
            SimpleNamespace(plan=plan, fingerprint=Fingerprint(
                operations=made[plan.label], unknown=(), **FIELDS))
            for plan in plans
        ], []  # fmt: skip

    monkeypatch.setattr("raskd_bench.cli.gate._predict", predict)
    return made


@pytest.fixture
def torch_version(monkeypatch):
    """Return a function that makes another version of torch run."""
    return lambda version: monkeypatch.setattr("raskd_bench.cli.gate._torch", lambda: version)


def call(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def accept(*more):
    return call("baseline", "accept", "--reason", "first", *more)


def check(*more):
    return call("check", "--baseline", "results/baseline.json", *more)


def test_accepting_prints_what_is_new_and_writes_the_file(folder, costs):
    done = accept()
    assert done.exit_code == 0
    assert "new: mine: cross_entropy on resnet8, batch 64, fp32, digits: accepted" in done.stdout
    assert "results/baseline.json: 2 of its rows changed" in done.stderr
    assert read(folder / "results" / "baseline.json").history[0].reason == "first"


def test_accepting_again_changes_nothing_and_says_so(folder, costs):
    accept()
    done = accept()
    assert done.stdout == ""
    assert "as it was, nothing to accept" in done.stderr


@pytest.mark.parametrize("reason", [[], ["--reason", ""], ["--reason", "  "]])
def test_accepting_wants_a_reason(folder, costs, reason):
    done = call("baseline", "accept", *reason)
    assert isinstance(done.exception, RequestError)
    assert "wants --reason TEXT" in str(done.exception)
    assert not (folder / "results").exists()


def test_check_is_green_for_what_was_accepted(folder, costs):
    accept()
    done = check()
    assert (done.exit_code, done.stdout) == (0, "gate: 2 unchanged\n")


def test_check_names_the_operation_that_appeared(folder, costs):
    accept()
    costs["./mine.py:Mine"] = {"aten.add.Tensor": 4, "aten._softmax.default": 1}
    done = check()
    assert done.exit_code == 10
    assert done.stdout.splitlines() == [
        "regressed: mine: ./mine.py:Mine on resnet8, batch 64, fp32, digits: operations 4 -> 5 "
        "(+25 %)",
        "  + aten._softmax.default x1",
        "gate: 1 unchanged, 1 regressed",
        '  accept it with: raskd-bench baseline accept --reason "..."',
    ]


def test_another_version_of_torch_is_exit_code_4(folder, costs, torch_version):
    accept()
    torch_version("9.9.9")
    done = check()
    assert done.exit_code == 4
    assert "torch 9.9.9 runs here, nothing was compared" in done.stdout


def test_nothing_to_check_is_exit_code_4_with_one_line(folder):
    done = call("check")
    assert done.exit_code == 4
    assert done.stdout.splitlines()[0].startswith("not measured: check: there is no folder results")


def test_a_folder_without_claims_measured_nothing(folder):
    (folder / "results").mkdir()
    done = call("check")
    assert done.exit_code == 4
    assert "claims: 1 not measured" in done.stdout


def test_a_folder_that_is_not_there_is_refused(folder):
    assert isinstance(call("check", "nowhere").exception, RequestError)


def test_a_missing_baseline_is_refused_with_the_command_that_makes_it(folder):
    done = check()
    assert "raskd-bench baseline accept SUITE.yaml" in str(done.exception)


def test_junit_and_summary_say_the_same_as_the_terminal(folder, costs, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
    accept()
    costs["./mine.py:Mine"] = {"aten.add.Tensor": 5}
    done = check("--junit", "out/check.xml", "--github-summary")
    assert done.exit_code == 10
    root = ET.parse(folder / "out" / "check.xml").getroot()
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    assert "+ aten.add.Tensor x1 (4 -&gt; 5)" in (folder / "summary.md").read_text()


def test_a_summary_outside_a_job_is_refused_before_anything_is_counted(folder, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    done = check("--github-summary")
    assert "GITHUB_STEP_SUMMARY is not set" in str(done.exception)


@pytest.mark.parametrize("words", [["check", "--help"], ["baseline", "accept", "--help"]])
def test_help_imports_nothing_slow(words):
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom raskd_bench.cli import app\n"
        f"done = CliRunner().invoke(app, {words})\nassert done.exit_code == 0, done\n"
        "print(sorted({'torch', 'ruamel', 'numpy', 'raskd_bench.report'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def process(*arguments, cwd):
    return subprocess.run([sys.executable, "-m", "raskd_bench", *arguments], capture_output=True,
                          text=True, check=False, cwd=cwd, timeout=300)  # fmt: skip


@pytest.mark.slow
def test_a_needless_softmax_is_red_and_white_space_is_not(folder):
    file = folder / "suites" / "mine.py"
    gate = ("check", "--baseline", "results/baseline.json")
    first = process("baseline", "accept", "--reason", "first", cwd=folder)
    assert first.returncode == 0, first.stderr
    assert process(*gate, cwd=folder).returncode == 0
    file.write_text(COMMENTED)
    assert process(*gate, cwd=folder).returncode == 0
    file.write_text(NEEDLESS)
    red = process(*gate, cwd=folder)
    assert red.returncode == 10
    assert "  + aten._softmax.default x1" in red.stdout.splitlines()
    assert "regressed: mine: ./mine.py:Mine" in red.stdout
    assert "gate: 1 unchanged, 1 regressed" in red.stdout


def test_the_projects_own_gate_has_every_method():
    suite = load_suite(ROOT / "suites" / "gate.yaml")
    assert {entry.name for entry in suite.methods} == set(catalog.names("method"))


def test_the_projects_own_baseline_was_made_from_its_gate():
    path = ROOT / "results" / "baseline.json"
    content = json.loads(path.read_text())
    suites = {entry["suite"] for rows in content["accepted"].values() for entry in rows.values()}
    assert suites == {"../suites/gate.yaml"}
