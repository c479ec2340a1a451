"""Confirmatory or exploratory: was the claim written down before the first sample?"""

from typing import Any

from raskd_bench.evidence.blocks import Comparison
from raskd_bench.evidence.registration import Registration, deviations
from raskd_bench.report.campaigns import Campaign
from raskd_bench.report.verdicts import Case, Standing, against, claims_of
from raskd_bench.spec.claims import Claim


def of_comparison(case: Case, comparison: Comparison) -> Standing:
    """Return the standing of a claim that rests on a comparison."""
    header = comparison.header
    plan = case.campaign.plan(header.plan)
    if plan is None:
        return Standing(False, (f"the plan {header.plan} of the data is not there any more",))
    if plan.registered > header.started:
        text = f"plan {plan.plan} was registered at {plan.registered}, after the first sample"
        return Standing(False, (f"{text} ({header.started})",))
    if _registers(plan, case):
        return Standing(True, (_before(plan), *_of_the_campaign(plan, case.plan)))
    return Standing(False, (f"plan {plan.plan} of the data does not have this claim",
                            *deviations(plan, case.plan)))  # fmt: skip


def of_records(case: Case, started: list[str]) -> Standing:
    """Return the standing of a claim that rests on trials, given when they started."""
    plans = [plan for plan in case.campaign.plans if _registers(plan, case)]
    first = plans[0]  # the current plan has the claim, so there is one
    if first.registered <= min(started):
        changed = _of_the_trials(first, case.plan)
        return Standing(not changed, (_before(first), *(f"changed since: {c}" for c in changed)))
    early = [plan for plan in case.campaign.plans if plan.registered <= min(started)]
    lines = [f"the claim was registered at {first.registered}, after the first trial's start "
             f"({min(started)})"]  # fmt: skip
    if early:
        lines += deviations(early[-1], case.plan)
    return Standing(False, tuple(lines))


def of_timing(comparison: Comparison, campaign: Campaign) -> bool:
    """Whether the suite's own margin for a comparison was registered before its first sample."""
    plan, latest = campaign.plan(comparison.header.plan), campaign.latest
    if plan is None or latest is None or plan.registered > comparison.header.started:
        return False
    return plan.overhead.get("margin") == latest.overhead.get("margin")


def _before(plan: Registration) -> str:
    return f"plan {plan.plan} was registered at {plan.registered}, before the first sample"


def _of_the_campaign(plan: Registration, latest: Registration) -> list[str]:
    """Return what was changed later of how the campaign decides."""
    return [f"changed since: {line}" for line in deviations(plan, latest)
            if line.startswith(("overhead.", "cells"))]  # fmt: skip


def _of_the_trials(plan: Registration, latest: Registration) -> list[str]:
    """Return what was changed later of what trials are, or of how they decide: more seeds, say."""
    own = ("overhead.alpha", "seeds", "cells")
    return [line for line in deviations(plan, latest) if line.startswith(own)]


def _registers(plan: Registration, case: Case) -> bool:
    """Whether a plan has the same claim, under whatever id."""
    wanted = _essence(case, case.plan, case.claim)
    claims, _ = claims_of(plan)
    return any(_essence(case, plan, claim) == wanted for claim in claims)


def _essence(case: Case, plan: Registration, claim: Claim) -> tuple[Any, ...]:
    """Return what decides a claim: not its id, nor its words."""
    return (
        claim.method, claim.metric, claim.settled_mode, claim.bound, claim.amount.value,
        claim.amount.unit, against(case.campaign, plan, claim), claim.where,
    )  # fmt: skip
