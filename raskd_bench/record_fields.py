"""The fields of a Record that are more than a number."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
"""An accuracy, an error, a probability."""
Amount = Annotated[float, Field(ge=0, le=1e300, allow_inf_nan=False)]  # sums are finite, too
"""Seconds, joules, epochs, a negative log-likelihood."""
Number = Annotated[int, Field(ge=0, lt=2**63)]
"""Of images, steps, bytes, FLOPs."""


class ReliabilityBin(BaseModel):
    """The images of a split whose confidence lies in one of some bins of equal width over (0, 1].

    Attributes:
        count: images in it.
        confidence: mean probability of the predicted class; None in an empty bin.
        accuracy: share of them whose label it is; None in an empty bin.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: Number
    confidence: Share | None
    accuracy: Share | None

    @model_validator(mode="after")
    def _empty_without_means(self) -> "ReliabilityBin":
        if {self.confidence is None, self.accuracy is None} != {self.count == 0}:
            raise ValueError("has both means, or is empty and has neither")
        return self


class Outcomes(BaseModel):
    """What became of each example of the test split at the last evaluation, in the split's order.

    Attributes:
        split: digest of the split's names and labels: outcomes pair only where it is equal.
        count: examples, N.
        hits: by the field that is their mean (`test_top1`), N bits: the first example's is the
            highest of the first byte; base64.
        scores: by the field that is their mean, N little-endian float16; base64.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    split: str
    count: Annotated[int, Field(gt=0, lt=2**31)]
    hits: dict[str, str] = {}
    scores: dict[str, str] = {}


class DataFacts(BaseModel):
    """Which examples a trial was trained and tested on.

    Attributes:
        digest: of names, labels and content; None where it was not recorded.
        basis: what the digest covers, where that is not all of the content.
        train: examples trained on.
        val: examples held out for validation; None without.
        test: examples tested on.
        classes: how many.
        height: of the pictures, in pixels, as trained on.
        width: likewise.
        source_pixels: shortest and longest side of the files' pictures; None if none is resized.
        test_folder: name of the folder that is tested on; None where there is none.
        largest_class: share of the test split's largest class, in (0, 1].
        notes: what a reader must know of them, a sentence each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str | None = None
    basis: str | None = None
    train: Number
    val: Number | None = None
    test: Number
    classes: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]
    width: Annotated[int, Field(ge=1)]
    source_pixels: tuple[int, int] | None = None
    test_folder: str | None = None
    largest_class: Annotated[float, Field(gt=0, le=1)]
    notes: list[str] = []

    @property
    def line(self) -> str:
        """The data in one line: `160 train / 40 test (folder val), 4 classes, 32x32, ...`."""
        val = f" / {self.val:,} val" if self.val is not None else ""
        folder = f" (folder {self.test_folder})" if self.test_folder not in {None, "test"} else ""
        low, high = self.source_pixels or (0, 0)
        pixels = f" from {low}-{high} px" if self.source_pixels else ""
        classes = f"{self.classes:,} class{'' if self.classes == 1 else 'es'}"
        return (f"{self.train:,} train{val} / {self.test:,} test{folder}, {classes}, "
                f"{self.width}x{self.height}{pixels}, largest class "
                f"{100 * self.largest_class:.2g} %")  # fmt: skip


class Disturbance(BaseModel):
    """What else the machine did while a trial was trained.

    Attributes:
        foreign_cores: cores that processes of others used, on average.
        stolen_cores: cores that the hypervisor gave to others, on average.
        reasons: what makes the trial's times unfit to compare, a phrase each; empty: nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    foreign_cores: Annotated[FiniteFloat, Field(ge=0)] | None = None
    stolen_cores: Annotated[FiniteFloat, Field(ge=0)] | None = None
    reasons: list[str] = []
