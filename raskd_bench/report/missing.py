"""What is missing to decide: restarts, pairs or seeds, and the effect that was reached."""

import math
from collections.abc import Iterator

from raskd_bench.evidence.blocks import Comparison
from raskd_bench.evidence.estimate import Decision
from raskd_bench.report.wording import percent, several
from raskd_bench.stats import Estimate, required_count, required_seeds, smallest_margin, spend

MOST_RESTARTS, MOST_PAIRS, MOST_SEEDS = 1000, 1_000_000, 1000  # nobody measures more
FEWEST_SEEDS = 3  # to plan with
ENDED = ("a comparison that has ended is not continued: raise looks or max_seconds and run with "
         "--fresh")  # fmt: skip
CONTINUED = ("it ended as decided alone, and the family of claims asks for more: the same command "
             "of 'raskd-bench run' goes on to its next look")  # fmt: skip
NARROW = 1e-6  # relative width at which a search for a margin ends


def missing_restarts(
    comparison: Comparison, decision: Decision, share: float = 1.0
) -> Iterator[str]:
    """Yield why a comparison does not decide a margin, and what would.

    Args:
        comparison: as read.
        decision: that was made of it.
        share: of the rules' alpha that was used.
    """
    rules, done = comparison.header.rules, decision.restarts
    if comparison.ending is None:
        yield "it was interrupted: the same command of 'raskd-bench run' continues it"
    if done < rules.looks[0]:
        yield f"{several(done, 'restart')} of the {rules.looks[0]} before the first look"
    sd, count = decision.found.sd, decision.found.num_values
    if not math.isfinite(sd) or count < 2:
        return
    noun = "pair" if decision.conditional else "restart"
    # the share of alpha that the last look has, as that one decides at the latest
    alpha = spend(share * rules.alpha, rules.looks)[-1]
    reached = smallest_margin(sd, count, alpha, rules.power)
    yield (f"{several(count, noun)} decide a margin of {percent(reached, '', 2)} "
           f"with power {rules.power:g}")  # fmt: skip
    stopped = comparison.ending is not None and comparison.ending.get("reason") == "decided"
    yield _needed(decision, alpha, rules.power, noun, CONTINUED if stopped else ENDED)


def _needed(decision: Decision, alpha: float, power: float, noun: str, ending: str) -> str:
    """Return how many values would decide, at the overhead that was found."""
    found, bound = decision.found, math.log1p(decision.margin)
    most = MOST_PAIRS if decision.conditional else MOST_RESTARTS
    distance = abs(found.value) - bound
    if distance < 0:
        effect = math.expm1(found.value)
        count = required_count(found.sd, decision.margin, alpha, power, effect, most)
    elif distance > 0:
        wanted = required_seeds(found.sd, distance, alpha, power)
        count = wanted if wanted <= most else None
    else:
        count = None
    overhead = percent(math.expm1(found.value), digits=2)
    if count is None:
        return f"if the overhead stays at {overhead}, it lies too near the margin to be decided"
    return (f"if the overhead stays at {overhead}, about {several(count, noun)} decide it "
            f"({found.num_values} are there; {ending})")  # fmt: skip


def missing_seeds(
    found: Estimate, bound: float, risks: tuple[float, float], unit: str, sign: int = 1,
    fewest: int = FEWEST_SEEDS,
) -> Iterator[str]:  # fmt: skip
    """Yield how many seeds would decide a claim on accuracy.

    Args:
        found: of paired differences of which more is better.
        bound: that the difference must exceed: negative where some loss is allowed.
        risks: alpha, one-sided, and power.
        unit: `pp` or none.
        sign: -1 where less of the metric is better, as the reader sees its own direction.
        fewest: seeds that may decide at all.
    """
    alpha, power = risks
    count = found.num_values
    if count < 2:
        return
    scale, ending = (100.0, f" {unit}") if unit else (1.0, "")
    if bound < 0 and found.sd > 0 and count >= fewest:
        reached = detectable(found.sd, count, alpha, power)
        yield (f"{several(count, 'seed')} decide a margin of {scale * reached:.2g}{ending} "
               f"with power {power:g}")  # fmt: skip
    distance = abs(found.value - bound)
    needed = required_seeds(found.sd, distance, alpha, power) if distance > 0 else MOST_SEEDS + 1
    needed = max(needed, fewest)
    stays = f"if the difference stays at {sign * scale * found.value:+.2g}{ending}"
    if needed > MOST_SEEDS:
        yield f"{stays}, it lies too near the bound to be decided"
    else:
        yield f"{stays}, about {several(needed, 'seed')} decide it ({count} are there)"


def detectable(sd: float, count: int, alpha: float, power: float) -> float:
    """Return the smallest margin that so many seeds decide, in the unit of sd.

    Args:
        sd: of one paired difference.
        count: of seeds, at least 3.
        alpha: one-sided.
        power: the chance to be shown when there is no difference.
    """
    low, high = 0.0, 1.0  # in units of sd: power depends on the margin's ratio to it alone
    while required_seeds(1.0, high, alpha, power) > count:
        low, high = high, 2 * high
    while high - low > NARROW * high:
        middle = (low + high) / 2
        enough = required_seeds(1.0, middle, alpha, power) <= count
        low, high = (low, middle) if enough else (middle, high)
    return high * sd
