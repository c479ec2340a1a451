"""What a claim comes to, in one cell and in all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from raskd_bench.evidence.registration import Registration
from raskd_bench.report.campaigns import Campaign
from raskd_bench.spec.claims import Claim
from raskd_bench.spec.metrics import METRICS, Metric
from raskd_bench.spec.suite import default_baseline
from raskd_bench.stats import Verdict, in_all_cells


class Answer(StrEnum):
    """A verdict, or that there is no evidence to judge; values are keys of `findings.OUTCOMES`."""

    supported = "supported"
    refuted = "refuted"
    faster = "faster-than-margin"
    inconclusive = "inconclusive"
    invalid = "invalid"
    unmeasured = "not measured"


@dataclass(frozen=True)
class Case:
    """A claim in one cell of the plan that registered it.

    Attributes:
        campaign: the evidence.
        plan: that is current.
        claim: of it.
        entry: the plan's cell: axes, recipe and methods.
        member: label of the other side where the claim names several; empty: it names one.
        share: of alpha that is used: below 1 for one of several claims or cells.
    """

    campaign: Campaign
    plan: Registration
    claim: Claim
    entry: dict[str, Any]
    member: str = ""
    share: float = 1.0

    @property
    def cell(self) -> dict[str, Any]:
        """Names of the axes' values."""
        found: dict[str, Any] = self.entry["cell"]
        return found

    @property
    def metric(self) -> Metric:
        """What is compared."""
        return METRICS[self.claim.metric]

    @property
    def methods(self) -> dict[str, dict[str, Any]]:
        """The methods of the cell: hyper-parameters and digest by label."""
        found: dict[str, dict[str, Any]] = self.entry["methods"]
        return found

    @property
    def against(self) -> str:
        """Label of the other side."""
        return self.member or against(self.campaign, self.plan, self.claim)

    @property
    def alpha(self) -> float:
        """Risk of a false `supported` among all claims."""
        return float(self.plan.overhead.get("alpha") or 0.05)

    @property
    def level(self) -> float:
        """The part of alpha at which this claim is judged in this cell."""
        return self.share * self.alpha

    @property
    def power(self) -> float:
        """Chance to be shown that a true claim is to have."""
        return float(self.plan.overhead.get("power") or 0.9)

    def holds(self, conditions: Mapping[str, Any]) -> bool:
        """Whether evidence was taken under the plan's conditions, as far as both name them.

        Axes alone do not tell two data sets of one name apart, nor two recipes.
        """
        planned = self.entry.get("conditions", {})
        return all(planned[key] == conditions[key] for key in planned.keys() & conditions.keys())

    def is_current(self, label: str, method: str, hparams: dict[str, Any], digest: str) -> bool:
        """Whether evidence is of the method that the plan names: same code, same settings."""
        wanted = self.methods[label]
        return (wanted["method"], wanted["hparams"], wanted["digest"]) == (method, hparams, digest)


@dataclass(frozen=True)
class Standing:
    """Whether a claim was written down before its evidence.

    Attributes:
        confirmatory: it was.
        lines: the plan, and what deviates from it.
    """

    confirmatory: bool
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """What was found, in the unit of the claim's bound.

    Attributes:
        value: method to baseline: a fraction above it for %, a difference for pp and numbers.
        low: bound of the interval; the value itself where it is exact.
        high: likewise.
        confidence: of the interval; None for what is counted or metered once.
        unit: `%`, `pp` or none.
        basis: what it rests on, e.g. `8 restarts, 320 pairs`.
        this_set: bounds over seeds alone, where the others are over seeds and test pictures.
    """

    value: float
    low: float
    high: float
    confidence: float | None
    unit: str
    basis: str
    this_set: tuple[float, float] | None = None


@dataclass(frozen=True)
class CellVerdict:
    """What a claim comes to in one cell.

    Attributes:
        case: the claim and the cell.
        verdict: of this cell.
        found: None where there is no usable evidence.
        place: conditions and machine, in words.
        evidence: files that it rests on.
        reasons: why it is invalid or not measured, or what is missing to decide.
        standing: None where the order of plan and evidence does not matter: counts are exact.
        seconds: that the evidence took to measure.
        footnote: what the method says of itself.
        test: by which it was judged.
        at_share: the verdict at a share of alpha; None where no share decides, or it is exact.
    """

    case: Case
    verdict: Answer
    found: Measured | None = None
    place: str = ""
    evidence: tuple[Path, ...] = ()
    reasons: tuple[str, ...] = ()
    standing: Standing | None = None
    seconds: float | None = None
    footnote: str | None = None
    test: str = ""
    at_share: Callable[[float], Verdict] | None = field(default=None, compare=False, repr=False)

    @property
    def where(self) -> str:
        """Conditions and machine, or the axes' values where nothing was measured."""
        axes = (str(value) for axis, value in self.case.cell.items() if axis != "compile")
        return self.place or ", ".join(axes)


@dataclass(frozen=True)
class ClaimVerdict:
    """What a claim comes to in all its cells.

    Attributes:
        claim: that is judged.
        cells: each with its verdict; one for each member too, of a claim that names several.
        family: what the claim's verdict owes to the suite's other claims; empty without others.
    """

    claim: Claim
    cells: tuple[CellVerdict, ...]
    family: str = ""

    @property
    def verdict(self) -> Answer:
        """That of all cells: an intersection-union test."""
        return combined([cell.verdict for cell in self.cells])

    @property
    def deciding(self) -> CellVerdict:
        """The cell that decides: the first with the verdict of all, of the largest change."""
        alike = [cell for cell in self.cells if cell.verdict is self.verdict]
        return max(alike, key=_distance)


def combined(answers: Sequence[Answer]) -> Answer:
    """Return the verdict "in every cell"; a cell without evidence leaves the whole unmeasured.

    Unless another one is refuted or invalid already.
    """
    known = [Verdict(answer.value) for answer in answers if answer is not Answer.unmeasured]
    worst = Answer(in_all_cells(known).value) if known else Answer.unmeasured
    unsettled = worst in {Answer.supported, Answer.inconclusive}
    return Answer.unmeasured if Answer.unmeasured in answers and unsettled else worst


def claims_of(plan: Registration) -> tuple[list[Claim], list[str]]:
    """Return the claims of a plan, and why others cannot be read: another version wrote them."""
    claims: list[Claim] = []
    faults: list[str] = []
    for content in plan.claims:
        try:
            claims.append(Claim.model_validate(content))
        except ValidationError as error:
            faults.append(f"claim {content.get('id')}: {error.errors()[0]['msg']}")
    return claims, faults


def against(campaign: Campaign, plan: Registration, claim: Claim) -> str:
    """Return the label that a registered claim compares with.

    A plan does not name the suite's own baseline: evidence does.
    """
    given = claim.against or plan.overhead.get("baseline")
    if given:
        return str(given)
    for comparison in campaign.comparisons:
        return comparison.header.baseline
    for found in campaign.trials.records.values():
        return found.baseline
    return default_baseline([label for cell in plan.cells for label in cell["methods"]])


def _distance(cell: CellVerdict) -> float:
    """Return how far a cell lies on the wrong side; larger is worse."""
    if cell.found is None:
        return 0.0
    costs = cell.case.claim.bound == "at_most"
    value = cell.found.high if costs else -cell.found.low
    return value if value == value else float("inf")
