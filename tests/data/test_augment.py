"""Augmentation against a slow loop over images."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from raskd_bench.data.augment import cut, draw, normalise, pad, places

LARGEST = np.nextafter(np.float32(1), np.float32(0))


def crop_and_flip(padded, index, numbers, padding: int, *, flip: bool) -> torch.Tensor:
    offsets, mirrored = places(numbers, padded.shape[2], padding)
    return cut(padded, index, offsets, mirrored if flip else None, padding)


def slow_crops(images, index, numbers, padding: int, flip: bool) -> np.ndarray:
    """[N, H, W, c] images to [B, c, H, W] crops, image by image and pixel by pixel."""
    _, height, width, channels = images.shape
    out = np.zeros((len(index), channels, height, width), np.uint8)
    for position, image in enumerate(index):
        top = int(numbers[position, 0] * (2 * padding + 1)) - padding
        left = int(numbers[position, 1] * (2 * padding + 1)) - padding
        for y in range(height):
            for x in range(width):
                column = width - 1 - x if flip and numbers[position, 2] < 0.5 else x
                row, column = y + top, column + left
                if 0 <= row < height and 0 <= column < width:
                    out[position, :, y, x] = images[image, row, column]
    return out


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize(("channels", "padding"), [(3, 2), (1, 1), (3, 0)])
def test_crops_and_flips(channels: int, padding: int, flip: bool) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(5, 6, 7, channels), dtype=np.uint8)
    index = np.array([4, 0, 0, 2, 3, 1, 4, 2])
    numbers = rng.random((8, 3), np.float32)
    numbers[:3] = [[0, 0, 0], [LARGEST] * 3, [0.5, 0.5, 0.5]]
    found = crop_and_flip(
        pad(torch.from_numpy(images), padding), torch.from_numpy(index),
        torch.from_numpy(numbers), padding, flip=flip,
    )  # fmt: skip
    np.testing.assert_array_equal(found, slow_crops(images, index, numbers, padding, flip))
    assert found.dtype == torch.uint8


@pytest.mark.parametrize("padding", range(1, 33))
def test_the_largest_number_stays_inside(padding: int) -> None:
    offset = torch.tensor([LARGEST]) * (2 * padding + 1)
    assert offset.long().item() == 2 * padding


def test_places_of_an_epoch_are_those_of_its_steps() -> None:
    numbers = torch.rand(3, 8, 3, generator=torch.Generator().manual_seed(0))
    offsets, mirrored = places(numbers, 12, 2)
    for step in range(3):
        one, other = places(numbers[step], 12, 2)
        assert torch.equal(offsets[step], one)
        assert torch.equal(mirrored[step], other)
    assert mirrored.any()
    assert not mirrored.all()


def test_crops_are_stored_channels_last() -> None:
    found = crop_and_flip(torch.zeros(2, 8, 8, 3, dtype=torch.uint8), torch.tensor([0, 1]),
                          torch.zeros(2, 3), 1, flip=True)  # fmt: skip
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_primaries_of_a_longer_batch_are_augmented_alike() -> None:
    alone, longer = draw(3, 5, 1, 4, 16, 0), draw(3, 5, 1, 4, 16, 16)
    assert longer.shape == (4, 32, 3)
    np.testing.assert_array_equal(longer[:, :16], alone)
    assert not np.isin(longer[:, 16:], alone).any()


def test_numbers_are_uniform_below_one() -> None:
    numbers = draw(0, 0, 1, 100, 64, 0)
    assert numbers.dtype == np.float32
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert numbers.mean(axis=(0, 1)) == pytest.approx([0.5] * 3, abs=0.02)


@pytest.mark.parametrize("other", [(1, 0, 1), (0, 1, 1), (0, 0, 2)])
def test_seed_epoch_and_view_have_numbers_of_their_own(other) -> None:
    assert not np.isin(draw(*other, 2, 8, 8), draw(0, 0, 1, 2, 8, 8)).any()


def test_normalise() -> None:
    images = torch.tensor([[[[0, 255]], [[10, 20]], [[30, 40]]]], dtype=torch.uint8)
    mean = torch.tensor([1.0, 2.0, 3.0]).repeat(2)
    scale = torch.tensor([0.5, 0.25, 2.0]).repeat(2)
    expected = torch.tensor([[[[-0.5, 127.0]], [[2.0, 4.5]], [[54.0, 74.0]]]])
    torch.testing.assert_close(normalise(images, mean, scale), expected)
    assert images[0, 0, 0, 1] == 255


def test_grey_is_repeated_to_three_channels() -> None:
    grey = torch.full((2, 1, 4, 4), 128, dtype=torch.uint8)
    found = normalise(grey, torch.zeros(4), torch.ones(4))
    assert found.shape == (2, 3, 4, 4)
    assert (found == 128).all()


def test_there_is_no_loop_over_images() -> None:
    class Counter(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.count += 1
            return func(*args, **(kwargs or {}))

    counts = []
    for batch in (2, 32):
        padded, index = torch.zeros(4, 8, 8, 3, dtype=torch.uint8), torch.arange(batch) % 4
        with Counter() as counter:
            crop_and_flip(padded, index, torch.rand(batch, 3), 1, flip=True)
        counts.append(counter.count)
    assert counts[0] == counts[1]
