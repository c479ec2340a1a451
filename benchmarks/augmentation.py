"""Crop, flip and normalisation of a whole batch, against torchvision's transforms image by image.

Both start from uint8 images in memory and end with a float32 batch. The transforms are the usual
ones of CIFAR scripts, on PIL images; neither side uses worker processes.
"""

import itertools
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torchvision import transforms

from benchmarks.frame import Bound, Result, device_name, of_pairs, paired, until_done
from raskd_bench.data.loader import Loader
from raskd_bench.data.splits import ArraySource, Labels, Split

PREDICTED = (
    "a batch of 128 is 0.4 MB of uint8 and 1.6 MB of float32, which about six kernels pass over: "
    "some 10 MB, 1 ms at 10 GB/s on a CPU and some 10 launches, 0.1 ms, on a GPU; the transforms "
    "make 128 x 5 calls of Python of 10 to 20 microseconds, 6 to 13 ms: 6 to 13x on a CPU, 50x or "
    "more on a GPU."
)
EXPLAINED = {
    "cpu": "a batch takes {augmentation[crop_flip].conditions[batch_ms]:.2f} ms against "
    "{augmentation[crop_flip].conditions[against_batch_ms]:.1f} ms, which is "
    "{augmentation[crop_flip].conditions[against_image_us]:.0f} microseconds an image; ours makes "
    "no call for a single image: it copies rows of pixels, mirrors, and passes over floats three "
    "times. The prediction took a transform for one call: the crop alone pads, draws two tensors "
    "and cuts, and normalisation makes and checks two tensors for each image.",
    "gpu": "a batch takes {augmentation[crop_flip].conditions[batch_ms]:.3f} ms against "
    "{augmentation[crop_flip].conditions[against_batch_ms]:.1f} ms; ours is bound by launches.",
}
BOUND = Bound("at least 20x", least=20)
SIZE, SIDE, PADDING, BATCHES = 128, 32, 4, 8
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def in_order(labels: Labels, size: int, rng: np.random.Generator) -> list[Labels]:
    """Return the index lists of an epoch."""
    order = np.arange(len(labels), dtype=np.int64)
    return [order[start : start + size] for start in range(0, len(order), size)]


def batched(pixels: np.ndarray, device: torch.device) -> Callable[[], None]:
    """Return a function that makes the batches of one epoch with the product's loader."""
    split = Split(ArraySource(pixels), np.zeros(len(pixels), np.int64))
    loader = Loader(split, device, mean=MEAN, std=STD, crop_padding=PADDING, flip=True,
                    storage="device")  # fmt: skip
    epochs = itertools.count()

    def work() -> None:
        for batch in loader.epoch(0, next(epochs), in_order, SIZE):
            assert batch.views[0].images.shape == (SIZE, 3, SIDE, SIDE)

    return until_done(work, device.type)


def one_by_one(pixels: np.ndarray, device: torch.device) -> Callable[[], None]:
    """Return a function that makes the same batches with transforms of single images."""
    transform = transforms.Compose([
        transforms.RandomCrop(SIDE, padding=PADDING), transforms.RandomHorizontalFlip(),
        transforms.ToTensor(), transforms.Normalize(MEAN, STD),
    ])  # fmt: skip

    def work() -> None:
        for start in range(0, len(pixels), SIZE):
            images = [transform(Image.fromarray(image)) for image in pixels[start : start + SIZE]]
            torch.stack(images).to(device)

    return until_done(work, device.type)


def measure(quick: bool) -> list[Result]:
    """Compare epochs of eight batches."""
    device = torch.device(device_name())
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (BATCHES * SIZE, SIDE, SIDE, 3), np.uint8)
    ours, theirs = batched(pixels, device), one_by_one(pixels, device)
    for arm in (ours, theirs, ours):
        arm()
    found = paired(ours, theirs, 3 if quick else 40, rng)
    return [of_pairs(
        "crop_flip", f"augmentation, {SIZE} x {SIDE}x{SIDE}", "torchvision transforms per image",
        found, BOUND, faster=True, device=device.type,
        batch_ms=1e3 * found.first_seconds / BATCHES,
        against_batch_ms=1e3 * found.second_seconds / BATCHES,
        against_image_us=1e6 * found.second_seconds / len(pixels),
    )]  # fmt: skip
