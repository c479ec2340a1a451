"""A campaign's controls: identical arms must come out equal, and known extra work at its size."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from raskd_bench.evidence.blocks import Comparison, Header
from raskd_bench.evidence.estimate import Decision, decide
from raskd_bench.report.wording import change, percent, several
from raskd_bench.stats import Estimate, Verdict, smallest_margin, spend

MISSED = "an interval of 90 % misses one size in ten by chance"


@dataclass(frozen=True)
class Spike:
    """Known extra work, and what the instrument found of it.

    Attributes:
        size: of the extra work, a fraction of the baseline's step.
        found: log ratio.
        faults: why the evidence is invalid.
    """

    size: float
    found: Estimate
    faults: tuple[str, ...] = ()

    @property
    def recovered(self) -> bool:
        """Whether the interval contains the size."""
        return not self.faults and self.found.low <= math.log1p(self.size) <= self.found.high

    @property
    def seen(self) -> bool:
        """Whether the interval excludes that there is no extra work."""
        return not self.faults and (self.found.low > 0 or self.found.high < 0)

    def __str__(self) -> str:
        if math.isnan(self.found.value):
            return f"{percent(self.size)} without usable evidence"
        ending = "" if self.recovered else " (missed)" if self.seen else " (not seen)"
        return f"{percent(self.size)} found as {change(self.found)}{ending}"


@dataclass(frozen=True)
class Controls:
    """What the controls of one cell and mode say of every comparison there.

    Attributes:
        same: what was decided of the A/A comparison; None without one.
        spikes: the smallest first.
        fault: why no time of this cell and mode can be judged, or None.
        noise: half-width of the A/A interval, a fraction.
        resolves: smallest margin that this host decides with the declared power, a fraction.
        restarts: that `resolves` takes.
    """

    same: Decision | None
    spikes: tuple[Spike, ...]
    fault: str | None
    noise: float
    resolves: float
    restarts: int

    @property
    def recovered(self) -> str:
        """The share of spikes that came out at their size."""
        if not self.spikes:
            return "no spikes in this mode"
        found = sum(spike.recovered for spike in self.spikes)
        return f"{found} of {len(self.spikes)} spikes recovered at their size"

    def lines(self) -> list[str]:
        """Return what a report opens with."""
        made = []
        if self.same is not None and self.same.pairs:
            verdict = "equivalent" if self.fault is None else "not shown to be equivalent"
            made.append(
                f"A/A: {change(self.same.found)}, {several(self.same.restarts, 'restart')}, "
                f"{several(self.same.pairs, 'pair')}: "
                f"{verdict} within {percent(self.same.margin, '')}"
            )
        if self.fault is not None:
            made.append(f"every verdict on time below is invalid: {self.fault}")
        if math.isfinite(self.noise) and math.isfinite(self.resolves):
            made.append(
                f"noise floor {percent(self.noise, '', 2)}; on this host the instrument resolves "
                f"{percent(self.resolves, '', 2)} (with {several(self.restarts, 'restart')})"
            )
        found = f": {'; '.join(map(str, self.spikes))}" if self.spikes else ""
        made.append(f"{self.recovered}{found}")
        if any(spike.seen and not spike.recovered for spike in self.spikes):
            made.append(MISSED)
        return made


@dataclass(frozen=True)
class Group:
    """Comparisons with one baseline, in one cell and mode: its controls hold for all of them."""

    comparisons: tuple[Comparison, ...]

    @property
    def header(self) -> Header:
        """Cell, mode, conditions and baseline, which all of them share."""
        return self.comparisons[0].header

    @property
    def methods(self) -> list[Comparison]:
        """The comparisons with another method."""
        return [item for item in self.comparisons if item.header.role == "method"]

    @property
    def same(self) -> list[Comparison]:
        """The A/A comparisons; more than one only if files were copied together."""
        return [item for item in self.comparisons if item.header.role == "a/a"]

    @cached_property
    def controls(self) -> Controls:
        """What the controls say."""
        return _controls(self)


def groups(comparisons: Iterable[Comparison]) -> list[Group]:
    """Return comparisons by cell, mode, conditions and baseline, in the order given."""
    found: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        found.setdefault(group_key(comparison.header), []).append(comparison)
    return [Group(tuple(items)) for items in found.values()]


def group_key(header: Header) -> str:
    """Return what comparisons must share so that one's control holds for the other."""
    conditions = {key: value for key, value in header.conditions.items() if key != "teacher"}
    parts = (header.cell, header.mode, conditions, header.baseline, header.baseline_hparams,
             header.baseline_digest)  # fmt: skip
    return json.dumps(parts, sort_keys=True)


def _controls(group: Group) -> Controls:
    judged = [(item, _decided(item)) for item in group.same]
    spikes = [_spike(item) for item in group.comparisons if item.header.role == "spike"]
    ordered = tuple(sorted(spikes, key=lambda spike: spike.size))
    if not judged:
        return Controls(None, ordered, "no A/A comparison", math.nan, math.nan, 0)
    faults = [(_fault(item, decision), item, decision) for item, decision in judged]
    # of several the worst: another file cannot make up for a control that failed
    fault, same, decision = next((found for found in faults if found[0]), faults[0])
    half = (decision.found.high - decision.found.low) / 2
    return Controls(decision, ordered, fault, math.expm1(half), *_resolves(same, decision))


def _decided(comparison: Comparison) -> Decision:
    return decide(comparison, comparison.header.rules.margins[0])


def _spike(comparison: Comparison) -> Spike:
    decision = _decided(comparison)
    return Spike(comparison.header.spike or 0.0, decision.found, decision.reasons)


def _fault(comparison: Comparison, decision: Decision) -> str | None:
    """Return why an A/A comparison does not vouch for the instrument, or None."""
    if decision.reasons:
        return f"A/A: {'; '.join(decision.reasons)}"
    wanted = min(comparison.header.rules.looks)
    if decision.restarts < wanted:
        return f"A/A has {decision.restarts} of {wanted} restarts"
    if decision.verdict is not Verdict.supported:
        return f"A/A came out at {change(decision.found)}, though both arms are the same"
    return None


def _resolves(comparison: Comparison, decision: Decision) -> tuple[float, int]:
    """Return the smallest margin that the last look decides, and how many restarts that takes."""
    rules = comparison.header.rules
    sd, count, alpha = decision.found.sd, rules.looks[-1], spend(rules.alpha, rules.looks)[-1]
    if decision.conditional:
        count, alpha = decision.found.num_values, rules.alpha
    if not math.isfinite(sd):
        return math.nan, 0
    return smallest_margin(sd, count, alpha, rules.power), 1 if decision.conditional else count
