"""Overhead: what a campaign of paired measurements compares, and when it may stop."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from raskd_bench.spec.amount import Relative
from raskd_bench.spec.trial import Count, Positive, Strict, misfit
from raskd_bench.spec.words import flow

Mode = Literal["compute", "end_to_end"]
UNIQUE = {"uniqueItems": True}
QUICK = [1]  # one restart: the interval is over its blocks


def _in_order(looks: list[int]) -> list[int]:
    if looks == QUICK:
        return looks
    if looks[0] < 2:
        rule = "must start at 2 or more, as an interval needs two restarts"
        raise misfit(f"{rule}, or be [1] for a quick look; found {flow(looks)}")
    if looks != sorted(set(looks)):
        raise misfit(f"must increase; found {flow(looks)}; write {flow(sorted(set(looks)))}")
    return looks


class Overhead(Strict):
    """Steps of each method are timed against the baseline's, in randomised pairs of blocks.

    It is declared before the first sample: a report is confirmatory only then.
    """

    baseline: str | None = Field(
        default=None, description="Label that methods are compared with; default: the suite's."
    )
    methods: Annotated[list[str], Field(min_length=1, json_schema_extra=UNIQUE)] | None = Field(
        default=None, description="Labels that are timed; default: all but the baseline.",
        examples=[["ras_kd"]],
    )  # fmt: skip
    modes: Annotated[list[Mode], Field(min_length=1, json_schema_extra=UNIQUE)] = Field(
        default=["compute", "end_to_end"],
        description="compute: batches lie on the device; end_to_end: the real loader.",
        examples=[["compute", "end_to_end"]],
    )
    margin: Relative = Field(
        default=0.02, description="Largest overhead that counts as none, e.g. 2%."
    )
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.05, description="Risk of calling a larger overhead none."
    )
    power: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.9, description="Chance to be shown for a method without overhead."
    )
    looks: Annotated[list[Count], Field(min_length=1), AfterValidator(_in_order)] = Field(
        default=[3, 5, 8],
        description="Restarts after which the evidence is looked at; [1]: one quick restart.",
        examples=[[3, 5, 8]],
    )
    pairs: Count | None = Field(
        default=None, description="Pairs of blocks in a restart; default: what max_seconds allow."
    )
    max_seconds: Positive = Field(
        default=120.0,
        description="Time for one comparison, start-up included: a method, a cell and a mode.",
    )
    total_seconds: Positive | None = Field(
        default=None, description="Time for all comparisons of a run, controls included; default: "
        "max_seconds for each.", examples=[600],
    )  # fmt: skip
    spikes: Annotated[list[Relative], Field(json_schema_extra=UNIQUE)] = Field(
        default=[0.01, 0.02, 0.05],
        description="Extra work whose size must be found, as a control; may be empty.",
        examples=[["1%", "2%", "5%"]],
    )
    in_process: bool = Field(
        default=False, description="Both arms in one process, where two do not fit."
    )

    def registered(self) -> dict[str, Any]:
        """Return what a plan registers: a key that came later is left out where it is not used."""
        content = self.model_dump(mode="json")
        if self.total_seconds is None:
            del content["total_seconds"]
        return content
