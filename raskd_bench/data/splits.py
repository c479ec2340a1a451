"""Splits of a data set: uint8 images with stable ids, and where they come from."""

import hashlib
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from raskd_bench.errors import DataError

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


class Source(Protocol):
    """Images that can be read by their position."""

    height: int
    width: int
    channels: int

    def __len__(self) -> int:
        """How many images there are."""

    def read(self, indices: Sequence[int] | Labels) -> Pixels:
        """Return [n, H, W, channels] uint8."""


@runtime_checkable
class DecodingSource(Source, Protocol):
    """Images that must be decoded to be read, and are known without that."""

    place: str  # where they are, for messages

    def identity(self) -> Iterator[str]:
        """Yield texts that change if any of the pixels does, without reading the images."""


class ArraySource:
    """Images in memory.

    Args:
        images: [N, H, W, 1 or 3] uint8.
    """

    def __init__(self, images: Pixels) -> None:
        self.images = images
        _, self.height, self.width, self.channels = images.shape

    def __len__(self) -> int:
        return len(self.images)

    def read(self, indices: Sequence[int] | Labels) -> Pixels:
        return self.images[indices]


class Subset:
    """Some images of a source, renumbered from 0."""

    def __init__(self, source: Source, indices: Labels) -> None:
        self.source = source
        self.indices = indices
        self.height, self.width, self.channels = source.height, source.width, source.channels

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, indices: Sequence[int] | Labels) -> Pixels:
        return self.source.read(self.indices[np.asarray(indices)])


@dataclass(frozen=True)
class Split:
    """Images and their classes; an image's position is its id.

    Attributes:
        source: N images.
        labels: [N] int64 classes.
        names: of the images, stable over machines; None: their positions are their names.
    """

    source: Source
    labels: Labels
    names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: Labels) -> "Split":
        names = self.names or tuple(map(str, range(len(self))))
        chosen = tuple(names[index] for index in indices)
        return Split(Subset(self.source, indices), self.labels[indices], chosen)

    def digest(self) -> str:
        """Return a digest of names and labels: equal ones have the same examples in one order."""
        found = hashlib.blake2b(self.labels.astype("<i8").tobytes(), digest_size=16)
        for name in self.names or ():
            found.update(b"\0" + os.fsencode(name))
        return found.hexdigest()


@dataclass(frozen=True)
class Splits:
    """A data set.

    Attributes:
        train: what is trained on.
        test: what is reported.
        classes: their names, by label.
        crop_padding: pixels of zero padding before the random crop, by default.
        flip: whether mirroring an image keeps its class.
        mean: per channel in [0, 1]; measured on the training split if None.
        std: likewise.
    """

    train: Split
    test: Split
    classes: tuple[str, ...]
    crop_padding: int
    flip: bool
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def hold_out(self, fraction: float) -> tuple["Splits", Split]:
        """Return these splits without a stratified part of the training images, and that part.

        The part is the same for all seeds and methods.
        """
        held = stratified(self.train.labels, fraction)
        kept = np.setdiff1d(np.arange(len(self.train)), held)
        rest = Splits(self.train.subset(kept), self.test, self.classes, self.crop_padding,
                      self.flip, self.mean, self.std)  # fmt: skip
        return rest, self.train.subset(held)

    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return mean and std per channel: the declared ones, else of 4096 training images."""
        if self.mean is not None and self.std is not None:
            return self.mean, self.std
        count = min(len(self.train), 4096)
        chosen = np.linspace(0, len(self.train) - 1, count).astype(np.int64)
        return _statistics(self.train.source.read(chosen))


def _statistics(pixels: Pixels) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and std per channel in [0, 1], from exact sums.

    Args:
        pixels: [n, H, W, channels].
    """
    flat = pixels.reshape(len(pixels), -1)
    total, squares = (np.zeros(flat.shape[1], np.uint64) for _ in range(2))
    for start in range(0, len(flat), 256):  # in cache; 256 squares of a byte fit 32 bits
        values = flat[start : start + 256].astype(np.uint32)
        total += values.sum(axis=0)
        squares += np.square(values).sum(axis=0)
    count, channels = pixels.size // pixels.shape[-1], pixels.shape[-1]
    sums = [part.reshape(-1, channels).sum(axis=0).tolist() for part in (total, squares)]
    mean = tuple(one / (255 * count) for one in sums[0])
    spread = (count * two - one * one for one, two in zip(*sums, strict=True))
    std = tuple(max(math.sqrt(value) / (255 * count), 1e-3) for value in spread)
    return mean, std


def stratified(labels: Labels, fraction: float, seed: int = 0) -> Labels:
    """Return sorted positions of `fraction` of each class, drawn with a fixed seed."""
    rng = np.random.default_rng(seed)
    parts = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = max(1, round(fraction * len(members)))
        parts.append(rng.choice(members, count, replace=False))
    return np.sort(np.concatenate(parts)).astype(np.int64)


def missing(name: str, looked: Sequence[Path], remedy: str) -> NoReturn:
    """Raise the DataError of a data set that is not there."""
    places = ", ".join(str(path) for path in looked)
    raise DataError(f"data set {name} is not here: looked in {places}; {remedy}")
