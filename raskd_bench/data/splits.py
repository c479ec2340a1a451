"""Splits of a data set: uint8 images with stable ids, and where they come from."""

import hashlib
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from raskd_bench.errors import DataError

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
SHARE_TOLERANCE = 0.01  # of a fraction that was asked for, before a note says what came out


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
        own = getattr(self.source, "subset", None)  # what is decoded stays known without that
        source = own(indices) if own is not None else Subset(self.source, indices)
        return Split(source, self.labels[indices], chosen)

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
        notes: what a reader must know of the data, a sentence each.
        test_folder: name of the folder the test split is; None where there is none.
    """

    train: Split
    test: Split
    classes: tuple[str, ...]
    crop_padding: int
    flip: bool
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    notes: tuple[str, ...] = ()
    test_folder: str | None = None

    def hold_out(self, fraction: float) -> tuple["Splits", Split]:
        """Return these splits without a stratified part of the training images, and that part.

        The part is the same for all seeds and methods; a note says its share where that differs.

        Raises:
            DataError: it would be empty.
        """
        held = stratified(self.train.labels, fraction)
        if len(held) == 0:
            raise DataError(f"val_fraction {fraction:g}: each class has one training picture, "
                            "which stays there: nothing to hold out; leave val_fraction "
                            "out")  # fmt: skip
        notes = share_notes("val_fraction", fraction, len(held), len(self.train))
        rest = replace(self, train=self.train.subset(self._others(held)),
                       notes=(*self.notes, *notes))  # fmt: skip
        return rest, self.train.subset(held)

    def cut_test(self, fraction: float, place: str) -> "Splits":
        """Return these splits with a stratified part of the training images as test split.

        Args:
            fraction: of each class, see `stratified`.
            place: where the images are, for messages.

        Raises:
            DataError: one side would be empty.
        """
        held = stratified(self.train.labels, fraction)
        if len(held) in {0, len(self.train)} or fraction == 0:
            side = "training" if len(held) == len(self.train) else "test"
            raise DataError(f"{place}: test_fraction {fraction:g} of {len(self.train)} pictures "
                            f"in {len(self.classes)} classes leaves no {side} picture; each class "
                            "keeps one to train on")  # fmt: skip
        notes = share_notes("test_fraction", fraction, len(held), len(self.train))
        return replace(self, train=self.train.subset(self._others(held)),
                       test=self.train.subset(held), notes=(*self.notes, *notes))  # fmt: skip

    def keep_per_class(self, count: int, name: str) -> "Splits":
        """Return these splits with `count` training images of each class.

        They are those whose names have the smallest digests: a larger count keeps them all.

        Raises:
            DataError: a class has fewer.
        """
        names = self.train.names or tuple(map(str, range(len(self.train))))
        chosen = []
        for label, title in enumerate(self.classes):
            members = np.flatnonzero(self.train.labels == label).tolist()
            if len(members) < count:
                raise DataError(f"{name}: per_class: {count}, but class {title} has "
                                f"{len(members)} training pictures")  # fmt: skip
            chosen += sorted(members, key=lambda index: hashlib.blake2b(
                os.fsencode(names[index])).digest())[:count]  # fmt: skip
        kept = np.sort(np.array(chosen, dtype=np.int64))
        return replace(self, train=self.train.subset(kept))

    def _others(self, held: Labels) -> Labels:
        return np.setdiff1d(np.arange(len(self.train)), held)

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


def share_notes(name: str, asked: float, held: int, total: int) -> tuple[str, ...]:
    """Return a sentence on the share that was held out, where it is not the one asked for."""
    if abs(held / total - asked) < SHARE_TOLERANCE:
        return ()
    return (f"{name} {asked:g} came out as {held} of {total} pictures ({held / total:.0%})",)


def stratified(labels: Labels, fraction: float, seed: int = 0) -> Labels:
    """Return sorted positions of `fraction` of each class, drawn with a fixed seed.

    At least one of each class, and never all of it.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        parts.append(rng.choice(members, count, replace=False))
    return np.sort(np.concatenate(parts)).astype(np.int64)


def missing(name: str, looked: Sequence[Path], remedy: str) -> NoReturn:
    """Raise the DataError of a data set that is not there."""
    places = ", ".join(str(path) for path in looked)
    raise DataError(f"data set {name} is not here: looked in {places}; {remedy}")
