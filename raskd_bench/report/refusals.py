"""Evidence that may look decisive and decides nothing: why, and what would decide it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from raskd_bench.record import Record
from raskd_bench.report.chance import PER_EXAMPLE, outcomes_of
from raskd_bench.report.differences import SEEDS_ALONE, Differences
from raskd_bench.report.verdicts import Case
from raskd_bench.report.wording import points, several
from raskd_bench.stats import estimate, two_sources
from raskd_bench.stats.needs import FEWEST_SEEDS

Pairs = Sequence[tuple[Record, Record]]


@dataclass(frozen=True)
class Refusals:
    """Why a claim on an accuracy cannot be decided, whatever its interval says.

    Attributes:
        both_ways: neither supported nor refuted.
        supported: only not supported.
    """

    both_ways: tuple[str, ...]
    supported: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        return (*self.both_ways, *self.supported)


def refusals(case: Case, pairs: Pairs, found: Differences) -> Refusals:
    """Return why a claim is not to be decided by some pairs of Records."""
    both = [*_few_seeds(found), *_fine_margin(case, found), *_at_chance(case, pairs)]
    ceiling, method_too = _ceiling(case, pairs, found)
    if method_too:
        both += ceiling
    return Refusals(tuple(both), () if method_too else tuple(ceiling))


def _few_seeds(found: Differences) -> Iterator[str]:
    count = several(found.num_seeds, "seed")
    if found.num_seeds < FEWEST_SEEDS:
        yield f"{count}: fewer than {FEWEST_SEEDS} decide nothing"
    elif found.table is None and found.num_seeds < SEEDS_ALONE:
        yield f"{count} alone ({found.why}): fewer than {SEEDS_ALONE} of these decide nothing"


def _fine_margin(case: Case, found: Differences) -> Iterator[str]:
    """Yield that a margin is less than one example, which no test set of this size shows."""
    margin, count = case.claim.amount.value, found.num_examples
    if case.claim.metric in PER_EXAMPLE and count and 0 < margin < 1 / count:
        needed = math.ceil(round(1 / margin, 6))
        yield (f"a margin of {points(margin)} is less than one of {count:,} test pictures "
               f"({points(1 / count)}): it needs {needed:,}")  # fmt: skip


def _at_chance(case: Case, pairs: Pairs) -> Iterator[str]:
    """Yield that neither side is shown to know more than the test split's largest class."""
    share = max(filter(None, (_chance(record) for pair in pairs for record in pair)), default=None)
    if share is None or case.claim.metric == "test_top5":
        return
    bounds = [_lower_bound([pair[side] for pair in pairs], 1 - 2 * case.alpha) for side in (0, 1)]
    if all(bound is not None and not bound > share for bound in bounds):
        yield (f"all at chance: no interval of a top-1 accuracy lies above {100 * share:.3g} %, "
               "the share of the largest class: it needs longer training")  # fmt: skip


def _chance(record: Record) -> float | None:
    """Return the accuracy that a constant answer has; None where it is not known."""
    if record.data is not None:
        return record.data.largest_class
    data = record.conditions.get("data")
    classes = data.get("classes") if isinstance(data, dict) else None
    return 1 / classes if isinstance(classes, int) and classes > 0 else None


def _lower_bound(records: Sequence[Record], confidence: float) -> float | None:
    """Return the lower bound of a side's top-1 accuracy; None where it was not measured."""
    values = [record.test_top1 for record in records if record.test_top1 is not None]
    if len(values) < len(records):
        return None
    table, _ = outcomes_of(records, "test_top1")
    if table is None:
        return estimate(values, confidence).low
    return two_sources(table, confidence).both.low


def _ceiling(case: Case, pairs: Pairs, found: Differences) -> tuple[list[str], bool]:
    """Return that the other side leaves nothing to win or lose, and whether the method does too."""
    name = case.claim.metric
    if name not in PER_EXAMPLE:
        return [], False
    one = 1 / found.num_examples if found.num_examples else 0.0
    margin = case.claim.amount.value or one
    method, base = (1 - estimate([getattr(pair[side], name) for pair in pairs], 0.5).value
                    for side in (0, 1))  # fmt: skip
    if base > 0 and base >= 2 * margin:
        return [], False
    less = f", or a margin of at most {points(base / 2)}" if case.claim.amount.value else ""
    what = f"the margin of {points(margin)}" if case.claim.amount.value else "one test picture"
    line = (f"at the ceiling: {case.against}'s error of {points(base)} is below twice {what}: "
            f"it needs harder data{less if base / 2 >= one > 0 else ''}")  # fmt: skip
    return [line], method < 2 * margin or method == 0
