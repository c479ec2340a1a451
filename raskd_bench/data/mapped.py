"""Decoded images in a file that is mapped into memory."""

import mmap
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from raskd_bench.data.splits import Labels, Pixels, Source, Subset

Shape = tuple[int, int, int, int]  # N, height, width, channels


class MappedSource:
    """Decoded images in a file that is mapped into memory.

    Args:
        path: of the pixels, in order, without a header.
        shape: N, height, width, channels.
    """

    def __init__(self, path: Path, shape: Shape) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._pixels = np.frombuffer(self._map, np.uint8).reshape(shape)
        _, self.height, self.width, self.channels = shape

    def __len__(self) -> int:
        return len(self._pixels)

    def read(self, indices: Sequence[int] | Labels) -> Pixels:
        pixels: Pixels = self._pixels[np.asarray(indices, dtype=np.int64)]
        if hasattr(mmap, "MADV_DONTNEED"):
            # the file stays in the system's cache, but what was seen of it does not add up in the
            # process's resident set, which is a trial's measured memory
            self._map.madvise(mmap.MADV_DONTNEED)
        return pixels


def is_mapped(source: Source) -> bool:
    """Whether reading a source is no more than a copy from a mapped file."""
    while isinstance(source, Subset):
        source = source.source
    return isinstance(source, MappedSource)
