"""Random crop and flip of a whole batch at once, each image with offsets of its own."""

import numpy as np
import torch
from torch import Tensor


def draw(
    seed: int, epoch: int, view: int, batches: int, primaries: int, extras: int
) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """Return [batches, primaries + extras, 3] uniform numbers in [0, 1): crop y, crop x, flip.

    Primary images and extra ones (partners, say) have generators of their own, so the primary
    images of a method that draws partners are augmented exactly as the baseline's.
    """
    parts = [
        np.random.default_rng([seed, epoch, view, which]).random((batches, count, 3), np.float32)
        for which, count in enumerate((primaries, extras), start=1)
    ]
    return np.concatenate(parts, axis=1)


def crop_and_flip(
    padded: Tensor, index: Tensor, numbers: Tensor, *, height: int, width: int, flip: bool
) -> Tensor:
    """Return [B, channels, height, width] uint8 crops, stored channels last, in one gather.

    Args:
        padded: [N, height + 2p, width + 2p, channels] images with p pixels of padding.
        index: [B] which of them.
        numbers: [B, 3] in [0, 1), see `draw`.
        height: of the crop.
        width: of the crop.
        flip: whether to mirror the images whose third number is below one half.
    """
    room_y, room_x = padded.shape[1] - height, padded.shape[2] - width
    top = (numbers[:, 0] * (room_y + 1)).long()
    left = (numbers[:, 1] * (room_x + 1)).long()
    column = torch.arange(width, device=padded.device)
    rows = top[:, None] + torch.arange(height, device=padded.device)
    columns = left[:, None] + column
    if flip:
        mirrored = left[:, None] + column.flip(0)
        columns = torch.where(numbers[:, 2:] < 0.5, mirrored, columns)
    return padded[index[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def pad(images: Tensor, padding: int) -> Tensor:
    """Return [N, H + 2p, W + 2p, channels] with zeros around [N, H, W, channels]."""
    if padding == 0:
        return images
    return torch.nn.functional.pad(images, (0, 0, padding, padding, padding, padding))


def normalise(images: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Return [B, 3, H, W] float32: (images - mean) * scale, grey repeated to three channels.

    Args:
        images: [B, 1 or 3, H, W] uint8.
        mean: [channels, 1, 1] in units of 0 to 255.
        scale: [channels, 1, 1], the inverse standard deviation in these units.
    """
    values = images.float().sub_(mean).mul_(scale)
    return values.expand(-1, 3, -1, -1) if values.shape[1] == 1 else values
