"""Trials in processes of their own, several at once if asked: this process hears all of them.

It alone writes Records and shows them, so nothing needs a lock, and a trial that dies or hangs
takes nothing with it.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

from raskd_bench.bench import Bench, started
from raskd_bench.machine import Share
from raskd_bench.process import Listener, process_for, wait_for
from raskd_bench.record import Preparation, Record, preparation_of
from raskd_bench.spec import Plan


class Show(Protocol):
    """Who looks on while trials run."""

    def trial(self, plan: Plan) -> None:
        """A trial starts."""

    def teach(self, plan: Plan) -> None:
        """A teacher's training starts, which is no trial of the suite."""

    def point(self, plan: Plan, point: dict[str, Any]) -> None:
        """A trial, or a teacher's training, has come to a point of its curve."""

    def taught(self, plan: Plan, result: Record) -> None:
        """A teacher's training has ended."""

    def end(self, plan: Plan, result: Record) -> None:
        """A trial has ended."""


@dataclass(frozen=True)
class Job:
    """A trial of a suite, or a teacher's training.

    Attributes:
        bench: where its Record goes.
        plan: what to run.
        teacher: the trained one, for a trial that has a teacher.
        save_to: file for the weights, of a teacher.
    """

    bench: Bench
    plan: Plan
    teacher: Preparation | None = None
    save_to: Path | None = None


@dataclass(frozen=True)
class Running:
    """A job in its process."""

    job: Job
    begin: str
    process: BaseProcess
    listener: Listener
    stack: ExitStack


class Jobs:
    """Runs trials, as many at once as their share of the machine says.

    Trials start in the order they are given; one whose teacher is being trained lets others pass.

    Args:
        bench: the suite on this machine.
        show: who looks on.
        share: what each trial takes of the machine.
    """

    def __init__(self, bench: Bench, show: Show, share: Share) -> None:
        self._bench = bench
        self._show = show
        self._share = share
        self._running: list[Running] = []
        self._teachers: dict[str, Record] = {}  # of this run, by their trial
        self._ran: list[Record] = []

    def run(self, plans: Sequence[Plan]) -> tuple[Record, ...]:
        """Run trials; return their Records in the order in which they ended."""
        waiting = list(plans)
        try:
            self._start_from(waiting)
            while self._running:
                wait_for([running.listener for running in self._running])
                if self._hear():
                    self._start_from(waiting)
        finally:  # Ctrl-C, a full disk: all of them end at once
            for running in self._running:
                running.process.kill()
            for running in self._running:
                running.stack.close()
        return tuple(self._ran)

    def _start_from(self, waiting: list[Plan]) -> None:
        """Start what can start while there is room, and take it off the list."""
        for plan in list(waiting):
            if len(self._running) == self._share.jobs:
                return
            if plan.trial.teacher is None:
                waiting.remove(plan)
                self._start(Job(self._bench, plan))
            elif (teacher := self._teacher_of(plan)) is not None:
                waiting.remove(plan)
                self._start_pupil(plan, teacher)

    def _teacher_of(self, plan: Plan) -> Record | None:
        """Return the Record of a trial's teacher; None if its training runs, or starts now."""
        place, school = self._bench.of_teachers, school_of(plan)
        name = school.trial.id
        if name in self._teachers:
            return self._teachers[name]
        taught = [r.job.plan.trial.id for r in self._running if r.job.save_to is not None]
        if name in taught:
            return None
        weights = weights_of(place, school)
        found = place.finished(school) if weights.exists() else None
        if found is None:
            self._start(Job(place, school, save_to=weights))
            return None
        self._teachers[name] = found
        return found

    def _start_pupil(self, plan: Plan, teacher: Record) -> None:
        """Start a trial whose teacher has been trained; if that failed, it has failed, too."""
        if teacher.finished:
            weights = weights_of(self._bench.of_teachers, school_of(plan))
            self._start(Job(self._bench, plan, preparation_of(teacher, weights)))
            return
        error = f"its teacher: {teacher.status}: {teacher.error}"
        self._end(plan, self._bench.keep(plan, started(), {
            "status": teacher.status, "error": error, "jobs": self._share.jobs,
            "threads": self._share.threads}))  # fmt: skip

    def _start(self, job: Job) -> None:
        (self._show.trial if job.save_to is None else self._show.teach)(job.plan)
        begin, stack = started(), ExitStack()
        process, connection = stack.enter_context(process_for(
            "run_trial", job.plan.trial, job.bench.machine["device"], job.bench.home, self._share,
            job.teacher, job.save_to,
        ))  # fmt: skip
        listener = Listener(process, connection, job.bench.suite.timeout_seconds,
                            lambda point: self._show.point(job.plan, point))  # fmt: skip
        self._running.append(Running(job, begin, process, listener, stack))

    def _hear(self) -> bool:
        """Take what each process has said; return whether one of them has ended."""
        answers = [(running, running.listener.hear()) for running in self._running]
        ended = [(running, answer) for running, answer in answers if answer is not None]
        for running, answer in ended:
            running.stack.close()
            self._running.remove(running)
            self._keep(running, answer)
        return bool(ended)

    def _keep(self, running: Running, measured: dict[str, Any]) -> None:
        """Write the Record of a job that has ended."""
        job, jobs = running.job, self._share.jobs
        measured = {"threads": self._share.threads} | measured
        # a teacher's time is part of the trial's: it must have been alone, too
        measured["jobs"] = max(jobs, job.teacher.jobs) if job.teacher is not None else jobs
        if jobs > 1 and measured["status"] == "out_of_memory":
            measured["error"] += f"; {jobs} jobs shared the memory (--jobs {jobs})"
        result = job.bench.keep(job.plan, running.begin, measured)
        if job.save_to is None:
            self._end(job.plan, result)
        else:
            self._teachers[job.plan.trial.id] = result
            self._show.taught(job.plan, result)

    def _end(self, plan: Plan, result: Record) -> None:
        self._ran.append(result)
        self._show.end(plan, result)


def school_of(plan: Plan) -> Plan:
    """Return the training of a trial's teacher."""
    return Plan(plan.trial.teacher_trial, "teacher", {})


def weights_of(teachers: Bench, school: Plan) -> Path:
    """Return the file of a teacher's weights."""
    return teachers.path_of(school).with_suffix(".pt")
