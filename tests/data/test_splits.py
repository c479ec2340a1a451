"""Splits, their held-out part, and the embedded data sets."""

from pathlib import Path

import numpy as np
import pytest

from raskd_bench import catalog
from raskd_bench.data.build import load_splits, shape_of
from raskd_bench.data.digits import digits
from raskd_bench.data.splits import ArraySource, Split, Splits, stratified
from raskd_bench.data.synthetic import synthetic
from raskd_bench.errors import BenchError, DataError
from raskd_bench.home import data_home


def new_splits(count: int = 20, classes: int = 4) -> Splits:
    """Images whose pixels are their own id."""
    images = np.arange(count, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
    split = Split(ArraySource(images), np.arange(count, dtype=np.int64) % classes)
    return Splits(split, split, tuple("abcd"), crop_padding=0, flip=False)


def test_stratified_takes_the_fraction_of_each_class() -> None:
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    chosen = stratified(labels, 0.2)
    np.testing.assert_array_equal(np.bincount(labels[chosen]), [20, 10, 2])
    assert len(set(chosen)) == len(chosen)
    np.testing.assert_array_equal(chosen, np.sort(chosen))
    np.testing.assert_array_equal(chosen, stratified(labels, 0.2))


def test_stratified_takes_at_least_one_of_each_class() -> None:
    assert list(np.bincount(np.array([0, 0, 1, 1])[stratified(np.array([0, 0, 1, 1]), 0.01)])) == [
        1,
        1,
    ]


def test_hold_out_parts_the_training_split() -> None:
    splits = new_splits()
    rest, held = splits.hold_out(0.25)
    kept, out = (
        split.source.read(np.arange(len(split)))[:, 0, 0, 0] for split in (rest.train, held)
    )
    assert sorted([*kept, *out]) == list(range(20))
    assert len(out) == 4
    np.testing.assert_array_equal(held.labels, out % 4)
    np.testing.assert_array_equal(rest.train.labels, kept % 4)
    assert rest.test is splits.test


def test_a_subset_has_ids_of_its_own() -> None:
    subset = new_splits().train.subset(np.array([7, 3, 11]))
    assert len(subset) == len(subset.source) == 3
    np.testing.assert_array_equal(subset.source.read([2, 0])[:, 0, 0, 0], [11, 7])
    np.testing.assert_array_equal(subset.labels, [3, 3, 3])


def test_normalisation_is_measured_on_the_training_split() -> None:
    images = np.zeros((2, 2, 2, 3), np.uint8)
    images[0, ..., 0] = 255
    split = Split(ArraySource(images), np.array([0, 1]))
    mean, std = Splits(split, split, ("a", "b"), 0, False).normalisation()
    assert mean == pytest.approx((0.5, 0, 0))
    assert std == pytest.approx((0.5, 1e-3, 1e-3))  # a constant channel divides by no zero


def test_declared_statistics_win() -> None:
    split = new_splits().train
    splits = Splits(split, split, ("a",), 0, False, mean=(0.1,) * 3, std=(0.2,) * 3)
    assert splits.normalisation() == ((0.1,) * 3, (0.2,) * 3)


def test_digits() -> None:
    splits = digits()
    assert shape_of(splits) == (10, 1438, 8, 8)
    assert len(splits.test) == 359
    images = splits.train.source.read(np.arange(len(splits.train)))
    assert (images.dtype, images.min(), images.max()) == (np.uint8, 0, 255)
    counts = np.bincount(splits.train.labels) + np.bincount(splits.test.labels)
    np.testing.assert_allclose(np.bincount(splits.test.labels), counts / 5, atol=0.5)


def test_digits_has_the_same_split_every_time() -> None:
    one, other = digits(), digits()
    np.testing.assert_array_equal(one.test.labels, other.test.labels)
    for split in ("train", "test"):
        images = [getattr(s, split).source.images for s in (one, other)]
        np.testing.assert_array_equal(*images)


def test_no_digit_is_in_both_splits() -> None:
    splits = digits()
    train = {image.tobytes() for image in splits.train.source.images}
    both = [image for image in splits.test.source.images if image.tobytes() in train]
    assert both == []


def test_synthetic() -> None:
    splits = synthetic(classes=3, size=12, train=10, test=5)
    assert shape_of(splits) == (3, 10, 12, 12)
    assert len(splits.test) == 5
    np.testing.assert_array_equal(splits.train.labels, np.arange(10) % 3)
    assert splits.train.source.images.dtype == np.uint8


def test_synthetic_is_made_from_its_seed() -> None:
    one, same, other = (synthetic(train=8, size=8, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.train.source.images, same.train.source.images)
    assert (one.train.source.images != other.train.source.images).any()


def test_synthetic_classes_can_be_told_apart() -> None:
    splits = synthetic(classes=4, size=8, train=40, test=40, noise=0.5)
    train, test = (s.source.images.astype(float) for s in (splits.train, splits.test))
    means = np.stack([train[splits.train.labels == c].mean(axis=0) for c in range(4)])
    nearest = np.square(test[:, None] - means).sum(axis=(2, 3, 4)).argmin(axis=1)
    np.testing.assert_array_equal(nearest, splits.test.labels)


def test_without_noise_images_of_a_class_are_equal() -> None:
    images = synthetic(classes=2, size=4, train=6, test=1, noise=0.0).train.source.images
    np.testing.assert_array_equal(images[0], images[4])
    assert (images[0] != images[1]).any()


def test_the_loaders_storage_is_no_option_of_a_data_set() -> None:
    assert len(load_splits("synthetic", {"train": 4, "storage": "stream"}).train) == 4


def test_only_data_sets_are_listed() -> None:
    names = catalog.names("dataset")
    assert {"digits", "synthetic", "imagefolder", "tiny_imagenet", "cifar100"} <= set(names)
    assert "load_splits" not in names


def test_an_unknown_data_set_is_corrected() -> None:
    with pytest.raises(BenchError, match="did you mean 'digits'"):
        load_splits("digit", {})


def test_a_root_is_also_sought_beside_the_suite(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "suites" / "pictures").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"suites/pictures: needs train/"):
        load_splits("imagefolder", {"root": "pictures"}, tmp_path / "suites")


def test_a_root_may_begin_with_the_users_home(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "pictures").mkdir()
    with pytest.raises(DataError, match=rf"{tmp_path}/pictures: needs train/"):
        load_splits("imagefolder", {"root": "~/pictures"})


def test_data_home_can_be_set(monkeypatch) -> None:
    monkeypatch.setenv("RASKD_BENCH_DATA", "/elsewhere")
    assert data_home() == Path("/elsewhere")
    monkeypatch.delenv("RASKD_BENCH_DATA")
    assert data_home() == Path.home() / ".cache" / "raskd-bench"
