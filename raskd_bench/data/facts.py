"""What a data set is, as a Record says it."""

import numpy as np

from raskd_bench.data.splits import Split, Splits
from raskd_bench.record_fields import DataFacts


def facts_of(splits: Splits, held: Split | None) -> DataFacts:
    """Return what a Record says of a data set.

    Args:
        splits: as they are trained and tested on.
        held: what was held out of the training split for validation.
    """
    source = splits.train.source
    return DataFacts(
        train=len(splits.train),
        val=None if held is None else len(held),
        test=len(splits.test),
        classes=len(splits.classes),
        height=source.height,
        width=source.width,
        largest_class=float(np.bincount(splits.test.labels).max() / len(splits.test)),
    )
