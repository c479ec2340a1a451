"""A campaign: its plan registered, its comparisons timed one after another."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from raskd_bench.bench import Bench, started
from raskd_bench.disturbance import new_watch
from raskd_bench.evidence import blocks
from raskd_bench.evidence.blocks import ARMS, ArmName, BlockFile, Header
from raskd_bench.evidence.estimate import disturber, wholly_disturbed
from raskd_bench.evidence.places import FOLDER
from raskd_bench.evidence.registration import Registration, register
from raskd_bench.overhead import passes
from raskd_bench.overhead.allotment import Allotment
from raskd_bench.overhead.arms import Arm, started_arms
from raskd_bench.overhead.counts import identity, recipe
from raskd_bench.overhead.engine import Engine
from raskd_bench.overhead.engine import Show as EngineShow
from raskd_bench.overhead.tasks import DISTURBED, Task, tasks
from raskd_bench.progress_words import compared
from raskd_bench.spec import CellPlan, Trial, expand_cells

CPU_BLOCK_SECONDS, GPU_BLOCK_SECONDS = 0.1, 0.25

Starter = Callable[..., AbstractContextManager[Mapping[ArmName, Arm]]]


class Show(EngineShow, Protocol):
    """Who looks on while a campaign runs."""

    def campaign(self, total: int, done: int, plan: str, most_seconds: float) -> None:
        """The campaign starts; its plan is registered, and how long it takes at most is known."""

    def comparison(self, header: Header) -> None:
        """A comparison starts."""

    def compared(self, header: Header, ending: str) -> None:
        """A comparison has ended."""


def register_plan(bench: Bench) -> Registration:
    """Write down what the whole suite claims and how it is decided, before the first sample."""
    suite = bench.suite
    settled = {"baseline": suite.overhead_baseline}
    plan = Registration(
        suite=suite.name,
        overhead=(suite.overhead.registered() if suite.overhead else {}) | settled,
        claims=[claim.model_dump(mode="json", exclude_none=True) for claim in suite.claims],
        cells=[_described(bench, cell) for cell in expand_cells(suite, bench.home)],
        seeds=suite.seeds,
        registered=started(),
        commit=bench.code[0],
        dirty=bench.code[1],
    )
    return register(plan, bench.folder / FOLDER)


def _described(bench: Bench, cell: CellPlan) -> dict[str, Any]:
    """Return a cell as a plan registers it."""
    methods = {plan.label: identity(bench, plan) for plan in cell.plans}
    return {"cell": cell.cell_names, "conditions": recipe(cell.plans[0]), "methods": methods}


@dataclass(frozen=True)
class Ran:
    """How a campaign went.

    Attributes:
        troubles: comparisons that failed or were not begun, in words.
        stopped: why it was stopped before its end; None if it was not.
    """

    troubles: tuple[str, ...] = ()
    stopped: str | None = None


def run_campaign(
    bench: Bench, cells: list[CellPlan], plan: Registration, show: Show, *, anyway: bool = False
) -> Ran:
    """Time what is not timed yet.

    A comparison that fails is a line in its file, and the others go on. After one that other work
    has disturbed all the time no other is begun, unless `anyway`.
    """
    overhead = bench.suite.overhead
    if overhead is None:
        return Ran()
    wanted = [task for cell in cells for task in tasks(bench, overhead, cell, plan.plan)]
    times = Allotment(overhead, [task for task in wanted if not task.done])
    show.campaign(len(wanted), len(wanted) - len(times.waiting), plan.plan, times.most_seconds)
    troubles = []
    for task in times.waiting:
        name = compared(task.header)
        seconds = times.seconds_for(task)
        if seconds is None:
            troubles.append(f"{name}: {times.refusal(task)}")
            continue
        show.comparison(task.header)
        ending = _run(bench, task, show, seconds, anyway=anyway)
        show.compared(task.header, ending)
        known = blocks.read(task.path)
        times.learn(known)
        if ending == "failure":
            troubles.append(f"{name}: failed")
        if ending == DISTURBED:
            return Ran(tuple(troubles), f"{disturber(known)}; wait, or --anyway")
    return Ran(tuple(troubles))


def comparison_files(bench: Bench, cell: CellPlan) -> list[Path]:
    """Return the files that the comparisons of a cell have, or would have."""
    overhead = bench.suite.overhead
    return [] if overhead is None else [task.path for task in tasks(bench, overhead, cell, "")]


def starter(bench: Bench, task: Task, pids: set[int]) -> Starter:
    """Return what starts any of a comparison's arms.

    Args:
        bench: the suite on this machine.
        task: the comparison.
        pids: holds the ids of its processes while they are there.
    """
    trials: dict[ArmName, Trial] = {"baseline": task.baseline.trial, "method": task.other.trial}

    def start(*names: ArmName) -> AbstractContextManager[Mapping[ArmName, Arm]]:
        chosen = {name: trials[name] for name in names}
        return started_arms(chosen, task.header.mode, bench.machine["device"], bench.home,
                            pids=pids, in_process=task.header.rules.in_process)  # fmt: skip

    return start


def new_engine(
    bench: Bench, task: Task, file: BlockFile, show: EngineShow, **changes: Any
) -> Engine:
    """Return the engine of a comparison that writes to `file`."""
    device, pids = bench.machine["device"], set[int]()
    start = starter(bench, task, pids)
    return Engine(
        header=task.header, file=file, path=task.path, show=show,
        start=lambda: start(*ARMS), watch=new_watch(bench.machine, lambda: pids),
        block_seconds=GPU_BLOCK_SECONDS if device.startswith("cuda") else CPU_BLOCK_SECONDS,
        share=task.share, **changes,
    )  # fmt: skip


def _run(bench: Bench, task: Task, show: Show, seconds: float, *, anyway: bool) -> str:
    """Time one comparison, then measure memory and energy; return how it ended.

    Args:
        bench: the suite on this machine.
        task: the comparison.
        show: who looks on.
        seconds: that it may take from now on.
        anyway: it is taken as it is, whatever disturbed it.
    """
    if task.disturbed:  # nothing of it can be used; its file is kept
        bench.set_aside([task.path])
    resumed = task.path.exists()
    file = BlockFile(task.path)
    try:
        if resumed:
            file.add("resumed", {"started": started(), "plan": task.header.plan,
                                 "commit": bench.code[0], "dirty": bench.code[1]})  # fmt: skip
            # the rules of the first sample go on to hold
            task = replace(task, header=blocks.read(task.path).header)
        else:
            file.add("comparison", task.header.model_dump(mode="json", by_alias=True))
        engine = new_engine(bench, task, file, show, seconds=seconds,
                            reserve_starts=sum(_passes_of(bench, task)))  # fmt: skip
        ending = engine.run()
        if ending != "failure" and not _passes(bench, task, file):
            ending = "failure"  # of the passes: the same command takes them again
        spoilt = not anyway and wholly_disturbed(blocks.read(task.path))
        if ending != "failure" and spoilt:
            ending = DISTURBED
        file.add("end", {"reason": ending, "ended": started()})
        return ending
    finally:
        file.close()


def _passes_of(bench: Bench, task: Task) -> tuple[bool, bool]:
    """Return whether memory is measured, in the first mode, and energy, on a GPU."""
    overhead, role = bench.suite.overhead, task.header.role
    assert overhead is not None
    energy = role == "method" and bench.machine["device"].startswith("cuda")
    return task.header.mode == overhead.modes[0] and role != "spike", energy


def _passes(bench: Bench, task: Task, file: BlockFile) -> bool:
    """Measure what is to be known beside time.

    The baseline's memory is part of the A/A comparison. Returns whether all went well.
    """
    memory, energy = _passes_of(bench, task)
    start, well = starter(bench, task, set()), True
    if memory:
        arm: ArmName = "baseline" if task.header.role == "a/a" else "method"
        well = passes.memory(file, lambda: start(arm))
    if energy:
        well = passes.energy(file, lambda: start(*ARMS)) and well
    return well
