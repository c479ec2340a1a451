"""A process for each trial, forked from a server that has imported torch already."""

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import Any

from raskd_bench import catalog
from raskd_bench.spec import Trial
from raskd_bench.spec.trial import Named

GRACE_SECONDS = 5.0  # between asking a process to end and killing it


def preload(trials: Iterable[Trial]) -> None:
    """Say what the server imports once, so that no trial has to; before the first process.

    Besides torch, that is what the trials' data sets and students import late.
    """
    paths = {catalog.find(kind, part.name).path for t in trials for kind, part in _parts(t)}
    libraries = sorted(set().union(*map(catalog.late_imports, paths)))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "raskd_bench.worker", __name__, *libraries])


def _parts(trial: Trial) -> Iterator[tuple[catalog.Kind, Named]]:
    yield "dataset", trial.data
    yield "student", trial.student
    if trial.teacher is not None:
        yield "student", trial.teacher.student


def _enter(task: str, connection: Connection, *arguments: Any) -> None:
    """Run a function of `worker`, which imports torch: this process does not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, from the start
    from raskd_bench import worker

    getattr(worker, task)(connection, *arguments)


@contextmanager
def process_for(task: str, *arguments: Any) -> Iterator[tuple[BaseProcess, Connection]]:
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


def listen(
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
                return ended(process)
            kind, content = connection.recv()
            if kind == "done":
                measured: dict[str, Any] = content
                return measured
            on_point(content)
    except EOFError:
        return ended(process)
    except KeyboardInterrupt:
        process.kill()
        raise


def ended(process: BaseProcess) -> dict[str, Any]:
    """Return how a process ended that gave no answer: `status` and `error`, as in a Record."""
    process.join(GRACE_SECONDS)
    code = process.exitcode or 0
    if code == -signal.SIGKILL:
        text = "killed by the system (signal 9): most likely the host ran out of memory"
        return {"status": "out_of_memory", "error": text}
    cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return {"status": "failed", "error": f"its process ended with {cause}"}
