"""What a person sees while a suite runs: a bar on a terminal, plain lines elsewhere. On stderr."""

import sys
from collections.abc import Sequence
from time import monotonic
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from raskd_bench.evidence.blocks import Header
from raskd_bench.progress_words import clock, compared, percent, span, summary
from raskd_bench.record import Record
from raskd_bench.spec import Plan, Suite
from raskd_bench.stats import Estimate


def new_show(jobs: int = 1) -> "Lines":
    """Return bars if stderr is a terminal, plain lines otherwise.

    Args:
        jobs: trials that run at the same time.
    """
    console = Console(stderr=True)
    return Bars(console, jobs) if console.is_terminal else Lines(jobs)


class Lines:
    """One line a finished trial."""

    def __init__(self, jobs: int = 1) -> None:
        self.jobs = jobs
        self.spent: dict[str, float] = {}  # of each running trial's budget
        self.suite = ""
        self.total = self.done = self.ran = 0
        self.begin = monotonic()
        self.found, self.noun = "", "trials"

    def check(self, suite: Suite, plans: list[Plan]) -> None:
        self.suite, self.total = suite.name, len(plans)

    def start(self, done: int, folder: Any) -> None:
        self.done, self.begin = done, monotonic()
        before = f", {done} finished before" if done else ""
        self.say(f"{self.suite}: {self.total} trials{before}; Records in {folder}")

    def note(self, text: str) -> None:
        self.say(text)

    def trial(self, plan: Plan) -> None:
        self.spent[plan.trial.id] = 0.0

    def teach(self, plan: Plan) -> None:
        """A teacher's training starts: nothing to say without a terminal."""

    def point(self, plan: Plan, point: dict[str, Any]) -> None:
        if plan.trial.id in self.spent:
            self.spent[plan.trial.id] = min(1.0, point["spent"])

    def taught(self, plan: Plan, result: Record) -> None:
        self.say(f"{plan}: {summary(result)}")

    def end(self, plan: Plan, result: Record) -> None:
        self.spent.pop(plan.trial.id, None)
        self.done += 1
        self.ran += 1
        self.say(f"[{self.done}/{self.total}] {plan}: {summary(result)}; {self.left()}")
        if result.disturbance is not None and result.disturbance.reasons:
            causes = "; ".join(result.disturbance.reasons)
            self.say(f"disturbed: {causes}; its times are not compared")

    def busy(self, text: str) -> None:
        self.say(f"warning: {text}")

    def apart(self, plans: Sequence[Plan], text: str) -> None:
        for plan in plans:
            self.spent.pop(plan.trial.id, None)
        self.say(text)

    def campaign(self, total: int, done: int, plan: str, most_seconds: float) -> None:
        self.total, self.done, self.ran, self.begin = total, done, 0, monotonic()
        self.noun, self.jobs = "comparisons", 1
        before = f", {done} finished before" if done else ""
        self.say(f"{self.suite}: {total} paired comparisons{before}; plan {plan} is registered")
        if waiting := total - done:
            self.say(f"campaign: {waiting} comparisons, at most {span(most_seconds)}")

    def comparison(self, header: Header) -> None:
        """A comparison starts: nothing to say without a terminal."""

    def pairs(self, header: Header, restart: int, done: int, planned: int) -> None:
        """A pair was timed: nothing to say without a terminal."""

    def look(self, header: Header, restarts: int, found: Estimate) -> None:
        self.found = f"{restarts} restarts, {percent(found)}"

    def too_long(self, header: Header, least_seconds: float, seconds: float) -> None:
        self.say(
            f"{compared(header)}: takes about {span(least_seconds)} to its first look, more "
            f"than the {span(seconds)} that it has; raise max_seconds or total_seconds"
        )

    def compared(self, header: Header, ending: str) -> None:
        self.done += 1
        self.ran += 1
        text = "failed; see 'raskd-bench check'" if ending == "failure" else self.found
        self.say(f"[{self.done}/{self.total}] {compared(header)}: {text}; {self.left()}")

    def close(self) -> None:
        """End the display."""

    def say(self, text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def left(self) -> str:
        """Return the time that is left if the other trials last as long as those of this run.

        Those that run count with what they have spent of their budgets.
        """
        missing = self.total - self.done
        if missing == 0:
            return "all done"
        spent = sum(self.spent.values())
        until_now, from_now = min(self.jobs, self.ran + missing), min(self.jobs, missing)
        each = (monotonic() - self.begin) * until_now / max(self.ran + spent, 1)
        return f"about {clock(each * (missing - spent) / from_now)} left"


class Bars(Lines):
    """The suite's bar with the time left, each running trial's with loss and accuracy."""

    def __init__(self, console: Console, jobs: int = 1) -> None:
        super().__init__(jobs)
        self.running: dict[str, TaskID] = {}
        self.accuracies: dict[str, str] = {}  # of the last evaluation: not every epoch has one
        self.bars = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
            TimeElapsedColumn(), TextColumn("{task.fields[note]}"), console=console,
        )  # fmt: skip

    def check(self, suite: Suite, plans: list[Plan]) -> None:
        super().check(suite, plans)
        note = "importing torch, reading data"
        self.all = self.bars.add_task(escape(self.suite), total=self.total, note=note)
        self.current = self.bars.add_task("", total=100, note="", visible=False)
        self.bars.start()

    def start(self, done: int, folder: Any) -> None:
        super().start(done, folder)
        self.bars.update(self.all, completed=done, note="")

    def trial(self, plan: Plan) -> None:
        super().trial(plan)
        self.teach(plan)

    def teach(self, plan: Plan) -> None:
        self.running[plan.trial.id] = self.bars.add_task(escape(str(plan)), total=100,
                                                         note="starting")  # fmt: skip

    def point(self, plan: Plan, point: dict[str, Any]) -> None:
        super().point(plan, point)
        loss = sum(point["loss"].values())
        if "test_top1" in point:
            self.accuracies[plan.trial.id] = f", top-1 {100 * point['test_top1']:.1f} %"
        note = f"loss {loss:.3f}{self.accuracies.get(plan.trial.id, '')}"
        task = self.running[plan.trial.id]
        self.bars.update(task, completed=round(100 * point["spent"]), note=note)

    def taught(self, plan: Plan, result: Record) -> None:
        self._take_away(plan)
        super().taught(plan, result)

    def end(self, plan: Plan, result: Record) -> None:
        self._take_away(plan)
        super().end(plan, result)
        self.bars.update(self.all, completed=self.done, note=self.left())

    def apart(self, plans: Sequence[Plan], text: str) -> None:
        for plan in plans:
            self._take_away(plan)
        super().apart(plans, text)

    def _take_away(self, plan: Plan) -> None:
        """Remove a trial's bar; one that ended with its teacher has none."""
        self.accuracies.pop(plan.trial.id, None)
        if (task := self.running.pop(plan.trial.id, None)) is not None:
            self.bars.remove_task(task)

    def campaign(self, total: int, done: int, plan: str, most_seconds: float) -> None:
        super().campaign(total, done, plan, most_seconds)
        self.bars.update(self.all, total=total, completed=done, note="")

    def comparison(self, header: Header) -> None:
        self.bars.reset(self.current, description=escape(compared(header)), note="starting",
                        visible=True)  # fmt: skip

    def pairs(self, header: Header, restart: int, done: int, planned: int) -> None:
        # restarts that were cut off keep their numbers, so there may be more than looks ask for
        goal = next((look for look in header.rules.looks if look > restart), restart + 1)
        share = (restart + done / planned) / goal
        note = f"restart {restart + 1}, pair {done} of {planned}; {self.found}"
        self.bars.update(self.current, completed=round(100 * share), note=note)

    def compared(self, header: Header, ending: str) -> None:
        super().compared(header, ending)
        self.found = ""
        self.bars.update(self.current, visible=False)
        self.bars.update(self.all, completed=self.done, note=self.left())

    def close(self) -> None:
        self.bars.stop()

    def say(self, text: str) -> None:
        self.bars.console.print(escape(text), highlight=False, soft_wrap=True)
