"""Worker processes that read batches from a source whose images must be decoded."""

import ctypes
import multiprocessing
import os
import signal
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from raskd_bench.data.splits import Labels, Source
from raskd_bench.errors import DataError
from raskd_bench.machine import cores_of_trial, jobs_beside
from raskd_bench.memory import shared_memory_bytes

MAX_WORKERS = 8
AHEAD = 2  # batches that each worker has ready
SHARE = 0.8  # of the shared memory that is free, which batches in flight may take
PAGE = 4096  # bytes, of which shared memory is made
MANY = 2**31  # images: as many as a batch has
OF_A_WORKER = 2**16  # bytes of shared memory that its queues take
BATCH_SECONDS = 300.0  # within which a batch must come
PR_SET_PDEATHSIG = 1  # of Linux's prctl.h


class Workers:
    """Worker processes that read index lists from a source, one batch an item."""

    def __init__(self, source: Source, device: torch.device) -> None:
        self.device = device
        self.lists: list[Labels] = []
        self.place = str(getattr(source, "place", "the data set"))
        self.most, workers = _room(source)
        self.loader: DataLoader[Tensor | DataError] = DataLoader(
            _Reader(source), batch_size=None, sampler=_Lists(self.lists), num_workers=workers,
            pin_memory=device.type == "cuda",
            generator=torch.Generator(),  # its own: the trial's random numbers are left alone
            **(_of_workers() if workers else {}),
        )  # fmt: skip
        # torch's own clean-up waits 5 s a worker when an error's traceback has kept the loader
        self.close = weakref.finalize(self, _end_workers, self.loader)

    def batches(self, lists: Sequence[Labels]) -> Iterator[Tensor]:
        """Yield the images of each list on the device: [B, H, W, channels] uint8.

        Raises:
            DataError: an image cannot be read; a worker was killed, or takes too long.
        """
        pieces = [_pieces(indices, self.most) for indices in lists]
        self.lists[:] = [piece for parts in pieces for piece in parts]
        found = self._found()
        for parts in pieces:
            pixels = [next(found) for _ in parts]
            # where the shared memory holds a whole batch it is one piece, and is not copied again
            whole = pixels[0] if len(pixels) == 1 else torch.cat(pixels)
            yield whole.to(self.device, non_blocking=True)

    def _found(self) -> Iterator[Tensor]:
        try:
            for pixels in self.loader:
                if isinstance(pixels, DataError):
                    raise pixels
                yield pixels
        except RuntimeError as error:
            if (failure := worker_failure(error, self.place)) is None:
                raise
            raise failure from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the workers stand still meanwhile."""
        iterator: Any = self.loader._iterator
        processes = [] if iterator is None else [worker.pid for worker in iterator._workers]
        _signal(processes, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(processes, signal.SIGCONT)


class _Lists:
    """The index lists of the coming epoch, read anew at each start."""

    def __init__(self, lists: list[Labels]) -> None:
        self.lists = lists

    def __iter__(self) -> Iterator[Labels]:
        return iter(list(self.lists))

    def __len__(self) -> int:
        return len(self.lists)


class _Reader(Dataset[Tensor | DataError]):
    """Reads one batch in a worker; gives an error back, so that its message stays one line."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __getitem__(self, indices: Any) -> Tensor | DataError:
        try:
            return torch.from_numpy(self.source.read(indices))
        except DataError as error:
            return error


def _signal(processes: Sequence[int], what: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(process, what)


def _end_with_parent(_: int) -> None:
    """Let the system end a worker with its parent, also one that is held and cannot look."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_workers(loader: DataLoader[Any]) -> None:
    iterator: Any = loader._iterator
    if iterator is not None:
        iterator._shutdown_workers()


def worker_failure(error: RuntimeError, place: str = "the data set") -> DataError | None:
    """Return torch's error about a worker in our words; None if it is about something else."""
    text = str(error).partition("\n")[0]
    if "timed out" in text and "DataLoader" in text:
        return DataError(f"{place}: no batch came within {BATCH_SECONDS:g} s: its disk is too slow "
                         "or gone; write cache: true, or copy the pictures to a local "
                         "disk")  # fmt: skip
    if "DataLoader worker" in text or "shared memory" in text or "torch_shm" in text:
        free = shared_memory_bytes()
        room = "" if free is None else f"; /dev/shm has {free / 2**20:.1f} MiB free"
        return DataError(f"{place}: a worker process that decodes pictures was killed, or ran out "
                         f"of memory{room}: give it more (docker run --shm-size=1g), or write "
                         "cache: true")  # fmt: skip
    return None


def _pieces(indices: Labels, most: int) -> list[Labels]:
    """Return an index list in parts of at most `most` images."""
    if len(indices) <= most:
        return [indices]
    return np.array_split(indices, -(-len(indices) // most))


def _of_workers() -> dict[str, Any]:
    """Return what a loader with worker processes is told of them."""
    # fork: workers are children of the trial's process, so they end with it and their memory
    # is counted; they only decode, and torch gives each a single thread
    return {"multiprocessing_context": multiprocessing.get_context("fork"),
            "persistent_workers": True, "prefetch_factor": AHEAD, "timeout": BATCH_SECONDS,
            "worker_init_fn": _end_with_parent}  # fmt: skip


def _room(source: Source) -> tuple[int, int]:
    """Return how many images a worker may hand over at once, and how many workers fit.

    Batches go through shared memory, of which a container may have little: a worker that finds
    none is killed by the system, and its batch never comes. Where not even one worker with one
    image fits, there is none: the trial's own process decodes.
    """
    free, workers = shared_memory_bytes(), min(MAX_WORKERS, cores_of_trial())
    if free is None:
        return MANY, workers
    image = -(-source.height * source.width * source.channels // PAGE) * PAGE
    while workers > 0:
        room = SHARE * (free / jobs_beside() - OF_A_WORKER * (workers + 1))
        most = int(room / (workers * AHEAD + 2) / image)
        if most >= 1:
            return most, workers
        workers -= 1
    return MANY, 0
