"""A campaign: its plan registered, its comparisons timed one after another, its steps counted."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from raskd_bench import catalog
from raskd_bench.bench import Bench, started
from raskd_bench.evidence.blocks import ARMS, ArmName, BlockFile, Header
from raskd_bench.evidence.registration import Registration, register
from raskd_bench.overhead import passes
from raskd_bench.overhead.arms import Arm, started_arms
from raskd_bench.overhead.engine import Engine
from raskd_bench.overhead.engine import Show as EngineShow
from raskd_bench.overhead.host import new_watch
from raskd_bench.overhead.tasks import FOLDER, Task, tasks
from raskd_bench.process import listen, process_for
from raskd_bench.record import write_text
from raskd_bench.spec import CellPlan, Plan, Trial, expand_cells

CPU_BLOCK_SECONDS, GPU_BLOCK_SECONDS = 0.1, 0.25
FINGERPRINTS = "fingerprints.json"
OF_A_METHOD = {"method", "hparams", "seed", "teacher"}

Starter = Callable[..., AbstractContextManager[Mapping[ArmName, Arm]]]


class Show(EngineShow, Protocol):
    """Who looks on while a campaign runs."""

    def campaign(self, total: int, done: int, plan: str) -> None:
        """The campaign starts; its plan is registered."""

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
        overhead=suite.overhead.model_dump(mode="json") | settled if suite.overhead else {},
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
    recipe = cell.plans[0].trial.model_dump(mode="json", exclude=OF_A_METHOD)
    methods = {plan.label: _identity(bench, plan) for plan in cell.plans}
    return {"cell": cell.cell_names, "conditions": recipe, "methods": methods}


def run_campaign(
    bench: Bench, cells: list[CellPlan], plan: Registration, show: Show
) -> tuple[str, ...]:
    """Time what is not timed yet; return the comparisons that failed, in words.

    A comparison that fails is a line in its file, and the others go on.
    """
    overhead = bench.suite.overhead
    if overhead is None:
        return ()
    wanted = [task for cell in cells for task in tasks(bench, overhead, cell, plan.plan)]
    waiting = [task for task in wanted if not task.done]
    show.campaign(len(wanted), len(wanted) - len(waiting), plan.plan)
    failed = []
    for task in waiting:
        show.comparison(task.header)
        ending = _run(bench, task, show)
        show.compared(task.header, ending)
        if ending == "failure":
            failed.append(f"{task.header.label}, {task.header.mode}")
    return tuple(failed)


def count_steps(bench: Bench, cells: list[CellPlan]) -> str | None:
    """Write the fingerprints of all methods; return why it cannot be done, or None."""
    plans = [plan for cell in cells for plan in cell.plans]
    with process_for("count_steps", plans, bench.home) as (process, connection):
        answer = listen(process, connection, None, lambda _: None)
    if answer["status"] != "counted":
        return str(answer["error"])
    names = [(cell, plan) for cell in cells for plan in cell.plans]
    rows = [
        {"cell": cell.cell_names, "label": plan.label, "fingerprint": counted}
        | _identity(bench, plan)
        for (cell, plan), counted in zip(names, answer["fingerprints"], strict=True)
    ]
    content = {"schema": 1, "torch": answer["torch"], "rows": rows}
    write_text(json.dumps(content, indent=1) + "\n", bench.folder / FOLDER / FINGERPRINTS)
    return None


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


def new_engine(bench: Bench, task: Task, file: BlockFile, show: EngineShow) -> Engine:
    """Return the engine of a comparison that writes to `file`."""
    device, pids = bench.machine["device"], set[int]()
    start = starter(bench, task, pids)
    return Engine(
        header=task.header, file=file, path=task.path, show=show,
        start=lambda: start(*ARMS), watch=new_watch(device, lambda: pids),
        block_seconds=GPU_BLOCK_SECONDS if device.startswith("cuda") else CPU_BLOCK_SECONDS,
    )  # fmt: skip


def _run(bench: Bench, task: Task, show: Show) -> str:
    """Time one comparison, then measure memory and energy; return how it ended."""
    resumed = task.path.exists()
    file = BlockFile(task.path)
    try:
        if resumed:
            file.add("resumed", {"started": started(), "plan": task.header.plan})
        else:
            file.add("comparison", task.header.model_dump(mode="json", by_alias=True))
        ending = new_engine(bench, task, file, show).run()
        if ending != "failure" and task.header.mode == _first_mode(bench):
            on_gpu = bench.machine["device"].startswith("cuda")
            _passes(task, file, starter(bench, task, set()), on_gpu=on_gpu)
        file.add("end", {"reason": ending, "ended": started()})
        return ending
    finally:
        file.close()


def _passes(task: Task, file: BlockFile, start: Starter, *, on_gpu: bool) -> None:
    """Measure memory and energy once a cell: the baseline's memory with the A/A comparison."""
    if task.header.role == "a/a":
        passes.memory(file, lambda: start("baseline"))
    elif task.header.role == "method":
        passes.memory(file, lambda: start("method"))
        if on_gpu:
            passes.energy(file, lambda: start(*ARMS))


def _first_mode(bench: Bench) -> str:
    assert bench.suite.overhead is not None
    return bench.suite.overhead.modes[0]


def _identity(bench: Bench, plan: Plan) -> dict[str, Any]:
    """Return a method, its hyper-parameters, and the digest of its code."""
    card = catalog.find("method", plan.trial.method, bench.home)
    return {"method": plan.trial.method, "hparams": plan.trial.hparams,
            "digest": catalog.digest(card)}  # fmt: skip
