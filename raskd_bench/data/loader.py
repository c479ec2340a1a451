"""From a split to batches on the device: resident there as uint8, or streamed.

A stream comes from worker processes if its images must be decoded, and from a thread if they are
mapped from the cache. All ways give the same batches for the same (seed, epoch): only where the
pixels come from differs.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import numpy as np
import psutil
import torch
from torch import Tensor

from raskd_bench.batch import Batch, View
from raskd_bench.data.augment import Numbers, cut, draw, normalise, pad, places
from raskd_bench.data.gatherer import Gatherer
from raskd_bench.data.mapped import is_mapped
from raskd_bench.data.splits import Labels, Source, Split
from raskd_bench.data.workers import Workers
from raskd_bench.machine import jobs_beside

Storage = Literal["device", "stream"]
RESIDENT_SHARE = 0.25  # of the memory that is free on the device when the trial starts

Sampler = Callable[[Labels, int, np.random.Generator], Sequence[Labels]]


class Loader:
    """Batches of a split.

    Args:
        split: the images and labels.
        device: where batches are wanted.
        mean: per channel, in [0, 1].
        std: per channel.
        crop_padding: pixels of zeros around an image before the random crop.
        flip: whether to mirror half of the images.
        storage: `device`, `stream`, or `auto`: on the device if it takes at most a quarter of
            the memory free there.
        layout: of the images of a batch.
    """

    def __init__(
        self,
        split: Split,
        device: torch.device,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        crop_padding: int = 0,
        flip: bool = False,
        storage: str = "auto",
        layout: torch.memory_format = torch.channels_last,
    ) -> None:
        self.split = split
        self.device = device
        self._settings = {"mean": mean, "std": std, "crop_padding": crop_padding, "flip": flip,
                          "layout": layout}  # fmt: skip
        self.labels = torch.from_numpy(split.labels).to(device)
        width = split.source.width
        self.mean = (torch.tensor(mean, device=device) * 255).repeat(width)
        self.scale = (1 / (torch.tensor(std, device=device) * 255)).repeat(width)
        self.padding = crop_padding
        self.flip = flip
        self.layout = layout
        self.storage: Storage = _storage(split.source, crop_padding, device, storage)
        self._resident: Tensor | None = None
        self._stream: Workers | Gatherer | None = None
        if self.storage == "device":
            pixels = torch.from_numpy(split.source.read(np.arange(len(split))))
            self._resident = pad(pixels.to(device), crop_padding)
        else:
            way = Gatherer if is_mapped(split.source) else Workers
            self._stream = way(split.source, device)

    def resident(self, split: Split) -> "Loader":
        """Return a loader of another split with these settings, its images on the device."""
        settings: Any = self._settings
        return Loader(split, self.device, storage="device", **settings)

    def epoch(
        self, seed: int, epoch: int, sampler: Sampler, batch_size: int, views: int = 1
    ) -> Iterator[Batch]:
        """Return one epoch of augmented batches.

        The epoch's start is here, before the first batch is asked for: index lists are drawn and
        all random numbers go to the device.
        """
        rng = np.random.default_rng([seed, epoch, 0])
        lists = sampler(self.split.labels, batch_size, rng)
        longest = max(len(indices) for indices in lists)
        extras = max(0, longest - batch_size)
        crops = [
            self._places(draw(seed, epoch, view, len(lists), batch_size, extras))
            for view in range(1, views + 1)
        ]
        return self._batches(lists, crops)

    def _places(self, numbers: Numbers) -> tuple[Tensor, Tensor | None]:
        """Return where the crops of an epoch are cut and which are mirrored, [steps, B] each."""
        columns = self.split.source.width + 2 * self.padding
        given = torch.from_numpy(numbers).to(self.device)
        offsets, mirrored = places(given, columns, self.padding)
        return offsets, mirrored if self.flip else None

    def _batches(
        self, lists: Sequence[Labels], crops: Sequence[tuple[Tensor, Tensor | None]]
    ) -> Iterator[Batch]:
        for step, (ids, pixels) in enumerate(self._pixels(lists)):
            count = len(ids)
            index = ids if pixels is None else torch.arange(count, device=self.device)
            images = self._resident if pixels is None else pad(pixels, self.padding)
            assert images is not None
            targets = self.labels[ids]
            batch_views = []
            for offsets, mirrored in crops:
                flips = None if mirrored is None else mirrored[step, :count]
                cuts = cut(images, index, offsets[step, :count], flips, self.padding)
                batch_views.append(View(self._normal(cuts), targets))
            yield Batch(tuple(batch_views), ids)

    def held(self) -> AbstractContextManager[None]:
        """Make whatever reads a stream ahead stand still meanwhile."""
        return nullcontext() if self._stream is None else self._stream.held()

    def evaluation(self, batch_size: int) -> Iterator[View]:
        """Yield the whole split in order, unaugmented; the last batch may be smaller."""
        order = np.arange(len(self.split))
        lists = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
        p, height, width = self.padding, self.split.source.height, self.split.source.width
        for ids, pixels in self._pixels(lists):
            if pixels is None:
                assert self._resident is not None
                pixels = self._resident[ids][:, p : p + height, p : p + width]
            yield View(self._normal(pixels.permute(0, 3, 1, 2)), self.labels[ids])

    def _normal(self, images: Tensor) -> Tensor:
        # one layout for every data set: a compiler would make code for another one anew
        return normalise(images, self.mean, self.scale).contiguous(memory_format=self.layout)

    def _pixels(self, lists: Sequence[Labels]) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Yield ids on the device and, when streaming, their pixels [B, H, W, channels]."""
        ids = torch.from_numpy(np.concatenate(lists)).to(self.device)
        parts: Sequence[Tensor] = ids.tensor_split(
            np.cumsum([len(indices) for indices in lists])[:-1].tolist()
        )
        if self._stream is None:
            return ((part, None) for part in parts)
        return zip(parts, self._stream.batches(lists), strict=True)


def _storage(source: Source, padding: int, device: torch.device, wanted: str) -> Storage:
    if wanted == "device" or wanted == "stream":
        return "device" if wanted == "device" else "stream"
    area = (source.height + 2 * padding) * (source.width + 2 * padding)
    free = (
        torch.cuda.mem_get_info(device)[0] if device.type == "cuda"
        else psutil.virtual_memory().available
    )  # fmt: skip
    most = RESIDENT_SHARE * free / jobs_beside()
    return "device" if len(source) * area * source.channels <= most else "stream"
