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
    """Return [B, channels, height, width] uint8 crops, stored channels last.

    Args:
        padded: [N, height + 2p, width + 2p, channels] images with p pixels of padding, contiguous.
        index: [B] which of them.
        numbers: [B, 3] in [0, 1), see `draw`.
        height: of the crop.
        width: of the crop.
        flip: whether to mirror the images whose third number is below one half.
    """
    assert padded.is_contiguous()
    count, rows, columns, channels = padded.shape
    top = (numbers[:, 0] * (rows - height + 1)).long()
    left = (numbers[:, 1] * (columns - width + 1)).long()
    # each stretch of `width` pixels is a row of this view: a crop is copied by rows, not by pixels
    stretches = padded.as_strided(
        (count * rows * columns - width + 1, width * channels), (channels, 1)
    )
    first = (index * rows + top) * columns + left
    starts = first[:, None] + columns * torch.arange(height, device=padded.device)
    crops = stretches.index_select(0, starts.flatten()).view(-1, height, width * channels)
    if flip:
        places = torch.arange(width * channels, device=padded.device)
        mirrored = places.view(width, channels).flip(0).flatten()
        order = torch.where(numbers[:, 2:] < 0.5, mirrored, places)
        crops = crops.gather(2, order[:, None].expand(-1, height, -1))
    return crops.view(-1, height, width, channels).permute(0, 3, 1, 2)


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
    _, channels, height, width = images.shape
    # whole rows of pixels: along three channels alone a CPU's vectors would stay empty
    rows = images.permute(0, 2, 3, 1).reshape(-1, width * channels).float()
    rows.sub_(mean.flatten().repeat(width)).mul_(scale.flatten().repeat(width))
    values = rows.view(-1, height, width, channels).permute(0, 3, 1, 2)
    return values.expand(-1, 3, -1, -1) if channels == 1 else values
