"""What must be true of `overhead` and `claims` within their suite: labels, metrics, cells."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from raskd_bench.errors import did_you_mean
from raskd_bench.spec.amount import Amount
from raskd_bench.spec.grid import as_list, axis_values, cell_names, cells, check_choice, listing
from raskd_bench.spec.metrics import METRICS, MODAL, PAIRED
from raskd_bench.spec.overhead import Overhead
from raskd_bench.spec.suite import Suite, default_baseline, excluded
from raskd_bench.spec.words import shown
from raskd_bench.spec.yaml import Document, Path_, dotted

FEWEST_SEEDS = 2  # an interval needs a spread


@dataclass(frozen=True)
class _Offer:
    """What a suite has for claims to be about, as far as it could be read.

    Attributes:
        labels: of its methods.
        baseline: of the campaign; None if a wrong one is given.
        timed: labels that the campaign compares with it; None if they cannot be known.
        modes: of the campaign.
        campaign: whether there is one.
        seeds: how many.
    """

    labels: list[str]
    baseline: str | None
    timed: list[str] | None
    modes: list[Any]
    campaign: bool
    seeds: int


def check_comparisons(document: Document, labels: list[str]) -> None:
    """Note the faults of `overhead`, `claims` and the absence of seeds.

    Args:
        document: a mapping; what its model refused is passed over.
        labels: of the suite's methods.
    """
    raw = document.data
    if "overhead" in raw and raw["overhead"] is None:
        text = "must be a mapping; found null; write overhead: {} for the defaults"
        document.refuse(("overhead",), text, at_key=True)
    if raw.get("seeds") == [] and "overhead" not in raw:
        text = "must not be empty unless there is 'overhead:'; e.g. seeds: [0, 1, 2]"
        document.refuse(("seeds",), text)
    if not labels:
        return
    offer = _offer(raw, labels)
    if isinstance(raw.get("overhead"), dict):
        _check_overhead(document, offer)
    claims = raw.get("claims")
    if isinstance(claims, list) and claims:
        _check_claims(document, claims, offer)


def _offer(raw: dict[str, Any], labels: list[str]) -> _Offer:
    own = raw.get("overhead")
    campaign = own if isinstance(own, dict) else {}
    given = [name for name in (campaign.get("baseline"), raw.get("baseline")) if name is not None]
    baseline = given[0] if given else default_baseline(labels)
    baseline = baseline if baseline in labels else None
    timed = campaign.get("methods")
    if timed is None and baseline is not None:
        timed = [label for label in labels if label != baseline]
    seeds = raw.get("seeds")
    return _Offer(
        labels,
        baseline,
        timed if isinstance(timed, list) else None,
        as_list(campaign.get("modes", Overhead.model_fields["modes"].default)),
        campaign="overhead" in raw,
        seeds=len(seeds) if isinstance(seeds, list) else FEWEST_SEEDS,
    )


def _check_overhead(document: Document, offer: _Offer) -> None:
    own = document.data["overhead"]
    _check_label(document, ("overhead", "baseline"), own.get("baseline"), offer.labels)
    for key in ("methods", "modes", "spikes"):
        _check_repeats(document, ("overhead", key), own.get(key))
    for index, label in enumerate(as_list(own.get("methods"))):
        path: Path_ = ("overhead", "methods", index)
        _check_label(document, path, label, offer.labels)
        if label is not None and label == offer.baseline:
            document.fault(
                path, f"{label} is the baseline that others are compared with; remove it"
            )
    if not own.get("methods") and len(offer.labels) == 1:
        text = f"nothing to compare: {offer.labels[0]} is the only method; add one"
        document.fault(("overhead",), text, at_key=True)


def _check_label(document: Document, path: Path_, label: Any, labels: list[str]) -> None:
    if isinstance(label, str) and label not in labels:
        text = f"no method of this suite is called {shown(label)}"
        document.fault(path, text + (did_you_mean(label, labels) or listing(labels)))


def _check_repeats(document: Document, path: Path_, values: Any) -> None:
    """The items of a list differ; 1% and 1.0 % do not."""
    first: dict[Any, Path_] = {}
    for index, value in enumerate(values if isinstance(values, list) else ()):
        here = (*path, index)
        if document.is_refused(here) or not isinstance(value, str):
            continue
        same = Amount.parse(value).value if path[-1] == "spikes" else value
        earlier = first.setdefault(same, here)
        if earlier != here:
            document.fault(here, f"{value} is already {dotted(earlier)}; remove one")


def _check_claims(document: Document, claims: list[Any], offer: _Offer) -> None:
    if len(offer.labels) == 1:
        text = f"nothing to compare: {offer.labels[0]} is the only method; add one"
        document.refuse(("claims",), text, at_key=True)
        return
    axes, first = axis_values(document), dict[str, Path_]()
    for index, claim in enumerate(claims):
        if not isinstance(claim, dict):
            continue
        path, name = ("claims", index), claim.get("id")
        earlier = first.setdefault(name, path) if isinstance(name, str) else path
        if earlier != path:
            text = f"{shown(name)} is already the id of {dotted(earlier)}; write another"
            document.fault((*path, "id"), text)
        _check_sides(document, path, claim, offer)
        _check_members(document, path, claim, offer)
        for key, problem in _unmeasured(claim, offer):
            document.fault((*path, key), problem)
        _check_where(document, (*path, "where"), claim.get("where"), axes)


def _check_sides(document: Document, path: Path_, claim: dict[str, Any], offer: _Offer) -> None:
    """A claim's method, and the one it is compared with, are two methods of the suite."""
    for key in ("method", "against"):
        _check_label(document, (*path, key), claim.get(key), offer.labels)
    method, against = claim.get("method"), claim.get("against")
    if claim.get("better_than") is not None and not against:
        return
    if isinstance(method, str) and method == (against or offer.baseline):
        key = "against" if against else "method"
        hint = "another label" if against else "another label, or 'against'"
        what = "the method itself" if against else "the baseline itself"
        document.fault((*path, key), f"{method} is {what}; write {hint}")


def _check_members(document: Document, path: Path_, claim: dict[str, Any], offer: _Offer) -> None:
    """The methods that a claim's is better than are others of the suite, each named once."""
    members = claim.get("better_than")
    _check_repeats(document, (*path, "better_than"), members)
    for index, label in enumerate(members if isinstance(members, list) else ()):
        here: Path_ = (*path, "better_than", index)
        _check_label(document, here, label, offer.labels)
        if label is not None and label == claim.get("method"):
            document.fault(here, f"{label} is the method itself; remove it")


def _unmeasured(claim: dict[str, Any], offer: _Offer) -> Iterator[tuple[str, str]]:
    """Yield the key, and the reason, of what a claim needs and the suite does not measure."""
    name = claim.get("metric")
    metric = METRICS.get(name) if isinstance(name, str) else None
    if metric is None:
        return
    if metric.kind == "accuracy" and offer.seeds < FEWEST_SEEDS:
        has = f"has {offer.seeds}" if offer.seeds else "has none"
        yield "metric", f"{name} needs at least {FEWEST_SEEDS} seeds, this suite {has}; add seeds"
    if metric.kind in PAIRED and not offer.campaign:
        text = f"{name} is measured by a campaign, this suite has none; add 'overhead: {{}}'"
        yield "metric", text
    elif metric.kind in PAIRED:
        yield from _outside_campaign(claim, metric.kind in MODAL, offer)


def _outside_campaign(
    claim: dict[str, Any], modal: bool, offer: _Offer
) -> Iterator[tuple[str, str]]:
    """Yield the parts of a claim that the suite's campaign leaves out."""
    method, against, mode = claim.get("method"), claim.get("against"), claim.get("mode")
    if against in offer.labels and offer.baseline and against not in (offer.baseline, method):
        known = f"{claim['metric']} is measured against {offer.baseline}, the baseline of overhead"
        yield "against", f"{known}; found {shown(against)}; remove it"
    timed = offer.timed is None or method in offer.timed
    if method in offer.labels and method != offer.baseline and not timed:
        yield "method", f"{method} is not among overhead.methods; add it there"
    settled = mode or "compute"
    if modal and settled in ("compute", "end_to_end") and settled not in offer.modes:
        only = next((other for other in offer.modes if isinstance(other, str)), "compute")
        default = "" if mode else ", the default,"
        yield "mode", f"{settled}{default} is not among overhead.modes; write mode: {only}"


def _check_where(document: Document, path: Path_, where: Any, axes: dict[str, list[Any]]) -> None:
    if where == {}:
        document.fault(path, "is empty and restricts nothing; remove it")
    elif isinstance(where, dict):
        check_choice(document, path, where, axes)


def check_pairs_left(document: Document, suite: Suite) -> None:
    """Note what has no cell in which both of its methods are run.

    Args:
        document: without faults so far.
        suite: made from it.
    """
    grid = [cell_names(cell) for cell in cells(suite)]
    base = suite.overhead_baseline
    for index, label in enumerate(suite.overhead_methods):
        if not _meet(suite, grid, label, base):
            text = f"nothing to compare: no cell has both {label} and {base}; change exclude"
            listed = suite.overhead is not None and suite.overhead.methods is not None
            path: Path_ = ("overhead", "methods", index) if listed else ("overhead",)
            document.fault(path, text, at_key=not listed)
    for index, claim in enumerate(suite.claims):
        own = [names for names in grid if claim.where is None or excluded([claim.where], names)]
        for other in claim.better_than or [suite.against(claim)]:
            if not _meet(suite, own, claim.method, other):
                key = "where" if claim.where else "method"
                text = f"nothing to compare: no cell has both {claim.method} and {other}"
                document.fault(("claims", index, key), f"{text}; change {key} or exclude")


def _meet(suite: Suite, grid: list[dict[str, Any]], *labels: str) -> bool:
    """Whether all of `labels` are run in some cell."""
    return any(
        not any(excluded(suite.exclude, names | {"method": label}) for label in labels)
        for names in grid
    )
