"""Which data these are: a digest over names, labels and content, and what the content tells."""

import hashlib
import os
from collections.abc import Iterable

import numpy as np

from raskd_bench.data.content import CRC, SIZE, Rows
from raskd_bench.data.decoding import ImageFiles
from raskd_bench.data.splits import ArraySource, DecodingSource, Source, Split, Splits, Subset

PIECE = 4096  # images of a source hashed at once
DIGEST_BYTES = 16


def digest_of(splits: Splits) -> tuple[str, str | None]:
    """Return a digest of a data set, before anything is held out of it, and what it covers.

    It is equal where names, labels, order and content of all images are, wherever they lie, in a
    folder or a zip, whatever their size after decoding, which a suite gives. The second value is
    None where it covers all of the content.

    Raises:
        DataError: files cannot be read.
    """
    found = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in (splits.train, splits.test):
        found.update(part.digest().encode())
        for piece in _content(part.source):
            found.update(piece)
    source = splits.train.source
    basis = source.content.basis if isinstance(source, ImageFiles) else None
    return found.hexdigest(), basis


def pictures_of(split: Split) -> Rows | None:
    """Return what is known of the files of a split's pictures: [N, 6]; None if there are none."""
    return split.source.pictures() if isinstance(split.source, ImageFiles) else None


def equal_pictures(train: Split, test: Split) -> int:
    """Return how many test pictures are also in the training split, byte by byte.

    Files count as equal if their sizes and checksums are.
    """
    seen = set(_marks(train))
    return sum(mark in seen for mark in _marks(test))


def _marks(split: Split) -> Iterable[object]:
    rows = pictures_of(split)
    if rows is not None:
        return map(tuple, rows[:, [SIZE, CRC]].tolist())
    if isinstance(split.source, ArraySource | Subset):
        order = np.arange(len(split))
        pieces = (split.source.read(order[i : i + PIECE]) for i in range(0, len(order), PIECE))
        # of the process alone: a hash of 64 bits, without keeping the pixels
        return (hash(image.tobytes()) for piece in pieces for image in piece)
    return ()


def _content(source: Source) -> Iterable[bytes]:
    if isinstance(source, ImageFiles):
        yield source.decoder().encode()
        yield source.pictures()[:, [SIZE, CRC]].astype("<i8").tobytes()
    elif isinstance(source, DecodingSource):
        yield from (b"\0" + os.fsencode(text) for text in source.identity())
    else:
        yield f"{source.height}x{source.width}x{source.channels}".encode()
        order = np.arange(len(source))
        for start in range(0, len(order), PIECE):
            yield np.ascontiguousarray(source.read(order[start : start + PIECE])).tobytes()
