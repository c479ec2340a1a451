"""From a suite to Records: each trial in a process of its own, one after another or side by side.

Processes are forked from a server that has imported torch, so a small trial does not pay for the
import, and one that dies takes nothing with it. Records are written here, by one process.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from raskd_bench.bench import Bench, notes_on_data
from raskd_bench.errors import RequestError
from raskd_bench.evidence.registration import Registration
from raskd_bench.jobs import Jobs
from raskd_bench.jobs import Show as JobsShow
from raskd_bench.machine import Share, check_device, code_state, slug, usable_cores
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
from raskd_bench.spec import CellPlan, Plan, Suite, Trial, expand, expand_cells


class Refused(RequestError):
    """Trials that cannot start: nothing was run."""


class Interrupted(Exception):
    """Ctrl-C: what was finished is written."""


class Show(CampaignShow, JobsShow, Protocol):
    """Who looks on while a suite runs."""

    def check(self, suite: Suite, plans: list[Plan]) -> None:
        """A process looks whether these trials can start."""

    def start(self, done: int, folder: Path) -> None:
        """The suite starts; `done` of its trials are finished already."""

    def note(self, text: str) -> None:
        """Something that a reader of the results must know."""


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
        """Trials that gave no result; one that diverged did."""
        return tuple(result for result in self.ran if not result.ended)


def run_suite(
    suite: Suite,
    home: Path,
    *,
    results: Path,
    show: Show,
    only: str | None = None,
    device: str = "auto",
    fresh: bool = False,
    retry: bool = False,
    jobs: int = 1,
    threads: int | None = None,
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
        retry: run what diverged again.
        jobs: trials side by side; the campaign waits for all of them, and runs alone.
        threads: of each trial; None divides the cores, or leaves it to torch for one job.

    Raises:
        BenchError: the request is wrong, or trials cannot start; nothing was run.
        Interrupted: Ctrl-C; what was finished is written.
    """
    plans = expand(suite, home, only)
    share = _share(suite, plans, jobs, threads)
    cells = expand_cells(suite, home, only) if suite.overhead or suite.claims else []
    try:
        show.check(suite, plans)
        bench = _new_bench(suite, home, [*plans, *_compared(cells)], device, results)
        with _exclusive(bench.folder):
            plan = register_plan(bench) if cells else None
            if fresh:
                _set_aside(bench, plans, cells, everything=only is None)
            outcome = _run_all(bench, plans, show, share, retry=retry)
            return outcome if plan is None else _with_campaign(outcome, bench, cells, plan, show)
    except KeyboardInterrupt:
        raise Interrupted from None


def _compared(cells: Sequence[CellPlan]) -> list[Plan]:
    """Return what a campaign starts beside the trials."""
    return [plan for cell in cells for plan in cell.plans]


def _with_campaign(
    outcome: Outcome, bench: Bench, cells: list[CellPlan], plan: Registration, show: Show
) -> Outcome:
    """Take the paired campaign, now that no trial runs any more."""
    uncounted = count_steps(bench, cells)
    return replace(outcome, troubles=(*uncounted, *run_campaign(bench, cells, plan, show)))


def _share(suite: Suite, plans: Sequence[Plan], jobs: int, threads: int | None) -> Share:
    """Return what each trial takes of the machine.

    Raises:
        RequestError: it cannot be shared so.
    """
    for name, number in (("jobs", jobs), ("threads", 1 if threads is None else threads)):
        if number < 1:
            raise RequestError(f"--{name} {number}: write a whole number from 1")
    if jobs == 1:
        return Share(1, threads)
    trials = [trial for plan in plans for trial in _trainings(plan.trial)]
    if any(trial.budget.seconds is not None for trial in trials):
        text = "trials side by side get less done in a second, so none had the budget it says"
        raise RequestError(f"--jobs {jobs}: the budget of {suite.name} is in seconds; {text}; "
                           "use --jobs 1")  # fmt: skip
    return Share(jobs, threads or max(1, usable_cores() // jobs))


def _trainings(trial: Trial) -> list[Trial]:
    """Return a trial and the training of its teacher."""
    return [trial] if trial.teacher is None else [trial, trial.teacher_trial]


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
    answer = _prepare(plans, device, home)
    machine = answer["machine"]
    folder = results / suite.name / slug(machine)
    return Bench(suite, home, folder, machine, code_state(), answer["data"])


def _run_all(bench: Bench, plans: list[Plan], show: Show, share: Share, *, retry: bool) -> Outcome:
    before = bench.finished if retry else bench.ended
    waiting = [plan for plan in plans if before(plan) is None]
    resumed = len(plans) - len(waiting)
    show.start(resumed, bench.folder)
    for text in notes_on_data(bench, waiting):
        show.note(text)
    return Outcome(bench.folder, Jobs(bench, show, share).run(waiting), resumed)


def _prepare(plans: list[Plan], device: str, home: Path) -> dict[str, Any]:
    """Return machine and data after a process has seen that all trials can start.

    Raises:
        Refused: some cannot; the message has a line for each reason.
    """
    with process_for("prepare", [plan.trial for plan in plans], device, home) as (
        process,
        connection,
    ):
        answer = listen(process, connection)
    if answer["status"] != "ready":
        raise Refused("\n".join(answer.get("faults", [answer.get("error", "")])))
    return answer


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
