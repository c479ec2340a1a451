"""Claim: a sentence about a method, with the bound that decides whether it holds."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from raskd_bench.errors import did_you_mean
from raskd_bench.spec.amount import Amount, unit_fault
from raskd_bench.spec.metrics import METRICS, MODAL, STOCHASTIC, Metric
from raskd_bench.spec.overhead import UNIQUE, Mode
from raskd_bench.spec.trial import Strict, misfit
from raskd_bench.spec.words import shown

Bound = Literal["at_most", "no_worse_by", "better_by", "better_than"]
BOUNDS: tuple[Bound, ...] = ("at_most", "no_worse_by", "better_by", "better_than")
OF_ACCURACY: tuple[Bound, ...] = ("no_worse_by", "better_by", "better_than")
SLUG = "[A-Za-z0-9][A-Za-z0-9_-]*"


def _slug(name: str) -> str:
    if not re.fullmatch(SLUG, name):
        rule = "letters, digits, '-' and '_', a letter or digit first"
        raise misfit(f"must be {rule}; found {shown(name)}")
    return name


def _metric(name: str) -> str:
    if name not in METRICS:
        hint = did_you_mean(name, METRICS) or f"; there are {', '.join(METRICS)}"
        raise misfit(f"no metric is called {shown(name)}{hint}")
    return name


Slug = Annotated[
    str,
    Field(max_length=60),
    AfterValidator(_slug),
    WithJsonSchema({"type": "string", "pattern": f"^{SLUG}$", "maxLength": 60}),
]
MetricName = Annotated[
    str, AfterValidator(_metric), WithJsonSchema({"type": "string", "enum": list(METRICS)})
]


class Claim(Strict):
    """A sentence about a method's cost or accuracy, decided from what was measured.

    It has exactly one bound: `at_most` for a cost; `no_worse_by`, `better_by` or `better_than` for
    an accuracy.
    """

    id: Slug = Field(description="Short name, unique in the suite.", examples=["time"])
    say: Annotated[str, Field(min_length=1, max_length=300)] = Field(
        description="The sentence that is claimed.", examples=["RAS-KD adds no relevant time"]
    )
    method: str = Field(description="Label of the method it is about.", examples=["ras_kd"])
    metric: MetricName = Field(description="What is compared.", examples=["step_time"])
    mode: Mode | None = Field(
        default=None, description="Of step_time and energy only; default: compute."
    )
    against: str | None = Field(
        default=None, description="Label it is compared with; default: the baseline."
    )
    at_most: Amount | None = Field(
        default=None,
        description="Cost above the baseline's, e.g. +2%; of a count also a whole number.",
    )
    no_worse_by: Amount | None = Field(
        default=None, description="Accuracy that may be lost, e.g. 0.5pp; of test_nll a number."
    )
    better_by: Amount | None = Field(
        default=None, description="Accuracy that must be gained, e.g. 0.3pp; 0pp: better at all."
    )
    better_than: Annotated[list[str], Field(min_length=1, json_schema_extra=UNIQUE)] | None = Field(
        default=None, description="Labels of which each must be outperformed, whatever the gain.",
        examples=[["byot", "cs_kd"]],
    )  # fmt: skip
    where: dict[str, Any] | None = Field(
        default=None,
        description="Cells that it is about, by the values of axes; default: all cells.",
        examples=[{"student": "resnet8"}],
    )

    @model_validator(mode="after")
    def _bound_fits_the_metric(self) -> "Claim":
        metric = METRICS[self.metric]
        if self.mode is not None and metric.kind not in MODAL:
            text = f"is for step_time and energy; {self.metric} has no modes; remove it"
            raise misfit(text, at="mode")
        self._check_one_bound(metric)
        if self.better_than is not None and self.against is not None:
            raise misfit("better_than names the other side; remove it", at="against")
        problem = _amount_fault(self.bound, self.amount, metric)
        if problem:
            raise misfit(problem, at=self.bound)
        return self

    def _check_one_bound(self, metric: Metric) -> None:
        given = [bound for bound in BOUNDS if getattr(self, bound) is not None]
        fitting = OF_ACCURACY if metric.kind == "accuracy" else ("at_most",)
        noun = "an accuracy" if metric.kind == "accuracy" else "a cost"
        instead = " or ".join(filter(None, (", ".join(fitting[:-1]), fitting[-1])))
        if not given:
            raise misfit(f"is required: {self.metric} is {noun}; write {instead}", at=fitting[0])
        for bound in given:
            if bound not in fitting:
                text = f"does not fit: {self.metric} is {noun}; write {instead}"
                raise misfit(text if len(given) == 1 else f"{text} alone", at=bound)
        if len(given) > 1:
            raise misfit(f"{given[0]} is given too; keep one of them", at=given[1])

    @property
    def bound(self) -> Bound:
        """The key that says what must hold."""
        return next(bound for bound in BOUNDS if getattr(self, bound) is not None)

    @property
    def amount(self) -> Amount:
        """The value of the bound; of better_than that any gain is one."""
        if self.better_than is not None:
            return Amount.parse("0pp" if METRICS[self.metric].unit == "pp" else 0)
        amount: Amount = getattr(self, self.bound)
        return amount

    @property
    def settled_mode(self) -> Mode | None:
        """The mode that decides it, default filled in; None for a metric without modes."""
        return (self.mode or "compute") if METRICS[self.metric].kind in MODAL else None


def family_size(claims: Iterable[Claim]) -> int:
    """Return how many of a suite's claims are on what scatters, and are decided as one family."""
    return sum(METRICS[claim.metric].kind in STOCHASTIC for claim in claims)


def _amount_fault(bound: Bound, amount: Amount, metric: Metric) -> str | None:
    """Return what is wrong with a bound's unit or sign, or None."""
    problem = _unit_fault(amount, metric)
    zero_fits = (
        bound in ("better_by", "better_than") or metric.kind == "count"
    )  # a count may be exactly equal
    if problem is None and (amount.value < 0 or (amount.value == 0 and not zero_fits)):
        rule = "must be 0 or more" if zero_fits else "must be above 0"
        problem = f"{rule}; found {shown(amount.text)}"
    return problem


def _unit_fault(amount: Amount, metric: Metric) -> str | None:
    if metric.kind == "accuracy" and metric.unit == "":
        text = f"must be a number without unit, e.g. 0.01; found {shown(amount.text)}"
        return text if amount.unit else None
    if metric.kind == "count" and amount.unit == "" and amount.value.is_integer():
        return None
    return unit_fault(amount, "pp" if metric.kind == "accuracy" else "%")
