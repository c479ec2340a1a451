"""Claims that a campaign decides: time of a step, and memory metered in a pass of its own."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from raskd_bench.evidence.blocks import Comparison
from raskd_bench.evidence.estimate import Decision, at_shares, decide
from raskd_bench.report.cells import mebibytes
from raskd_bench.report.controls import Group, group_key
from raskd_bench.report.describe import place_of
from raskd_bench.report.missing import missing_restarts
from raskd_bench.report.standing import of_comparison
from raskd_bench.report.verdicts import Answer, Case, CellVerdict, Measured
from raskd_bench.report.wording import percent, relative, several
from raskd_bench.stats import Estimate, Verdict

BYTES = {"peak_allocated": "allocated_bytes", "peak_host": "host_bytes"}
TOST = "TOST, alpha {alpha:g}"
RUN = "the same command of 'raskd-bench run' measures it"


def judge_time(case: Case) -> CellVerdict:
    """Judge a claim on the time of a step by the comparison of its mode."""
    comparison, why = find(case, mode=case.claim.settled_mode)
    if comparison is None:
        return CellVerdict(case, Answer.unmeasured, reasons=(why,))
    base = begun(case, comparison)
    if not comparison.failures and not any(r.blocks for r in comparison.restarts):
        return replace(base, reasons=(f"started and not timed yet; {RUN}",))
    group = case.campaign.group_of(comparison)
    decision = decide(comparison, case.claim.amount.value, share=case.share)
    fault = group.controls.fault or _biased(group, decision)
    reasons = (*decision.reasons, *([fault] if fault else []))
    answer = Answer.invalid if reasons else Answer(decision.verdict.value)
    if answer is Answer.inconclusive:
        reasons = tuple(missing_restarts(comparison, decision, case.share))
    return replace(
        base, verdict=answer, found=_of_decision(decision), reasons=reasons,
        evidence=(comparison.path, *(item.path for item in group.same)),
        at_share=None if answer is Answer.invalid
        else at_shares(comparison, case.claim.amount.value),
    )  # fmt: skip


def _biased(group: Group, decision: Decision) -> str | None:
    """Return why the A/A comparison does not vouch for a margin that is stricter than the suite's.

    An instrument that is off by more than the margin decides nothing at it.
    """
    if decision.verdict is Verdict.inconclusive:
        return None
    for same in group.same:
        if decide(same, decision.margin).verdict is not Verdict.supported:
            margin = percent(decision.margin, sign="")
            return f"A/A is not shown to be equivalent within this claim's {margin}"
    return None


def judge_memory(case: Case) -> CellVerdict:
    """Judge a claim on peak memory by the passes of both sides."""
    comparison, why = find(case, mode=None, measure="memory")
    if comparison is None:
        return CellVerdict(case, Answer.unmeasured, reasons=(why,))
    sides = memory_of(case.campaign.comparisons, comparison, BYTES[case.claim.metric])
    base = replace(begun(case, comparison), test="", evidence=sides.files)
    if sides.faults or not (sides.method and sides.baseline):
        verdict = Answer.invalid if sides.faults else Answer.unmeasured
        reasons = sides.faults or (f"no memory of both sides was metered; {RUN}",)
        return replace(base, verdict=verdict, reasons=reasons)
    low = Fraction(min(sides.method), max(sides.baseline)) - 1
    high = Fraction(max(sides.method), min(sides.baseline)) - 1
    amounts = " -> ".join(mebibytes(max(side)) for side in (sides.baseline, sides.method))
    found = Measured(sides.ratio - 1, float(low), float(high), None, "%", f"{amounts}, metered")
    return replace(base, verdict=bounded(low, high, case.claim.amount.value), found=found)


@dataclass(frozen=True)
class Sides:
    """Metered bytes of a method and of its baseline.

    Attributes:
        method: one value a pass.
        baseline: likewise.
        faults: why they cannot be compared.
        files: that they are from.
    """

    method: tuple[int, ...] = ()
    baseline: tuple[int, ...] = ()
    faults: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    @property
    def ratio(self) -> float:
        """Ratio of the largest values; NaN where a side is missing."""
        if not (self.method and self.baseline):
            return math.nan
        return max(self.method) / max(self.baseline)


def memory_of(comparisons: Iterable[Comparison], comparison: Comparison, key: str) -> Sides:
    """Return what was metered of a method and, in an A/A comparison's file, of its baseline.

    Args:
        comparisons: of the campaign.
        comparison: of the method with its baseline.
        key: `allocated_bytes` or `host_bytes`.
    """
    header = comparison.header
    bases = [
        other for other in comparisons
        if other.header.role == "a/a" and group_key(other.header) == group_key(header)
        and passes_of(other, "memory") != ([], [])
    ]  # fmt: skip
    own, own_faults = passes_of(comparison, "memory")
    found = [passes_of(base, "memory") for base in bases]
    base_passes = [item for passes, _ in found for item in passes]
    base_faults = [fault for _, failures in found for fault in failures]
    # a pass that failed and was repeated well costs nothing
    faults = [*([] if own else own_faults), *([] if base_passes else base_faults)]
    sources = {str(item["source"]) for item in (*own, *base_passes) if "source" in item}
    if len(sources) > 1 and key == BYTES["peak_host"]:
        faults.append(f"host memory was metered in different ways: {', '.join(sorted(sources))}")
    return Sides(
        _values(own, key), _values(base_passes, key), tuple(faults),
        (comparison.path, *(base.path for base in bases)),
    )  # fmt: skip


def passes_of(comparison: Comparison, measure: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the passes of a measure that succeeded, and how others failed."""
    passes = [item for item in comparison.passes if item.get("measure") == measure]
    failures = [f"{measure} of the {item['arm']} arm: {item['status']}: {item.get('error')}"
                for item in passes if "status" in item]  # fmt: skip
    return [item for item in passes if "status" not in item], failures


def find(case: Case, mode: str | None, measure: str | None = None) -> tuple[Comparison | None, str]:
    """Return the comparison that a claim rests on, or None and why there is none.

    Only one of the method's and the baseline's present code and settings counts.

    Args:
        case: the claim in its cell.
        mode: that it must be of; None for any.
        measure: of a pass that is preferred to be in its file.
    """
    fits = [item for item in case.campaign.comparisons if _fits(case, item, mode)]
    current = [item for item in fits if _is_current(case, item)]
    if current:
        with_pass = [item for item in current if measure and passes_of(item, measure) != ([], [])]
        return max(with_pass or current, key=lambda item: item.header.started), ""
    if fits:
        text = f"the code or settings of {case.claim.method} or {case.against} changed since"
        return None, f"{text} it was timed; {RUN}"
    where = f"{mode} mode, " if mode else ""
    return None, f"{where}no comparison with {case.against} in this cell; {RUN}"


def bounded(low: Fraction, high: Fraction, bound: float) -> Answer:
    """Judge a cost that was metered, by its smallest and largest reading."""
    limit = Fraction(repr(bound))  # 1 % is 1 %: the nearest float may lie below
    if high <= limit:
        return Answer.supported
    return Answer.refuted if low > limit else Answer.inconclusive


def _fits(case: Case, comparison: Comparison, mode: str | None) -> bool:
    header = comparison.header
    return (
        header.role == "method" and header.cell == case.cell
        and (header.label, header.baseline) == (case.claim.method, case.against)
        and mode in (None, header.mode) and case.holds(header.conditions)
    )  # fmt: skip


def _is_current(case: Case, comparison: Comparison) -> bool:
    head = comparison.header
    return case.is_current(
        head.label, head.method, head.hparams, head.method_digest
    ) and case.is_current(
        head.baseline, head.baseline_method, head.baseline_hparams, head.baseline_digest
    )


def begun(case: Case, comparison: Comparison) -> CellVerdict:
    """Return what is known of a comparison before it is judged."""
    header = comparison.header
    mode = case.claim.settled_mode
    return CellVerdict(
        case, Answer.unmeasured,
        place=place_of(header.cell, header.machine, mode),
        evidence=(comparison.path,),
        standing=of_comparison(case, comparison),
        seconds=sum(restart.seconds or 0.0 for restart in comparison.restarts),
        footnote=header.footnote,
        test=TOST.format(alpha=header.rules.alpha),
    )  # fmt: skip


def _of_decision(decision: Decision) -> Measured | None:
    """Return what was found; None where every pair was useless."""
    if not decision.pairs:
        return None
    basis = f"{several(decision.restarts, 'restart')}, {several(decision.pairs, 'pair')}"
    if decision.conditional:
        basis += ", conditional on this layout of the processes"
    return of_logs(decision.found, basis)


def of_logs(found: Estimate, basis: str) -> Measured:
    """Return a log ratio with its interval as fractions above the baseline."""
    value, low, high = (relative(x) for x in found[:3])
    return Measured(value, low, high, found.confidence, "%", basis)


def _values(passes: Iterable[dict[str, Any]], key: str) -> tuple[int, ...]:
    return tuple(item[key] for item in passes if item.get(key))
