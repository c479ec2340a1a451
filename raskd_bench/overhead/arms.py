"""The two arms of a comparison as processes that take steps when they are told to."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

from raskd_bench.evidence.blocks import ARMS, ArmName
from raskd_bench.process import ended, process_for
from raskd_bench.spec import Trial

START_SECONDS = 600.0  # to read a data set and compile a network
MIN_LIMIT_SECONDS = 120.0  # an arm that is silent for longer hangs
LIMIT_FACTOR = 50.0  # times the longest block so far


class ArmFailed(Exception):
    """An arm died, hung, or could not go on; `status` is as a Record's."""

    def __init__(self, arm: ArmName, status: str, error: str) -> None:
        super().__init__(error)
        self.arm, self.status, self.error = arm, status, error


class Arm(Protocol):
    """Takes steps of training when told to."""

    facts: Mapping[str, Any]

    def block(self, steps: int) -> dict[str, Any]:
        """Take steps; return `seconds`, `cpu_seconds` and `finite`."""

    def ask(self, command: str, value: Any = None) -> dict[str, Any]:
        """Send a command and return the answer."""

    def tell(self, command: str, value: Any = None) -> None:
        """Send a command that has no answer."""


class ProcessArm:
    """An arm in a process, or in a thread of one that it shares.

    Args:
        name: which of the two.
        process: that it runs in.
        connection: to it.
    """

    def __init__(self, name: ArmName, process: BaseProcess, connection: Connection) -> None:
        self.name = name
        self._process = process
        self._connection = connection
        self._limit = MIN_LIMIT_SECONDS
        self.facts: Mapping[str, Any] = self._receive(START_SECONDS, "ready")

    def block(self, steps: int) -> dict[str, Any]:
        answer = self.ask("block", steps)
        self._limit = max(self._limit, LIMIT_FACTOR * answer["seconds"])
        if not answer["finite"]:
            raise ArmFailed(self.name, "diverged", "its loss is not finite")
        return answer

    def ask(self, command: str, value: Any = None) -> dict[str, Any]:
        self.tell(command, value)
        return self._receive(self._limit, "answer")

    def tell(self, command: str, value: Any = None) -> None:
        try:
            self._connection.send((command, value))
        except OSError:
            self._fail(ended(self._process))

    def _receive(self, limit_seconds: float, expected: str) -> dict[str, Any]:
        if not wait([self._connection, self._process.sentinel], limit_seconds):
            self._process.kill()
            error = f"hung: no answer in {limit_seconds:.0f} s; it was ended"
            raise ArmFailed(self.name, "timeout", error)
        try:
            kind, content = self._connection.recv()
        except (EOFError, OSError):
            self._fail(ended(self._process))
        if kind != expected:
            self._fail(content)
        answer: dict[str, Any] = content
        return answer

    def _fail(self, how: Mapping[str, Any]) -> Any:
        raise ArmFailed(self.name, how["status"], how["error"])


@contextmanager
def started_arms(
    trials: Mapping[ArmName, Trial],
    mode: str,
    device: str,
    home: Path,
    *,
    pids: set[int],
    in_process: bool = False,
) -> Iterator[Mapping[ArmName, Arm]]:
    """Start arms, each in a process of its own; whatever happens, they are gone at the end.

    Args:
        trials: what each trains.
        mode: `compute` or `end_to_end`.
        device: as torch names it.
        home: folder of the suite's file.
        pids: holds the processes' ids while they are there.
        in_process: both in one process, for hosts where two do not fit.

    Raises:
        ArmFailed: one cannot start.
    """
    names = [name for name in ARMS if name in trials]
    groups: Sequence[Sequence[ArmName]] = [names] if in_process else [[name] for name in names]
    with ExitStack() as stack:
        arms: dict[ArmName, ProcessArm] = {}
        for group in groups:
            pipes = [get_context("forkserver").Pipe() for _ in group]
            specs = [(trials[name], mode, theirs) for name, (_, theirs) in zip(group, pipes,
                     strict=True)]  # fmt: skip
            process, _ = stack.enter_context(process_for("run_arms", specs, device, home))
            pids.add(process.pid or 0)
            stack.callback(pids.discard, process.pid or 0)
            for name, (ours, theirs) in zip(group, pipes, strict=True):
                theirs.close()
                stack.callback(ours.close)
                arms[name] = ProcessArm(name, process, ours)
        yield arms
        for arm in arms.values():
            arm.tell("release")
