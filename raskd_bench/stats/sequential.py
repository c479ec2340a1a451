"""Error rates over several looks (alpha spending) and over several hypotheses (Holm)."""

import math
from collections.abc import Sequence


def spend(alpha: float, looks: Sequence[int]) -> tuple[float, ...]:
    """Return the share of alpha that each look may use: Lan and DeMets 1983, Pocock's kind.

    Spent by the fraction t of the last look: alpha log(1 + (e - 1) t). A look decides at its
    share alone, so all looks together err at most alpha, however they depend on each other.

    Args:
        alpha: of the whole sequence.
        looks: numbers of values seen at each, rising.

    Raises:
        ValueError: there is no look, the looks do not rise from 1, or alpha is not in (0, 1).
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha {alpha}: must lie between 0 and 1")
    before = (0, *looks[:-1])
    if not looks or any(now <= then for then, now in zip(before, looks, strict=True)):
        raise ValueError(f"looks {list(looks)}: must be rising numbers of values, from 1 up")
    spent = [alpha * math.log1p((math.e - 1) * look / looks[-1]) for look in looks]
    return tuple(now - then for then, now in zip((0.0, *spent), spent, strict=False))


def holm_adjusted(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return Holm's adjusted p-values, in the order given.

    Raises:
        ValueError: a p-value is not in [0, 1].
    """
    for value in p_values:
        if not 0 <= value <= 1:
            raise ValueError(f"p-value {value}: must lie in [0, 1]")
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    by_size = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, index in enumerate(by_size):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return tuple(adjusted)


def holm(p_values: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """Return which null hypotheses Holm's step-down rejects, in the order given.

    The chance of any false rejection among all is at most alpha.

    Raises:
        ValueError: a p-value is not in [0, 1].
    """
    return tuple(value <= alpha for value in holm_adjusted(p_values))


def holm_levels(p_values: Sequence[float], alpha: float) -> tuple[float, ...]:
    """Return the level at which Holm's step-down tests each, in the order given.

    It rejects exactly those whose p-value is at most its level; where it stops, all that are left
    have the level of that step.

    Args:
        p_values: as for `holm`.
        alpha: of the family.

    Raises:
        ValueError: a p-value is not in [0, 1].
    """
    rejected = holm(p_values, alpha)
    last = alpha / max(1, len(p_values) - sum(rejected))
    levels = [last] * len(p_values)
    by_size = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, index in enumerate(by_size[: sum(rejected)]):
        levels[index] = alpha / (len(p_values) - rank)
    return tuple(levels)
