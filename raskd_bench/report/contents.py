"""What a report is made of, before it is written in any form."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from raskd_bench.report.campaigns import Campaign
from raskd_bench.report.claims import findings_of, judged_claims
from raskd_bench.report.findings import Finding
from raskd_bench.report.overhead_tables import OverheadTable, campaign_notes, overhead_tables
from raskd_bench.report.tables import Table
from raskd_bench.report.verdicts import ClaimVerdict


@dataclass(frozen=True)
class Contents:
    """What a report is made of.

    Attributes:
        trials: tables of Records.
        campaigns: beside them, or elsewhere.
    """

    trials: Sequence[Table]
    campaigns: Sequence[Campaign]

    @cached_property
    def overheads(self) -> list[OverheadTable]:
        """The tables of the campaigns."""
        return overhead_tables(self.campaigns)

    @cached_property
    def claims(self) -> list[Finding]:
        """The claims of the campaigns' latest plans."""
        return [finding for campaign in self.campaigns for finding in findings_of(campaign)]

    @cached_property
    def verdicts(self) -> list[tuple[Campaign, ClaimVerdict]]:
        """The same claims as they were judged, without plans that cannot be read."""
        return [(campaign, verdict) for campaign in self.campaigns
                for verdict in judged_claims(campaign)]  # fmt: skip

    @property
    def notes(self) -> list[str]:
        """What could not be read."""
        return [note for campaign in self.campaigns for note in campaign_notes(campaign)]
