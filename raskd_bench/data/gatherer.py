"""A thread that gathers batches ahead, from images that need no decoding."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue

import torch
from torch import Tensor

from raskd_bench.data.splits import Labels, Source

DEPTH = 3  # batches gathered ahead


class Gatherer:
    """Copies index lists out of a source in a thread, one batch an item.

    A copy costs too little to pay for worker processes, and a thread can gather into the pinned
    memory from which a GPU fetches while it computes.
    """

    def __init__(self, source: Source, device: torch.device) -> None:
        self.device = device
        self._source = source
        self._turn = threading.Lock()  # held while a batch is gathered

    def batches(self, lists: Sequence[Labels]) -> Iterator[Tensor]:
        """Yield the images of each list on the device: [B, H, W, channels] uint8.

        Raises:
            Exception: whatever reading the source raised in the thread, a DataError for one.
        """
        line = _Line()
        arguments = (line, self._source, list(lists), self.device, self._turn)
        # a daemon, and not joined: the trial's process ends without waiting for it
        threading.Thread(target=_gather, args=arguments, daemon=True).start()
        try:
            for _ in lists:
                pixels = line.ready.get()
                line.room.release()
                if isinstance(pixels, Exception):
                    raise pixels
                yield pixels.to(self.device, non_blocking=True)
        finally:  # also when the iterator is dropped
            line.left = True
            line.room.release()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the thread stand still meanwhile; waits for the batch that it is gathering."""
        with self._turn:
            yield


@dataclass
class _Line:
    """Between the thread and who takes its batches.

    Attributes:
        ready: batches, or the error that ended them.
        room: how many more may be gathered.
        left: nobody takes any more.
    """

    ready: SimpleQueue[Tensor | Exception] = field(default_factory=SimpleQueue)
    room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(DEPTH))
    left: bool = False


def _gather(
    line: _Line, source: Source, lists: Sequence[Labels], device: torch.device, turn: threading.Lock
) -> None:
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)  # of this thread: else pinning opens the first GPU as well
    for indices in lists:
        line.room.acquire()
        with turn:
            if line.left:
                return
            try:
                pixels = torch.from_numpy(source.read(indices))
                # torch keeps pinned memory and gives it again once the copy from it is over
                line.ready.put(pixels.pin_memory() if device.type == "cuda" else pixels)
            except Exception as error:
                line.ready.put(error)
                return
