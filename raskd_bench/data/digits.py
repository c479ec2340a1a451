"""Handwritten digits: 1,797 images of 8x8 pixels, shipped inside scikit-learn."""

import numpy as np

from raskd_bench.data.splits import ArraySource, Split, Splits, stratified

TEST_FRACTION = 0.2


def digits() -> Splits:
    """Handwritten digits of scikit-learn, 8x8: the embedded default, no download.

    UCI Optical Recognition of Handwritten Digits (Alpaydin & Kaynak 1998). It has no official
    split: a fifth of each class, drawn with a fixed seed, is the test split.
    """
    from sklearn.datasets import load_digits  # a second's import: only where it is used

    bunch = load_digits()
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    everything = Split(ArraySource(images), bunch.target.astype(np.int64))
    held = stratified(everything.labels, TEST_FRACTION)
    kept = np.setdiff1d(np.arange(len(images)), held)
    train = Split(ArraySource(images[kept]), everything.labels[kept])
    test = Split(ArraySource(images[held]), everything.labels[held])
    return Splits(train, test, tuple("0123456789"), crop_padding=1, flip=False)
