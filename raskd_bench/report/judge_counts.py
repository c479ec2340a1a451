"""Claims on what is counted: exact, without an interval."""

from dataclasses import replace
from fractions import Fraction

from raskd_bench.evidence.places import FINGERPRINTS
from raskd_bench.report.campaigns import CountedStep
from raskd_bench.report.describe import place_of
from raskd_bench.report.verdicts import Answer, Case, CellVerdict, Measured
from raskd_bench.spec.amount import Amount

QUANTITY = {"step_flops": "matmul_flops", "peak_allocated": "peak_live_bytes"}
UNKNOWN = {"elementwise_flops", "reduction_flops"}  # quantities that unknown operations are not in
COUNT = "count it with: raskd-bench run SUITE"


def judge_count(case: Case) -> CellVerdict:
    """Judge a claim on a quantity of the counted steps."""
    method, why = _counted(case, case.claim.method)
    base, why_not = _counted(case, case.against)
    if method is None or base is None:
        return CellVerdict(case, Answer.unmeasured, reasons=(why or why_not,))
    name = QUANTITY.get(case.claim.metric, case.claim.metric)
    before, after = (row.fingerprint.quantities()[name] for row in (base, method))
    start = CellVerdict(
        case, Answer.unmeasured, place=place_of(case.cell, None), test="exact",
        evidence=(case.campaign.folder / FINGERPRINTS,),
    )  # fmt: skip
    verdict, found = judged_counts(before, after, case.claim.amount, _basis(case))
    return replace(start, verdict=verdict, found=found, reasons=_unknown(name, method, base))


def judged_counts(before: int, after: int, bound: Amount, basis: str) -> tuple[Answer, Measured]:
    """Return the verdict on two counts, to the last digit, and what was found.

    Args:
        before: the baseline's.
        after: the method's.
        bound: a share of the baseline's, or a whole number more than it.
        basis: how they were counted.
    """
    basis = f"{before:,} -> {after:,}, {basis}"
    if bound.unit == "" or before == 0:
        more = float(after - before)
        allowed = bound.value if bound.unit == "" else 0.0  # no share of nothing is more than it
        verdict = Answer.supported if more <= allowed else Answer.refuted
        return verdict, Measured(more, more, more, None, "", basis)
    excess = Fraction(after - before, before)
    verdict = Answer.supported if excess <= Fraction(repr(bound.value)) else Answer.refuted
    share = float(excess)
    return verdict, Measured(share, share, share, None, "%", basis)


def _counted(case: Case, label: str) -> tuple[CountedStep | None, str]:
    """Return the counted step of a method's present code and settings, or None and why."""
    rows = [row for row in case.campaign.counted if row.cell == case.cell
            and row.label == label and case.holds(row.conditions)]  # fmt: skip
    if not rows:
        return None, f"no counted step of {label} in this cell; {COUNT}"
    current = [row for row in rows if case.is_current(label, row.method, row.hparams, row.digest)]
    if not current:
        return None, f"the code or settings of {label} changed since it was counted; {COUNT}"
    return current[-1], ""


def _basis(case: Case) -> str:
    made = f"counted, torch {case.campaign.torch}"
    if case.claim.metric == "peak_allocated":
        return f"{made}: live tensors, as no allocator is metered on a CPU"
    return made


def _unknown(name: str, *rows: CountedStep) -> tuple[str, ...]:
    names = sorted({unknown for row in rows for unknown in row.fingerprint.unknown})
    if name not in UNKNOWN or not names:
        return ()
    return (f"not counted, as their FLOPs are not known: {', '.join(names)}",)
