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
from raskd_bench.groups import Groups
from raskd_bench.machine import Share
from raskd_bench.process import Listener, process_for, wait_for
from raskd_bench.record import Preparation, Record, preparation_of
from raskd_bench.record_fields import Disturbance
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

    def apart(self, plans: Sequence[Plan], text: str) -> None:
        """Trials that were started as one network run one by one instead."""


@dataclass(frozen=True)
class Job:
    """Trials that are trained as one network, mostly a single one; or a teacher's training.

    Attributes:
        bench: where their Records go.
        plans: what to run.
        teacher: the trained one, for a trial that has a teacher.
        save_to: file for the weights, of a teacher.
    """

    bench: Bench
    plans: tuple[Plan, ...]
    teacher: Preparation | None = None
    save_to: Path | None = None

    @property
    def plan(self) -> Plan:
        """The trial, or the first of several."""
        return self.plans[0]


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
        self._groups = Groups(bench.suite.seeds_together, bench.home)
        self._waiting: list[Plan] = []
        self._running: list[Running] = []
        self._teachers: dict[str, Record] = {}  # of this run, by their trial
        self._ran: list[Record] = []

    def run(self, plans: Sequence[Plan]) -> tuple[Record, ...]:
        """Run trials; return their Records in the order in which they ended."""
        self._waiting = list(plans)
        try:
            self._start_waiting()
            while self._running:
                wait_for([running.listener for running in self._running])
                if self._hear():
                    self._start_waiting()
        finally:  # Ctrl-C, a full disk: all of them end at once
            for running in self._running:
                running.process.kill()
            for running in self._running:
                running.stack.close()
        return tuple(self._ran)

    def _start_waiting(self) -> None:
        """Start what can start while there is room, and take it off the list."""
        for plan in list(self._waiting):
            if len(self._running) == self._share.jobs:
                return
            if plan not in self._waiting:  # it went with one before it
                continue
            if plan.trial.teacher is None:
                group = self._groups.of(plan, self._waiting)
                self._waiting = [other for other in self._waiting if other not in group]
                self._start(Job(self._bench, tuple(group)))
            elif (teacher := self._teacher_of(plan)) is not None:
                self._waiting.remove(plan)
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
            self._start(Job(place, (school,), save_to=weights))
            return None
        self._teachers[name] = found
        return found

    def _start_pupil(self, plan: Plan, teacher: Record) -> None:
        """Start a trial whose teacher has been trained; if that failed, it has failed, too."""
        if teacher.finished:
            weights = weights_of(self._bench.of_teachers, school_of(plan))
            self._start(Job(self._bench, (plan,), preparation_of(teacher, weights)))
            return
        error = f"its teacher: {teacher.status}: {teacher.error}"
        self._end(plan, self._bench.keep(plan, started(), {
            "status": teacher.status, "error": error, "jobs": self._share.jobs,
            "threads": self._share.threads}))  # fmt: skip

    def _start(self, job: Job) -> None:
        for plan in job.plans:
            (self._show.trial if job.save_to is None else self._show.teach)(plan)
        begin, stack = started(), ExitStack()
        device, home = job.bench.machine["device"], job.bench.home
        if len(job.plans) > 1:
            trials = [plan.trial for plan in job.plans]
            entered = process_for("run_together", trials, device, home, self._share)
        else:
            entered = process_for("run_trial", job.plan.trial, device, home, self._share,
                                      job.teacher, job.save_to)  # fmt: skip
        process, connection = stack.enter_context(entered)
        limit = job.bench.suite.timeout_seconds
        listener = Listener(process, connection, limit and limit * len(job.plans),
                            lambda point: self._point(job, point))  # fmt: skip
        self._running.append(Running(job, begin, process, listener, stack))

    def _point(self, job: Job, point: dict[str, Any]) -> None:
        self._show.point(job.plans[point.get("member", 0)], point)

    def _hear(self) -> bool:
        """Take what each process has said; return whether one of them has ended."""
        answers = [(running, running.listener.hear()) for running in self._running]
        ended = [(running, answer) for running, answer in answers if answer is not None]
        for running, answer in ended:
            running.stack.close()
            self._running.remove(running)
            self._keep(running, answer)
        return bool(ended)

    def _keep(self, running: Running, answer: dict[str, Any]) -> None:
        """Write the Records of a job that has ended."""
        plans = running.job.plans
        if len(plans) == 1:
            self._keep_one(running, running.job.plan, answer)
        elif answer["status"] == "done":
            for plan, measured in zip(plans, answer["parts"], strict=True):
                self._keep_one(running, plan, measured)
        else:
            self._run_apart(plans, answer)

    def _run_apart(self, plans: tuple[Plan, ...], answer: dict[str, Any]) -> None:
        """Let trials run one by one that cannot, or should not, be trained as one network."""
        first = plans[0]
        reason = answer["error"] if answer["status"] == "apart" else (
            f"together: {answer['status']}: {answer['error']}")  # fmt: skip
        self._groups.part(first)
        self._waiting[:0] = plans
        self._show.apart(plans, f"{first.label} on {first.trial.student}: its seeds run one by "
                                f"one: {reason}")  # fmt: skip

    def _keep_one(self, running: Running, plan: Plan, measured: dict[str, Any]) -> None:
        job, jobs = running.job, self._share.jobs
        measured = {"threads": self._share.threads} | measured
        # a teacher's time is part of the trial's: it must have been alone, too
        measured["jobs"] = max(jobs, job.teacher.jobs) if job.teacher is not None else jobs
        if job.teacher is not None and job.teacher.disturbed:
            measured["disturbance"] = _with_teacher(measured.get("disturbance"), job.teacher)
        if jobs > 1 and measured["status"] == "out_of_memory":
            measured["error"] += f"; {jobs} jobs shared the memory (--jobs {jobs})"
        result = job.bench.keep(plan, running.begin, measured)
        if job.save_to is None:
            self._end(plan, result)
        else:
            self._teachers[plan.trial.id] = result
            self._show.taught(plan, result)

    def _end(self, plan: Plan, result: Record) -> None:
        self._ran.append(result)
        self._show.end(plan, result)


def _with_teacher(found: Disturbance | None, teacher: Preparation) -> Disturbance:
    """Return a trial's disturbance with what disturbed its teacher's training."""
    own = found or Disturbance()
    reasons = [*own.reasons, *(f"its teacher: {reason}" for reason in teacher.disturbed)]
    return own.model_copy(update={"reasons": reasons})


def school_of(plan: Plan) -> Plan:
    """Return the training of a trial's teacher."""
    return Plan(plan.trial.teacher_trial, "teacher", {})


def weights_of(teachers: Bench, school: Plan) -> Path:
    """Return the file of a teacher's weights."""
    return teachers.path_of(school).with_suffix(".pt")
