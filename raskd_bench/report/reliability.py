"""Accuracy against confidence, the seeds of a method pooled image by image."""

from collections.abc import Sequence
from dataclasses import dataclass

from raskd_bench.record_fields import ReliabilityBin
from raskd_bench.report.chance import chance_of
from raskd_bench.report.spreads import spread
from raskd_bench.report.tables import Row, Table

NO_BINS = (
    "no reliability diagram of {methods}: Records of before schema 2 hold the calibration error "
    "(15 bins), not the bins it is made of"
)


@dataclass(frozen=True)
class PooledBin:
    """The test images of all seeds whose confidence lies in one bin; all but `count` in percent.

    Attributes:
        low: bound of the bin, outside it.
        high: bound of the bin, in it.
        count: images.
        share: of all images.
        confidence: mean; None in an empty bin.
        accuracy: likewise.
    """

    low: float
    high: float
    count: int
    share: float
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Reliability:
    """How often a method is right, by how sure it is.

    Attributes:
        label: of its row.
        index: of its row, for its colour.
        baseline: whether ratios refer to it.
        seeds: that have bins.
        ece: calibration error in percent, mean over seeds and interval, as tables print it.
        bins: the lowest first.
    """

    label: str
    index: int
    baseline: bool
    seeds: int
    ece: str
    bins: tuple[PooledBin, ...]

    @property
    def points(self) -> list[tuple[float, float, PooledBin]]:
        """Confidence and accuracy of each bin that is not empty."""
        return [(found.confidence, found.accuracy, found) for found in self.bins
                if found.confidence is not None and found.accuracy is not None]  # fmt: skip

    @property
    def edges(self) -> list[float]:
        """Where bins begin, and where the last one ends."""
        return [*(found.low for found in self.bins), self.bins[-1].high]


def reliabilities(table: Table) -> tuple[Reliability, ...]:
    """Return the pooled bins of each method whose Records hold some."""
    made = []
    for index, row in enumerate(table.rows):
        if seeds := _bins_of(row):
            ece = spread(chance_of(row, "test_ece"), 100)
            made.append(Reliability(row.shown, index, row is table.baseline, len(seeds), ece,
                                    _pooled(seeds)))  # fmt: skip
    return tuple(made)


def without_bins(table: Table) -> str | None:
    """Return a line on the methods that finished and whose Records hold no bins; None without."""
    bare = [row.shown for row in table.rows if row.done and not _bins_of(row)]
    if not bare:
        return None
    all_of_them = len(bare) == sum(1 for row in table.rows if row.done)
    methods = "these methods" if all_of_them and len(bare) > 1 else ", ".join(bare)
    return NO_BINS.format(methods=methods)


def _bins_of(row: Row) -> list[list[ReliabilityBin]]:
    """Return the bins of each seed that has any: as many as the first one, or they do not add."""
    held = [result.test_reliability for result in row.done if result.test_reliability]
    seeds = [bins for bins in held if any(one.count for one in bins)]
    return [bins for bins in seeds if len(bins) == len(seeds[0])]


def _pooled(seeds: Sequence[Sequence[ReliabilityBin]]) -> tuple[PooledBin, ...]:
    images = sum(one.count for bins in seeds for one in bins)
    width = 100 / len(seeds[0])
    return tuple(_one(k * width, width, images, bins)
                 for k, bins in enumerate(zip(*seeds, strict=True)))  # fmt: skip


def _one(low: float, width: float, images: int, bins: Sequence[ReliabilityBin]) -> PooledBin:
    count = sum(one.count for one in bins)
    said = sum(one.count * one.confidence for one in bins if one.confidence is not None)
    right = sum(one.count * one.accuracy for one in bins if one.accuracy is not None)
    means = (100 * said / count, 100 * right / count) if count else (None, None)
    return PooledBin(low, low + width, count, 100 * count / images, *means)
