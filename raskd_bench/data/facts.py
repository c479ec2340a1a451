"""What a data set is, as a Record says it."""

from collections.abc import Iterator

import numpy as np

from raskd_bench.data.content import HEIGHT, RANGELESS, ROTATION, WIDTH
from raskd_bench.data.decoding import NO_RANGE, ImageFiles
from raskd_bench.data.identity import digest_of, equal_pictures, pictures_of
from raskd_bench.data.splits import Split, Splits
from raskd_bench.errors import DataError
from raskd_bench.record_fields import DataFacts


def facts_of(splits: Splits) -> DataFacts:
    """Return what a Record says of a data set, before anything is held out of it.

    Args:
        splits: as `load_splits` gives them: what the cache has decoded is not known by its files.

    Raises:
        DataError: a picture's numbers have no known range, or files cannot be read.
    """
    source = splits.train.source
    digest, basis = digest_of(splits)
    _check_ranges(splits)
    return DataFacts(
        digest=digest,
        basis=basis,
        train=len(splits.train),
        test=len(splits.test),
        classes=len(splits.classes),
        height=source.height,
        width=source.width,
        source_pixels=_source_pixels(splits),
        test_folder=splits.test_folder,
        largest_class=float(np.bincount(splits.test.labels).max() / len(splits.test)),
        notes=[*splits.notes, *_notes(splits)],
    )


def held_out(facts: DataFacts, splits: Splits, held: Split | None, batch_size: int) -> DataFacts:
    """Return the facts of a trial's data.

    Args:
        facts: of the data set.
        splits: without what was held out of the training split.
        held: that; None if nothing was.
        batch_size: of a training step.
    """
    train, notes = len(splits.train), [n for n in splits.notes if n not in facts.notes]
    if left := train % batch_size:
        notes.append(f"{left} of {train} training pictures are left out of each epoch, others each "
                     f"time: they fill no batch of {batch_size}")  # fmt: skip
    val = None if held is None else len(held)
    return facts.model_copy(update={"train": train, "val": val, "notes": [*facts.notes, *notes]})


def _notes(splits: Splits) -> Iterator[str]:
    if equal := equal_pictures(splits.train, splits.test):
        yield f"{equal} of {len(splits.test)} test pictures are in the training split, too"
    rows = [rows for part in (splits.train, splits.test) if (rows := pictures_of(part)) is not None]
    turned = sum(int((part[:, ROTATION] > 1).sum()) for part in rows)
    if turned:
        yield f"{turned} pictures carry an EXIF orientation, which is not applied"


def _source_pixels(splits: Splits) -> tuple[int, int] | None:
    """Return the shortest and longest sides of files' pictures, where some are resized."""
    rows = [rows for part in (splits.train, splits.test) if (rows := pictures_of(part)) is not None]
    if not rows:
        return None
    sides = np.concatenate(rows)[:, [WIDTH, HEIGHT]]
    source = splits.train.source
    if (sides == [source.width, source.height]).all():
        return None
    return int(sides.min()), int(sides.max())


def _check_ranges(splits: Splits) -> None:
    for part in (splits.train, splits.test):
        rows = pictures_of(part)
        if rows is not None and rows[:, RANGELESS].any():
            assert isinstance(part.source, ImageFiles)
            name = part.source.files[int(rows[:, RANGELESS].argmax())]
            reason = NO_RANGE.format("floating point, or 32 bits")
            raise DataError(f"{part.source.place}: {name}: {reason}")
