"""Synthetic images: a noisy pattern per class, for tests and for timing without a data set."""

import numpy as np

from raskd_bench.data.splits import ArraySource, Split, Splits
from raskd_bench.method import Count, NonNegative


def synthetic(
    *,
    classes: Count = 10,
    size: Count = 32,
    train: Count = 2048,
    test: Count = 512,
    noise: NonNegative = 0.5,
    seed: int = 0,
) -> Splits:
    """Noisy copies of one random colour pattern per class: learnable, and of any size.

    `noise` is its standard deviation relative to the pattern's.
    """
    rng = np.random.default_rng(seed)
    patterns = rng.standard_normal((classes, size, size, 3), np.float32)

    def split(count: int) -> Split:
        labels = np.arange(count, dtype=np.int64) % classes
        pixels = np.empty((count, size, size, 3), np.uint8)
        for image, label in zip(pixels, labels, strict=True):  # one by one: large sizes fit too
            values = patterns[label] + noise * rng.standard_normal(image.shape, np.float32)
            image[:] = np.clip(128 + 48 * values, 0, 255)
        return Split(ArraySource(pixels), labels)

    names = tuple(f"class {index}" for index in range(classes))
    return Splits(split(train), split(test), names, crop_padding=size // 8, flip=False)
