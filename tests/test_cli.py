"""The command line as a user meets it: real processes, real Records, real signals."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[1]
SUITE = """
schema: 1
name: tiny
data: digits
student: resnet8
batch_size: 32
budget: {steps: 60}
evaluations: 2
seeds: [0, 1]
methods: [cross_entropy, label_smoothing, ras_kd]
"""


def command(*arguments):
    return [sys.executable, "-m", "raskd_bench", *map(str, arguments)]


def call(*arguments, cwd=None, **more):
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False,
                          cwd=cwd, timeout=300, **more)  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a suite that was run to its end, and what the run printed."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.yaml").write_text(SUITE)
    return folder, call("run", "tiny.yaml", cwd=folder)


def test_run_ends_with_the_table_on_stdout_and_progress_on_stderr(finished):
    _, done = finished
    assert done.returncode == 0, done.stderr
    assert "RAS-KD" not in done.stdout  # nobody labelled it so
    for word in ("cross_entropy", "label_smoothing", "ras_kd", "top-1 %", "diff pp", "memory",
                 "more columns", "reconstruction from the abstract"):  # fmt: skip
        assert word in done.stdout
    assert "[6/6]" in done.stderr
    assert re.search(r"\[1/6\] cross_entropy on resnet8, seed 0: top-1 [\d.]+ %", done.stderr)
    assert "left" in done.stderr


def test_a_finished_suite_is_not_run_again(finished):
    folder, _ = finished
    before = {path: path.read_bytes() for path in folder.rglob("*.json")}
    again = call("run", "tiny.yaml", cwd=folder)
    assert again.returncode == 0
    assert "6 trials, 6 finished before" in again.stderr
    assert {path: path.read_bytes() for path in folder.rglob("*.json")} == before


@pytest.mark.parametrize("form", ["markdown", "csv", "json"])
def test_report_writes_every_format_to_a_file(finished, form, tmp_path):
    folder, _ = finished
    out = tmp_path / "report"
    done = call("report", "--format", form, "--out", out, cwd=folder)
    assert done.returncode == 0
    assert "label_smoothing" in out.read_text().replace("\\", "")
    if form == "json":
        assert len(json.loads(out.read_text())["tables"][0]["rows"]) == 3


def test_accuracies_survive_a_kill_and_finished_records_stay_byte_identical(finished, tmp_path):
    folder, _ = finished
    (tmp_path / "tiny.yaml").write_text(SUITE)
    killed = subprocess.Popen(command("run", "tiny.yaml"), cwd=tmp_path,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    wait_for(killed, lambda: len(list(tmp_path.rglob("*.json"))) >= 2)
    family = psutil.Process(killed.pid).children(recursive=True)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    assert 2 <= len(before) < 6
    again = call("run", "tiny.yaml", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert f"{len(before)} finished before" in again.stderr
    assert {path: path.read_bytes() for path in before} == before
    assert accuracies(tmp_path) == accuracies(folder)


def heed_ctrl_c():
    """A shell's background jobs, such as a CI's, are started with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_stops_at_once_and_the_next_run_continues(tmp_path):
    (tmp_path / "tiny.yaml").write_text(SUITE)
    stopped = subprocess.Popen(command("run", "tiny.yaml"), cwd=tmp_path, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True, preexec_fn=heed_ctrl_c)  # fmt: skip
    wait_for(stopped, lambda: len(list(tmp_path.rglob("*.json"))) >= 1)
    os.killpg(stopped.pid, signal.SIGINT)  # what a terminal does: the whole group gets it
    _, errors = stopped.communicate(timeout=20)
    assert stopped.returncode == 130
    assert re.search(r"stopped: \d of 6 trials are finished and kept; the same command", errors)
    assert "Traceback" not in errors
    count = len(list(tmp_path.rglob("*.json")))
    again = call("run", "tiny.yaml", "--only", "seed0", cwd=tmp_path)
    assert again.returncode == 0
    assert count >= 1
    assert len(list(tmp_path.rglob("*.json"))) == max(3, count)


def test_ctrl_c_ends_all_trials_that_run_side_by_side(tmp_path):
    (tmp_path / "tiny.yaml").write_text(SUITE)
    stopped = subprocess.Popen(command("run", "tiny.yaml", "--jobs", "2"), cwd=tmp_path, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True, preexec_fn=heed_ctrl_c)  # fmt: skip
    wait_for(stopped, lambda: len(list(tmp_path.rglob("*.json"))) >= 1)
    family = psutil.Process(stopped.pid).children(recursive=True)
    os.killpg(stopped.pid, signal.SIGINT)
    _, errors = stopped.communicate(timeout=20)
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    assert stopped.returncode == 130
    assert re.search(r"stopped: \d of 6 trials are finished and kept; the same command", errors)
    assert "Traceback" not in errors
    records = [json.loads(path.read_text()) for path in tmp_path.rglob("*.json")]
    assert {record["status"] for record in records} == {"done"}


def test_a_terminal_sees_bars_with_loss_and_accuracy(tmp_path):
    longer = SUITE.replace("steps: 60", "steps: 600")  # bars are drawn ten times a second
    (tmp_path / "tiny.yaml").write_text(longer)
    leader, follower = pty.openpty()
    environment = os.environ | {"COLUMNS": "150", "TERM": "xterm-256color"}
    process = subprocess.Popen(command("run", "tiny.yaml", "--only", "cross_entropy and seed0"),
                               cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=follower,
                               env=environment)  # fmt: skip
    os.close(follower)
    seen = b""
    try:
        while chunk := os.read(leader, 65536):
            seen += chunk
    except OSError:  # how a pseudo terminal says that the other end has closed
        os.close(leader)
    assert process.wait(60) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen.decode())
    assert "━" in text
    assert re.search(r"loss \d\.\d+, top-1 [\d.]+ %", text)


def test_a_report_that_cannot_be_written_is_refused(finished):
    folder, _ = finished
    done = call("report", "--out", "/proc/none/report.md", cwd=folder)
    assert done.returncode == 2
    assert done.stderr.startswith("/proc/none/report.md: No such file")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nowhere.yaml"], "nowhere.yaml: no such suite file"),
        (["run", "tiny.yaml", "--only", "ras_kdd"], "did you mean 'ras_kd'?"),
        (["run", "tiny.yaml", "--device", "tpu"], "--device tpu: write auto, cpu, cuda or cuda:N"),
        (["run", "tiny.yaml", "--results", "/proc/none"], "/proc/none"),
        (["run", "tiny.yaml", "--jobs", "0"], "--jobs 0: write a whole number from 1"),
        (["report", "nowhere"], "nowhere: no such folder"),
        (["report", "."], "no Records there"),
        (["list", "methods", "ps_k"], "did you mean 'ps_kd'?"),
        (["list", "suites", "--folder", "nowhere"], "nowhere: no such folder"),
        (["plan", "broken.yaml"], "broken.yaml:3:1: nam"),
        (["frobnicate"], "No such command"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(tmp_path, arguments, message):
    (tmp_path / "tiny.yaml").write_text(SUITE)
    (tmp_path / "broken.yaml").write_text(SUITE.replace("name: tiny", "nam: tiny"))
    done = call(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_trials_that_all_diverge_are_a_result_with_the_reason_in_the_table(tmp_path):
    text = SUITE.replace("budget", "optimizer: {name: sgd, lr: 1.0e+30}\nbudget")
    (tmp_path / "tiny.yaml").write_text(text)
    done = call("run", "tiny.yaml", "--only", "cross_entropy", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "0 of 2" in done.stdout
    assert "diverged: ce is not finite" in done.stdout
    assert "2 of the trials here diverged, which is a result: --retry" in done.stderr
    assert "Traceback" not in done.stderr


PLACEBO = """
from raskd_bench.losses import supervise
from raskd_bench.method import Fraction, Method


class Placebo(Method):
    'L = CE(z, y): the typo that silently trains the baseline.'

    off_switch = ("weight",)

    def __init__(self, *, weight: Fraction = 0.5):
        super().__init__()

    def loss(self, student, batch, progress):
        return supervise(student(*batch.views[0]))
"""


@pytest.mark.parametrize(("weight", "code"), [(0.5, 1), (0, 0)])
def test_a_method_that_silently_trains_the_baseline_is_an_error(tmp_path, weight, code):
    (tmp_path / "mine.py").write_text(PLACEBO)
    entry = f"{{name: './mine.py:Placebo', label: mine, weight: {weight}}}"
    methods = f"methods: [cross_entropy, {entry}]"
    text = SUITE.replace("methods: [cross_entropy, label_smoothing, ras_kd]", methods)
    (tmp_path / "tiny.yaml").write_text(text.replace("seeds: [0, 1]", "seeds: [0]"))
    done = call("run", "tiny.yaml", cwd=tmp_path)
    assert done.returncode == code, done.stderr
    said = "error: mine, seed 0: its student is bit-identical to that of cross_entropy"
    assert (said in done.stderr) == (code == 1)


def test_plan_shows_trials_without_running(tmp_path):
    (tmp_path / "tiny.yaml").write_text(SUITE)
    done = call("plan", "tiny.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "78,042" in done.stdout
    assert "6 trials" in done.stdout
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("kind", ["methods", "students", "datasets", "suites"])
def test_list_shows_every_kind(kind):
    done = call("list", kind, cwd=ROOT)
    expected = {"methods": "ras_kd", "students": "timm/<name>", "datasets": "digits",
                "suites": "quickstart"}  # fmt: skip
    assert done.returncode == 0
    assert expected[kind] in done.stdout


def test_doctor_looks_at_the_host():
    done = call("doctor", cwd=ROOT)
    assert done.returncode == 0, done.stdout
    assert "torch" in done.stdout
    assert "cores" in done.stdout


def test_completion_is_offered():
    name = "_RASKD_BENCH_COMPLETE"
    environment = os.environ | {name: "complete_bash", "COMP_WORDS": "raskd-bench re",
                                "COMP_CWORD": "1"}  # fmt: skip
    script = Path(sys.executable).parent / "raskd-bench"
    done = subprocess.run([script], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["report"]


def test_the_console_script_and_the_module_say_the_same_version():
    script = Path(sys.executable).parent / "raskd-bench"
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == call("--version").stdout


def wait_for(process, condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def accuracies(folder):
    records = [json.loads(path.read_text()) for path in sorted(folder.rglob("results/**/*.json"))]
    return {(r["label"], r["seed"]): (r["test_top1"], r["test_nll"], r["steps"]) for r in records}


@pytest.mark.parametrize(
    "words", [["--help"], ["list", "methods"], ["list", "students"], ["list", "datasets"]]
)
def test_help_and_listings_import_no_slow_library(words):
    code = (
        "import sys; from raskd_bench.cli import main\n"
        f"sys.argv = ['raskd-bench', *{words}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "slow = {'pydantic', 'ruamel', 'numpy', 'pandas', 'scipy', 'jinja2', 'torch'}\n"
        "print(sorted(slow & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert len(done.stdout.splitlines()) > 3


def test_a_plain_listing_prints_what_typers_way_to_it_prints():
    short, whole = call("list", "methods"), call("list", "methods", "--folder", "suites")
    assert short.returncode == whole.returncode == 0
    assert short.stdout == whole.stdout
