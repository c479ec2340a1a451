"""A campaign: the methods of every cell against its baseline, with controls; files of blocks."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from raskd_bench import catalog
from raskd_bench.bench import Bench, started
from raskd_bench.evidence import blocks
from raskd_bench.evidence.blocks import ARMS, ArmName, BlockFile, Header, Role, Rules
from raskd_bench.evidence.registration import Registration, register
from raskd_bench.overhead import passes
from raskd_bench.overhead.arms import Arm, started_arms
from raskd_bench.overhead.engine import Engine
from raskd_bench.overhead.engine import Show as EngineShow
from raskd_bench.overhead.host import new_watch
from raskd_bench.spec import Plan, Trial, expand_cells
from raskd_bench.spec.expand import CellPlan
from raskd_bench.spec.overhead import Overhead

FOLDER = "overhead"
CPU_BLOCK_SECONDS, GPU_BLOCK_SECONDS = 0.1, 0.25
# what a training step's cost does not depend on
NOT_OF_A_STEP = {"method", "hparams", "seed", "budget", "schedule", "evaluations", "val_fraction",
                 "teacher"}  # fmt: skip


class Show(EngineShow, Protocol):
    """Who looks on while a campaign runs."""

    def campaign(self, total: int, done: int, plan: str) -> None:
        """The campaign starts; its plan is registered."""

    def comparison(self, header: Header) -> None:
        """A comparison starts."""

    def compared(self, header: Header, ending: str) -> None:
        """A comparison has ended."""


@dataclass(frozen=True)
class Task:
    """One comparison that is wanted.

    Attributes:
        header: what is compared.
        path: of its file.
        baseline: its plan.
        other: the plan of the other arm.
    """

    header: Header
    path: Path
    baseline: Plan
    other: Plan

    @property
    def done(self) -> bool:
        """Whether its file says that it ended otherwise than by a failure."""
        if not self.path.exists():
            return False
        ending = blocks.read(self.path).ending
        return ending is not None and ending["reason"] != "failure"


def run_campaign(bench: Bench, cells: list[CellPlan], show: Show) -> list[Path]:
    """Time what is not timed yet; return the files of all comparisons.

    The plan is registered before the first sample. A comparison that fails is a line in its file,
    and the others go on.
    """
    overhead = bench.suite.overhead
    assert overhead is not None, "asked of a suite that has a campaign"
    every = expand_cells(bench.suite, bench.home)  # the plan is of the whole suite
    plan = register(_registration(bench, every), bench.folder / FOLDER)
    wanted = [task for cell in cells for task in _tasks(bench, overhead, cell, plan.plan)]
    waiting = [task for task in wanted if not task.done]
    show.campaign(len(wanted), len(wanted) - len(waiting), plan.plan)
    for task in waiting:
        show.comparison(task.header)
        show.compared(task.header, _run(bench, task, show))
    return [task.path for task in wanted]


def _run(bench: Bench, task: Task, show: Show) -> str:
    """Time one comparison, then measure memory and energy; return how it ended."""
    resumed = task.path.exists()
    file = BlockFile(task.path)
    device, pids = bench.machine["device"], set[int]()
    trials: dict[ArmName, Trial] = {"baseline": task.baseline.trial, "method": task.other.trial}

    def start(*names: ArmName) -> AbstractContextManager[Mapping[ArmName, Arm]]:
        chosen = {name: trials[name] for name in names}
        return started_arms(chosen, task.header.mode, device, bench.home, pids=pids,
                            in_process=task.header.rules.in_process)  # fmt: skip

    try:
        if resumed:
            file.add("resumed", {"started": started(), "plan": task.header.plan})
        else:
            file.add("comparison", task.header.model_dump(mode="json", by_alias=True))
        engine = Engine(
            header=task.header, file=file, path=task.path, show=show,
            start=lambda: start(*ARMS), watch=new_watch(device, lambda: pids),
            block_seconds=GPU_BLOCK_SECONDS if device.startswith("cuda") else CPU_BLOCK_SECONDS,
        )  # fmt: skip
        ending = engine.run()
        if ending != "failure" and task.header.mode == _first_mode(bench):
            _passes(task, file, start, on_gpu=device.startswith("cuda"))
        file.add("end", {"reason": ending, "ended": started()})
        return ending
    finally:
        file.close()


def _passes(task: Task, file: BlockFile, start: Callable[..., Any], *, on_gpu: bool) -> None:
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


def _tasks(bench: Bench, overhead: Overhead, cell: CellPlan, plan: str) -> Iterator[Task]:
    """Yield the comparisons of a cell: in each mode A/A, spikes in the first one, methods."""
    label = bench.suite.overhead_baseline
    base = next((p for p in cell.plans if p.label == label), None)
    if base is None:
        return
    timed = overhead.methods
    for mode in overhead.modes:
        yield _task(bench, cell, plan, base, base, mode, "a/a")
        for spike in overhead.spikes if mode == overhead.modes[0] else ():
            yield _task(bench, cell, plan, base, base, mode, "spike", spike)
        for other in cell.plans:
            if other is not base and (timed is None or other.label in timed):
                yield _task(bench, cell, plan, base, other, mode, "method")


def _task(
    bench: Bench, cell: CellPlan, plan: str, base: Plan, other: Plan, mode: str, role: Role,
    spike: float | None = None,
) -> Task:  # fmt: skip
    cards = [catalog.find("method", p.trial.method, bench.home) for p in (base, other)]
    conditions = base.trial.model_dump(mode="json", exclude=NOT_OF_A_STEP)
    teacher = other.trial.teacher
    facts: dict[str, Any] = {
        "suite": bench.suite.name, "cell": cell.cell_names, "mode": mode, "role": role,
        "spike": spike, "conditions": conditions | (
            {"teacher": teacher.student.model_dump(mode="json")} if teacher else {}),
        "label": other.label, "method": other.trial.method, "hparams": other.trial.hparams,
        "method_digest": catalog.digest(cards[1]), "baseline": base.label,
        "baseline_method": base.trial.method, "baseline_hparams": base.trial.hparams,
        "baseline_digest": catalog.digest(cards[0]),
    }  # fmt: skip
    text = json.dumps({k: v for k, v in facts.items() if k not in {"suite", "cell"}},
                      sort_keys=True)  # fmt: skip
    header = Header(
        comparison=hashlib.sha256(text.encode()).hexdigest()[:12], plan=plan,
        rules=_rules(bench, other.label, mode, role), machine=bench.machine,
        commit=bench.code[0], dirty=bench.code[1], started=started(),
        footnote=cards[1].constants.get("footnote"), **facts,
    )  # fmt: skip
    return Task(header, bench.folder / FOLDER / _cell_name(cell) / _file_name(header), base, other)


def _rules(bench: Bench, label: str, mode: str, role: Role) -> Rules:
    """Return the rules of a comparison: it goes on until every claim's margin is decided."""
    overhead = bench.suite.overhead
    assert overhead is not None
    margins = [overhead.margin]
    for claim in bench.suite.claims if role == "method" else ():
        timed = claim.metric == "step_time" and (claim.mode or overhead.modes[0]) == mode
        if timed and claim.method == label and claim.at_most is not None:
            margins.append(claim.at_most.value)
    return Rules(
        margins=tuple(dict.fromkeys(margins)), alpha=overhead.alpha, power=overhead.power,
        looks=tuple(overhead.looks), pairs=overhead.pairs, max_seconds=overhead.max_seconds,
        in_process=overhead.in_process,
    )  # fmt: skip


def _registration(bench: Bench, cells: list[CellPlan]) -> Registration:
    suite = bench.suite
    assert suite.overhead is not None
    return Registration(
        suite=suite.name,
        overhead=suite.overhead.model_dump(mode="json"),
        claims=[claim.model_dump(mode="json", exclude_none=True) for claim in suite.claims],
        cells=[
            {
                "cell": cell.cell_names,
                "methods": {
                    p.label: {
                        "method": p.trial.method,
                        "hparams": p.trial.hparams,
                        "digest": catalog.digest(
                            catalog.find("method", p.trial.method, bench.home)
                        ),
                    }
                    for p in cell.plans
                },
            }
            for cell in cells
        ],
        registered=started(),
        commit=bench.code[0],
        dirty=bench.code[1],
    )


def _cell_name(cell: CellPlan) -> str:
    words = [f"b{value}" if axis == "batch_size" else str(value)
             for axis, value in cell.cell_names.items() if axis != "compile"]  # fmt: skip
    words += ["compiled"] if cell.cell_names.get("compile") else []
    return _plain("-".join(words))


def _file_name(header: Header) -> str:
    names = {"a/a": "aa", "spike": f"spike-{header.spike or 0:.3g}", "method": header.label}
    return f"{header.mode}-{_plain(names[header.role])}-{header.comparison[:8]}.jsonl"


def _plain(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text.rpartition("/")[2] or text)[:80]
