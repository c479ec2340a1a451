"""From raw blocks to a ratio with an interval and a verdict; pure functions of what is on disk.

theta = E[log T_method - log T_baseline] per optimiser step at equal primary images. A restart
gives the 10 %-trimmed mean over its pairs; restarts are independent, so theta is their mean with a
Student-t interval. Three restarts may agree by chance far better than their pairs scatter, so the
interval is never narrower than the one that all pairs give. One restart alone gives an interval
over its pairs, which holds for that layout of memory and processes only.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from scipy.special import ndtri

from raskd_bench.evidence.blocks import ARMS, ArmName, Block, Comparison, Restart, Rules
from raskd_bench.stats import (
    Estimate,
    Verdict,
    equivalence,
    estimate,
    spend,
    trimmed_estimate,
    trimmed_mean,
    trimmed_standard_error,
)

MAX_DROPPED = 0.1  # of all pairs; beyond, the evidence is invalid
MAX_DISTURBANCE = 0.75  # cores that others may use during a block


@dataclass(frozen=True)
class Decision:
    """What the evidence says of one margin.

    Attributes:
        verdict: of the first look that decided, or of the last one.
        found: log ratio with the interval of that look.
        margin: fraction.
        restarts: how many count.
        pairs: of them all.
        dropped: pairs that a disturbance made useless.
        reasons: why the evidence is invalid.
        conditional: one restart only: the interval holds for its process layout.
    """

    verdict: Verdict
    found: Estimate
    margin: float
    restarts: int
    pairs: int
    dropped: int
    reasons: tuple[str, ...] = ()
    conditional: bool = False


def disturbances(block: Block) -> Iterator[str]:
    """Yield what makes a block useless."""
    yield from block.troubles
    others = (block.foreign_cores or 0.0) + (block.stolen_cores or 0.0)
    if others > MAX_DISTURBANCE:
        yield f"other work took {others:.2f} cores"


def log_ratios(restart: Restart) -> list[float]:
    """Return log T_method - log T_baseline per step of each pair that nothing disturbed."""
    return [
        math.log(_step_seconds(restart, pair, "method") / _step_seconds(restart, pair, "baseline"))
        for pair in restart.whole_pairs()
        if not any(any(disturbances(block)) for block in pair.values())
    ]


def wholly_disturbed(comparison: Comparison) -> bool:
    """Whether less than half of the pairs that were timed can be used."""
    whole = sum(sum(1 for _ in restart.whole_pairs()) for restart in comparison.restarts)
    kept = sum(len(log_ratios(restart)) for restart in comparison.restarts)
    return whole > 0 and 2 * kept < whole


def disturber(comparison: Comparison) -> str:
    """Return in words what disturbed a comparison: the mean over its blocks, or their troubles."""
    spoilt = [block for restart in comparison.restarts for block in restart.blocks
              if any(disturbances(block))]  # fmt: skip
    troubles = sorted({trouble for block in spoilt for trouble in block.troubles})
    if troubles or not spoilt:
        return "; ".join(troubles[:3])
    taken = math.fsum((b.foreign_cores or 0.0) + (b.stolen_cores or 0.0) for b in spoilt)
    cores = comparison.header.machine.get("cores")
    of_all = f" of {cores}" if cores else ""
    return f"other work takes {taken / len(spoilt):.1f}{of_all} cores"


def decide(
    comparison: Comparison, margin: float, rules: Rules | None = None, share: float = 1.0
) -> Decision:
    """Return the verdict at a margin, looked for in the order in which the restarts came.

    Args:
        comparison: as read.
        margin: a fraction.
        rules: the comparison's own unless given.
        share: of the rules' alpha that is used: below 1 for one of several claims.
    """
    ratios = _by_restart(comparison)
    rules = _at(rules or _rules(comparison, len(ratios)), share)
    whole = sum(sum(1 for _ in restart.whole_pairs()) for restart in comparison.counted)
    kept = sum(map(len, ratios))
    found, verdict, used = _look(ratios, margin, rules)
    reasons = tuple(_reasons(comparison, whole, kept))
    if reasons:
        verdict = Verdict.invalid
    return Decision(
        verdict, found, margin, used, sum(map(len, ratios[:used])), whole - kept, reasons, used == 1
    )


def at_shares(comparison: Comparison, margin: float) -> Callable[[float], Verdict]:
    """Return what gives the verdict at a share of the rules' alpha, quickly and many times.

    Args:
        comparison: as read.
        margin: a fraction.
    """
    ratios = _by_restart(comparison)
    rules = _rules(comparison, len(ratios))
    return lambda share: _look(ratios, margin, _at(rules, share))[1]


def latest(comparison: Comparison) -> Estimate:
    """Return the log ratio over all restarts, at the level of the last look that was reached."""
    ratios = _by_restart(comparison)
    rules = _rules(comparison, len(ratios))
    reached = [k for k, look in enumerate(rules.looks) if look <= len(ratios)]
    alpha = spend(rules.alpha, rules.looks)[reached[-1] if reached else 0]
    return of_restarts(ratios, 1 - 2 * alpha)


def _by_restart(comparison: Comparison) -> list[list[float]]:
    """Return the log ratios of each restart that counts and has an undisturbed pair."""
    return list(filter(None, map(log_ratios, comparison.counted)))


def _rules(comparison: Comparison, restarts: int) -> Rules:
    """Return the rules of a comparison; a control is never stopped for what it shows."""
    rules = comparison.header.rules
    if comparison.header.role == "method":
        return rules
    return rules.model_copy(update={"looks": (max(1, restarts),)})


def _at(rules: Rules, share: float) -> Rules:
    return rules if share == 1 else rules.model_copy(update={"alpha": share * rules.alpha})


def _look(
    ratios: Sequence[Sequence[float]], margin: float, rules: Rules
) -> tuple[Estimate, Verdict, int]:
    """Return the first decisive look's interval, verdict and number of restarts."""
    if not ratios:
        return estimate([], 1 - 2 * rules.alpha), Verdict.invalid, 0
    found, verdict, used = (
        of_restarts(ratios, 1 - 2 * rules.alpha),
        Verdict.inconclusive,
        len(ratios),
    )
    for look, alpha in zip(rules.looks, spend(rules.alpha, rules.looks), strict=True):
        if look > len(ratios):
            break
        found, used = of_restarts(ratios[:look], 1 - 2 * alpha), look
        verdict = equivalence(found, margin)
        if verdict is not Verdict.inconclusive:
            break
    return found, verdict, used


def of_restarts(ratios: Sequence[Sequence[float]], confidence: float) -> Estimate:
    """Return the log ratio over restarts with its interval, as every look judges it.

    Args:
        ratios: log ratios of the pairs of each restart.
        confidence: two-sided.
    """
    if len(ratios) == 1:
        return trimmed_estimate(ratios[0], confidence)
    return _no_narrower(estimate([trimmed_mean(values) for values in ratios], confidence), ratios)


def _no_narrower(found: Estimate, ratios: Sequence[Sequence[float]]) -> Estimate:
    """Widen an interval over restarts to what the scatter of the pairs in them allows.

    Each restart's standard error is that of its trimmed mean; one with a single pair has none.
    """
    errors = [trimmed_standard_error(values) for values in ratios if len(values) > 1]
    if len(errors) < len(ratios) or not ratios:
        return found
    sd = math.sqrt(math.fsum(e**2 for e in errors) / len(errors))  # of one restart
    half = float(ndtri(0.5 + found.confidence / 2)) * sd / math.sqrt(len(errors))
    low, high = min(found.low, found.value - half), max(found.high, found.value + half)
    return found._replace(low=low, high=high, sd=max(found.sd, sd))


def _reasons(comparison: Comparison, whole: int, kept: int) -> Iterator[str]:
    for failure in comparison.failures:
        yield f"{failure['arm']} arm: {failure['status']}: {failure['error']}"
    if whole and whole - kept > MAX_DROPPED * whole:
        causes = sorted({cause for r in comparison.restarts for b in r.blocks
                         for cause in disturbances(b)})  # fmt: skip
        listing = "; ".join(causes[:3])
        yield f"{whole - kept} of {whole} pairs were disturbed ({listing})"
    if not comparison.failures and not kept:
        yield "nothing was timed"


def _step_seconds(restart: Restart, pair: dict[ArmName, Block], arm: ArmName) -> float:
    block = pair[arm]
    return block.seconds / block.steps + restart.epoch_seconds_per_step.get(arm, 0.0)


def steady_arms(restart: Restart) -> bool:
    """Whether both arms had settled before the first pair."""
    return all(restart.warm_up.get(arm, {}).get("steady", False) for arm in ARMS)
