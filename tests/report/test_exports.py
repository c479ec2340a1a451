"""Records for trackers: what arrives there, and what is refused."""

import math
import sqlite3

import pytest

from raskd_bench import record
from raskd_bench.errors import RequestError
from raskd_bench.report.exports import export, run_name, scalars

CURVE = [{"step": 10, "epoch": 1.0, "train_seconds": 2.0, "loss": {"ce": 1.5, "aux": None}},
         {"step": 20, "epoch": 2.0, "train_seconds": 4.0, "loss": {"ce": 0.5},
          "test_top1": 0.75}]  # fmt: skip
HOST = {"cpu": "AMD EPYC", "cores": 2, "host": "here", "device": "cpu"}


@pytest.fixture
def placed(tmp_path, new_record):
    """Return a folder with two trials, one of which failed."""
    done = new_record("ras_kd", curve=CURVE, machine=HOST, hparams={"epsilon": 0.1})
    failed = new_record("kd", status="failed", error="x", test_top1=None, machine=HOST)
    for number, made in enumerate((done, failed)):
        record.write(made, tmp_path / "results" / f"{number}.json")
    return tmp_path / "results"


def test_a_trial_gives_its_curve_and_what_it_came_to(new_record):
    made = list(scalars(new_record(curve=CURVE, started="2026-11-25T10:00:00+00:00")))
    curve = [(s.name, s.value, s.step) for s in made if not s.name.startswith("final/")]
    assert curve == [("loss/ce", 1.5, 10), ("loss/ce", 0.5, 20), ("test_top1", 0.75, 20)]
    assert made[1].time - made[0].time == 2.0
    final = {s.name: s.value for s in made if s.name.startswith("final/")}
    assert final["final/test_top1"] == 0.9
    assert final["final/step_flops"] == 1_000_000_000
    assert "final/seed" not in final
    assert "final/dirty" not in final


def test_no_label_leads_out_of_the_folder(new_record):
    made = new_record("../../x", suite="../y", trial="/z")
    assert run_name(made) == ("y", "amd-epyc-2c", "x-s0-z")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("tensorboard", "write tensorboard:DIR or mlflow:DIR"),
        ("tensorbord:x", "did you mean 'tensorboard'?"),
        ("wandb:x", "write tensorboard:DIR or mlflow:DIR"),
    ],
)
def test_a_target_that_is_none_is_refused(placed, target, message):
    with pytest.raises(RequestError, match=f"--export {target}: ") as caught:
        export([placed], target)
    assert message in str(caught.value)


def test_a_package_that_is_missing_is_named_with_its_extra(placed, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(RequestError, match=r"pip install 'raskd-bench\[tensorboard\]'"):
        export([placed], f"tensorboard:{tmp_path / 'board'}")


def test_tensorboard_reads_what_was_written_and_a_second_export_replaces_it(placed, tmp_path):
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    for _ in range(2):
        said = export([placed], f"tensorboard:{tmp_path / 'board'}")
    assert said == f"2 trials written to {tmp_path / 'board'} for tensorboard"
    (file,) = (tmp_path / "board" / "tiny" / "amd-epyc-2c" / "ras-kd-s0-ras-kd-0").iterdir()
    events = [(value.tag, event.step, value.tensor.float_val[0])
              for event in loader.EventFileLoader(str(file)).Load()
              for value in event.summary.value]  # fmt: skip
    assert ("loss/ce", 20, 0.5) in events
    assert ("test_top1", 20, 0.75) in events
    assert any(tag == "final/test_top1" and math.isclose(x, 0.9, rel_tol=1e-6)
               for tag, _, x in events)  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_a_run_a_trial_however_often_it_is_exported(placed, tmp_path):
    pytest.importorskip("mlflow")
    for _ in range(2):
        export([placed], f"mlflow:{tmp_path / 'store'}")
    store = sqlite3.connect(tmp_path / "store" / "mlflow.db")
    runs = dict(store.execute("select name, status from runs"))
    assert runs == {"amd-epyc-2c/ras-kd-s0-ras-kd-0": "FINISHED",
                    "amd-epyc-2c/kd-s0-kd-0": "FAILED"}  # fmt: skip
    found = store.execute("select key, value, step from metrics where key like 'loss%'").fetchall()
    assert sorted(found) == [("loss/ce", 0.5, 20), ("loss/ce", 1.5, 10)]
    params = dict(store.execute("select key, value from params where key = 'hparams.epsilon'"))
    assert params == {"hparams.epsilon": "0.1"}
    store.close()
