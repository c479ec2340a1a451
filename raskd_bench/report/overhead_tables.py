"""Campaigns to tables: one a cell and mode, opened by its controls; a row a method."""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from raskd_bench.evidence.blocks import Comparison
from raskd_bench.evidence.estimate import Decision, decide, steady_arms
from raskd_bench.report.campaigns import Campaign, loss
from raskd_bench.report.cells import mebibytes, milliseconds
from raskd_bench.report.controls import Controls, Group
from raskd_bench.report.describe import place_of
from raskd_bench.report.judge_campaign import Sides, memory_of
from raskd_bench.report.standing import of_timing
from raskd_bench.report.wording import confidence_of, percent, relative
from raskd_bench.stats import Verdict, decimals

HEAD = ("method", "step time", "interval", "verdict at {margin}", "restarts", "pairs", "dropped",
        "memory", "plan")  # fmt: skip
MEANING = (
    "step time is a ratio per optimiser step from randomised pairs of blocks, Student-t over "
    "restarts; memory is the peak {kind}, metered apart from time"
)
KINDS = {
    "allocated_bytes": "GPU memory allocated by torch",
    "host_bytes": "resident memory of the process and its workers, torch's own included",
}


@dataclass(frozen=True)
class OverheadRow:
    """One method against the baseline of its table.

    Attributes:
        comparison: the evidence.
        decision: at the suite's margin.
        verdict: of that, unless the controls failed.
        memory: metered of both sides.
        confirmatory: its plan was registered before its first sample.
        name: its label, told apart from others of the same label.
    """

    comparison: Comparison
    decision: Decision
    verdict: Verdict
    memory: Sides
    confirmatory: bool
    name: str


@dataclass(frozen=True)
class OverheadTable:
    """The methods of one cell and mode.

    Attributes:
        campaign: it belongs to.
        group: its comparisons.
        rows: in the suite's order.
        base_seconds: median time of a baseline's step; NaN if unknown.
        base_bytes: peak memory of the baseline; None if unknown.
        notes: what a reader must know.
    """

    campaign: Campaign
    group: Group
    rows: tuple[OverheadRow, ...]
    base_seconds: float
    base_bytes: int | None
    notes: tuple[str, ...]

    @property
    def controls(self) -> Controls:
        """What the table opens with."""
        return self.group.controls

    @property
    def title(self) -> str:
        """Suite, cell, mode and machine."""
        header = self.group.header
        place = place_of(header.cell, header.machine, header.mode)
        return f"{self.campaign.suite}: step time against {header.baseline} on {place}"

    @property
    def head(self) -> list[str]:
        """Names of the columns."""
        margin = percent(self.group.header.rules.margins[0], "")
        return [name.format(margin=margin) for name in HEAD]

    def cells(self) -> list[list[str]]:
        """Return the rows as they are printed, the baseline first."""
        base = [self.group.header.baseline, *[""] * (len(HEAD) - 1)]
        if math.isfinite(self.base_seconds):
            base[1] = milliseconds(self.base_seconds)
        if self.base_bytes is not None:
            base[HEAD.index("memory")] = mebibytes(self.base_bytes)
        return [base, *(_cells(row) for row in self.rows)]


def overhead_tables(campaigns: Sequence[Campaign]) -> list[OverheadTable]:
    """Return the tables of campaigns, cell by cell and mode by mode."""
    return [
        _table(campaign, group)
        for campaign in campaigns
        for group in _in_the_suites_order(campaign)
    ]


def campaign_notes(campaign: Campaign) -> list[str]:
    """Return what could not be read of a campaign."""
    return [f"{campaign.suite}: {problem}" for problem in campaign.problems]


def _in_the_suites_order(campaign: Campaign) -> list[Group]:
    plan = campaign.latest
    order = [cell["cell"] for cell in plan.cells] if plan else []
    modes = plan.overhead.get("modes", []) if plan else []

    def place(group: Group) -> tuple[int, int, str]:
        cell, mode = group.header.cell, group.header.mode
        return (
            order.index(cell) if cell in order else len(order),
            modes.index(mode) if mode in modes else len(modes),
            min(item.header.started for item in group.comparisons),
        )

    return sorted(campaign.groups, key=place)


def _table(campaign: Campaign, group: Group) -> OverheadTable:
    plan = campaign.latest
    labels = [label for cell in (plan.cells if plan else []) for label in cell["methods"]]

    def place(item: Comparison) -> tuple[int, str]:
        label = item.header.label
        return labels.index(label) if label in labels else len(labels), item.header.started

    items = sorted(group.methods, key=place)
    rows = tuple(_row(campaign, group, item) for item in items)
    bases = [row.memory.baseline for row in rows if math.isfinite(row.memory.ratio)]
    return OverheadTable(
        campaign, group, rows, _base_seconds(group), max(bases[0]) if bases else None,
        tuple(dict.fromkeys(_notes(campaign, group, rows))),
    )  # fmt: skip


def _row(campaign: Campaign, group: Group, comparison: Comparison) -> OverheadRow:
    header = comparison.header
    decision = decide(comparison, header.rules.margins[0])
    failed = group.controls.fault is not None or decision.reasons
    twice = sum(item.header.label == header.label for item in group.methods) > 1
    return OverheadRow(
        comparison, decision, Verdict.invalid if failed else decision.verdict,
        memory_of(campaign.comparisons, comparison, _memory_key(header.machine)),
        of_timing(comparison, campaign),
        f"{header.label} [{header.method_digest[:6]}, {header.comparison[:6]}]" if twice
        else header.label,
    )  # fmt: skip


def _cells(row: OverheadRow) -> list[str]:
    decision, memory = row.decision, row.memory.ratio
    ratio, interval = _ratio_in_words(decision)
    return [
        row.name,
        ratio,
        interval,
        row.verdict.value,
        str(decision.restarts) if decision.restarts else "",
        str(decision.pairs) if decision.pairs else "",
        str(decision.dropped),
        f"x{memory:.3f}" if math.isfinite(memory) else "",
        "confirmatory" if row.confirmatory else "exploratory",
    ]


def _ratio_in_words(decision: Decision) -> tuple[str, str]:
    """Return a ratio and its interval, with the digits that this supports."""
    value, low, high = (1 + relative(x) for x in decision.found[:3])
    if not math.isfinite(value):
        return "", ""
    if not math.isfinite(high - low):
        return f"x{value:.3f}", "none"
    places = decimals((high - low) / 2, 5)
    level = confidence_of(decision.found.confidence)
    return f"x{value:.{places}f}", f"{low:.{places}f} to {high:.{places}f} ({level})"


def _notes(campaign: Campaign, group: Group, rows: Sequence[OverheadRow]) -> Iterator[str]:
    """Yield what a reader must know beside the numbers."""
    for row in rows:
        if row.comparison.header.footnote:
            yield f"* {row.name}: {row.comparison.header.footnote}"
        for reason in row.decision.reasons:
            yield f"* {row.name}: {reason}"
    for item in group.comparisons:
        yield from _about(item)
    yield from _provenance(group)
    yield MEANING.format(kind=KINDS[_memory_key(group.header.machine)])


def _about(item: Comparison) -> Iterator[str]:
    if item.lost:
        yield f"* {item.label}: {loss(item)}"
    if item.ending is None and not item.failures:
        yield f"* {item.label}: interrupted; the same command of 'raskd-bench run' continues it"
    if not all(steady_arms(restart) for restart in item.restarts):
        yield f"* {item.label}: an arm had not settled when its pairs began"
    if item.restarts and len(item.restarts) == 1 and item.header.rules.looks == (1,):
        yield f"* {item.label}: one restart: the interval holds for its layout of the processes"


def _provenance(group: Group) -> Iterator[str]:
    headers = [item.header for item in group.comparisons]
    versions = sorted({str(head.machine.get("versions", {}).get("torch")) for head in headers})
    if len(versions) > 1:
        yield f"* comparisons of several versions of torch: {', '.join(versions)}"
    if any(head.dirty for head in headers):
        yield "* measured with uncommitted changes to the code: not for publication"


def _base_seconds(group: Group) -> float:
    """Return the median time of a baseline's step, of the A/A comparison if there is one."""
    chosen = group.same or group.comparisons
    times = [block.seconds / block.steps for item in chosen for restart in item.restarts
             for block in restart.blocks if block.arm == "baseline"]  # fmt: skip
    return statistics.median(times) if times else math.nan


def _memory_key(machine: dict[str, Any]) -> str:
    on_gpu = str(machine.get("device", "")).startswith("cuda")
    return "allocated_bytes" if on_gpu else "host_bytes"
