"""What is missing to decide an accuracy: seeds, or test pictures."""

import math
from collections.abc import Iterator

from raskd_bench.report.differences import Differences
from raskd_bench.report.wording import points, several
from raskd_bench.stats import Spread, needed_examples, needed_seeds, resolved
from raskd_bench.stats.needs import FEWEST_SEEDS, MOST_EXAMPLES

PICTURE = "test picture"
TOO_NEAR = "it lies too near the bound to be decided"
FEW_SEEDS = 10  # most that are trained for one claim, where more pictures do as well


def missing_examples(
    found: Differences, bound: float, risks: tuple[float, float], sign: int = 1
) -> Iterator[str]:
    """Yield which margin the seeds and test pictures decide, and how many would decide the claim.

    Args:
        found: differences of which more is better, paired by test example.
        bound: that the difference must exceed: negative where some loss is allowed.
        risks: alpha, one-sided, and power.
        sign: -1 where less of the metric is better, as the reader sees its own direction.
    """
    spread, examples = found.spread, found.num_examples or 0
    if spread is None:
        yield "with one seed nobody knows how seeds scatter: it needs 3 seeds or more"
        return
    alpha, power = risks
    if found.num_seeds >= FEWEST_SEEDS:
        reached = resolved(spread, found.num_seeds, examples, alpha, power)
        yield (f"{size(found.num_seeds, examples)} decide a margin of {points(reached)} "
               f"with power {power:g}")  # fmt: skip
    change = f"{100 * sign * found.value:+.2g} pp"
    fewest = math.ceil(round(1 / abs(bound), 6)) if bound else 2
    text = needed(spread, (found.num_seeds, examples), abs(found.value - bound), risks, fewest)
    yield f"if the difference stays at {change}, {text}"


def needed(
    spread: Spread, there: tuple[int, int], distance: float, risks: tuple[float, float],
    fewest: int = 2,
) -> str:  # fmt: skip
    """Return `it needs 12 seeds or 6,000 test pictures`, or that it cannot be decided.

    Args:
        spread: of the differences.
        there: seeds and test pictures.
        distance: of the difference from its bound, in the unit of the spread.
        risks: alpha, one-sided, and power.
        fewest: test pictures that the margin takes at least.
    """
    seeds, examples = there
    if distance <= 0:
        return TOO_NEAR
    more_seeds = None if examples < fewest else needed_seeds(spread, examples, distance, *risks)
    more = needed_examples(spread, seeds, distance, *risks)
    more = None if more is None else max(more, fewest)
    ways = [several(more_seeds, "seed")] if more_seeds is not None else []
    ways += [f"{rounded_up(more):,} {PICTURE}s"] if more is not None else []
    if not ways:
        return _both(spread, max(examples, fewest), distance, risks)
    return f"it needs {' or '.join(ways)}, in place of {size(seeds, examples)}"


def size(seeds: int, examples: int) -> str:
    """Return `3 seeds x 359 pictures`."""
    return f"{several(seeds, 'seed')} x {examples:,} pictures"


def rounded_up(count: int) -> int:
    """Return a number of test pictures with two digits that count: nobody collects 1,583."""
    step = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // step) * step


def _both(spread: Spread, examples: int, distance: float, risks: tuple[float, float]) -> str:
    """Return how many seeds decide with more test pictures, doubled until the seeds are few."""
    found = None
    while examples <= MOST_EXAMPLES:
        seeds = needed_seeds(spread, examples, distance, *risks)
        if seeds is not None:
            found = size(seeds, rounded_up(examples))
            if seeds <= FEW_SEEDS:
                break
        examples *= 2
    return f"it needs more of both, e.g. {found}" if found else TOO_NEAR
