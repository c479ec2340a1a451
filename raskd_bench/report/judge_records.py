"""Claims that trials decide: accuracies, paired by seed and test example, and training FLOPs."""

from collections.abc import Callable
from dataclasses import replace

from raskd_bench.report.arms import arms_of, begun
from raskd_bench.report.differences import SEEDS_ALONE, Differences, differences
from raskd_bench.report.judge_counts import judged_counts
from raskd_bench.report.missing import missing_seeds
from raskd_bench.report.missing_examples import missing_examples
from raskd_bench.report.refusals import Refusals, refusals
from raskd_bench.report.verdicts import Answer, Case, CellVerdict, Measured
from raskd_bench.report.wording import several
from raskd_bench.stats import Estimate, Verdict, superiority


def judge_accuracy(case: Case) -> CellVerdict:
    """Judge a claim on an accuracy by differences that are paired by seed and test example."""
    arms = arms_of(case)
    sign = 1 if case.metric.better == "higher" else -1
    base = begun(case, arms)
    if base.verdict is Answer.invalid or not arms.pairs:
        return base
    pairs = tuple(arms.pairs.values())
    paired = differences(pairs, case.claim.metric, sign)
    if paired is None:
        return replace(base, reasons=(f"{case.claim.metric} is not in every Record",))
    refused = refusals(case, pairs, paired)
    at_share = _decider(case, paired, refused)
    verdict = at_share(case.share)
    unsettled = verdict is Verdict.inconclusive
    reasons = (*refused.lines, *_missing(case, paired, sign)) if unsettled else ()
    return replace(
        base, verdict=Answer(verdict.value), found=_measured(case, paired, sign),
        test=_test(case), reasons=(*reasons, *arms.notes), at_share=at_share,
    )  # fmt: skip


def _decider(case: Case, paired: Differences, refused: Refusals) -> Callable[[float], Verdict]:
    """Return what gives the verdict at a share of alpha."""

    def at_share(share: float) -> Verdict:
        found = paired.like_these(1 - 2 * share * case.alpha)
        verdict = superiority(found, _bound(case))
        if refused.both_ways or (refused.supported and verdict is Verdict.supported):
            return Verdict.inconclusive
        return verdict

    return at_share


def _bound(case: Case) -> float:
    """Return what a difference must exceed, more being better: negative where a loss is allowed."""
    amount = case.claim.amount.value
    return -amount if case.claim.bound == "no_worse_by" else amount


def _test(case: Case) -> str:
    name = "non-inferiority" if case.claim.bound == "no_worse_by" else "superiority"
    return f"{name}, alpha {case.alpha:g}"


def _missing(case: Case, paired: Differences, sign: int) -> tuple[str, ...]:
    """Return how many seeds and test pictures would decide."""
    bound, risks, unit = _bound(case), (case.level, case.power), case.metric.unit
    if paired.table is not None:
        return tuple(missing_examples(paired, bound, risks, sign))
    found = paired.this_set(1 - 2 * case.level)
    return tuple(missing_seeds(found, bound, risks, unit, sign, SEEDS_ALONE))


def _measured(case: Case, paired: Differences, sign: int) -> Measured:
    """Return what was found, in the metric's own direction."""
    confidence = 1 - 2 * case.level
    found, seeds = paired.like_these(confidence), several(paired.num_seeds, "seed")
    low, high = _ordered(found, sign)
    value, unit = sign * found.value, case.metric.unit
    if paired.table is None:
        basis = f"{seeds} alone: {paired.why}"
        return Measured(value, low, high, confidence, unit, basis)
    basis = f"{seeds} x {paired.table.shape[1]:,} pictures"
    this_set = _ordered(paired.this_set(confidence), sign)
    return Measured(value, low, high, confidence, unit, basis, this_set)


def _ordered(found: Estimate, sign: int) -> tuple[float, float]:
    low, high = sorted((sign * found.low, sign * found.high))
    return low, high


def judge_train_flops(case: Case, field: str = "train_flops") -> CellVerdict:
    """Judge a claim on FLOPs that Records hold: a ratio of counts, equal for every seed."""
    arms = arms_of(case)
    base = begun(case, arms)
    if base.verdict is Answer.invalid or not arms.pairs:
        return base
    counts = {(getattr(other, field), getattr(method, field))
              for method, other in arms.pairs.values()}  # fmt: skip
    if any(None in pair for pair in counts):
        return replace(base, reasons=(f"{field} is not in every Record",))
    basis = f"counted in {several(len(arms.pairs), 'pair')} of trials"
    # the seed that speaks against the claim most, if they are not all the same
    before, after = max(counts, key=lambda pair: pair[1] / pair[0] if pair[0] else pair[1])
    verdict, found = judged_counts(before, after, case.claim.amount, basis)
    return replace(base, standing=None, test="exact", verdict=verdict, found=found)
