"""Records for trackers, written after the run: TensorBoard event files, an MLflow store."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from raskd_bench.errors import RequestError, did_you_mean
from raskd_bench.machine import slug as machine_name
from raskd_bench.record import Record
from raskd_bench.report.collect import load_records
from raskd_bench.report.latex_tables import slug

STRANGE = re.compile(r"[^\w\-./ ]")  # in names that a tracker takes
BATCH, MOST_TEXT = 100, 500  # what an MLflow store takes at once, and in one value
IDENTITY = "raskd_bench.record"  # tag of a run: one that is there is not written again


class Scalar(NamedTuple):
    """A number of a trial: the tracker's name of it, the optimiser step, the time (seconds)."""

    name: str
    value: float
    step: int
    time: float


def export(places: Sequence[Path], target: str) -> str:
    """Write the Records of some places for a tracker; return what was done, in words.

    Args:
        places: folders and files.
        target: `tensorboard:DIR` or `mlflow:DIR`.

    Raises:
        RequestError: the target is none of these, its package is missing, or there is no Record.
        RecordError: a Record cannot be read.
    """
    kind, _, folder = target.partition(":")
    if kind not in EXPORTS or not folder:
        hint = did_you_mean(kind, EXPORTS)
        raise RequestError(f"--export {target}: write tensorboard:DIR or mlflow:DIR{hint}")
    records = load_records(places)
    try:
        EXPORTS[kind](records, Path(folder))
    except ModuleNotFoundError as error:
        remedy = f"install it with: pip install 'raskd-bench[{kind}]'"
        raise RequestError(f"--export {target}: {error.name} is not installed; {remedy}") from None
    return f"{len(records)} trials written to {folder} for {kind}"


def to_tensorboard(records: Sequence[Record], folder: Path) -> None:
    """Write one run a trial: its curve and its final numbers. An earlier export is replaced."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for result in records:
        place = folder.joinpath(*run_name(result))
        for earlier in place.glob("events.out.tfevents.*"):
            earlier.unlink()
        writer = EventFileWriter(str(place))
        for scalar in scalars(result):
            value = Summary.Value(tag=scalar.name, simple_value=scalar.value)
            summary = Summary(value=[value])
            writer.add_event(Event(step=scalar.step, wall_time=scalar.time, summary=summary))
        writer.close()


def to_mlflow(records: Sequence[Record], folder: Path) -> None:
    """Write one run a trial into a sqlite store; a trial that is there is not written again."""
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    folder.mkdir(parents=True, exist_ok=True)
    client = MlflowClient(tracking_uri=f"sqlite:///{folder.resolve() / 'mlflow.db'}")
    for result in records:
        experiment = _experiment(client, result.suite, folder)
        identity = f"{machine_name(result.machine)}/{result.trial}/{result.started}"
        if client.search_runs([experiment], f"tags.`{IDENTITY}` = '{_name(identity)}'"):
            continue
        begin = 1000 * _started(result)
        run = client.create_run(experiment, int(begin), run_name="/".join(run_name(result)[1:]))
        metrics = [Metric(s.name, s.value, int(1000 * s.time), s.step) for s in scalars(result)]
        params = [Param(_name(key), str(value)[:MOST_TEXT]) for key, value in _params(result)]
        client.log_batch(run.info.run_id, tags=[RunTag(IDENTITY, _name(identity))])
        for part in range(0, max(len(metrics), len(params)), BATCH):
            client.log_batch(run.info.run_id, metrics=metrics[part : part + BATCH],
                             params=params[part : part + BATCH])  # fmt: skip
        end = int(begin + 1000 * (result.wall_seconds or 0.0))
        status = "FINISHED" if result.finished else "FAILED"
        client.set_terminated(run.info.run_id, status, end)


EXPORTS: dict[str, Callable[[Sequence[Record], Path], None]] = {
    "tensorboard": to_tensorboard, "mlflow": to_mlflow,
}  # fmt: skip


def run_name(result: Record) -> tuple[str, str, str]:
    """Return suite, machine, and what the trial is called, fit for folders."""
    trial = slug(result.label, f"s{result.seed}", result.trial)
    return slug(result.suite) or "suite", machine_name(result.machine), trial


def scalars(result: Record) -> Iterator[Scalar]:
    """Yield the numbers of a trial: its curve, then what it came to."""
    begin, last = _started(result), 0
    for point in result.curve:
        last = int(point.get("step", last))
        time = begin + float(point.get("train_seconds") or 0.0)
        losses = {f"loss/{term}": value for term, value in (point.get("loss") or {}).items()}
        scores = {name: value for name, value in point.items() if name.startswith(("test", "val"))}
        for name, value in (losses | scores).items():
            if value is not None:
                yield Scalar(_name(name), float(value), last, time)
    end = begin + (result.wall_seconds or 0.0)
    for name, value in result:
        if isinstance(value, int | float) and not isinstance(value, bool) and name not in NO_RESULT:
            yield Scalar(f"final/{name}", float(value), result.steps or last, end)


NO_RESULT = {"version", "position", "seed"}


def _params(result: Record) -> Iterator[tuple[str, Any]]:
    yield from {"method": result.method, "label": result.label, "seed": result.seed}.items()
    yield from ((f"hparams.{name}", value) for name, value in result.hparams.items())
    yield from ((f"conditions.{name}", value) for name, value in result.conditions.items())
    yield from {"commit": result.commit, "status": result.status}.items()


def _experiment(client: Any, suite: str, folder: Path) -> str:
    name = _name(suite)
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    place = (folder / "artifacts").resolve().as_uri()
    return str(client.create_experiment(name, artifact_location=place))


def _started(result: Record) -> float:
    return datetime.fromisoformat(result.started).timestamp()


def _name(text: str) -> str:
    return STRANGE.sub("_", text) or "_"
