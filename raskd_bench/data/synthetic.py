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
    patterns = rng.normal(size=(classes, size, size, 3))

    def split(count: int) -> Split:
        labels = np.arange(count, dtype=np.int64) % classes
        values = patterns[labels] + noise * rng.normal(size=(count, size, size, 3))
        pixels = np.clip(128 + 48 * values, 0, 255).astype(np.uint8)
        return Split(ArraySource(pixels), labels)

    names = tuple(f"class {index}" for index in range(classes))
    return Splits(split(train), split(test), names, crop_padding=size // 8, flip=False)
