"""Finding: one answer of `check`, from a claim or from the gate, however it is written out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What a verdict means for a build, the worst first."""

    red = "red"  # refuted, or not as accepted
    invalid = "invalid"  # the evidence cannot be used
    unmeasured = "not measured"
    undecided = "inconclusive"
    green = "green"


OUTCOMES: Mapping[str, Outcome] = {
    "supported": Outcome.green,
    "unchanged": Outcome.green,
    "refuted": Outcome.red,
    "regressed": Outcome.red,
    "changed": Outcome.red,  # not larger in any quantity, but another step than the accepted one
    "new": Outcome.red,  # nobody has accepted it yet
    "vanished": Outcome.red,
    "faster-than-margin": Outcome.invalid,  # the two steps probably do not do the same work
    "invalid": Outcome.invalid,
    "not measured": Outcome.unmeasured,
    "inconclusive": Outcome.undecided,
}


@dataclass(frozen=True)
class Finding:
    """One answer.

    Attributes:
        name: of the claim, or title of the row.
        verdict: a key of OUTCOMES.
        sentence: what was found, in one line.
        detail: lines below it.
        seconds: how long it took to measure.
        remedy: what to do about it.
    """

    name: str
    verdict: str
    sentence: str
    detail: list[str] = field(default_factory=list)
    seconds: float | None = None
    remedy: str = ""

    @property
    def outcome(self) -> Outcome:
        return OUTCOMES[self.verdict]

    @property
    def green(self) -> bool:
        return self.outcome is Outcome.green


Sections = Mapping[str, Sequence[Finding]]  # "claims" and "gate"


def worst(findings: Iterable[Finding]) -> Outcome:
    """Return the worst outcome; of no finding at all, that nothing was measured."""
    found = {finding.outcome for finding in findings}
    return next((outcome for outcome in Outcome if outcome in found), Outcome.unmeasured)


def told(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings worth a line of their own: all but the rows that are as accepted."""
    return [finding for finding in findings if finding.verdict != "unchanged"]


def tally(findings: Sequence[Finding]) -> str:
    """Return `23 unchanged, 1 regressed`."""
    counts = dict.fromkeys(OUTCOMES, 0)
    for finding in findings:
        counts[finding.verdict] += 1
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def remedies(findings: Iterable[Finding]) -> list[str]:
    """Return what to do, each thing once."""
    return list(dict.fromkeys(finding.remedy for finding in findings if finding.remedy))
