"""From a suite to Records: each trial in a process of its own, one after another.

Processes are forked from a server that has imported torch, so a small trial does not pay for the
import, and one that dies takes nothing with it. Records are written here, by one process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from raskd_bench import record
from raskd_bench.bench import Bench, started
from raskd_bench.errors import RequestError
from raskd_bench.machine import check_device, code_state, slug
from raskd_bench.overhead.campaign import Show as CampaignShow
from raskd_bench.overhead.campaign import (
    comparison_files,
    count_steps,
    register_plan,
    run_campaign,
)
from raskd_bench.overhead.probe import Probed, probe
from raskd_bench.process import listen, preload, process_for
from raskd_bench.record import Record
from raskd_bench.spec import CellPlan, Plan, Suite, expand, expand_cells


class Refused(RequestError):
    """Trials that cannot start: nothing was run."""


class Interrupted(Exception):
    """Ctrl-C: what was finished is written."""


class Show(CampaignShow, Protocol):
    """Who looks on while a suite runs."""

    def check(self, suite: Suite, plans: list[Plan]) -> None:
        """A process looks whether these trials can start."""

    def start(self, done: int, folder: Path) -> None:
        """The suite starts; `done` of its trials are finished already."""

    def trial(self, plan: Plan) -> None:
        """A trial starts."""

    def point(self, plan: Plan, point: dict[str, Any]) -> None:
        """A trial has come to a point of its curve."""

    def taught(self, plan: Plan, result: Record) -> None:
        """A teacher's training, which is no trial of the suite, has ended."""

    def end(self, plan: Plan, result: Record) -> None:
        """A trial has ended."""


@dataclass(frozen=True)
class Outcome:
    """What a run left behind.

    Attributes:
        folder: where the Records are.
        ran: Records of this run.
        resumed: trials that were finished before.
        troubles: comparisons of the campaign that failed, and steps that could not be counted.
    """

    folder: Path
    ran: tuple[Record, ...]
    resumed: int
    troubles: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Record, ...]:
        return tuple(result for result in self.ran if not result.finished)


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
    """Run the trials of a suite that have no finished Record yet, then its paired campaign.

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
    cells = expand_cells(suite, home, only) if suite.overhead or suite.claims else []
    try:
        show.check(suite, plans)
        started_by = [*plans, *(plan for cell in cells for plan in cell.plans)]
        bench = _new_bench(suite, home, started_by, device, results)
        with _exclusive(bench.folder):
            plan = register_plan(bench) if cells else None
            if fresh:
                _set_aside(bench, plans, cells, everything=only is None)
            outcome = _run_all(bench, plans, show)
            if plan is None:
                return outcome
            uncounted = count_steps(bench, cells)
            return replace(outcome, troubles=(*uncounted, *run_campaign(bench, cells, plan, show)))
    except KeyboardInterrupt:
        raise Interrupted from None


def _set_aside(bench: Bench, plans: list[Plan], cells: list[CellPlan], *, everything: bool) -> None:
    """Set aside what is to be run again: all that is there, or what `--only` has chosen."""
    if everything:
        for place in (bench, bench.of_teachers):
            place.set_aside(list(place.folder.glob("*.json")))
    else:
        bench.set_aside([path for p in plans if (path := bench.path_of(p)).exists()])
    found = (path for cell in cells for path in comparison_files(bench, cell))
    bench.set_aside([path for path in found if path.exists()])


def probe_suite(
    suite: Suite, home: Path, *, show: Show, only: str | None = None, device: str = "auto"
) -> list[Probed | str]:
    """Time A/A comparisons for a minute, to see what this host can decide; nothing is kept.

    Raises:
        BenchError: the request is wrong, or the baseline cannot start.
        Interrupted: Ctrl-C.
    """
    cells = expand_cells(suite, home, only)
    bases = [p for cell in cells for p in cell.plans if p.label == suite.overhead_baseline]
    try:
        show.check(suite, bases)
        bench = _new_bench(suite, home, bases, device, Path())
        return probe(bench, cells)
    except KeyboardInterrupt:
        raise Interrupted from None


def _new_bench(suite: Suite, home: Path, plans: list[Plan], device: str, results: Path) -> Bench:
    """Return the suite on this machine after a process has seen that all plans can start."""
    check_device(device)
    preload(plan.trial for plan in plans)
    machine = _prepare(plans, device, home)
    folder = results / suite.name / slug(machine)
    return Bench(suite, home, folder, machine, code_state())


def _run_all(bench: Bench, plans: list[Plan], show: Show) -> Outcome:
    waiting = [plan for plan in plans if bench.finished(plan) is None]
    resumed = len(plans) - len(waiting)
    show.start(resumed, bench.folder)
    ran = []
    for plan in waiting:
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


def _run(bench: Bench, plan: Plan, show: Show, save_to: Path | None = None) -> Record:
    """Run one trial in a process and write its Record, after its teacher's if it has one."""
    prepared = None
    if plan.trial.teacher is not None:
        teacher, weights = _teacher(bench, plan, show)
        if not teacher.finished:
            reason = f"its teacher: {teacher.status}: {teacher.error}"
            return bench.keep(plan, started(), {"status": teacher.status, "error": reason})
        prepared = record.preparation_of(teacher, weights)
    show.trial(plan)
    begin, limit = started(), bench.suite.timeout_seconds
    arguments = (plan.trial, bench.machine["device"], bench.home, prepared, save_to)
    with process_for("run_trial", *arguments) as (process, connection):
        measured = listen(process, connection, limit, lambda point: show.point(plan, point))
    return bench.keep(plan, begin, measured)


def _teacher(bench: Bench, plan: Plan, show: Show) -> tuple[Record, Path]:
    """Return the Record of a trial's teacher, trained unless it was before, and its weights."""
    place = bench.of_teachers
    school = Plan(plan.trial.teacher_trial, "teacher", {})
    weights = place.path_of(school).with_suffix(".pt")
    found = place.finished(school) if weights.exists() else None
    if found is None:
        found = _run(place, school, show, weights)
        show.taught(school, found)
    return found, weights


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Hold a results folder against other runs, whose timings it would disturb besides."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=0)
        lock.acquire()
    except Timeout:
        text = f"{folder}: another run is writing there; wait for it, or choose --results DIR"
        raise RequestError(text) from None
    except OSError as error:
        raise RequestError(f"{folder}: cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()
