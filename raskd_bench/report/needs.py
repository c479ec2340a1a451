"""How many seeds and test pictures the claims on accuracies need, said before anything is run."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from raskd_bench.record import Record
from raskd_bench.report.chance import PER_EXAMPLE
from raskd_bench.report.differences import SEEDS_ALONE, Differences, differences
from raskd_bench.report.missing import detectable
from raskd_bench.report.missing_examples import rounded_up, size
from raskd_bench.report.wording import points, several
from raskd_bench.spec import Plan, Suite
from raskd_bench.spec.claims import Claim, family_size
from raskd_bench.spec.grid import cell_names
from raskd_bench.spec.metrics import METRICS
from raskd_bench.spec.suite import GRID_AXES, excluded
from raskd_bench.stats import Spread, needed_examples, needed_seeds, required_seeds, resolved
from raskd_bench.stats.needs import FEWEST_SEEDS

# Two trainings of one ResNet on CIFAR-100 at 75 %: 13 of 100 pictures are hit by one of them alone,
# and paired differences scatter by 0.4 pp a seed on 10,000 pictures.
ASSUMED = Spread(seeds=0.002, examples=0.1, residual=0.35)
ASSUMED_SD = 0.004  # of the difference of one seed
IN_WORDS = "assumed: differences scatter by 0.4 pp a seed on 10,000 pictures"


class Predicted(Protocol):
    """A method in a cell, as `predict` makes it."""

    @property
    def plan(self) -> Plan: ...
    @property
    def seeds(self) -> int: ...
    @property
    def test_images(self) -> int: ...


@dataclass(frozen=True)
class _Outlook:
    """What the suite's trials of one claim in one cell will decide.

    Attributes:
        seeds: planned.
        images: of the test split.
        pilot: differences that were measured before; None without any.
        risks: alpha, one-sided, and power.
    """

    seeds: int
    images: int
    pilot: Differences | None
    risks: tuple[float, float]

    @property
    def spread(self) -> Spread:
        return (self.pilot.spread if self.pilot else None) or ASSUMED

    @property
    def reached(self) -> float:
        """The distance from its bound that a difference must have to be decided."""
        return resolved(self.spread, self.seeds, self.images, *self.risks)

    @property
    def source(self) -> str:
        if self.pilot is None or self.pilot.spread is None:
            return IN_WORDS
        return f"from {several(self.pilot.num_seeds, 'pilot seed')}"


def accuracy_needs(
    suite: Suite, predictions: Sequence[Predicted], records: Sequence[Record]
) -> list[str]:
    """Return a line for each claim on an accuracy: what its trials decide, and what it needs.

    Args:
        suite: with claims or without.
        predictions: its methods and cells.
        records: that exist of the suite: pilots.
    """
    family = family_size(suite.claims)
    lines = [
        _line(claim, min(outlooks, key=lambda each: -each.reached))
        for claim in suite.claims
        if METRICS[claim.metric].kind == "accuracy"
        and (outlooks := list(_outlooks(suite, claim, predictions, records, family)))
    ]
    if lines and family > 1:
        lines.append(f"each at alpha / {family}, as if it were the first of the suite's "
                     f"{family} claims that Holm's rule tests")  # fmt: skip
    return lines


def _outlooks(
    suite: Suite, claim: Claim, predictions: Sequence[Predicted], records: Sequence[Record],
    family: int,
) -> Iterator[_Outlook]:  # fmt: skip
    """Yield each cell of a claim, with each method that it is compared with."""
    alpha = suite.overhead.alpha if suite.overhead else 0.05
    power = suite.overhead.power if suite.overhead else 0.9
    for row in predictions:
        trial = row.plan.trial
        names = cell_names({axis: getattr(trial, axis) for axis in GRID_AXES})
        fits = claim.where is None or excluded([claim.where], names)
        if row.plan.label != claim.method or not fits:
            continue
        for other in claim.better_than or [suite.against(claim)]:
            pilot = _pilot(records, trial.cell, (claim.method, other), claim.metric)
            yield _Outlook(row.seeds, row.test_images, pilot, (alpha / family, power))


def _pilot(
    records: Sequence[Record], cell: str, labels: tuple[str, str], name: str
) -> Differences | None:
    """Return the differences of Records that a cell already has; None with fewer than two seeds."""
    sides = [{record.seed: record for record in sorted(records, key=lambda r: r.started)
              if record.cell == cell and record.label == label and record.finished}
             for label in labels]  # fmt: skip
    pairs = [(sides[0][seed], sides[1][seed]) for seed in sorted(sides[0].keys() & sides[1].keys())]
    return differences(pairs, name, 1) if len(pairs) > 1 else None


def _line(claim: Claim, outlook: _Outlook) -> str:
    """Return `claim accuracy: margin 0.5 pp: 3 seeds x 359 pictures decide 1.9 pp ...`."""
    text = _alone if claim.metric not in PER_EXAMPLE else _paired
    return f"claim {claim.id}: {_wanted(claim)}: {text(claim, outlook)}"


def _wanted(claim: Claim) -> str:
    amount = claim.amount
    if claim.bound == "no_worse_by":
        return f"margin {amount.text}"
    return f"a gain above {amount.text}" if amount.value else "any gain"


def _paired(claim: Claim, outlook: _Outlook) -> str:
    seeds, images, margin = outlook.seeds, outlook.images, claim.amount.value
    there, (_, power) = size(seeds, images), outlook.risks
    if seeds < FEWEST_SEEDS:
        return f"{there} decide nothing: it needs {FEWEST_SEEDS} seeds or more"
    decided = f"{there} decide {points(outlook.reached)} with power {power:g}"
    if claim.bound != "no_worse_by":
        beyond = " beyond it" if margin else ""
        return f"{decided}{beyond} ({outlook.source})"
    fewest = math.ceil(round(1 / margin, 6))
    if outlook.reached <= margin and images >= fewest:
        return f"{decided}: enough ({outlook.source})"
    more = None if images < fewest else needed_seeds(outlook.spread, images, margin, *outlook.risks)
    pictures = needed_examples(outlook.spread, seeds, margin, *outlook.risks)
    ways = [several(more, "seed")] if more is not None else []
    ways += [f"{rounded_up(max(pictures, fewest)):,} pictures"] if pictures is not None else []
    needs = " or ".join(ways) or "more seeds and more pictures"
    return f"{decided}; {points(margin)} needs {needs} ({outlook.source})"


def _alone(claim: Claim, outlook: _Outlook) -> str:
    """Return what a metric that is no mean over pictures needs: seeds alone."""
    (alpha, power), unit, margin = outlook.risks, METRICS[claim.metric].unit, claim.amount.value
    found = None if outlook.pilot is None else outlook.pilot.this_set(0.9)
    if found is None and not unit:
        return f"nothing is known of its scatter yet: it needs {SEEDS_ALONE} seeds or more"
    sd = ASSUMED_SD if found is None else found.sd
    source = IN_WORDS if found is None else f"from {several(found.num_values, 'pilot seed')}"
    seeds = several(outlook.seeds, "seed")
    if outlook.seeds < SEEDS_ALONE:
        decided = f"{seeds} alone decide nothing"
    else:
        decided = f"{seeds} decide {_amount(detectable(sd, outlook.seeds, alpha, power), unit)}"
    if not margin or not sd:
        return f"{decided} ({source})"
    more = max(SEEDS_ALONE, required_seeds(sd, margin, alpha, power))
    return f"{decided}; {_amount(margin, unit)} needs {several(more, 'seed')} ({source})"


def _amount(value: float, unit: str) -> str:
    return points(value) if unit else f"{value:.2g}"
