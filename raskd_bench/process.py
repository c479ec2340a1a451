"""A process for each trial, forked from a server that has imported torch already."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import Any

from raskd_bench import catalog
from raskd_bench.spec import Trial

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
GRACE_SECONDS = 5.0  # between asking a process to end and killing it
_served = False  # whether the server has started a process before


def preload(trials: Iterable[Trial]) -> None:
    """Say what the server imports once, so that no trial has to; before the first process.

    Besides torch, that is the trials' own data sets, students and methods, and what those import
    late. A user's method is imported in each trial, as it may do anything.
    """
    named = {part for trial in trials for part in _parts(trial)}
    paths = {catalog.find(kind, name).path for kind, name in named}
    libraries = set().union(*map(catalog.late_imports, paths))
    ours = {f"{catalog.PACKAGE.name}.{path.parent.name}.{path.stem}" for path in paths}
    wait_passively()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["__main__", "raskd_bench.worker", __name__, *sorted(libraries), *sorted(ours)]
    )


def wait_passively() -> None:
    """Let torch's threads sleep while they wait for each other; before torch is imported.

    A thread that spins holds a core that the one it waits for may need: beside one busy process a
    step took many times as long. What the user has set stays. GNU's runtime, which torch's wheels
    bring, and LLVM's and Intel's read it as they are loaded.
    """
    for name, value in PASSIVE.items():
        os.environ.setdefault(name, value)


def _parts(trial: Trial) -> Iterator[tuple[catalog.Kind, str]]:
    yield "dataset", trial.data.name
    yield "student", trial.student.name
    if trial.teacher is not None:
        yield "student", trial.teacher.student.name
    if trial.method in catalog.names("method"):
        yield "method", trial.method


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
    try:
        with _ctrl_c_waits():
            process.start()
        theirs.close()
        yield process, ours
    finally:
        ours.close()
        if process.pid is not None:
            _end(process)


@contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Let Ctrl-C wait while a process is started: one that is told half prints a traceback.

    Not for the first one, which waits for the server's imports.
    """
    global _served
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT} if _served else ())
    try:
        yield
        _served = True
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(process: BaseProcess) -> None:
    process.join(GRACE_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()


class Listener:
    """Hears one process: points on the way, then what it measured, or how it ended.

    Args:
        process: what is heard.
        connection: to it.
        limit_seconds: from now on; it is killed when they are over. None: no limit.
        on_point: told of each point.
    """

    def __init__(
        self,
        process: BaseProcess,
        connection: Connection,
        limit_seconds: float | None,
        on_point: Callable[[dict[str, Any]], None],
    ) -> None:
        self._process = process
        self._connection = connection
        self._limit = limit_seconds
        self._deadline = None if limit_seconds is None else monotonic() + limit_seconds
        self._on_point = on_point

    @property
    def sources(self) -> tuple[Connection, int]:
        """What to wait for: one of them is ready when there is something to hear."""
        return self._connection, self._process.sentinel

    @property
    def left_seconds(self) -> float | None:
        """Until the limit."""
        return None if self._deadline is None else max(0.0, self._deadline - monotonic())

    def hear(self) -> dict[str, Any] | None:
        """Take what is there, without waiting; return the answer, None as long as it is awaited."""
        try:
            if not wait(self.sources, 0):
                return None if self.left_seconds != 0 else self._stopped()
            if not self._connection.poll():
                return ended(self._process)
            kind, content = self._connection.recv()
        except EOFError:
            return ended(self._process)
        if kind == "done":
            measured: dict[str, Any] = content
            return measured
        self._on_point(content)
        return None

    def _stopped(self) -> dict[str, Any]:
        self._process.kill()
        text = f"not finished after {self._limit:g} s (timeout_seconds)"
        return {"status": "timeout", "error": text}


def listen(process: BaseProcess, connection: Connection) -> dict[str, Any]:
    """Return what a process answers, or how it ended."""
    listener = Listener(process, connection, None, lambda _: None)
    try:
        while (answer := listener.hear()) is None:
            wait_for([listener])
        return answer
    except KeyboardInterrupt:
        process.kill()
        raise


def wait_for(listeners: Sequence[Listener]) -> None:
    """Wait until one of some listeners has something to hear, or has waited long enough."""
    limits = [left for listener in listeners if (left := listener.left_seconds) is not None]
    wait([source for listener in listeners for source in listener.sources],
         min(limits, default=None))  # fmt: skip


def ended(process: BaseProcess) -> dict[str, Any]:
    """Return how a process ended that gave no answer: `status` and `error`, as in a Record."""
    process.join(GRACE_SECONDS)
    code = process.exitcode or 0
    if code == -signal.SIGKILL:
        text = "killed by the system (signal 9): most likely the host ran out of memory"
        return {"status": "out_of_memory", "error": text}
    cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return {"status": "failed", "error": f"its process ended with {cause}"}
