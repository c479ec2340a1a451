"""The loader: equal batches from device and stream, for all methods, in every epoch."""

import gc
import multiprocessing
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from raskd_bench.data.augment import cut, draw, normalise, pad, places
from raskd_bench.data.loader import Loader
from raskd_bench.data.mapped import MappedSource
from raskd_bench.data.splits import ArraySource, Split
from raskd_bench.data.synthetic import synthetic
from raskd_bench.errors import DataError
from raskd_bench.methods.cross_entropy import CrossEntropy
from raskd_bench.methods.cs_kd import CSKD

CPU = torch.device("cpu")
SPLIT = synthetic(classes=4, size=8, train=44, test=10).train
STATISTICS = {"mean": (0.5, 0.4, 0.3), "std": (0.25, 0.5, 0.2)}
shuffle = CrossEntropy().sample


def new_loader(split: Split = SPLIT, storage: str = "device", padding: int = 2) -> Loader:
    return Loader(split, CPU, **STATISTICS, crop_padding=padding, flip=True, storage=storage)


@pytest.fixture(scope="module")
def device() -> Loader:
    return new_loader()


@pytest.fixture(scope="module")
def mapped_split(tmp_path_factory) -> Split:
    path = tmp_path_factory.mktemp("mapped") / "pixels"
    path.write_bytes(SPLIT.source.images.tobytes())
    return Split(MappedSource(path, SPLIT.source.images.shape), SPLIT.labels)


@pytest.fixture(scope="module", params=["workers", "mapped", "part of a mapped"])
def stream(request, mapped_split: Split):
    everything = np.arange(len(SPLIT))
    split = {
        "workers": SPLIT,
        "mapped": mapped_split,
        "part of a mapped": mapped_split.subset(everything),
    }[request.param]
    loader = new_loader(split, storage="stream")
    yield loader
    del loader


def assert_same(ones, others) -> None:
    for one, other in zip(ones, others, strict=True):
        assert torch.equal(one.ids, other.ids)
        for view, twin in zip(one.views, other.views, strict=True):
            assert torch.equal(view.images, twin.images)
            assert torch.equal(view.targets, twin.targets)


def test_batches_are_augmented_normalised_images_of_their_ids(device: Loader) -> None:
    (batch, *_) = device.epoch(3, 5, shuffle, 16)
    ids = shuffle(SPLIT.labels, 16, np.random.default_rng([3, 5, 0]))[0]
    np.testing.assert_array_equal(batch.ids, ids)
    np.testing.assert_array_equal(batch.views[0].targets, SPLIT.labels[ids])
    pixels = pad(torch.from_numpy(SPLIT.source.read(ids)), 2)
    numbers = torch.from_numpy(draw(3, 5, 1, 2, 16, 0)[0])
    crops = cut(pixels, torch.arange(16), *places(numbers, columns=12, padding=2), padding=2)
    mean, std = (torch.tensor(v)[:, None, None] * 255 for v in STATISTICS.values())
    torch.testing.assert_close(batch.views[0].images, (crops - mean) / std)
    assert batch.ids.dtype == torch.int64


@pytest.mark.parametrize("sampler", [shuffle, CSKD().sample])
@pytest.mark.parametrize("views", [1, 2])
def test_device_and_stream_give_the_same_batches(device, stream, sampler, views: int) -> None:
    for epoch in (0, 1):
        arguments = (7, epoch, sampler, 8, views)
        assert_same(device.epoch(*arguments), stream.epoch(*arguments))


def test_device_and_stream_give_the_same_evaluation(device: Loader, stream: Loader) -> None:
    for one, other in zip(device.evaluation(16), stream.evaluation(16), strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.targets, other.targets)


def test_a_mapped_source_lies_on_the_device_alike(device: Loader, mapped_split: Split) -> None:
    resident = new_loader(mapped_split)
    assert_same(device.epoch(7, 0, shuffle, 8), resident.epoch(7, 0, shuffle, 8))


def test_a_mapped_source_needs_no_worker_processes(mapped_split: Split) -> None:
    gc.collect()
    before = set(multiprocessing.active_children())
    batches = new_loader(mapped_split, storage="stream").epoch(0, 0, shuffle, 8)
    next(batches)
    assert set(multiprocessing.active_children()) == before


def test_an_epoch_that_was_left_leaves_no_trace(device: Loader, stream: Loader) -> None:
    left = stream.epoch(7, 0, shuffle, 8)
    next(left)
    assert_same(device.epoch(7, 1, shuffle, 8), stream.epoch(7, 1, shuffle, 8))


def test_streaming_leaves_the_trials_random_numbers_alone(stream: Loader) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    for _ in stream.epoch(1, 0, shuffle, 16):
        pass
    assert torch.equal(torch.get_rng_state(), before)


def test_primaries_are_the_same_for_a_method_that_draws_partners(device: Loader) -> None:
    pairs = zip(device.epoch(1, 2, shuffle, 8), device.epoch(1, 2, CSKD().sample, 8), strict=True)
    for baseline, with_partners in pairs:
        assert len(with_partners.ids) == 16
        assert torch.equal(with_partners.ids[:8], baseline.ids)
        assert torch.equal(with_partners.views[0].images[:8], baseline.views[0].images)


def test_an_image_that_is_its_own_partner_is_augmented_anew() -> None:
    split = SPLIT.subset(np.array([0, 1, 2, 3]))  # one image a class
    (batch,) = new_loader(split).epoch(0, 0, CSKD().sample, 4)
    assert torch.equal(batch.ids[:4], batch.ids[4:])
    assert not torch.equal(batch.views[0].images[:4], batch.views[0].images[4:])


def test_two_views_are_two_augmentations_of_the_same_images(device: Loader) -> None:
    one, two = (next(device.epoch(1, 0, shuffle, 8, views)) for views in (1, 2))
    first, second = two.views
    assert torch.equal(first.images, one.views[0].images)
    assert torch.equal(first.targets, second.targets)
    different = (first.images != second.images).flatten(1).any(dim=1)
    assert different.float().mean() > 0.8


def test_epochs_and_seeds_differ(device: Loader) -> None:
    ids = [
        torch.cat([batch.ids for batch in device.epoch(seed, epoch, shuffle, 8)])
        for seed, epoch in ((0, 0), (0, 1), (1, 0))
    ]
    assert all(len(set(found.tolist())) == 40 for found in ids)
    assert not torch.equal(ids[0], ids[1])
    assert not torch.equal(ids[0], ids[2])


def test_without_padding_and_flip_images_are_left_alone() -> None:
    loader = Loader(SPLIT, CPU, mean=(0, 0, 0), std=(1 / 255,) * 3, storage="device")
    for batch in loader.epoch(0, 0, shuffle, 8):
        expected = SPLIT.source.read(batch.ids.numpy()).transpose(0, 3, 1, 2)
        np.testing.assert_allclose(batch.views[0].images, expected, rtol=1e-6)


@pytest.mark.parametrize("batch_size", [7, 44, 100])
def test_evaluation_covers_every_image_once_in_order(device: Loader, batch_size: int) -> None:
    views = list(device.evaluation(batch_size))
    np.testing.assert_array_equal(torch.cat([view.targets for view in views]), SPLIT.labels)
    pixels = torch.from_numpy(SPLIT.source.read(np.arange(44))).permute(0, 3, 1, 2)
    mean, std = (torch.tensor(v)[:, None, None] * 255 for v in STATISTICS.values())
    torch.testing.assert_close(torch.cat([view.images for view in views]), (pixels - mean) / std)


def test_a_batch_larger_than_the_split_is_the_split(device: Loader) -> None:
    (batch,) = device.epoch(0, 0, shuffle, 100)
    assert sorted(batch.ids.tolist()) == list(range(44))


def test_grey_images_come_in_three_channels() -> None:
    split = Split(ArraySource(SPLIT.source.images[..., :1]), SPLIT.labels)
    loader = Loader(split, CPU, mean=(0.5,), std=(0.25,), crop_padding=1, storage="device")
    (view, *_) = next(loader.epoch(0, 0, shuffle, 8)).views
    assert view.images.shape == (8, 3, 8, 8)
    assert torch.equal(view.images[:, 0], view.images[:, 2])
    assert next(loader.evaluation(5)).images.shape == (5, 3, 8, 8)


def test_auto_storage_depends_on_the_free_memory(monkeypatch) -> None:
    class Memory:
        available = 44 * 12 * 12 * 3 * 4

    monkeypatch.setattr("psutil.virtual_memory", Memory)
    assert new_loader(storage="auto").storage == "device"
    Memory.available -= 1
    assert new_loader(storage="auto").storage == "stream"


def test_normalise_is_shared_by_training_and_evaluation(device: Loader) -> None:
    black = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    expected = [-0.5 / 0.25, -0.4 / 0.5, -0.3 / 0.2]
    found = normalise(black, device.mean, device.scale)[0, :, 0, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


class BrokenSource(ArraySource):
    def read(self, indices):
        raise DataError("data.zip: train/a/1.png: damaged")


def test_a_damaged_image_is_one_line_from_a_worker_too() -> None:
    split = Split(BrokenSource(SPLIT.source.images), SPLIT.labels)
    with pytest.raises(DataError) as caught:
        next(new_loader(split, storage="stream").epoch(0, 0, shuffle, 8))
    assert str(caught.value) == "data.zip: train/a/1.png: damaged"


def test_a_zip_is_read_by_workers(tmp_path: Path, shared_data) -> None:
    from raskd_bench.data.imagefolder import tiny_imagenet

    root = str(shared_data("tiny-imagenet-200-mini.zip"))
    split = tiny_imagenet(root=root, size=32).test.subset(np.arange(24))
    split.source.read([0])  # opens the zip before the workers start
    assert_same(
        new_loader(split).epoch(0, 0, shuffle, 8),
        new_loader(split, storage="stream").epoch(0, 0, shuffle, 8),
    )


@pytest.mark.parametrize("in_a_cycle", [False, True], ids=["dropped", "in a cycle"])
def test_workers_end_with_their_loader(in_a_cycle: bool) -> None:
    """At once, even where a traceback has kept the loader until the garbage collector came."""
    gc.collect()
    before, threads = set(multiprocessing.active_children()), threading.active_count()
    loader = new_loader(storage="stream")
    batches = loader.epoch(0, 0, shuffle, 8)
    next(batches)
    workers = set(multiprocessing.active_children()) - before
    assert workers
    if in_a_cycle:
        loader.split = [loader, batches]
    start = time.perf_counter()
    del batches, loader
    gc.collect()
    assert time.perf_counter() - start < 4
    assert set(multiprocessing.active_children()) == before
    while threading.active_count() > threads and time.perf_counter() - start < 4:
        time.sleep(0.01)  # queues' feeder threads end on their own
    assert threading.active_count() <= threads


def test_workers_stand_still_while_they_are_held() -> None:
    before = set(multiprocessing.active_children())
    loader = new_loader(storage="stream")
    with loader.held():  # there are none yet
        pass
    batches = loader.epoch(0, 0, shuffle, 4)
    next(batches)
    workers = [psutil.Process(w.pid) for w in set(multiprocessing.active_children()) - before]
    assert workers
    with loader.held():
        deadline = time.monotonic() + 10  # a signal takes a moment to arrive
        while {worker.status() for worker in workers} != {psutil.STATUS_STOPPED}:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert len(list(batches)) == 10


def test_a_resident_loader_of_other_images_has_the_same_settings(device: Loader) -> None:
    part = device.resident(SPLIT.subset(np.arange(16)))
    (batch, *_) = part.epoch(3, 5, lambda *_: [np.arange(16)], 16)
    assert part.padding == device.padding
    assert part.flip == device.flip
    assert batch.views[0].images.shape == (16, 3, 8, 8)


def test_the_start_of_an_epoch_comes_before_its_first_batch(device: Loader) -> None:
    drawn = []

    def sampler(labels, batch_size, rng):
        drawn.append(batch_size)
        return shuffle(labels, batch_size, rng)

    device.epoch(0, 0, sampler, 16)
    assert drawn == [16]
