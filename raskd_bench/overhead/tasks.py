"""What a campaign compares: in each cell and mode A/A, spikes, and every method."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raskd_bench import catalog
from raskd_bench.bench import Bench, started
from raskd_bench.evidence import blocks
from raskd_bench.evidence.blocks import Header, Role, Rules
from raskd_bench.evidence.estimate import decide
from raskd_bench.evidence.places import FOLDER
from raskd_bench.spec import CellPlan, Plan
from raskd_bench.spec.claims import family_size
from raskd_bench.spec.overhead import Overhead
from raskd_bench.stats import Verdict

# what a training step's cost does not depend on
NOT_OF_A_STEP = {"method", "hparams", "seed", "budget", "schedule", "evaluations", "val_fraction",
                 "teacher"}  # fmt: skip
NOT_OF_ITS_IDENTITY = {"suite", "cell"}


@dataclass(frozen=True)
class Task:
    """One comparison that is wanted.

    Attributes:
        header: what is compared.
        path: of its file.
        baseline: plan of the baseline's arm.
        other: plan of the other arm.
        share: of its alpha at which it must be decided to end before its last look.
    """

    header: Header
    path: Path
    baseline: Plan
    other: Plan
    share: float = 1.0

    @property
    def done(self) -> bool:
        """Whether its file says that it ended, and not by a failure.

        One that ended as decided, and would not by the present code, goes on to its next look.

        Raises:
            RecordError: there is a file that cannot be read.
        """
        if not self.path.exists():
            return False
        known = blocks.read(self.path)
        reason = None if known.ending is None else known.ending["reason"]
        if reason == "decided":
            margins = known.header.rules.margins
            verdicts = (decide(known, margin, share=self.share).verdict for margin in margins)
            return Verdict.inconclusive not in verdicts
        return reason not in (None, "failure")


def tasks(bench: Bench, overhead: Overhead, cell: CellPlan, plan: str) -> Iterator[Task]:
    """Yield the comparisons of a cell, controls first; spikes in the first mode only.

    Args:
        bench: the suite on this machine.
        overhead: its campaign.
        cell: with the methods that meet in it.
        plan: hash of the registered plan.
    """
    base = next((p for p in cell.plans if p.label == bench.suite.overhead_baseline), None)
    if base is None:
        return
    for mode in overhead.modes:
        yield _task(bench, cell, plan, (base, base), mode, "a/a")
        for spike in overhead.spikes if mode == overhead.modes[0] else ():
            yield _task(bench, cell, plan, (base, base), mode, "spike", spike)
        for other in cell.plans:
            timed = overhead.methods is None or other.label in overhead.methods
            if other is not base and timed:
                yield _task(bench, cell, plan, (base, other), mode, "method")


def _task(
    bench: Bench, cell: CellPlan, plan: str, arms: tuple[Plan, Plan], mode: str, role: Role,
    spike: float | None = None,
) -> Task:  # fmt: skip
    facts = _facts(bench, cell, arms, mode, role) | {"spike": spike}
    identity = {key: value for key, value in facts.items() if key not in NOT_OF_ITS_IDENTITY}
    text = json.dumps(identity, sort_keys=True)
    header = Header(
        comparison=hashlib.sha256(text.encode()).hexdigest()[:12],
        plan=plan,
        rules=_rules(bench, arms[1].label, mode, role),
        machine=bench.machine,
        commit=bench.code[0],
        dirty=bench.code[1],
        started=started(),
        **facts,
    )
    path = bench.folder / FOLDER / _cell_name(cell) / _file_name(header)
    # the step at which Holm's rule, over all claims, asks for most of this one
    claimed = _claimed_margins(bench, arms[1].label, mode, role)
    share = 1 / family_size(bench.suite.claims) if claimed else 1.0
    return Task(header, path, *arms, share)


def _facts(
    bench: Bench, cell: CellPlan, arms: tuple[Plan, Plan], mode: str, role: Role
) -> dict[str, Any]:
    """Return the fields of a header that say what is compared with what."""
    base, other = arms
    cards = [catalog.find("method", plan.trial.method, bench.home) for plan in arms]
    conditions = base.trial.model_dump(mode="json", exclude=NOT_OF_A_STEP)
    if other.trial.teacher is not None:
        conditions["teacher"] = other.trial.teacher.student.model_dump(mode="json")
    return {
        "suite": bench.suite.name,
        "cell": cell.cell_names,
        "conditions": conditions,
        "mode": mode,
        "role": role,
        "label": other.label,
        "method": other.trial.method,
        "hparams": other.trial.hparams,
        "method_digest": catalog.digest(cards[1]),
        "footnote": cards[1].constants.get("footnote"),
        "baseline": base.label,
        "baseline_method": base.trial.method,
        "baseline_hparams": base.trial.hparams,
        "baseline_digest": catalog.digest(cards[0]),
    }


def _rules(bench: Bench, label: str, mode: str, role: Role) -> Rules:
    """Return the rules of a comparison: it goes on until every claim's margin is decided."""
    overhead = bench.suite.overhead
    assert overhead is not None
    margins = [overhead.margin, *_claimed_margins(bench, label, mode, role)]
    return Rules(
        margins=tuple(dict.fromkeys(margins)), alpha=overhead.alpha, power=overhead.power,
        looks=tuple(overhead.looks), pairs=overhead.pairs, max_seconds=overhead.max_seconds,
        in_process=overhead.in_process,
    )  # fmt: skip


def _claimed_margins(bench: Bench, label: str, mode: str, role: Role) -> list[float]:
    """Return the margins of the claims on a method's step time in a mode."""
    return [
        claim.at_most.value
        for claim in (bench.suite.claims if role == "method" else ())
        if (claim.metric, claim.method, claim.settled_mode) == ("step_time", label, mode)
        and claim.at_most is not None
    ]


def _cell_name(cell: CellPlan) -> str:
    names = cell.cell_names
    words = [f"b{value}" if axis == "batch_size" else str(value).rpartition("/")[2]
             for axis, value in names.items() if axis != "compile"]  # fmt: skip
    return _plain("-".join([*words, *(["compiled"] if names.get("compile") else [])]))


def _file_name(header: Header) -> str:
    names = {"a/a": "aa", "spike": f"spike-{header.spike or 0:.3g}", "method": header.label}
    name = names[header.role].rpartition("/")[2]  # of a user's file, without its folder
    return f"{header.mode}-{_plain(name)}-{header.comparison[:8]}.jsonl"


def _plain(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text)[:80]
