"""From a suite to Records: each trial in a process of its own, one after another.

Processes are forked from a server that has imported torch, so a small trial does not pay for the
import, and one that dies takes nothing with it. Records are written here, by one process.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from raskd_bench import catalog, record
from raskd_bench.errors import RecordError, RequestError
from raskd_bench.machine import code_state, slug
from raskd_bench.process import listen, preload, process_for
from raskd_bench.record import Record
from raskd_bench.spec import Plan, Suite, expand

DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
SUPERSEDED = "superseded"  # folder of Records that a later run replaced


class Refused(RequestError):
    """Trials that cannot start: nothing was run."""


class Interrupted(Exception):
    """Ctrl-C: what was finished is written."""


class Show(Protocol):
    """Who looks on while a suite runs."""

    def check(self, suite: Suite, plans: list[Plan]) -> None:
        """A process looks whether these trials can start."""

    def start(self, done: int, folder: Path) -> None:
        """The suite starts; `done` of its trials are finished already."""

    def trial(self, plan: Plan) -> None:
        """A trial starts."""

    def point(self, plan: Plan, point: dict[str, Any]) -> None:
        """A trial has come to a point of its curve."""

    def end(self, plan: Plan, result: Record) -> None:
        """A trial has ended."""


@dataclass(frozen=True)
class Outcome:
    """What a run left behind.

    Attributes:
        folder: where the Records are.
        ran: Records of this run.
        resumed: trials that were finished before.
    """

    folder: Path
    ran: tuple[Record, ...]
    resumed: int

    @property
    def failed(self) -> tuple[Record, ...]:
        return tuple(result for result in self.ran if not result.finished)


@dataclass(frozen=True)
class Bench:
    """A suite on this machine.

    Attributes:
        suite: what to run.
        home: folder of the suite's file.
        folder: of its Records.
        machine: description of host and device.
        code: commit and whether the code was changed since.
    """

    suite: Suite
    home: Path
    folder: Path
    machine: dict[str, Any]
    code: tuple[str | None, bool | None]


def run_suite(
    suite: Suite,
    home: Path,
    *,
    results: Path,
    show: Show,
    only: str | None = None,
    device: str = "auto",
    fresh: bool = False,
) -> Outcome:
    """Run the trials of a suite that have no finished Record yet.

    Args:
        suite: as read by `load_suite`.
        home: folder of the suite's file.
        results: where Records go, in a folder for each suite and machine.
        show: who looks on.
        only: see `expand`.
        device: `auto`, `cpu`, `cuda` or `cuda:n`.
        fresh: set the Records that are there aside and run everything.

    Raises:
        BenchError: the request is wrong, or trials cannot start; nothing was run.
        Interrupted: Ctrl-C; what was finished is written.
    """
    plans = expand(suite, home, only)
    if not DEVICE.fullmatch(device):
        raise RequestError(f"--device {device}: write auto, cpu, cuda or cuda:N")
    show.check(suite, plans)
    preload(plan.trial for plan in plans)
    try:
        machine = _prepare(plans, device, home)
        folder = results / suite.name / slug(machine)
        bench = Bench(suite, home, folder, machine, code_state())
        with _exclusive(folder):
            if fresh:
                _set_aside(folder, list(folder.glob("*.json")))
            return _run_all(bench, plans, show)
    except KeyboardInterrupt:
        raise Interrupted from None


def _run_all(bench: Bench, plans: list[Plan], show: Show) -> Outcome:
    waiting = [plan for plan in plans if not _finished(bench, plan)]
    resumed = len(plans) - len(waiting)
    show.start(resumed, bench.folder)
    ran = []
    for plan in waiting:
        show.trial(plan)
        result = _run(bench, plan, show)
        ran.append(result)
        show.end(plan, result)
    return Outcome(bench.folder, tuple(ran), resumed)


def _prepare(plans: list[Plan], device: str, home: Path) -> dict[str, Any]:
    """Return the machine's description after a process has seen that all trials can start.

    Raises:
        Refused: some cannot; the message has a line for each reason.
    """
    with process_for("prepare", [plan.trial for plan in plans], device, home) as (
        process,
        connection,
    ):
        answer = listen(process, connection, None, lambda _: None)
    if answer["status"] != "ready":
        raise Refused("\n".join(answer.get("faults", [answer.get("error", "")])))
    machine: dict[str, Any] = answer["machine"]
    return machine


def _run(bench: Bench, plan: Plan, show: Show) -> Record:
    """Run one trial in a process and write its Record."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    limit = bench.suite.timeout_seconds
    arguments = (plan.trial, bench.machine["device"], bench.home)
    with process_for("run_trial", *arguments) as (process, connection):
        measured = listen(process, connection, limit, lambda point: show.point(plan, point))
    result = _new_record(bench, plan, started, measured)
    path = bench.folder / plan.trial.file_name
    if path.exists():
        _set_aside(bench.folder, [path])
    record.write(result, path)
    return result


def _new_record(bench: Bench, plan: Plan, started: str, measured: dict[str, Any]) -> Record:
    trial = plan.trial
    card = catalog.find("method", trial.method, bench.home)
    measured = dict(measured)
    if trace := measured.pop("traceback", None):
        measured["error"] = f"{measured['error']}\n{trace}"
    return Record(
        trial=trial.id,
        suite=bench.suite.name,
        cell=trial.cell,
        method=trial.method,
        label=plan.label,
        position=[entry.shown for entry in bench.suite.methods].index(plan.label),
        baseline=bench.suite.baseline_label,
        hparams=trial.hparams,
        hparams_passed=plan.passed,
        method_digest=catalog.digest(card),
        footnote=card.constants.get("footnote"),
        seed=trial.seed,
        budget=trial.budget.model_dump(exclude_none=True),
        conditions=trial.model_dump(mode="json", exclude={"method", "hparams", "seed"}),
        started=started,
        machine=bench.machine,
        commit=bench.code[0],
        dirty=bench.code[1],
        **measured,
    )


def _finished(bench: Bench, plan: Plan) -> bool:
    """Whether a trial has a Record that is done, made by the method's present code."""
    path = bench.folder / plan.trial.file_name
    if not path.exists():
        return False
    try:
        found = record.read(path)
    except RecordError as error:
        raise RecordError(f"{error}; move it away, or use --fresh") from None
    digest = catalog.digest(catalog.find("method", plan.trial.method, bench.home))
    return found.finished and found.trial == plan.trial.id and found.method_digest == digest


def _set_aside(folder: Path, paths: list[Path]) -> None:
    """Move Records into a folder of superseded ones; none is ever changed or lost."""
    if not paths:
        return
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    target = folder / SUPERSEDED / stamp
    target.mkdir(parents=True)
    for path in paths:
        path.rename(target / path.name)


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Hold a results folder against other runs, whose timings it would disturb besides."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=0)
        with lock:
            yield
    except Timeout:
        text = f"{folder}: another run is writing there; wait for it, or choose --results DIR"
        raise RequestError(text) from None
    except OSError as error:
        raise RequestError(f"{folder}: cannot be written: {error.strerror}") from error
