"""Random crop and flip of a whole batch at once, each image with offsets of its own."""

import numpy as np
import torch
from torch import Tensor

Numbers = np.ndarray[tuple[int, int, int], np.dtype[np.float32]]


def draw(seed: int, epoch: int, view: int, batches: int, primaries: int, extras: int) -> Numbers:
    """Return [batches, primaries + extras, 3] uniform numbers in [0, 1): crop y, crop x, flip.

    Primary images and extra ones (partners, say) have generators of their own, so the primary
    images of a method that draws partners are augmented exactly as the baseline's.
    """
    parts = [
        np.random.default_rng([seed, epoch, view, which]).random((batches, count, 3), np.float32)
        for which, count in enumerate((primaries, extras), start=1)
    ]
    return np.concatenate(parts, axis=1)


def places(numbers: Tensor, columns: int, padding: int) -> tuple[Tensor, Tensor]:
    """Return where crops are cut, of any number of images at once.

    Args:
        numbers: [*, 3] in [0, 1), see `draw`.
        columns: width of a padded image.
        padding: p, pixels on each side of it.

    Returns:
        [*] int64, pixels from the first of a padded image to the first of its crop; [*] bool,
        whether it is to be mirrored, where the third number is below one half.
    """
    corners = (numbers[..., :2] * (2 * padding + 1)).long()
    return corners[..., 0] * columns + corners[..., 1], numbers[..., 2] < 0.5


def cut(
    padded: Tensor, index: Tensor, offsets: Tensor, mirrored: Tensor | None, padding: int
) -> Tensor:
    """Return [B, channels, H, W] uint8 crops, stored channels last.

    Args:
        padded: [N, H + 2p, W + 2p, channels] images with p pixels of padding, contiguous.
        index: [B] which of them.
        offsets: [B], see `places`.
        mirrored: [B], see `places`; None to mirror none.
        padding: p.
    """
    assert padded.is_contiguous()
    count, rows, columns, channels = padded.shape
    height, width = rows - 2 * padding, columns - 2 * padding
    # each stretch of `width` pixels is a row of this view: a crop is copied by rows, not by pixels
    stretches = padded.as_strided(
        (count * rows * columns - width + 1, width * channels), (channels, 1)
    )
    first = index * (rows * columns) + offsets
    starts = first[:, None] + torch.arange(0, height * columns, columns, device=padded.device)
    crops = stretches.index_select(0, starts.flatten()).view(-1, height, width * channels)
    if mirrored is not None:
        ahead = torch.arange(width * channels, device=padded.device)
        behind = ahead.view(width, channels).flip(0).flatten()
        order = torch.where(mirrored[:, None], behind, ahead)
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
        mean: [W * channels] of a row's pixels, in units of 0 to 255.
        scale: [W * channels], the inverse standard deviation in these units.
    """
    _, channels, height, width = images.shape
    # whole rows of pixels: along three channels alone a CPU's vectors would stay empty
    rows = images.permute(0, 2, 3, 1).reshape(-1, width * channels).float()
    rows.sub_(mean).mul_(scale)
    values = rows.view(-1, height, width, channels).permute(0, 3, 1, 2)
    return values.expand(-1, 3, -1, -1) if channels == 1 else values
