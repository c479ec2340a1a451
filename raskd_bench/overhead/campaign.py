"""A campaign: its plan registered, its comparisons timed one after another, its steps counted."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from raskd_bench import catalog
from raskd_bench.bench import Bench, started
from raskd_bench.evidence import blocks
from raskd_bench.evidence.blocks import ARMS, ArmName, BlockFile, Header
from raskd_bench.evidence.places import FINGERPRINTS, FOLDER
from raskd_bench.evidence.registration import Registration, register
from raskd_bench.files import write_text
from raskd_bench.overhead import passes
from raskd_bench.overhead.arms import Arm, started_arms
from raskd_bench.overhead.engine import Engine
from raskd_bench.overhead.engine import Show as EngineShow
from raskd_bench.overhead.host import new_watch
from raskd_bench.overhead.tasks import Task, tasks
from raskd_bench.process import listen, process_for
from raskd_bench.spec import CellPlan, Plan, Trial, expand_cells

CPU_BLOCK_SECONDS, GPU_BLOCK_SECONDS = 0.1, 0.25
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
        overhead=(suite.overhead.model_dump(mode="json") if suite.overhead else {}) | settled,
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
    methods = {plan.label: _identity(bench, plan) for plan in cell.plans}
    return {"cell": cell.cell_names, "conditions": _recipe(cell.plans[0]), "methods": methods}


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


def comparison_files(bench: Bench, cell: CellPlan) -> list[Path]:
    """Return the files that the comparisons of a cell have, or would have."""
    overhead = bench.suite.overhead
    return [] if overhead is None else [task.path for task in tasks(bench, overhead, cell, "")]


def count_steps(bench: Bench, cells: list[CellPlan]) -> tuple[str, ...]:
    """Write the fingerprints of methods; return which cannot be counted, and why.

    Those of other methods that were counted before, under the same torch, stay.
    """
    names = [(cell, plan) for cell in cells for plan in cell.plans]
    with process_for("count_steps", [plan for _, plan in names], bench.home) as started_process:
        answer = listen(*started_process)
    if answer["status"] != "counted":
        return (str(answer["error"]),)
    rows = [
        {"cell": cell.cell_names, "conditions": _recipe(plan), "label": plan.label}
        | _identity(bench, plan) | counted
        for (cell, plan), counted in zip(names, answer["steps"], strict=True)
    ]  # fmt: skip
    path = bench.folder / FOLDER / FINGERPRINTS
    counted_now = [row for row in rows if "fingerprint" in row]
    earlier = [row for row in _earlier(path, answer["torch"])
               if _row_key(row) not in set(map(_row_key, rows))]  # fmt: skip
    content = {"schema": 1, "torch": answer["torch"], "rows": [*earlier, *counted_now]}
    write_text(json.dumps(content, indent=1) + "\n", path)
    return tuple(row["error"] for row in rows if "error" in row)


def _earlier(path: Path, torch: str) -> list[dict[str, Any]]:
    """Return the rows of the file that is there, if they are of this version of torch."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return list(content["rows"]) if content["torch"] == torch else []
    except (OSError, ValueError, KeyError, TypeError):  # it is written anew
        return []


def _row_key(row: dict[str, Any]) -> str:
    parts = (row.get("cell"), row.get("conditions"), row.get("label"))
    return json.dumps(parts, sort_keys=True)


def _recipe(plan: Plan) -> dict[str, Any]:
    return plan.trial.model_dump(mode="json", exclude=OF_A_METHOD)


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


def _run(bench: Bench, task: Task, show: Show) -> str:
    """Time one comparison, then measure memory and energy; return how it ended."""
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
        ending = new_engine(bench, task, file, show).run()
        if ending != "failure" and not _passes(bench, task, file):
            ending = "failure"  # of the passes: the same command takes them again
        file.add("end", {"reason": ending, "ended": started()})
        return ending
    finally:
        file.close()


def _passes(bench: Bench, task: Task, file: BlockFile) -> bool:
    """Measure what is to be known beside time: memory in the first mode, energy on a GPU.

    The baseline's memory is part of the A/A comparison. Returns whether all went well.
    """
    overhead, role = bench.suite.overhead, task.header.role
    assert overhead is not None
    start, well = starter(bench, task, set()), True
    if task.header.mode == overhead.modes[0] and role != "spike":
        arm = "baseline" if role == "a/a" else "method"
        well = passes.memory(file, lambda: start(arm))
    if role == "method" and bench.machine["device"].startswith("cuda"):
        well = passes.energy(file, lambda: start(*ARMS)) and well
    return well


def _identity(bench: Bench, plan: Plan) -> dict[str, Any]:
    """Return a method, its hyper-parameters, and the digest of its code."""
    card = catalog.find("method", plan.trial.method, bench.home)
    return {"method": plan.trial.method, "hparams": plan.trial.hparams,
            "digest": catalog.digest(card)}  # fmt: skip
