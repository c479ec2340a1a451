"""From a suite to Records: each trial in a process of its own, one after another.

Processes are forked from a server that has imported torch, so a small trial does not pay for the
import, and one that dies takes nothing with it. Records are written here, by one process.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from filelock import FileLock, Timeout

from raskd_bench import catalog, record
from raskd_bench.errors import RecordError, RequestError
from raskd_bench.machine import code_state, slug
from raskd_bench.record import Record
from raskd_bench.spec import Plan, Suite, Trial, expand, load_suite
from raskd_bench.spec.trial import Named

SUPERSEDED = "superseded"  # folder of Records that a later run replaced
GRACE_SECONDS = 5.0  # between asking a process to end and killing it


class Refused(RequestError):
    """Trials that cannot start: nothing was run."""


class Interrupted(Exception):
    """Ctrl-C: what was finished is written."""


class Show(Protocol):
    """Who looks on while a suite runs."""

    def start(self, suite: Suite, plans: list[Plan], done: int, folder: Path) -> None:
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
    path: Path,
    *,
    results: Path,
    show: Show,
    only: str | None = None,
    device: str = "auto",
    fresh: bool = False,
) -> Outcome:
    """Run the trials of a suite that have no finished Record yet.

    Args:
        path: the suite's file.
        results: where Records go, in a folder for each suite and machine.
        show: who looks on.
        only: see `expand`.
        device: `auto`, `cpu`, `cuda` or `cuda:n`.
        fresh: set the Records that are there aside and run everything.

    Raises:
        BenchError: the suite has faults, or its trials cannot start; nothing was run.
        Interrupted: Ctrl-C; what was finished is written.
    """
    suite, home = load_suite(path), path.parent.resolve()
    plans = expand(suite, home, only)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "raskd_bench.worker", __name__, *_libraries(plans)])
    machine = _prepare(plans, device, home)
    folder = results / suite.name / slug(machine)
    bench = Bench(suite, home, folder, machine, code_state())
    with _exclusive(folder):
        if fresh:
            _set_aside(folder, list(folder.glob("*.json")))
        waiting = [plan for plan in plans if not _finished(bench, plan)]
        show.start(suite, plans, len(plans) - len(waiting), folder)
        ran = []
        for plan in waiting:
            show.trial(plan)
            result = _run(bench, plan, show)
            ran.append(result)
            show.end(plan, result)
    return Outcome(folder, tuple(ran), len(plans) - len(waiting))


def _prepare(plans: list[Plan], device: str, home: Path) -> dict[str, Any]:
    """Return the machine's description after a process has seen that all trials can start.

    Raises:
        Refused: some cannot; the message has a line for each reason.
    """
    with _process("prepare", [plan.trial for plan in plans], device, home) as (process, connection):
        answer = _listen(process, connection, None, lambda _: None)
    if answer["status"] != "ready":
        raise Refused("\n".join(answer.get("faults", [answer.get("error", "")])))
    machine: dict[str, Any] = answer["machine"]
    return machine


def _run(bench: Bench, plan: Plan, show: Show) -> Record:
    """Run one trial in a process and write its Record."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    limit = bench.suite.timeout_seconds
    arguments = (plan.trial, bench.machine["device"], bench.home)
    with _process("run_trial", *arguments) as (process, connection):
        measured = _listen(process, connection, limit, lambda point: show.point(plan, point))
    result = _new_record(bench, plan, started, measured)
    path = bench.folder / plan.trial.file_name
    if path.exists():
        _set_aside(bench.folder, [path])
    record.write(result, path)
    return result


def _enter(task: str, connection: Connection, *arguments: Any) -> None:
    """Run a function of `worker`, which imports torch: this process does not."""
    from raskd_bench import worker

    getattr(worker, task)(connection, *arguments)


@contextmanager
def _process(task: str, *arguments: Any) -> Iterator[tuple[BaseProcess, Connection]]:
    """Start a process for a task; whatever happens, it is gone at the end."""
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=_enter, args=(task, theirs, *arguments))
    process.start()
    theirs.close()
    try:
        yield process, ours
    finally:
        ours.close()
        process.join(GRACE_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()


def _listen(
    process: BaseProcess,
    connection: Connection,
    limit_seconds: float | None,
    on_point: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Return what a process measured, or how it ended."""
    deadline = None if limit_seconds is None else monotonic() + limit_seconds
    try:
        while True:
            left = None if deadline is None else max(0.0, deadline - monotonic())
            if not wait([connection, process.sentinel], left):
                process.kill()
                text = f"not finished after {limit_seconds:g} s (timeout_seconds)"
                return {"status": "timeout", "error": text}
            if not connection.poll():
                return _ended(process)
            kind, content = connection.recv()
            if kind == "done":
                measured: dict[str, Any] = content
                return measured
            on_point(content)
    except EOFError:
        return _ended(process)
    except KeyboardInterrupt:
        process.kill()
        raise Interrupted from None


def _ended(process: BaseProcess) -> dict[str, Any]:
    """Describe a process that ended without an answer."""
    process.join(GRACE_SECONDS)
    code = process.exitcode or 0
    if code == -signal.SIGKILL:
        text = "killed by the system (signal 9): most likely the host ran out of memory"
        return {"status": "out_of_memory", "error": text}
    cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return {"status": "failed", "error": f"the trial's process ended with {cause}"}


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


def _libraries(plans: list[Plan]) -> list[str]:
    """Return what the trials' data sets and students import late, to be imported once instead."""
    paths = {
        catalog.find(kind, part.name).path for plan in plans for kind, part in _parts(plan.trial)
    }
    return sorted(set().union(*map(catalog.late_imports, paths)))


def _parts(trial: Trial) -> Iterator[tuple[catalog.Kind, Named]]:
    yield "dataset", trial.data
    yield "student", trial.student
    if trial.teacher is not None:
        yield "student", trial.teacher.student
